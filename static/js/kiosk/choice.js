// The seats of one bus as somebody at the kiosk chooses among them: the live map, and the hold that follows the choice.
import { ApiError, get, post } from "../core/api.js";
import { isLost } from "../core/device.js";
import { computed, signal } from "../core/dom.js";
import { LiveSeats } from "../core/live.js";
import { statusOn } from "../core/seats.js";
import { list, t } from "../core/text.js";
import { announce, limitText, toast } from "../core/ui.js";
import { HoldClient } from "../seatmap/hold.js";
import { foundText } from "../seatmap/panel.js";
import { seatNear } from "../seatmap/plan.js";

/** @typedef {import("../api.d.ts").Bus} Bus */
/** @typedef {import("../api.d.ts").Seat} Seat */
/** @typedef {import("../seatmap/grid.js").View} View */
/** @typedef {import("./journey.js").Ride} Ride */

const VIEWS = /** @type {Record<string, View>} */ ({
  A: "available",
  L: "held",
  B: "booked",
  X: "blocked",
});

export class SeatChoice {
  /** @param {Ride} ride */
  constructor(ride) {
    this.ride = ride;
    this.bus = signal(/** @type {Bus | null} */ (null));
    this.seats = signal(/** @type {Seat[]} */ ([]));
    this.failure = signal(/** @type {ApiError | null} */ (null));
    /** @type {Map<string, import("@preact/signals").ReadonlySignal<View>>} */
    this.views = new Map();
    const leg = { from_stop: ride.from, to_stop: ride.to };
    this.live = new LiveSeats(
      ride.bus,
      () => `?${new URLSearchParams(leg)}`,
      (map) => {
        this.seats.value = map.seats;
      },
      (status) => this.#become(status),
    );
    this.client = new HoldClient(ride.bus, () => ride, {
      taken: (lost) => this.#offer(lost),
      refused: (error, retry) => this.#refuse(error, retry),
      expired: () => toast(t("hold.over"), { icon: "timer", tone: "bad" }),
    });
    this.viewOf = this.viewOf.bind(this);
    this.toggle = this.toggle.bind(this);
  }

  async load() {
    this.failure.value = null;
    try {
      const asked = get(`/buses/${this.ride.bus}`, { guest: true });
      const [bus] = await Promise.all([asked, this.live.refresh()]);
      this.bus.value = bus;
      this.live.start();
      await this.client.restore();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      isLost(error);
      this.failure.value = error;
    }
  }

  /** Where the leg begins and ends among the bus's stops. */
  get at() {
    const stops = this.bus.value?.stops ?? [];
    const start = Math.max(
      0,
      stops.findIndex(({ stop }) => stop.id === this.ride.from),
    );
    const end = stops.findIndex(({ stop }, index) => index > start && stop.id === this.ride.to);
    return { start, end: end < 0 ? stops.length - 1 : end };
  }

  /** How a seat looks from here. One signal a seat: a change redraws that seat alone.
   * @param {string} seat */
  viewOf(seat) {
    let view = this.views.get(seat);
    if (!view) {
      view = computed(() => {
        const isHeld = this.client.hold.value?.seats.includes(seat) ?? false;
        if (this.client.wanted.value.includes(seat)) return isHeld ? "mine" : "pending";
        if (isHeld) return "pending";
        const states = this.live.known.value?.seats.get(seat);
        const { start, end } = this.at;
        return VIEWS[states ? statusOn(states, start, end) : "X"];
      });
      this.views.set(seat, view);
    }
    return view.value;
  }

  /** @param {string} seat */
  toggle(seat) {
    const most = this.bus.peek()?.rules.seats_per_buyer ?? 1;
    const wanted = this.client.wanted.peek();
    const view = this.viewOf(seat);
    if (this.live.news.peek() === "lost" && !wanted.includes(seat)) return announce(t("news.lost"));
    if (view === "held" || view === "booked" || view === "blocked")
      return toast(t("seat.not", { seat, why: t(`view.${view}`) }), { seconds: 3 });
    if (!wanted.includes(seat) && wanted.length >= most)
      return toast(t("hold.most", { count: most }), { icon: "users", tone: "bad" });
    this.client.toggle(seat);
    return announce(t(wanted.includes(seat) ? "seat.dropped" : "seat.chosen", { seat }));
  }

  /** Choose the best seats for so many.
   * @param {number} count */
  async findBest(count) {
    try {
      const body = { count, prefer: [], from_stop: this.ride.from, to_stop: this.ride.to };
      /** @type {import("../api.d.ts").BestSeats} */
      const { items } = await post(`/buses/${this.ride.bus}/best-seats`, body);
      if (!items.length) return toast(t("best.none", { count }), { tone: "bad" });
      this.client.want(items[0].seats);
      return toast(foundText(items[0]), { icon: "sparkles", tone: "good", seconds: 4 });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.#refuse(error, () => this.findBest(count));
    }
  }

  /** What all of it costs: as held, which is as sold, or else as the map has it. */
  get total() {
    const held = this.client.hold.value;
    if (held && this.client.isSettled.value) return held.total;
    const wanted = this.client.wanted.value;
    const prices = this.seats.value.filter(({ seat }) => wanted.includes(seat));
    if (!prices.length) return null;
    const amount = prices.reduce((sum, { price }) => sum + price.amount, 0);
    return { amount, currency: prices[0].price.currency };
  }

  /** Look no more, and give back what is held. */
  close() {
    this.live.stop();
    return this.client.close();
  }

  /** @param {string} status */
  #become(status) {
    const before = this.bus.peek();
    if (before && before.status !== "DEPARTED" && before.status !== status)
      this.bus.value = { ...before, status };
  }

  /** @param {string[]} lost */
  #offer(lost) {
    const others = /** @type {string[]} */ ([]);
    for (const seat of lost) {
      const isFree = (/** @type {string} */ each) =>
        this.viewOf(each) === "available" && !others.includes(each) && !lost.includes(each);
      const near = seatNear(this.seats.peek(), seat, isFree);
      if (near) others.push(near.seat);
    }
    const run = () => this.client.want([...this.client.wanted.peek(), ...others]);
    const action = others.length
      ? { label: t("hold.take", { seats: list(others) }), run }
      : undefined;
    const words = t("hold.taken", { seats: list(lost), count: lost.length });
    toast(words, { icon: "circle-alert", tone: "bad", seconds: 15, action });
    if (this.live.news.peek() !== "live") this.live.refresh().catch(() => {});
  }

  /** @param {ApiError} error @param {() => void} retry */
  #refuse(error, retry) {
    const bus = this.bus.peek();
    const limit = bus && limitText(error, bus.rules);
    const text = isLost(error) ? t("failure.offline") : (limit ?? error.message);
    const icon = error.code === "offline" ? "wifi-off" : "circle-alert";
    toast(text, { icon, tone: "bad", seconds: 10, action: { label: t("retry"), run: retry } });
  }
}
