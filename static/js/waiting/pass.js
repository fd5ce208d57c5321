// What a browser keeps of waiting rooms: its places, and its admissions by the bus that they are for.
import { local, now, recall, remember } from "../core/dom.js";

/** @typedef {{ token: string, first: number | null }} KeptPlace */

/** @param {string} room */
const placeAt = (room) => `omnibus.place.${room}`;
/** @param {string} bus */
const admissionAt = (bus) => `omnibus.admission.${bus}`;

/** @param {string} room @returns {KeptPlace | null} */
export const placeIn = (room) =>
  recall(local, placeAt(room), /** @type {KeptPlace | null} */ (null));
/** @param {string} room @param {KeptPlace | null} place */
export const keepPlace = (room, place) => remember(local, placeAt(room), place);

/** @param {string} bus @param {{ token: string, expires_at: string } | null} admission */
export const keepAdmission = (bus, admission) => remember(local, admissionAt(bus), admission);

/** The header that a bus's seats are asked for with; none without an admission that is still good.
 * @param {string} bus @returns {Record<string, string>} */
export function passFor(bus) {
  const kept = recall(
    local,
    admissionAt(bus),
    /** @type {{ token: string, expires_at: string } | null} */ (null),
  );
  return kept && Date.parse(kept.expires_at) > now() ? { "x-room-token": kept.token } : {};
}
