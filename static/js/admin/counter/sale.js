// One sale at the counter: a leg, seats that are held as soon as they are chosen, who travels, and the money.
import { ApiError, get, post } from "../../core/api.js";
import {
  computed,
  html,
  Icon,
  signal,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "../../core/dom.js";
import { LiveSeats } from "../../core/live.js";
import { statusOn } from "../../core/seats.js";
import { list, longDay, money, t, time } from "../../core/text.js";
import { announce, limitText, toast } from "../../core/ui.js";
import { HoldClock } from "../../seatmap/countdown.js";
import { SeatMap } from "../../seatmap/grid.js";
import { HoldClient } from "../../seatmap/hold.js";
import { foundText, LegPicker } from "../../seatmap/panel.js";
import { Till } from "./till.js";

/** @typedef {import("../../api.d.ts").Bus} Bus */
/** @typedef {import("../../api.d.ts").Booking} Booking */
/** @typedef {import("../../seatmap/grid.js").View} View */

const VIEWS = /** @type {Record<string, View>} */ ({
  A: "available",
  L: "held",
  B: "booked",
  X: "blocked",
});
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
  const { start, end } = desk.leg.value;
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
      <${LegPicker} bus=${bus} start=${start} end=${end} change=${change} />
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
        html`<div class="counter-map"><${SeatMap} seats=${desk.seats.value} viewOf=${(/** @type {string} */ seat) => desk.viewOf(seat)}
        toggle=${(/** @type {string} */ seat) => desk.toggle(seat)} best=${() => find(undefined)} leave=${() => showMap(false)} isWide=${false} deckNames=${desk.deckName} /></div>`
      }
      <p class="chosen-line" role="status">${wanted.length ? t("floor.chosen", { seats: list(wanted) }) : t("counter.choose")}
        ${hold && wanted.length > 0 && html`<${HoldClock} hold=${hold} rules=${bus.rules} extend=${() => desk.client.extend()} onOver=${() => desk.client.expire()} />`}</p>
    </section>
    ${hold && wanted.length > 0 && html`<${Till} key="till" hold=${hold} isSettled=${desk.client.isSettled.value} hasShift=${hasShift} sell=${desk.settle} onSold=${done} />`}`;
}

/** What a sale knows of its bus: what is free, and the hold. */
class Desk {
  /** @param {Bus} bus */
  constructor(bus) {
    this.bus = bus;
    this.isSold = false;
    this.leg = signal({ start: 0, end: bus.stops.length - 1 });
    this.seats = signal(/** @type {import("../../api.d.ts").Seat[]} */ ([]));
    this.live = new LiveSeats(
      bus.id,
      () => `?${new URLSearchParams({ from_stop: this.stops().from, to_stop: this.stops().to })}`,
      (map) => {
        this.seats.value = map.seats;
      },
    );
    this.client = new HoldClient(bus.id, () => this.stops(), {
      taken: (lost) => this.tell(t("hold.taken", { seats: list(lost), count: lost.length })),
      refused: (error) => this.tell(limitText(error, bus.rules) ?? error.message),
      expired: () => this.tell(t("hold.over")),
    });
    /** @type {Map<string, import("@preact/signals").ReadonlySignal<View>>} */
    this.views = new Map();
    this.deckName = (/** @type {number} */ deck) =>
      bus.layout.decks === 1 ? t("deck.only") : t(deck === 1 ? "deck.lower" : "deck.upper");
    /** Bring the hold to what was chosen last; returns it. */
    this.settle = async () => {
      await this.client.settle();
      return this.client.isSettled.peek() ? this.client.hold.peek() : null;
    };
  }

  stops() {
    const { start, end } = this.leg.peek();
    return { from: this.bus.stops[start].stop.id, to: this.bus.stops[end].stop.id };
  }

  open() {
    this.live.refresh().catch(() => {});
    this.live.start();
  }

  /** Seats that nobody will pay for any more go back at once. */
  close() {
    this.live.stop();
    if (!this.isSold) this.client.close();
  }

  /** @param {string} text */
  tell(text) {
    toast(text, { icon: "circle-alert", tone: "bad", seconds: 10 });
  }

  /** @param {number} start @param {number} end */
  async changeLeg(start, end) {
    this.leg.value = { start, end };
    await Promise.all([this.live.changeLeg(), this.client.move()]).catch((error) => {
      if (!(error instanceof ApiError)) throw error;
      this.tell(error.message);
    });
  }

  /** @param {string} seat */
  viewOf(seat) {
    let view = this.views.get(seat);
    if (!view) {
      view = computed(() => {
        const isHeld = this.client.hold.value?.seats.includes(seat) ?? false;
        if (this.client.wanted.value.includes(seat)) return isHeld ? "mine" : "pending";
        if (isHeld) return "pending";
        const { start, end } = this.leg.value;
        const states = this.live.known.value?.seats.get(seat);
        return VIEWS[states ? statusOn(states, start, end) : "X"];
      });
      this.views.set(seat, view);
    }
    return view.value;
  }

  /** @param {string} seat */
  toggle(seat) {
    const view = this.viewOf(seat);
    if (view === "available" || view === "mine" || view === "pending") this.client.toggle(seat);
    else announce(t("seat.not", { seat, why: t(`view.${view}`) }));
  }

  /** @param {number} count */
  async findBest(count) {
    try {
      const { from, to } = this.stops();
      // What is held already is free for this party: it is given back first.
      if (this.client.wanted.peek().length) {
        this.client.want([]);
        await this.client.settle();
      }
      const { items } = await post(`/buses/${this.bus.id}/best-seats`, {
        count,
        from_stop: from,
        to_stop: to,
      });
      if (!items.length) return this.tell(t("best.none", { count }));
      this.client.want(items[0].seats);
      announce(`${foundText(items[0])}, ${money(items[0].total)}`);
      return await this.client.settle();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.tell(error.message);
    }
  }
}

/** @param {string} id @returns {Promise<Bus>} */
export const busToSell = (id) => get(`/buses/${id}`);
