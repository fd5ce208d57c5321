// A passenger gets another seat: who that is was chosen on the map, and so is where they go, among what is free on their
// way. By keyboard as by hand: the map keeps the focus, Escape leaves everything as it is.
import { ApiError, newKey, post } from "../../core/api.js";
import { html, Icon, now } from "../../core/dom.js";
import { t, term } from "../../core/text.js";
import { announce, toast } from "../../core/ui.js";
import { confirm } from "../dialog.js";
import { tell } from "../parts.js";
import { isOneOf, STAFF } from "../staff.js";

/** @typedef {import("../../api.d.ts").Bus} Bus */
/** @typedef {import("../../api.d.ts").Seat} Seat */
/** @typedef {import("./manifest.js").Line} Line */
/** @typedef {import("./seats.js").Floorplan} Floorplan */

const WHY = /** @type {Record<string, string>} */ ({
  LOCKED: "held",
  BOOKED: "booked",
  BLOCKED: "blocked",
});
// Support looks, and changes nothing.
const MOVERS = STAFF.filter((each) => each !== "support");

/** Whether somebody may be asked to sit elsewhere: they travel, and are neither on the bus nor left behind by it.
 * @param {Line} line */
export const isMovable = (line) =>
  isOneOf(MOVERS) && line.status === "VALID" && !line.boarded && Date.parse(line.boards_at) > now();

/** Let a free seat be chosen for somebody: the map shows the part of the way that is theirs.
 * @param {Bus} bus @param {Floorplan} plan @param {Line} line */
export function begin(bus, plan, line) {
  const start = bus.stops.findIndex(({ stop }) => stop.id === line.from_stop.id);
  const end = bus.stops.findIndex(({ stop }, at) => at > start && stop.id === line.to_stop.id);
  plan.move(line, { start, end });
  announce(t("move.line", { name: line.name, seat: line.seat }));
  focusSeat(line.seat);
}

/** Ask, and do it; what is not free is said, and the next seat may be tried.
 * @param {Floorplan} plan @param {Seat[]} seats @param {string} after */
export async function moveTo(plan, seats, after) {
  const line = plan.moving.peek();
  if (!line || after === line.seat) return;
  const letter = plan.views.letterOf(after);
  if (letter !== "A") {
    say(
      after,
      /** @type {Record<string, string>} */ ({ L: "held", B: "booked", X: "blocked" })[letter],
    );
    return;
  }
  const { name, seat: before } = line;
  const classOf = (/** @type {string} */ label) =>
    seats.find(({ seat }) => seat === label)?.seat_class ?? "standard";
  const isSure = await confirm({
    title: t("move.title", { name, before, after }),
    body: html`<p>${t("move.body")}</p>${classOf(before) !== classOf(after) && html`<p class="hint">${t("move.class", { seat: after, what: term("class", classOf(after)) })}</p>`}`,
    action: t("move.go", { seat: after }),
    keep: t("move.keep"),
  });
  if (!isSure) {
    focusSeat(after);
    return;
  }
  try {
    await post(`/admin/tickets/${line.ticket}/move`, { seat: after }, { key: newKey() });
  } catch (error) {
    const taken = error instanceof ApiError && error.problem.seats?.[0];
    if (taken) say(taken.seat, WHY[taken.status]);
    else tell(error);
    return;
  }
  plan.stay([after]);
  toast(t("move.done", { name, seat: after }), { icon: "check", tone: "good" });
  focusSeat(after);
}

/** Let somebody sit where they sit.
 * @param {Floorplan} plan @param {Line} line */
export function leave(plan, line) {
  plan.stay([line.seat]);
  focusSeat(line.seat);
}

/** @param {string} seat @param {string} view */
function say(seat, view) {
  toast(t("move.taken", { seat, what: term("floor.count", view) }), {
    icon: "circle-alert",
    tone: "bad",
  });
}

/** @param {string} seat */
function focusSeat(seat) {
  document.getElementById(`seat-${seat}`)?.focus();
}

/** @param {{ bus: Bus, plan: Floorplan, line: Line }} props */
export function MoveButton({ bus, plan, line }) {
  if (!isMovable(line)) return null;
  return html`<button type="button" class="button small" aria-label=${t("move.open.name", { name: line.name, seat: line.seat })}
    onClick=${() => begin(bus, plan, line)}><${Icon} name="arrow-left-right" />${t("move.open")}</button>`;
}

/** What is going on, beside the map for as long as a seat is to be chosen.
 * @param {{ plan: Floorplan }} props */
export function MovingPart({ plan }) {
  const line = plan.moving.value;
  if (!line) return null;
  return html`
    <section class="card moving" aria-labelledby="moving-title">
      <h2 id="moving-title"><${Icon} name="arrow-left-right" />${t("move.line", { name: line.name, seat: line.seat })}</h2>
      <p>${line.from_stop.name} – ${line.to_stop.name}</p>
      <p class="hint">${t("move.hint")}</p>
    </section>`;
}
