// What the buyer typed, kept in this tab until the trip is booked: a lost hold costs seats, never typing. Pure but for
// the storage it is given.
import { recall, remember, session } from "../core/dom.js";

/** @typedef {{ seat: string, name: string, category: string }} Person */
/** @typedef {{ email: string, phone: string }} Contact */
/** @typedef {{ hold: string, bus: string, from: string, to: string, seats: string[], people: Person[], contact: Contact,
 *   method?: string, ref?: string }} Draft */

const PLACE = "omnibus.draft";

/** @param {string} hold @returns {Draft | null} */
export function draftOf(hold) {
  const draft = recall(session, PLACE, /** @type {Draft | null} */ (null));
  return draft?.hold === hold ? draft : null;
}

/** Start from a hold, with what was typed for the last one.
 * @param {import("../api.d.ts").Hold} hold @returns {Draft} */
export function draftFor(hold) {
  const last = recall(session, PLACE, /** @type {Draft | null} */ (null));
  return {
    hold: hold.id,
    bus: hold.bus_id,
    from: hold.from_stop,
    to: hold.to_stop,
    seats: hold.seats,
    people: seatPeople(last?.people ?? [], hold.seats),
    contact: last?.contact ?? { email: "", phone: "" },
    method: last?.method,
  };
}

/** @param {Draft | null} draft */
export const keepDraft = (draft) => remember(session, PLACE, draft);

/** Give every seat its person: whoever sat there before, else the next who lost a seat.
 * @param {Person[]} people @param {string[]} seats @returns {Person[]} */
export function seatPeople(people, seats) {
  const homeless = people.filter((person) => !seats.includes(person.seat));
  return seats.map((seat) => {
    const person = people.find((each) => each.seat === seat) ?? homeless.shift();
    return { name: "", category: "adult", ...person, seat };
  });
}
