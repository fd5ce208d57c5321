// A trip in words and times, as checkout, tickets and lists show it.
import { get } from "../core/api.js";
import { html, Icon } from "../core/dom.js";
import { duration, longDay, nights, t, time, zoneName } from "../core/text.js";

/** @typedef {import("../api.d.ts").Bus} Bus */
/** @typedef {import("../api.d.ts").StopCall} StopCall */

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

/** The two calls that a leg by stop ids means.
 * @param {Bus} bus @param {string} from @param {string} to @returns {[StopCall, StopCall]} */
export function endsOf(bus, from, to) {
  const start = Math.max(
    0,
    bus.stops.findIndex((call) => call.stop.id === from),
  );
  const end = bus.stops.findIndex((call, index) => index > start && call.stop.id === to);
  return [bus.stops[start], bus.stops[end < 0 ? bus.stops.length - 1 : end]];
}

/** @param {{ bus: Bus, from: StopCall, to: StopCall }} props */
export function Journey({ bus, from, to }) {
  const later = nights(from.departs_at, from.stop.time_zone, to.arrives_at, to.stop.time_zone);
  return html`
    <div class="journey">
      <p class="journey-day"><${Icon} name="calendar-days" />${longDay(from.departs_at, from.stop.time_zone)}</p>
      <ol>
        <${End} label=${t("booking.board")} call=${from} at=${from.departs_at} />
        <li class="journey-way">${duration(from.departs_at, to.arrives_at)} · ${bus.operator.name} · ${bus.name}</li>
        <${End} label=${t("booking.leave")} call=${to} at=${to.arrives_at} later=${later} />
      </ol>
    </div>`;
}

/** @param {{ label: string, call: StopCall, at: string, later?: number }} props */
function End({ label, call, at, later = 0 }) {
  const zone = call.stop.time_zone;
  return html`
    <li class="journey-end"><span class="visually-hidden">${label}</span>
      <time dateTime=${at}>${time(at, zone)}${later > 0 && html`<sup>+${later}</sup>`}</time>
      <strong>${call.stop.name}</strong><abbr title=${zone}>${zoneName(at, zone)}</abbr></li>`;
}
