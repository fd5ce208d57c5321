// The seats of one bus as somebody chooses among them: the live map, the hold that follows the choice, and what is said
// when it cannot be had. Where one chooses (page, kiosk, counter) it is told in that place's own way: see its class there.
import { ApiError, get, post } from "../core/api.js";
import { signal } from "../core/dom.js";
import { LiveSeats } from "../core/live.js";
import { list, t } from "../core/text.js";
import { announce, limitAction, limitText, toast } from "../core/ui.js";
import { SeatViews } from "./grid.js";
import { HoldClient } from "./hold.js";
import { foundText } from "./panel.js";
import { seatNear } from "./plan.js";

/** @typedef {import("../api.d.ts").Bus} Bus */
/** @typedef {import("../api.d.ts").Seat} Seat */
/** @typedef {{ seats: string[], together: boolean, total: import("../api.d.ts").Money }} Found */

export class SeatChoice {
  /** @param {string} id the bus
   * @param {{ from: string | null, to: string | null }} [asked] the leg, by stops or stations; else all of the way */
  constructor(id, asked = { from: null, to: null }) {
    this.id = id;
    this.asked = asked;
    this.bus = signal(/** @type {Bus | null} */ (null));
    this.seats = signal(/** @type {Seat[]} */ ([]));
    this.failure = signal(/** @type {ApiError | null} */ (null));
    // The leg as indexes of the bus's stops; until the bus is known, what was asked for.
    this.leg = signal(/** @type {{ start: number, end: number } | null} */ (null));
    this.live = new LiveSeats(
      id,
      () => this.#query(),
      (map) => {
        this.seats.value = map.seats;
      },
      (status) => this.#become(status),
    );
    this.client = new HoldClient(id, () => this.stops(), {
      taken: (lost) => this.#offerOthers(lost),
      refused: (error, retry) => this.refused(error, retry),
      expired: () => toast(t("hold.over"), { icon: "timer", tone: "bad" }),
    });
    this.views = new SeatViews(this.live, this.leg, () => this.#ours()).all;
    this.toggle = (/** @type {string} */ seat) => this.choose(seat);
  }

  /** Find the bus, watch it, and take up what this tab held before; `failure` is why it cannot be. */
  async load() {
    this.failure.value = null;
    try {
      const asked = get(`/buses/${this.id}`, { guest: true });
      const [bus] = await Promise.all([asked, this.live.refresh()]);
      this.leg.value = legOf(bus, this.asked.from, this.asked.to);
      this.bus.value = bus;
      this.live.start();
      await this.#takeUp(bus);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.failure.value = error;
    }
  }

  /** Look no more, and give back what is held. */
  close() {
    this.live.stop();
    return this.client.close();
  }

  /** The stops of the leg. */
  stops() {
    const calls = this.bus.peek()?.stops;
    const at = this.leg.peek();
    if (calls && at) return { from: calls[at.start].stop.id, to: calls[at.end].stop.id };
    return { from: this.asked.from ?? "", to: this.asked.to ?? "" };
  }

  /** @param {number} start @param {number} end */
  async changeLeg(start, end) {
    this.leg.value = { start, end };
    await Promise.all([this.live.changeLeg(), this.client.move()]).catch((error) => {
      if (!(error instanceof ApiError)) throw error;
      this.refused(error, () => this.changeLeg(start, end));
    });
  }

  /** Bring the hold to what was chosen last; returns it, if it is that. */
  async settle() {
    await this.client.settle();
    return this.client.isSettled.peek() ? this.client.hold.peek() : null;
  }

  /** How a seat looks now.
   * @param {string} seat */
  viewOf(seat) {
    return this.views.peek().get(seat) ?? "blocked";
  }

  /** Choose a seat or let go of it, or say why not.
   * @param {string} seat */
  choose(seat) {
    const most = this.bus.peek()?.rules.seats_per_buyer ?? 1;
    const wanted = this.client.wanted.peek();
    const isDropped = wanted.includes(seat);
    const view = this.viewOf(seat);
    if (this.live.news.peek() === "lost" && !isDropped) return announce(t("news.lost"));
    if (view === "held" || view === "booked" || view === "blocked")
      return this.denied(t("seat.not", { seat, why: t(`view.${view}`) }));
    if (!isDropped && wanted.length >= most)
      return toast(t("hold.most", { count: most }), { icon: "users", tone: "bad" });
    this.client.toggle(seat);
    return announce(t(isDropped ? "seat.dropped" : "seat.chosen", { seat }));
  }

  /** Choose the best seats for so many.
   * @param {number} count @param {string[]} [prefer] */
  async findBest(count, prefer = []) {
    const { from, to } = this.stops();
    const before = this.client.wanted.peek();
    try {
      const body = { count, prefer, from_stop: from, to_stop: to };
      /** @type {import("../api.d.ts").BestSeats} */
      const { items } = await post(`/buses/${this.id}/best-seats`, body);
      if (!items.length) return toast(t("best.none", { count }), { tone: "bad" });
      this.client.want(items[0].seats);
      return await this.found(items[0], before);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.refused(error, () => this.findBest(count, prefer));
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

  /** Say that a seat is not to be had.
   * @param {string} text @returns {unknown} */
  denied(text) {
    return announce(text);
  }

  /** Say which seats were found.
   * @param {Found} best @param {string[]} _before what was chosen until now @returns {unknown} */
  found(best, _before) {
    return toast(foundText(best), { icon: "sparkles", tone: "good", seconds: 4 });
  }

  /** Say what the server said.
   * @param {ApiError} error @param {() => void} retry @returns {unknown} */
  refused(error, retry) {
    const bus = this.bus.peek();
    const isOffline = error.code === "offline";
    const limit = bus && limitText(error, bus.rules);
    const text = isOffline
      ? t("failure.offline")
      : (limit ?? error.problem.errors?.[0]?.detail ?? error.message);
    return toast(text, {
      icon: isOffline ? "wifi-off" : limit ? "users" : "circle-alert",
      tone: "bad",
      seconds: limit ? 15 : 10,
      action: limitAction(error) ?? { label: t("retry"), run: retry },
    });
  }

  /** Losing one seat of three is no reason to lose the two: these stay, and what is most like the lost one is offered.
   * @param {string[]} lost */
  #offerOthers(lost) {
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
    const text = t("hold.taken", { seats: list(lost), count: lost.length });
    toast(text, { icon: "circle-alert", tone: "bad", seconds: 15, action });
    if (this.live.news.peek() !== "live") this.live.refresh().catch(() => {});
  }

  /** A hold from before a reload decides the leg; its seats can be had on no other.
   * @param {Bus} bus */
  async #takeUp(bus) {
    const hold = await this.client.restore();
    if (!hold) return;
    const held = legOf(bus, hold.from_stop, hold.to_stop);
    const at = this.leg.peek();
    if (held.start === at?.start && held.end === at.end) return;
    this.leg.value = held;
    await this.live.changeLeg();
  }

  /** The seats that are ours, or are about to be or to go back. */
  #ours() {
    const held = this.client.hold.value?.seats ?? [];
    const wanted = this.client.wanted.value;
    const views = /** @type {Map<string, import("./plan.js").View>} */ (new Map());
    for (const seat of held) views.set(seat, wanted.includes(seat) ? "mine" : "pending");
    for (const seat of wanted) views.set(seat, held.includes(seat) ? "mine" : "pending");
    return views;
  }

  /** @param {string} status */
  #become(status) {
    const before = this.bus.peek();
    // A bus that has left stays so, whatever it was when it did.
    if (before && before.status !== "DEPARTED" && before.status !== status)
      this.bus.value = { ...before, status };
  }

  #query() {
    const { from, to } = this.stops();
    const named = [
      ["from_stop", from],
      ["to_stop", to],
    ].filter(([, stop]) => stop);
    return named.length ? `?${new URLSearchParams(named)}` : "";
  }
}

/** Where a leg begins and ends among a bus's stops; a station is the first of its stops there.
 * @param {Bus} bus @param {string | null} from @param {string | null} to */
function legOf({ stops: calls }, from, to) {
  const isAt = (/** @type {string | null} */ stop) => (/** @type {any} */ call) =>
    stop === call.stop.id || (stop !== null && stop === call.stop.station);
  const start = Math.max(0, calls.findIndex(isAt(from)));
  const end = calls.findIndex((call, index) => index > start && isAt(to)(call));
  return { start, end: end < 0 ? calls.length - 1 : end };
}
