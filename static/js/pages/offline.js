// `/offline`, and any page that cannot be had without a network: the tickets that are kept here, and a way to try again.
import offline from "messages/offline";
import { keptTickets } from "../booking/kept.js";
import { html, Icon, signal } from "../core/dom.js";
import { mount } from "../core/shell.js";
import { day, learn, t, time } from "../core/text.js";
import { Notice } from "../core/ui.js";

learn(offline);

/** @typedef {import("../booking/kept.js").Kept} Kept */

const kept = signal(/** @type {Kept[] | null} */ (null));
const again = () => location.reload();

function OfflinePage() {
  return html`
    <h1>${t("offline.title")}</h1>
    <${Notice} icon="wifi-off" title=${t("failure.offline")}><p>${t("offline.body")}</p>
      <button type="button" class="button primary" onClick=${again}><${Icon} name="refresh-cw" />${t("retry")}</button></${Notice}>
    ${kept.value && html`<${Tickets} kept=${kept.value} />`}`;
}

/** @param {{ kept: Kept[] }} props */
function Tickets({ kept: shown }) {
  return html`
    <section aria-labelledby="kept-title">
      <h2 id="kept-title">${t("offline.tickets")}</h2>
      ${shown.length === 0 && html`<p class="hint">${t("offline.none")}</p>`}
      <ul class="trips">${shown.map((each) => html`<${TicketLine} key=${each.ref} booking=${each} />`)}</ul>
    </section>`;
}

/** @param {{ booking: Kept }} props */
function TicketLine({ booking }) {
  const { from_time_zone: zone, departs_at: at } = booking;
  return html`
    <li class="trip-line" data-status=${booking.status}>
      <a href=${`/bookings/${booking.ref}`}>
        <span class="trip-date"><strong>${day(at, zone)}</strong><span>${time(at, zone)}</span></span>
        <span class="trip-way"><strong><bdi>${booking.from_stop_name}</bdi> <${Icon} name="arrow-right" class="flip" /> <bdi>${booking.to_stop_name}</bdi></strong>
          <small><bdi>${booking.operator.name}</bdi> · <bdi>${booking.seats.join(", ")}</bdi> · <bdi>${booking.ref}</bdi></small></span>
      </a>
    </li>`;
}

mount(OfflinePage, t("offline.title"));
keptTickets().then((found) => {
  kept.value = found;
});
// Only where it stands in for another page is there something to come back to.
addEventListener("online", () => location.pathname !== "/offline" && again());
