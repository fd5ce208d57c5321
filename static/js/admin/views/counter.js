// `/admin/counter`: tickets sold face to face, by keyboard: a bus, seats, names, money, paper.
import counter from "messages/counter";
import floor from "messages/floor";
import { html, Icon, now, useEffect, useRef, useState } from "../../core/dom.js";
import { learn, list, money, t } from "../../core/text.js";
import { printTickets } from "../bookings/tickets.js";
import { Departures } from "../counter/departures.js";
import { busToSell, Sale } from "../counter/sale.js";
import { currentShift, ShiftBar } from "../counter/shift.js";
import { FilterBar, valuesOf } from "../filters.js";
import { useKeys } from "../keys.js";
import { everyPage, Shown, useLoaded } from "../load.js";
import { dayFromNow } from "../parts.js";
import { setQuery } from "../place.js";
import { operator } from "../staff.js";

/** @typedef {import("../../api.d.ts").Booking} Booking */
/** @typedef {{ booking: Booking, given: number | null }} Sold */

learn(floor);
learn(counter);

const PAGES = 2;

/** @returns {import("../filters.js").Filter[]} */
const filters = () => [
  { name: "date", label: t("search.date"), kind: "date", otherwise: dayFromNow() },
];

/** @param {import("../nav.js").ViewProps} props */
export default function Counter({ query }) {
  const { date } = valuesOf(filters());
  const id = query.get("bus");
  const [sold, setSold] = useState(/** @type {Sold | null} */ (null));
  const [turn, setTurn] = useState(0);
  const shift = useLoaded(currentShiftOrNone, []);
  const departures = useLoaded(
    async () => ({ date, whose: operator.value, items: await departuresOf(date, operator.value) }),
    [date, operator.value],
    turn,
  );
  // Another day's or operator's buses are nothing to choose from: who types fast would sell for the wrong one.
  const found = departures.data;
  const onDay = found?.date === date && found.whose === operator.value ? found.items : null;
  const bus = useLoaded(async () => ({ bus: id ? await busToSell(id) : null }), [id]);
  const toBus = (/** @type {string | null} */ wanted) => {
    setSold(null);
    setQuery({ bus: wanted });
  };
  const toNext = () => {
    setSold(null);
    setTurn((count) => count + 1);
    requestAnimationFrame(() => document.getElementById("departure")?.focus());
  };
  useKeys(
    {
      "/": {
        name: t("counter.keys.bus"),
        run: () => document.getElementById("departure")?.focus(),
      },
      n: { name: t("counter.keys.next"), run: toNext },
      b: { name: t("counter.keys.seats"), run: () => document.getElementById("party")?.focus() },
    },
    [],
  );
  const currency = bus.data?.bus?.price.currency ?? onDay?.[0]?.price.currency ?? "EUR";
  const done = (/** @type {Booking} */ booking, /** @type {number | null} */ given) => {
    setSold({ booking, given });
    shift.reload();
  };
  return html`
    <div class="floor-head"><h1>${t("admin.nav.counter")}</h1></div>
    <${Shown} of=${shift} lines=${1}>${(/** @type {any} */ data) => html`<${ShiftBar} cashUp=${data.cashUp} currency=${currency} reload=${shift.reload} />`}</${Shown}>
    <div class="counter">
      <section class="card counter-buses" aria-label=${t("counter.bus")}>
        <${FilterBar} filters=${filters()} />
        <${Departures} departures=${onDay} chosen=${id} onBus=${toBus} />
        <${Shown} of=${{ ...departures, data: onDay }} lines=${2}>${() => null}</${Shown}>
      </section>
      <div class="counter-sale">
        ${
          sold
            ? html`<${Receipt} sold=${sold} onNext=${toNext} />`
            : html`<${Shown} of=${bus} lines=${3}>${(/** @type {any} */ data) =>
                data.bus
                  ? html`<${Sale} key=${`${data.bus.id}-${turn}`} bus=${data.bus} hasShift=${Boolean(shift.data?.cashUp)} onSold=${done} />`
                  : html`<p class="card hint">${t("counter.start")}</p>`}</${Shown}>`
        }
      </div>
    </div>`;
}

const currentShiftOrNone = async () => ({ cashUp: await currentShift() });

/** @param {string} date @param {string | null} whose @returns {Promise<import("../../api.d.ts").Departure[]>} */
async function departuresOf(date, whose) {
  const found = await everyPage("/buses", { date, operator: whose }, PAGES);
  return found.filter(({ departs_at }) => Date.parse(departs_at) > now());
}

/** What was sold: the change first, then the paper, then the next one.
 * @param {{ sold: Sold, onNext: () => void }} props */
function Receipt({ sold: { booking, given }, onNext }) {
  const paper = useRef(/** @type {HTMLButtonElement | null} */ (null));
  useEffect(() => paper.current?.focus(), []);
  const change = given === null ? null : given - booking.total.amount;
  useKeys({ p: { name: t("bookings.print"), run: () => printTickets(booking.ref, "80mm") } }, [
    booking.ref,
  ]);
  return html`
    <section class="card receipt" aria-labelledby="receipt-title" role="status">
      <h2 id="receipt-title"><${Icon} name="circle-check" />${t("counter.sold", { ref: booking.ref })}</h2>
      <p>${list(booking.seats)} · ${booking.from_stop_name} – ${booking.to_stop_name} · <strong>${money(booking.total)}</strong></p>
      ${change !== null && html`<p class="change-due">${t("counter.change", { amount: money({ amount: change, currency: booking.total.currency }) })}</p>`}
      <div class="floor-actions">
        <button type="button" class="button primary" ref=${paper} onClick=${() => printTickets(booking.ref, "80mm")}><${Icon} name="printer" />${t("counter.print")}</button>
        <button type="button" class="button" onClick=${() => printTickets(booking.ref)}><${Icon} name="file-text" />${t("counter.print.a4")}</button>
        <a class="button" href=${`/admin/bookings/${booking.ref}`}><${Icon} name="ticket" />${t("counter.open")}</a>
        <button type="button" class="button" onClick=${onNext}><${Icon} name="arrow-right" class="flip" />${t("counter.next")}</button>
      </div>
    </section>`;
}
