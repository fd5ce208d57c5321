// What becomes of a bus: closed, opened again, late, at another time, cancelled with everybody's money going back.
import { ApiError, call, get } from "../../core/api.js";
import { html, Icon, useEffect, useState } from "../../core/dom.js";
import { money, t } from "../../core/text.js";
import { Dialog, toast } from "../../core/ui.js";
import { stepsOf, takeStep } from "../catalogue/steps.js";
import { localOf, momentOf } from "../catalogue/zone.js";
import { Choice, FormFault, Input, Submit, useForm } from "../form.js";
import { isOneOf, MANAGERS } from "../staff.js";

/** @typedef {import("../../api.d.ts").AdminBus} AdminBus */
/** @typedef {import("../../api.d.ts").Bus} Bus */
/** @typedef {{ booked: number, refunded: number, to_go: number, amount: import("../../api.d.ts").Money }} Refunds */

const ASK_MS = 1500;
const TONES = /** @type {Record<string, string>} */ ({ publish: "primary", cancel: "danger" });

/** @param {{ admin: AdminBus, bus: Bus | null, reload: () => Promise<void> }} props */
export function Moves({ admin, bus, reload }) {
  const [isLate, setLate] = useState(false);
  if (!isOneOf(MANAGERS)) return null;
  const { status } = admin;
  return html`
    <div class="floor-actions">
      ${bus && status !== "CANCELLED" && html`<button type="button" class="button" onClick=${() => setLate(true)}><${Icon} name="clock" />${t("moves.times")}</button>`}
      ${stepsOf(status).map(({ deed, icon }) => html`<button key=${deed} type="button" class=${`button ${TONES[deed] ?? ""}`} onClick=${() => takeStep(admin, deed, reload)}><${Icon} name=${icon} />${t(`cat.step.${deed}`)}</button>`)}
      ${isLate && bus && html`<${TimesDialog} admin=${admin} bus=${bus} onClose=${() => setLate(false)} reload=${reload} />`}
    </div>`;
}

/** How far the refunds of a cancelled bus have come.
 * @param {{ admin: AdminBus }} props */
export function RefundProgress({ admin }) {
  const [told, setTold] = useState(/** @type {Refunds | null} */ (null));
  const isThere = admin.status === "CANCELLED";
  useEffect(() => {
    if (!isThere) return undefined;
    let timer = /** @type {any} */ (0);
    let isOver = false;
    const ask = async () => {
      try {
        const refunds = await get(`/admin/buses/${admin.id}/refunds`);
        if (isOver) return;
        setTold(refunds);
        if (!refunds.to_go) return;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
      if (!isOver) timer = setTimeout(ask, ASK_MS);
    };
    ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [admin.id, isThere]);
  if (!isThere || !told) return null;
  return html`
    <section class="card refund-progress" aria-labelledby="refunds-title">
      <h2 id="refunds-title"><${Icon} name="hand-coins" />${t("moves.refunds")}</h2>
      <progress max=${Math.max(1, told.booked)} value=${told.booked ? told.refunded : 1} aria-labelledby="refunds-title"></progress>
      <p role="status">${told.booked ? t("moves.refunds.state", { refunded: told.refunded, count: told.booked, amount: money(told.amount) }) : t("moves.refunds.none")}</p>
      ${told.to_go > 0 && html`<p class="hint">${t("moves.refunds.waits")}</p>`}
    </section>`;
}

/** A delay at one stop, or another departure for the whole bus.
 * @param {{ admin: AdminBus, bus: Bus, onClose: () => void, reload: () => Promise<void> }} props */
function TimesDialog({ admin, bus, onClose, reload }) {
  const zone = bus.stops[0].stop.time_zone;
  const headers = { "if-match": `"${admin.version}"` };
  const done = async (/** @type {string} */ text) => {
    toast(text, { icon: "clock", tone: "good" });
    onClose();
    await reload();
  };
  const call0 = admin.stops[0];
  const delay = useForm(
    {
      place: "0",
      bay: call0.bay ?? "",
      delay: call0.delay_seconds ? String(Math.round(call0.delay_seconds / 60)) : "",
    },
    async ({ place, bay, delay: minutes }) => {
      const { stop } = admin.stops[Number(place)];
      const body = {
        place: Number(place),
        ...(bay.trim() && { bay: bay.trim() }),
        ...(minutes.trim() && { delay_seconds: Math.round(Number(minutes) * 60) }),
      };
      await call("PUT", `/admin/buses/${admin.id}/stops/${stop.id}`, { body, headers });
      await done(t("moves.delay.done"));
    },
    {
      check: ({ delay: minutes }) =>
        /^-?\d{0,3}$/.test(minutes.trim()) ? {} : { delay: t("moves.delay.wrong") },
    },
  );
  const at = localOf(admin.departs_at, zone);
  const shift = useForm(
    { departs: at },
    async ({ departs }) => {
      // A time that comes twice as clocks are set back is the moment it was, unless another one was typed.
      const departs_at = departs === at ? admin.departs_at : momentOf(departs, zone);
      await call("PATCH", `/admin/buses/${admin.id}`, { body: { departs_at }, headers });
      await done(t("moves.shift.done"));
    },
    {
      check: ({ departs }) =>
        momentOf(departs, zone)
          ? /** @type {Record<string, string>} */ ({})
          : { departs: t("cat.buses.no.moment") },
    },
  );
  const pick = (/** @type {string} */ place) => {
    const { bay, delay_seconds } = admin.stops[Number(place)];
    delay.set({
      place,
      bay: bay ?? "",
      delay: delay_seconds ? String(Math.round(delay_seconds / 60)) : "",
    });
  };
  const options = admin.stops
    .slice(0, -1)
    .map(({ stop, place }) => ({ value: String(place), label: stop.name }));
  const picking = {
    ...delay,
    set: (/** @type {any} */ change) =>
      "place" in change ? pick(change.place) : delay.set(change),
  };
  return html`
    <${Dialog} title=${t("moves.times")} onClose=${onClose} actions=${html`<button type="button" class="button" onClick=${onClose}>${t("close")}</button>`}>
      <form class="form" novalidate onSubmit=${delay.submit}>
        <h3>${t("moves.delay")}</h3>
        <${FormFault} form=${delay} />
        <${Choice} form=${picking} name="place" label=${t("moves.delay.stop")} options=${options} />
        <div class="form-row">
          <${Input} form=${delay} name="delay" label=${t("moves.delay.minutes")} inputmode="numeric" autocomplete="off" />
          <${Input} form=${delay} name="bay" label=${t("moves.delay.bay")} maxlength="10" autocomplete="off" />
        </div>
        <${Submit} form=${delay}>${t("moves.delay.go")}</${Submit}>
      </form>
      <form class="form" novalidate onSubmit=${shift.submit}>
        <h3>${t("moves.shift")}</h3>
        <${FormFault} form=${shift} />
        <${Input} form=${shift} name="departs" type="datetime-local" label=${t("moves.shift.at", { zone })} hint=${t("moves.shift.hint", { count: admin.sales.bookings_paid })} />
        <${Submit} form=${shift}>${t("moves.shift.go")}</${Submit}>
      </form>
    </${Dialog}>`;
}
