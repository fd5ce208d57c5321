// How long somebody still waits, said honestly, and when to look again. Pure.

/** @typedef {import("../api.d.ts").Room} Room */

const HOUR_MINUTES = 60;
const NEAR_SECONDS = 30;
const FAR_SECONDS = 600;

/** How many come in before this number.
 * @param {Room} room @param {number} number */
export const aheadOf = (room, number) => Math.max(0, number - room.now_serving - 1);

/** The counter as it was told last, but never behind what was told before: another process may not have heard yet how far
 * it is, and whose turn has come keeps it.
 * @param {Room} told @param {Room | null} before */
export const furthest = (told, before) => ({
  ...told,
  now_serving: Math.max(told.now_serving, before?.now_serving ?? 0),
});

/** The wait as a range of minutes, from three quarters to one and a half of what the present pace says; more than an hour
 * is said to be that, because a pace measured now says little about then.
 * @param {number} ahead @param {number} pace admissions a minute
 * @returns {{ kind: "soon" } | { kind: "range", low: number, high: number } | { kind: "long" }} */
export function estimate(ahead, pace) {
  const minutes = ahead / Math.max(pace, 0.1);
  if (minutes * 0.75 >= HOUR_MINUTES) return { kind: "long" };
  if (minutes * 1.5 <= 1) return { kind: "soon" };
  const low = Math.max(1, Math.floor(minutes * 0.75));
  return { kind: "range", low, high: Math.max(low + 1, Math.ceil(minutes * 1.5)) };
}

/** Milliseconds until the counter is worth another look: seconds near the turn, half a minute far from it, and never all
 * at the same time.
 * @param {number | null} ahead null before the draw @param {number} pace @param {() => number} random */
export function lookAgainIn(ahead, pace, random = Math.random) {
  const seconds = ahead === null ? FAR_SECONDS : (ahead / Math.max(pace, 0.1)) * 60;
  const usual = seconds <= NEAR_SECONDS ? 2 : seconds <= FAR_SECONDS ? 6 : 20;
  return usual * 1000 * (0.75 + random() / 2);
}

/** Milliseconds until the opening is worth a look: at it, each at another moment of the next four seconds.
 * @param {number} left milliseconds until the opening @param {() => number} random */
export const lookAtOpeningIn = (left, random = Math.random) =>
  Math.min(Math.max(left, 0) + 500 + random() * 3500, 20_000 * (0.75 + random() / 2));

/** How far one has come, from where one began.
 * @param {number} ahead @param {number} first what was ahead at the beginning */
export const shareDone = (ahead, first) => (first > 0 ? 1 - Math.min(1, ahead / first) : 1);
