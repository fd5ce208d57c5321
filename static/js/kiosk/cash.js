// Cash at a kiosk: offered while a shift of it is open, so that somebody answers for the drawer, and taken when staff say
// by their PIN that they have the money. Nobody makes a ticket of a tap.
import { ApiError, get } from "../core/api.js";
import { local, recall, remember, signal } from "../core/dom.js";

const PLACE = "omnibus.pin";
const ROUNDS = 210_000;
const TRIES = 3;

/** Whether cash can be taken here now. */
export const isCashTaken = signal(false);
let triesLeft = TRIES;

/** @typedef {{ salt: number[], digest: number[] }} KeptPin */

/** @param {string} pin */
export async function setPin(pin) {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const digest = await digestOf(pin, salt);
  remember(local, PLACE, { salt: [...salt], digest });
}

export const forgetPin = () => remember(local, PLACE, null);

/** Whether it is the PIN; after three that are not, cash is not taken until the next in line.
 * @param {string} pin */
export async function isPin(pin) {
  const kept = recall(local, PLACE, /** @type {KeptPin | null} */ (null));
  if (!kept || triesLeft <= 0) return false;
  triesLeft -= 1;
  const given = await digestOf(pin, new Uint8Array(kept.salt));
  const isRight = given.every((byte, index) => byte === kept.digest[index]);
  if (isRight) triesLeft = TRIES;
  if (triesLeft <= 0) isCashTaken.value = false;
  return isRight;
}

/** Ask whether a drawer is open. */
export async function learnCash() {
  isCashTaken.value = false;
  if (triesLeft <= 0 || !recall(local, PLACE, null)) return;
  try {
    await get("/shifts/current");
    isCashTaken.value = true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

export function nextInLine() {
  triesLeft = TRIES;
}

/** @param {string} pin @param {Uint8Array<ArrayBuffer>} salt */
async function digestOf(pin, salt) {
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(pin), "PBKDF2", false, [
    "deriveBits",
  ]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: ROUNDS };
  return [...new Uint8Array(await crypto.subtle.deriveBits(how, key, 256))];
}
