// What this browser is when it is no person's: a paired kiosk or board. Its key stays in this browser's storage, every
// request is made with it, and heartbeats say that it lives. A device that was shut out forgets that it ever was one.
import { ApiError, post, speakAs } from "./api.js";
import { effect, learnTime, local, recall, remember, signal } from "./dom.js";
import { BUILD } from "./renew.js";

/** @typedef {import("../api.d.ts").DeviceState} DeviceState */
/** @typedef {{ key: string, kind: string, stop: string | null }} Kept */

const PLACE = "omnibus.device";
const AGAIN_MS = 3_000;
const NO_PACE_SECONDS = 30;

export const kept = signal(recall(local, PLACE, /** @type {Kept | null} */ (null)));
/** What the server said of this device with the last heartbeat. */
export const about = signal(/** @type {DeviceState | null} */ (null));
export const isOnline = signal(true);
let soldAt = "";
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

effect(() => speakAs(kept.value?.key ?? null));

/** Swap the code that staff were shown for a key of this browser's own. Raises ApiError.
 * @param {string} code @returns {Promise<Kept>} */
export async function pair(code) {
  const answer = await post("/devices/pair", { code, version: BUILD }, { guest: true });
  const { kind, stop } = answer.device;
  const paired = { key: answer.key, kind, stop: stop?.id ?? null };
  remember(local, PLACE, paired);
  kept.value = paired;
  return paired;
}

/** Be no device any more. */
export function forget() {
  clearTimeout(timer);
  remember(local, PLACE, null);
  // Who travels is nobody's business any more: js/scan/keep.js.
  globalThis.caches?.delete("omnibus.manifests");
  kept.value = null;
  about.value = null;
}

/** Say that this device lives, now and for as long as it does. */
export async function beat() {
  clearTimeout(timer);
  const key = kept.peek()?.key;
  if (!key) return;
  try {
    const said = { version: BUILD, ...(soldAt ? { last_sale_at: soldAt } : {}) };
    /** @type {DeviceState} */
    const told = await post("/devices/me/heartbeat", said);
    learnTime(told.now);
    about.value = told;
    isOnline.value = true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401 && key === kept.peek()?.key) {
      forget();
      return;
    }
    isOnline.value = false;
  }
  const pace = about.peek()?.settings.heartbeat_seconds ?? NO_PACE_SECONDS;
  timer = setTimeout(beat, isOnline.peek() ? pace * 1000 : AGAIN_MS);
}

/** Somebody has asked in vain: look at once whether the server is there. Returns whether that was it.
 * @param {unknown} error */
export function isLost(error) {
  if (!(error instanceof ApiError) || error.code !== "offline") return false;
  isOnline.value = false;
  beat();
  return true;
}

export function noteSale() {
  soldAt = new Date().toISOString();
  beat();
}

addEventListener("online", () => beat());
addEventListener("offline", () => {
  isOnline.value = false;
  beat();
});
