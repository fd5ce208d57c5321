// Seats in place of those that others have taken meanwhile. Pure.
import { seatNear } from "../seatmap/plan.js";

/** @typedef {{ found: string[], seats: string[] }} Others what is offered instead, and all seats that it would be then */

/** Find the next best for each lost seat; none at all if there are not enough.
 * @param {import("../api.d.ts").Seat[]} map @param {string[]} seats @param {string[]} lost @returns {Others} */
export function chooseOthers(map, seats, lost) {
  const free = new Set(map.filter(({ status }) => status === "AVAILABLE").map(({ seat }) => seat));
  const found = /** @type {string[]} */ ([]);
  for (const seat of lost) {
    const isFree = (/** @type {string} */ each) =>
      free.has(each) && !found.includes(each) && !seats.includes(each);
    const near = seatNear(map, seat, isFree);
    if (!near) return { found: [], seats: [] };
    found.push(near.seat);
  }
  return { found, seats: [...seats.filter((seat) => !lost.includes(seat)), ...found] };
}
