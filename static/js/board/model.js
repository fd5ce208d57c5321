// What a departure board shows, from what the live layer tells and what time it is. Pure.

/** @typedef {import("../api.d.ts").BoardDeparture} BoardDeparture */
/** @typedef {"cancelled" | "left" | "now" | "late" | "early" | "closed" | "ontime"} State */
/** @typedef {"none" | "few" | "some"} Room */
/** @typedef {BoardDeparture & { leavesAt: string, minutes: number, state: State, room: Room }} Line */

const MINUTE_MS = 60_000;
const SOON_MS = 2 * MINUTE_MS;
const FEW = 5;
const PAGE_MS = 10_000;
const SHIFT_MS = 3 * MINUTE_MS;
// A ring of places a few pixels apart: no letter stays where it is for long, and none moves far at once.
const SHIFTS = [
  [0, 0],
  [3, 0],
  [3, 3],
  [0, 3],
  [-3, 3],
  [-3, 0],
  [-3, -3],
  [0, -3],
  [3, -3],
];

/** @param {BoardDeparture} departure @param {number} now @returns {Line} */
export function lineOf(departure, now) {
  const minutes = Math.round((departure.delay_seconds ?? 0) / 60);
  const leaves = Date.parse(departure.departs_at) + minutes * MINUTE_MS;
  return {
    ...departure,
    minutes,
    leavesAt: new Date(leaves).toISOString(),
    state: stateOf(departure, minutes, leaves - now),
    room: departure.seats_left === 0 ? "none" : departure.seats_left <= FEW ? "few" : "some",
  };
}

/** @param {BoardDeparture} departure @param {number} minutes @param {number} left @returns {State} */
function stateOf({ status, delay_seconds }, minutes, left) {
  if (status === "CANCELLED") return "cancelled";
  if (left <= 0) return "left";
  if (left <= SOON_MS) return "now";
  if (delay_seconds !== null && minutes > 0) return "late";
  if (delay_seconds !== null && minutes < 0) return "early";
  return status === "CLOSED" ? "closed" : "ontime";
}

/** The lines to show, soonest first by the timetable; what has left goes, though nobody has said so yet.
 * @param {BoardDeparture[]} departures @param {number} now */
export const linesOf = (departures, now) =>
  departures
    .map((departure) => lineOf(departure, now))
    .filter(({ state, leavesAt }) =>
      state === "cancelled" ? Date.parse(leavesAt) > now - MINUTE_MS : state !== "left",
    );

/** Which page is due, and of how many.
 * @param {number} lines @param {number} perPage @param {number} passedMs since paging began */
export function pageAt(lines, perPage, passedMs) {
  const pages = Math.max(1, Math.ceil(lines / Math.max(1, perPage)));
  return { pages, page: Math.floor(Math.max(0, passedMs) / PAGE_MS) % pages };
}

/** How far the picture stands from its place now, so that nothing burns into the screen.
 * @param {number} now @returns {{ x: number, y: number }} */
export function shiftAt(now) {
  const [x, y] = SHIFTS[Math.floor(now / SHIFT_MS) % SHIFTS.length];
  return { x, y };
}

/** What has become worse since the last frame, for those who listen: cancelled, or later than before.
 * @param {BoardDeparture[]} before @param {BoardDeparture[]} after */
export function newsOf(before, after) {
  const known = new Map(before.map((each) => [each.bus, each]));
  return after.filter((each) => {
    const was = known.get(each.bus);
    if (!was) return false;
    const isCancelled = each.status === "CANCELLED" && was.status !== "CANCELLED";
    return isCancelled || (each.delay_seconds ?? 0) > (was.delay_seconds ?? 0);
  });
}
