// Whether anybody is still there. Pure but for the clock it is given.

export const QUIET_MS = 45_000;
export const WARN_MS = 30_000;
export const GIVE_UP_MS = QUIET_MS + WARN_MS;
const LAST_SECONDS = 5;
const REMIND_SECONDS = 10;

/** How it stands with somebody who was last heard of so long ago, and how many seconds they have.
 * @param {number} silentMs @returns {{ stage: "busy" | "warned" | "gone", left: number }} */
export function stageOf(silentMs) {
  if (silentMs < QUIET_MS) return { stage: "busy", left: Math.ceil(GIVE_UP_MS / 1000) };
  const left = Math.ceil((GIVE_UP_MS - silentMs) / 1000);
  return left > 0 ? { stage: "warned", left } : { stage: "gone", left: 0 };
}

/** What is to be heard with so many seconds left: a warning at first and now and then, every second at the end.
 * @param {number} left @returns {"warn" | "tock" | null} */
export function soundAt(left) {
  if (left <= LAST_SECONDS) return "tock";
  return left % REMIND_SECONDS === 0 ? "warn" : null;
}
