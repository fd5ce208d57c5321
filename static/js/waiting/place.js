// What a browser keeps of waiting rooms: its places. Admissions are kept where seats are held (js/seatmap/hold.js).
import { local, recall, remember } from "../core/dom.js";

/** @typedef {{ token: string, first: number | null }} KeptPlace */

/** @param {string} room */
const placeAt = (room) => `omnibus.place.${room}`;
/** @param {string} room @returns {KeptPlace | null} */
export const placeIn = (room) =>
  recall(local, placeAt(room), /** @type {KeptPlace | null} */ (null));
/** @param {string} room @param {KeptPlace | null} place */
export const keepPlace = (room, place) => remember(local, placeAt(room), place);
