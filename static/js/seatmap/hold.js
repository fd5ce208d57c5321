// The buyer's hold, seen from the page: what is wanted, what is held, and how the two are brought together. The map
// shows a choice at once; the server decides, and a refusal is always told.
import { ApiError, call, get, newKey, post } from "../core/api.js";
import { batch, computed, local, now, recall, remember, session, signal } from "../core/dom.js";

/** @typedef {import("../api.d.ts").Hold} Hold */
/** @typedef {{ from: string, to: string }} Leg */
/** @typedef {{ taken: (seats: string[]) => void, refused: (error: ApiError, retry: () => void) => void,
 *   expired: () => void }} Listener */

const COALESCE_MS = 150;
const GONE = new Set(["hold_expired", "hold_not_found"]);

export class HoldClient {
  /** @param {string} bus @param {() => Leg} leg @param {Listener} listener */
  constructor(bus, leg, listener) {
    this.bus = bus;
    this.leg = leg;
    this.listener = listener;
    this.hold = signal(/** @type {Hold | null} */ (null));
    this.wanted = signal(/** @type {string[]} */ ([]));
    /** Seats of a hold whose time ran out, for "try the same seats". */
    this.lost = signal(/** @type {string[]} */ ([]));
    this.isSettled = computed(() => same(this.wanted.value, this.hold.value?.seats ?? []));
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** @type {Promise<void> | null} */
    this.running = null;
    this.isOver = false;
  }

  /** Take up the hold that this tab had before a reload or a way back, or let go of one that was booked meanwhile. */
  async restore() {
    const kept = recall(session, this.#place(), /** @type {any} */ (null));
    if (!kept || Date.parse(kept.expires_at) <= now()) {
      if (this.hold.peek()) this.#become(null);
      return null;
    }
    try {
      this.#become(await get(`/holds/${kept.id}`));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#become(null);
    }
    return this.hold.peek();
  }

  /** @param {string} seat */
  toggle(seat) {
    const wanted = this.wanted.peek();
    this.want(wanted.includes(seat) ? wanted.filter((each) => each !== seat) : [...wanted, seat]);
  }

  /** Ask for exactly these seats; soon, so that quick taps are one request.
   * @param {string[]} seats */
  want(seats) {
    if (this.isOver) return;
    this.wanted.value = seats;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settle(), COALESCE_MS);
  }

  /** Bring the hold to what is wanted; resolves when that is done or refused. */
  settle() {
    clearTimeout(this.timer);
    this.running ??= this.#run().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  /** Want nothing any more, for good: what is held, or is being asked for, goes back, and nobody is told of anything.
   * Resolves when it is back, or could not be given back: then it ends by itself. */
  async close() {
    this.isOver = true;
    this.wanted.value = [];
    this.lost.value = [];
    // One from before a reload may not have been taken up yet.
    const held = this.hold.peek() ?? this.restore();
    remember(session, this.#place(), null);
    await held;
    await this.settle();
  }

  /** Ask for more time; returns the deadline there is now. */
  async extend() {
    const hold = this.hold.peek();
    if (!hold) return undefined;
    try {
      const kept = await call("POST", `/holds/${hold.id}/extend`, { key: newKey() });
      if (this.hold.peek()) this.#keep(kept);
      else await this.#revive(kept);
    } catch (error) {
      this.#fail(error);
    }
    return this.hold.peek()?.expires_at;
  }

  /** The clock says that the time is over; the server needs no telling. */
  expire() {
    if (!this.hold.peek()) return;
    this.lost.value = this.hold.peek()?.seats ?? [];
    this.#become(null);
    this.listener.expired();
  }

  /** Another leg is another hold: let go, then ask for the same seats there. */
  async move() {
    const seats = this.wanted.peek();
    this.want([]);
    await this.settle();
    if (seats.length) this.want(seats);
  }

  async #run() {
    while (!this.isSettled.peek()) {
      const wanted = this.wanted.peek();
      try {
        await this.#ask(wanted);
      } catch (error) {
        if (!this.#fail(error, wanted)) return;
      }
    }
  }

  /** The clock ran out while the extension was under way: the seats are the buyer's all the same.
   * @param {Hold} kept */
  async #revive(kept) {
    if (this.lost.peek().length === 0) {
      await call("DELETE", `/holds/${kept.id}`); // the buyer has moved on to other seats
      return;
    }
    this.lost.value = [];
    this.#become(kept);
  }

  /** @param {string[]} wanted */
  async #ask(wanted) {
    const hold = this.hold.peek();
    if (!hold) {
      const { from, to } = this.leg();
      const body = { seats: wanted, from_stop: from, to_stop: to };
      this.#keep(await post(`/buses/${this.bus}/holds`, body, this.#options()));
    } else if (wanted.length) {
      this.#keep(
        await call("PUT", `/holds/${hold.id}`, { body: { seats: wanted }, ...this.#options() }),
      );
    } else {
      await call("DELETE", `/holds/${hold.id}`);
      this.#keep(null);
    }
    this.lost.value = [];
  }

  /** Take back what was refused and say so; returns whether there is more to try.
   * @param {unknown} error @param {string[]} [asked] */
  #fail(error, asked = []) {
    if (!(error instanceof ApiError)) throw error;
    // Other seats were refused: those that are held go back all the same.
    if (this.isOver) return asked.length > 0;
    const tried = this.wanted.peek();
    if (error.code === "seat_unavailable" && error.problem.seats) {
      const taken = error.problem.seats.map(({ seat }) => seat);
      // The others are still wanted: losing one seat of three is no reason to lose the two.
      this.wanted.value = tried.filter((seat) => !taken.includes(seat));
      this.listener.taken(taken);
      return true;
    }
    if (error.code === "seat_cooling_down" && error.problem.seats) {
      const cooling = error.problem.seats.map(({ seat }) => seat);
      this.wanted.value = tried.filter((seat) => !cooling.includes(seat));
      this.listener.refused(error, () => this.want(tried));
      return true;
    }
    if (GONE.has(error.code)) {
      this.expire();
      return false;
    }
    this.wanted.value = this.hold.peek()?.seats ?? [];
    this.listener.refused(error, () => this.want(tried));
    return false;
  }

  /** @param {Hold | null} hold */
  #keep(hold) {
    this.hold.value = hold;
    if (this.isOver) return;
    remember(session, this.#place(), hold && { id: hold.id, expires_at: hold.expires_at });
  }

  /** @param {Hold | null} hold */
  #become(hold) {
    batch(() => {
      this.#keep(hold);
      this.wanted.value = this.isOver ? [] : (hold?.seats ?? []);
    });
  }

  #options() {
    return { key: newKey(), headers: passFor(this.bus) };
  }

  #place() {
    return `omnibus.hold.${this.bus}`;
  }
}

/** @param {string[]} a @param {string[]} b */
const same = (a, b) => a.length === b.length && a.every((seat) => b.includes(seat));

/** @typedef {{ token: string, expires_at: string }} Admission past a waiting room */

/** @param {string} bus */
const admissionAt = (bus) => `omnibus.admission.${bus}`;

/** @param {string} bus @param {Admission | null} admission */
export const keepAdmission = (bus, admission) => remember(local, admissionAt(bus), admission);

/** The header that a bus's seats are asked for with; none without an admission that is still good.
 * @param {string} bus @returns {Record<string, string>} */
function passFor(bus) {
  const kept = recall(local, admissionAt(bus), /** @type {Admission | null} */ (null));
  return kept && Date.parse(kept.expires_at) > now() ? { "x-room-token": kept.token } : {};
}
