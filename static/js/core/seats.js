// The state of a bus's seats from the frames of `seatmap.v1`, what it means for a leg, and when to
// come back. Pure, but for the timers of `Return`.

/** @typedef {import("../api.d.ts").Frame} Frame */
/** @typedef {{ epoch: number, rev: number, seats: ReadonlyMap<string, string> }} Known */
/** @typedef {"A" | "L" | "B" | "X"} Letter */

const FIRST_MS = 500;
const LONGEST_MS = 20_000;
const CROWDED_MS = 5_000;
const HEALTHY_MS = 30_000;
const HEARTBEAT_MS = 20_000;
const WORST_FIRST = /** @type {Letter[]} */ (["B", "X", "L", "A"]);

/** Take a frame in. `resubscribe` means that something is missing: subscribe again from where we are.
 * @param {Known | null} known @param {Frame} frame @returns {{ known: Known | null, resubscribe: boolean }} */
export function receive(known, frame) {
  switch (frame.type) {
    case "subscribed":
    case "snapshot":
      return frame.seats ? settle(whole(frame.epoch, frame.rev, frame.seats)) : settle(known);
    case "delta":
      return follow(known, frame);
    case "heartbeat":
    case "hello":
    case "error":
    case "bye":
    case "status":
      return settle(known);
    default:
      return settle(known);
  }
}

/** Take in what REST said. It may be older than what the socket brought since.
 * @param {Known | null} known @param {{ epoch: number, rev: number, seats: { seat: string, states: string }[] }} map */
export function adopt(known, map) {
  if (known && known.epoch === map.epoch && known.rev >= map.rev) return known;
  return whole(
    map.epoch,
    map.rev,
    map.seats.map(({ seat, states }) => [seat, states]),
  );
}

/** Whether a heartbeat speaks of changes that never arrived.
 * @param {Known | null} known @param {number | undefined} rev */
export const isBehind = (known, rev) => known !== null && rev !== undefined && rev > known.rev;

/** The worst letter of a leg's segments: B > X > L > A.
 * @param {string} states @param {number} start @param {number} end */
export function statusOn(states, start, end) {
  const onLeg = states.slice(start, end);
  return WORST_FIRST.find((letter) => onLeg.includes(letter)) ?? "X";
}

/** @param {Known | null} known @param {Extract<Frame, { type: "delta" }>} delta */
function follow(known, delta) {
  if (known === null || known.epoch !== delta.epoch) return { known, resubscribe: true };
  if (delta.rev <= known.rev) return settle(known);
  if (delta.prev > known.rev) return { known, resubscribe: true };
  const seats = new Map(known.seats);
  for (const [seat, states] of delta.seats) seats.set(seat, states);
  return settle({ epoch: known.epoch, rev: delta.rev, seats });
}

/** @param {number} epoch @param {number} rev @param {[string, string][]} pairs @returns {Known} */
const whole = (epoch, rev, pairs) => ({ epoch, rev, seats: new Map(pairs) });

/** @param {Known | null} known */
const settle = (known) => ({ known, resubscribe: false });

/** Full jitter: a thousand browsers that lost one server do not come back together.
 * @param {number} attempt @param {number} random in [0, 1) */
export const pauseBefore = (attempt, random) =>
  random * Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);

/** The way to try after one has ended. Something between us may let no WebSocket through, or no stream; a way that has
 * worked is not to blame for its end.
 * @param {"socket" | "stream"} last @param {boolean} hasSpoken whether anything was ever heard on it */
export const wayAfter = (last, hasSpoken) =>
  last === "socket" && !hasSpoken ? "stream" : "socket";

/** When to come back to a server that was lost, and when its silence is a loss. */
export class Return {
  /** @param {() => void} connect @param {() => void} lose told that nothing was heard for too long */
  constructor(connect, lose) {
    this.connect = connect;
    this.lose = lose;
    this.attempt = 0;
    this.heartbeatMs = HEARTBEAT_MS;
    this.heardAt = 0;
    this.isAsked = false;
    /** @type {Record<string, ReturnType<typeof setTimeout>>} */
    this.timers = {};
  }

  /** Something was heard, or asked for. A connection may die without a word: silence longer than a heartbeat and a half
   * is its end. */
  expectWord() {
    this.heardAt = performance.now();
    // A hundred words a second are no reason to set a hundred timers: the one that is set looks when the last of them was.
    if (this.timers.silence === undefined) this.#listen();
  }

  /** The server says how long it is silent at most.
   * @param {number} milliseconds */
  expectEvery(milliseconds) {
    this.heartbeatMs = milliseconds;
    this.#listen();
  }

  /** The server serves. One that takes us and drops us at once is not well: it is too early to hurry again. */
  trust() {
    this.timers.health ??= setTimeout(() => {
      this.attempt = 0;
    }, HEALTHY_MS);
  }

  /** The connection is over; come back, unless the server has said when.
   * @param {number} code as a socket's end says it: 41xx is for more clients than the server takes */
  after(code) {
    this.rest();
    if (this.isAsked) {
      this.isAsked = false;
      return;
    }
    this.attempt += 1;
    const crowded = code >= 4100 && code < 4200 ? CROWDED_MS : 0;
    this.in(crowded + pauseBefore(this.attempt, Math.random()));
  }

  /** The server goes, and names the time to come back.
   * @param {[number, number]} within milliseconds, from and to */
  asked([from, to]) {
    this.in(from + Math.random() * (to - from));
    this.isAsked = true;
  }

  /** @param {number} milliseconds */
  in(milliseconds) {
    this.#in("connect", milliseconds, () => {
      this.isAsked = false;
      this.connect();
    });
  }

  /** Nothing is expected, as nothing is connected. */
  rest() {
    for (const name of ["silence", "health"]) {
      clearTimeout(this.timers[name]);
      delete this.timers[name];
    }
  }

  /** For good. */
  stop() {
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    this.timers = {};
  }

  /** Wait until it has been silent for too long since the last word. */
  #listen() {
    const left = this.heardAt + 1.5 * this.heartbeatMs - performance.now();
    if (left > 0) return this.#in("silence", left, () => this.#listen());
    delete this.timers.silence;
    return this.lose();
  }

  /** @param {string} name @param {number} milliseconds @param {() => void} run */
  #in(name, milliseconds, run) {
    clearTimeout(this.timers[name]);
    this.timers[name] = setTimeout(run, milliseconds);
  }
}

/** Whether a socket's end says that we speak a language which the server does not.
 * @param {number} code */
export const isRefusal = (code) => code >= 4000 && code < 4100;
