// Clocks of other places: what stands on one, and which moment that is. Pure.

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** What a clock shows at a moment, as `<input type=datetime-local>` has it: 2026-12-24T08:05.
 * @param {string | number} moment @param {string} zone */
export function localOf(moment, zone) {
  const text = new Date(moment).toLocaleString("sv-SE", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  });
  return text.replace(" ", "T");
}

/** The moment at which a clock shows a time, with its offset; null when it never does, as clocks are set forward. Of two,
 * as clocks are set back, the first.
 * @param {string} local @param {string} zone @returns {string | null} 2026-12-24T08:05:00+01:00 */
export function momentOf(local, zone) {
  const asUtc = Date.parse(`${local}:00Z`);
  if (Number.isNaN(asUtc)) return null;
  const offsets = [-1, 0, 1].map((days) => offsetAt(asUtc + days * DAY_MS, zone));
  const found = [...new Set(offsets)]
    .map((offset) => asUtc - offset * MINUTE_MS)
    .filter((moment) => localOf(moment, zone) === local)
    .sort((a, b) => a - b);
  if (!found.length) return null;
  return `${local}:00${written(offsetAt(found[0], zone))}`;
}

/** When a day begins on a clock: at midnight, or as soon as there is a time where clocks are set forward at midnight.
 * @param {string} date 2026-12-24 @param {string} zone @returns {string | null} null if it is no date */
export function startOf(date, zone) {
  for (const time of ["00:00", "00:30", "01:00"]) {
    const moment = momentOf(`${date}T${time}`, zone);
    if (moment) return moment;
  }
  return null;
}

/** When a day is over on a clock.
 * @param {string} date @param {string} zone @returns {string | null} */
export function endOf(date, zone) {
  const midnight = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(midnight)) return null;
  return startOf(new Date(midnight + DAY_MS).toISOString().slice(0, 10), zone);
}

/** @param {number} moment @param {string} zone in minutes */
function offsetAt(moment, zone) {
  const floored = Math.floor(moment / MINUTE_MS) * MINUTE_MS;
  return Math.round((Date.parse(`${localOf(floored, zone)}:00Z`) - floored) / MINUTE_MS);
}

/** @param {number} minutes */
function written(minutes) {
  const size = Math.abs(minutes);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** Seconds after the start as one writes them: 1:05, or 0:00:30.
 * @param {number} seconds */
export function spanOf(seconds) {
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const text = `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}`;
  return seconds % 60 ? `${text}:${two(seconds % 60)}` : text;
}

/** Read what somebody has typed: 1:05 is an hour and five minutes, 65 are minutes; null if it is none of that.
 * @param {string} typed @returns {number | null} */
export function secondsOf(typed) {
  const text = typed.trim();
  const parts = /^(\d{1,3}):([0-5]?\d)(?::([0-5]\d))?$/.exec(text);
  if (parts) return Number(parts[1]) * 3600 + Number(parts[2]) * 60 + Number(parts[3] ?? 0);
  return /^\d{1,5}$/.test(text) ? Number(text) * 60 : null;
}
