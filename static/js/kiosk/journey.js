// Where somebody at the kiosk is on their way to a ticket. What outlasts a reload is where they stand and what they hold;
// who they are is in memory only, and gone from there as soon as they have finished or gone away.
import { batch, effect, recall, remember, session, signal } from "../core/dom.js";
import { GIVE_UP_MS } from "./idle.js";

/** @typedef {import("../api.d.ts").Booking} Booking */
/** @typedef {import("../api.d.ts").Stop} Stop */
/** @typedef {import("../booking/draft.js").Person} Person */
/** @typedef {"attract" | "where" | "bus" | "seats" | "people" | "pay" | "voucher" | "ticket"} Step */
/** @typedef {{ bus: string, from: string, to: string }} Ride */
/** @typedef {{ ref: string, key: string }} Sale */
/** @typedef {{ isLarge: boolean, isStrong: boolean }} Looks */
/** @typedef {{ at: number, step: Step, goal: Stop | null, ride: Ride | null, sale: Sale | null, looks: Looks }} Trace */

export const STEPS = /** @type {("where" | "bus" | "seats" | "people" | "pay")[]} */ ([
  "where",
  "bus",
  "seats",
  "people",
  "pay",
]);
const PLACE = "omnibus.kiosk";
const PLAIN = { isLarge: false, isStrong: false };
const trace = readTrace();

export const step = signal(trace?.step ?? /** @type {Step} */ ("attract"));
/** Where to. */
export const goal = signal(trace?.goal ?? null);
/** Which bus, from stop to stop. */
export const ride = signal(trace?.ride ?? null);
/** The booking that was made here, and what opens it: kept until it is paid and printed, and no longer. */
export const sale = signal(trace?.sale ?? null);
export const looks = signal(trace?.looks ?? PLAIN);
// Of persons.
export const people = signal(/** @type {Person[]} */ ([]));
export const phone = signal("");
export const booking = signal(/** @type {Booking | null} */ (null));

effect(keep);
addEventListener("pagehide", keep);

/** What a reload has left, unless whoever it was is gone by now.
 * @returns {Trace | null} */
function readTrace() {
  const found = recall(session, PLACE, /** @type {Trace | null} */ (null));
  if (!found || Date.now() - found.at > GIVE_UP_MS) {
    clearStorage();
    return null;
  }
  // Names do not outlast a reload: who was paying says them again, unless the booking has them already.
  return found.step === "pay" && !found.sale ? { ...found, step: "people" } : found;
}

function keep() {
  const standing = { step: step.value, goal: goal.value, ride: ride.value };
  const more = { sale: sale.value, looks: looks.value };
  const isBegun = standing.step !== "attract";
  remember(session, PLACE, isBegun ? { at: Date.now(), ...standing, ...more } : null);
}

function clearStorage() {
  const names = Object.keys(session);
  for (const name of names.filter((each) => each === PLACE || each.startsWith("omnibus.hold.")))
    session.removeItem(name);
}

/** Be as nobody has ever stood here. */
export function wipe() {
  batch(() => {
    step.value = "attract";
    goal.value = null;
    ride.value = null;
    sale.value = null;
    looks.value = PLAIN;
    people.value = [];
    phone.value = "";
    booking.value = null;
  });
  clearStorage();
}

/** @param {Step} next */
export function go(next) {
  step.value = next;
  scrollTo(0, 0);
}

export function goBack() {
  const at = stepAt(step.peek());
  if (at > 0) go(STEPS[at - 1]);
}

/** Which of the five steps that is, from 0; -1 for none of them.
 * @param {Step} which */
export const stepAt = (which) => STEPS.indexOf(/** @type {any} */ (which));
