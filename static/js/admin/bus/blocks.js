// Seats off sale, with a reason, and back on sale.
import { call, newKey, post } from "../../core/api.js";
import { html, Icon } from "../../core/dom.js";
import { list, t } from "../../core/text.js";
import { toast } from "../../core/ui.js";
import { FormFault, Input, Submit, useForm } from "../form.js";
import { tell } from "../parts.js";
import { isOneOf, MANAGERS } from "../staff.js";

/** @typedef {{ id: string, seats: string[], from_stop: string, to_stop: string, reason: string, created_at: string }} Block */
/** @typedef {import("../../api.d.ts").Bus} Bus */

/** @param {{ bus: Bus, plan: import("./seats.js").Floorplan, blocks: Block[], reload: () => void }} props */
export function Blocks({ bus, plan, blocks, reload }) {
  const isManager = isOneOf(MANAGERS);
  const free = plan.chosenThatAre("A");
  return html`
    <section class="card" aria-labelledby="blocks-title">
      <h2 id="blocks-title"><${Icon} name="ban" />${t("floor.blocks")}</h2>
      ${isManager && free.length > 0 && html`<${BlockForm} key=${free.join()} bus=${bus} plan=${plan} seats=${free} reload=${reload} />`}
      ${
        blocks.length
          ? html`<ul class="blocks">${blocks.map((block) => html`<${BlockLine} key=${block.id} bus=${bus} block=${block} canLift=${isManager} reload=${reload} />`)}</ul>`
          : html`<p class="hint">${t(isManager ? "floor.blocks.none" : "floor.blocks.none.agent")}</p>`
      }
    </section>`;
}

/** @param {{ bus: Bus, plan: import("./seats.js").Floorplan, seats: string[], reload: () => void }} props */
function BlockForm({ bus, plan, seats, reload }) {
  const { start, end } = plan.leg.value;
  const form = useForm(
    { reason: "" },
    async ({ reason }, key) => {
      const [from_stop, to_stop] = [bus.stops[start].stop.id, bus.stops[end].stop.id];
      await post("/admin/blocks", { bus_id: bus.id, seats, reason, from_stop, to_stop }, { key });
      plan.chosen.value = [];
      toast(t("floor.blocked", { seats: list(seats) }), { icon: "ban", tone: "good" });
      reload();
    },
    { check: ({ reason }) => (reason.trim() ? {} : { reason: t("floor.reason.needed") }) },
  );
  return html`
    <form class="form block-form" onSubmit=${form.submit} novalidate>
      <${FormFault} form=${form} />
      <${Input} form=${form} name="reason" label=${t("floor.reason")} maxlength="120" autocomplete="off" hint=${t("floor.reason.hint")} />
      <${Submit} form=${form} icon="ban">${t("floor.block", { count: seats.length, seats: list(seats) })}</${Submit}>
    </form>`;
}

/** @param {{ bus: Bus, block: Block, canLift: boolean, reload: () => void }} props */
function BlockLine({ bus, block, canLift, reload }) {
  const isWhole =
    block.from_stop === bus.stops[0].stop.id && block.to_stop === bus.stops.at(-1)?.stop.id;
  const nameOf = (/** @type {string} */ id) =>
    bus.stops.find(({ stop }) => stop.id === id)?.stop.name ?? "";
  const lift = async () => {
    try {
      await call("DELETE", `/admin/blocks/${block.id}`, { key: newKey() });
      toast(t("floor.lifted", { seats: list(block.seats) }), { icon: "check", tone: "good" });
    } catch (error) {
      tell(error);
    }
    reload();
  };
  return html`
    <li><span><strong>${list(block.seats)}</strong> ${block.reason}
      ${!isWhole && html`<small>${nameOf(block.from_stop)} – ${nameOf(block.to_stop)}</small>`}</span>
      ${canLift && html`<button type="button" class="button small" aria-label=${t("floor.lift.name", { seats: list(block.seats) })} onClick=${lift}>${t("floor.lift")}</button>`}</li>`;
}
