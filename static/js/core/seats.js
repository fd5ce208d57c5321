// The state of a bus's seats from the frames of `seatmap.v1`, what it means for a leg, and when to come back. Pure.

/** @typedef {import("../api.d.ts").Frame} Frame */
/** @typedef {{ epoch: number, rev: number, seats: ReadonlyMap<string, string> }} Known */
/** @typedef {"A" | "L" | "B" | "X"} Letter */

const FIRST_MS = 500;
const LONGEST_MS = 20_000;
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
