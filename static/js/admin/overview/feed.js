// What was sold just now: the latest bookings, asked for again when the day's totals change.
import { html } from "../../core/dom.js";
import { day, money, t, time } from "../../core/text.js";
import { clockZone, State } from "../parts.js";

/** @typedef {import("../../api.d.ts").FoundBooking} FoundBooking */

/** @param {{ items: FoundBooking[] }} props */
export function Feed({ items }) {
  if (!items.length) return html`<p class="hint">${t("overview.feed.none")}</p>`;
  return html`<ol class="feed">${items.map((each) => html`<${Line} key=${each.ref} booking=${each} />`)}</ol>`;
}

/** @param {{ booking: FoundBooking }} props */
function Line({ booking }) {
  const { ref, created_at, seats, total, status, from_stop_name, to_stop_name, departs_at } =
    booking;
  return html`
    <li class="feed-line">
      <time dateTime=${created_at}>${time(created_at, clockZone())}</time>
      <span><a href=${`/admin/bookings/${ref}`}>${ref}</a> ${seats.join(", ")}</span>
      <strong>${money(total)}</strong>
      <small class="feed-way">${from_stop_name} – ${to_stop_name}</small>
      <${State} group="booking" word=${status} />
      <small class="feed-bus">${day(departs_at, booking.time_zone)} ${time(departs_at, booking.time_zone)} · <a href=${`/admin/buses/${booking.bus_id}`}>${booking.bus_name}</a></small>
    </li>`;
}
