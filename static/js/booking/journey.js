// A trip in words and times, as checkout, tickets and lists show it.
import { get } from "../core/api.js";
import { html, Icon } from "../core/dom.js";
import { duration, longDay, nights, t, time, zoneName } from "../core/text.js";

/** @typedef {import("../api.d.ts").Bus} Bus */
/** @typedef {import("../api.d.ts").StopCall} StopCall */

// A line ends behind it, not before.
const DOT = "\u00a0· ";

/** @type {Map<string, Promise<Bus>>} */
const known = new Map();

/** Buses hardly change; one is asked for once a page.
 * @param {string} id @returns {Promise<Bus>} */
export function busOf(id) {
  let bus = known.get(id);
  if (!bus) {
    bus = /** @type {Promise<Bus>} */ (get(`/buses/${id}`, { guest: true }));
    bus.catch(() => known.delete(id));
    known.set(id, bus);
  }
  return bus;
}

/** What is shown of a trip: who drives, from where and when, to where and when.
 * @typedef {{ name: string, zone: string, at: string }} End
 * @typedef {{ operator: string, name: string, from: End, to: End }} Trip */

/** The trip of a booking, which brings all the words along.
 * @param {import("../api.d.ts").Booking} booking @returns {Trip} */
export const tripOf = (booking) => ({
  operator: booking.operator.name,
  name: booking.bus_name,
  from: {
    name: booking.from_stop_name,
    zone: booking.from_time_zone,
    at: booking.departs_at,
  },
  to: { name: booking.to_stop_name, zone: booking.to_time_zone, at: booking.arrives_at },
});

/** The trip that a leg by stop ids means.
 * @param {Bus} bus @param {string} from @param {string} to @returns {Trip} */
export function tripOn(bus, from, to) {
  const [start, end] = endsOf(bus, from, to);
  return {
    operator: bus.operator.name,
    name: bus.name,
    from: { name: start.stop.name, zone: start.stop.time_zone, at: start.departs_at },
    to: { name: end.stop.name, zone: end.stop.time_zone, at: end.arrives_at },
  };
}

/** @param {Bus} bus @param {string} from @param {string} to @returns {[StopCall, StopCall]} */
function endsOf(bus, from, to) {
  const start = Math.max(
    0,
    bus.stops.findIndex((call) => call.stop.id === from),
  );
  const end = bus.stops.findIndex((call, index) => index > start && call.stop.id === to);
  return [bus.stops[start], bus.stops[end < 0 ? bus.stops.length - 1 : end]];
}

/** @param {{ trip: Trip }} props */
export function Journey({ trip: { operator, name, from, to } }) {
  const later = nights(from.at, from.zone, to.at, to.zone);
  return html`
    <div class="journey">
      <p class="journey-day"><${Icon} name="calendar-days" />${longDay(from.at, from.zone)}</p>
      <ol>
        <${Call} label=${t("booking.board")} end=${from} />
        <li class="journey-way">${duration(from.at, to.at)}${DOT}<bdi>${operator}</bdi>${DOT}<bdi>${name}</bdi></li>
        <${Call} label=${t("booking.leave")} end=${to} later=${later} />
      </ol>
    </div>`;
}

/** @param {{ label: string, end: End, later?: number }} props */
function Call({ label, end: { name, zone, at }, later = 0 }) {
  return html`
    <li class="journey-end"><span class="visually-hidden">${label}</span>
      <time dateTime=${at}>${time(at, zone)}${later > 0 && html`<sup>+${later}</sup>`}</time>
      <strong><bdi>${name}</bdi></strong><abbr title=${zone}>${zoneName(at, zone)}</abbr></li>`;
}
