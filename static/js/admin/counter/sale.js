// One sale at the counter: a leg, seats that are held as soon as they are chosen, who travels, and the money.
import { get } from "../../core/api.js";
import { html, Icon, useEffect, useMemo, useRef, useState } from "../../core/dom.js";
import { list, longDay, money, t, time } from "../../core/text.js";
import { announce, limitText, toast } from "../../core/ui.js";
import { SeatChoice } from "../../seatmap/choice.js";
import { HoldClock } from "../../seatmap/countdown.js";
import { deckNamesOf, SeatMap } from "../../seatmap/grid.js";
import { foundText, LegPicker } from "../../seatmap/panel.js";
import { Till } from "./till.js";

/** @typedef {import("../../api.d.ts").Bus} Bus */
/** @typedef {import("../../api.d.ts").Booking} Booking */

const PARTY_MAX = 8;

/** @param {{ bus: Bus, hasShift: boolean, onSold: (booking: Booking, given: number | null) => void }} props */
export function Sale({ bus, hasShift, onSold }) {
  const desk = useMemo(() => new Desk(bus), [bus.id]);
  const [count, setCount] = useState(1);
  const [isMap, showMap] = useState(false);
  const first = useRef(true);
  useEffect(() => {
    desk.open();
    return () => desk.close();
  }, [desk]);
  const at = desk.leg.value ?? { start: 0, end: bus.stops.length - 1 };
  const zone = bus.stops[0].stop.time_zone;
  useEffect(() => {
    if (first.current) document.getElementById("party")?.focus();
    first.current = false;
  }, []);
  const change = (/** @type {number} */ from, /** @type {number} */ to) => desk.changeLeg(from, to);
  const find = (/** @type {Event | undefined} */ event) => {
    event?.preventDefault();
    return desk.findBest(count);
  };
  const done = (/** @type {Booking} */ booking, /** @type {number | null} */ given) => {
    desk.isSold = true;
    onSold(booking, given);
  };
  const wanted = desk.client.wanted.value;
  const hold = desk.client.hold.value;
  return html`
    <section class="card" aria-labelledby="seats-title">
      <div class="sale-head"><h2 id="seats-title">${bus.name}</h2>
        <small>${longDay(bus.departs_at, zone)}, ${time(bus.departs_at, zone)} · ${bus.operator.name}</small></div>
      <${LegPicker} bus=${bus} start=${at.start} end=${at.end} change=${change} />
      <form class="party" onSubmit=${find}>
        <div class="field"><label for="party">${t("best.party")}</label>
          <input id="party" type="number" min="1" max=${PARTY_MAX} inputmode="numeric" value=${count} onFocus=${(/** @type {any} */ event) => event.target.select()}
            onInput=${(/** @type {any} */ event) => setCount(Math.min(PARTY_MAX, Math.max(1, Math.round(Number(event.target.value)) || 1)))} /></div>
        <button class="button"><${Icon} name="sparkles" />${t("best.find")}</button>
        <button type="button" class="button quiet" aria-expanded=${isMap} onClick=${() => showMap(!isMap)}><${Icon} name="layout-grid" />${t("map.map")}</button>
      </form>
      ${
        isMap &&
        desk.seats.value.length > 0 &&
        html`<div class="counter-map"><${SeatMap} seats=${desk.seats.value} views=${desk.views}
        toggle=${desk.toggle} best=${() => find(undefined)} leave=${() => showMap(false)} isWide=${false} deckNames=${deckNamesOf(bus)} /></div>`
      }
      <p class="chosen-line" role="status">${wanted.length ? t("floor.chosen", { seats: list(wanted) }) : t("counter.choose")}
        ${hold && wanted.length > 0 && html`<${HoldClock} hold=${hold} rules=${bus.rules} extend=${() => desk.client.extend()} onOver=${() => desk.client.expire()} />`}</p>
    </section>
    ${hold && wanted.length > 0 && html`<${Till} key="till" hold=${hold} isSettled=${desk.client.isSettled.value} hasShift=${hasShift} sell=${() => desk.settle()} onSold=${done} />`}`;
}

/** Choosing seats at the counter: how many somebody may hold there is for the server to say, and what is chosen is
 * said in the line above the till. */
class Desk extends SeatChoice {
  /** @param {Bus} bus */
  constructor(bus) {
    super(bus.id);
    this.isSold = false;
    this.bus.value = bus;
    this.leg.value = { start: 0, end: bus.stops.length - 1 };
  }

  open() {
    this.live.refresh().catch(() => {});
    this.live.start();
  }

  /** Seats that nobody will pay for any more go back at once. */
  async close() {
    this.live.stop();
    if (!this.isSold) await this.client.close();
  }

  /** @param {string} seat */
  choose(seat) {
    const view = this.viewOf(seat);
    if (view === "available" || view === "mine" || view === "pending") this.client.toggle(seat);
    else this.denied(t("seat.not", { seat, why: t(`view.${view}`) }));
  }

  /** What is held already is free for this party: it is given back first.
   * @param {number} count */
  async findBest(count) {
    if (this.client.wanted.peek().length) {
      this.client.want([]);
      await this.client.settle();
    }
    return super.findBest(count);
  }

  /** @param {import("../../seatmap/choice.js").Found} best */
  found(best) {
    announce(`${foundText(best)}, ${money(best.total)}`);
    return this.client.settle();
  }

  /** @param {import("../../core/api.js").ApiError} error */
  refused(error) {
    const text = limitText(error, /** @type {Bus} */ (this.bus.peek()).rules) ?? error.message;
    return toast(text, { icon: "circle-alert", tone: "bad", seconds: 10 });
  }
}

/** @param {string} id @returns {Promise<Bus>} */
export const busToSell = (id) => get(`/buses/${id}`);
