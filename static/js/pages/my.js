// `/my`: the trips of an account, and those a guest booked in this browser.
import { AccountSection } from "../account/section.js";
import { tripOf } from "../booking/journey.js";
import { ApiError, get, keepKey, keptRefs, signedOut, user, withKey } from "../core/api.js";
import { html, Icon, signal } from "../core/dom.js";
import { mount } from "../core/shell.js";
import { day, t, term, time } from "../core/text.js";
import { Failure, Notice, Skeleton } from "../core/ui.js";

/** @typedef {import("../api.d.ts").Booking} Booking */
/** @typedef {{ booking: Booking, isGuest: boolean }} Line */

const GUEST_SHOWN = 20;
const trips = signal(/** @type {Line[] | null} */ (null));
const cursor = signal(/** @type {string | null} */ (null));
const failure = signal(/** @type {ApiError | null} */ (null));

async function load() {
  failure.value = null;
  try {
    const [own, guests] = await Promise.all([ownTrips(), guestTrips()]);
    const refs = new Set(own.map(({ booking }) => booking.ref));
    const others = guests.filter(({ booking }) => !refs.has(booking.ref));
    trips.value = [...own, ...others].sort(byDeparture);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // The session is over, which leaves a guest's trips to show.
    if (error.status === 401 && user.peek()) {
      signedOut();
      await load();
    } else failure.value = error;
  }
}

/** @returns {Promise<Line[]>} */
async function ownTrips() {
  if (!user.peek()) return [];
  const next = cursor.peek();
  /** @type {import("../api.d.ts").Page<Booking>} */
  const page = await get(`/bookings${next ? `?cursor=${encodeURIComponent(next)}` : ""}`);
  cursor.value = page.next_cursor;
  return page.items.map((booking) => ({ booking, isGuest: false }));
}

/** A key may be of a booking that is gone, which is no reason to show none of the others.
 * @returns {Promise<Line[]>} */
async function guestTrips() {
  const asked = keptRefs()
    .slice(0, GUEST_SHOWN)
    .map(async (ref) => {
      try {
        const booking = await get(`/bookings/${ref}`, { ...withKey(ref), guest: true });
        return { booking, isGuest: true };
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }
    });
  return (await Promise.all(asked)).filter((trip) => trip !== null);
}

async function more() {
  try {
    trips.value = [...(trips.value ?? []), ...(await ownTrips())].sort(byDeparture);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    failure.value = error;
  }
}

/** @param {Line} a @param {Line} b */
const byDeparture = (a, b) => Date.parse(b.booking.departs_at) - Date.parse(a.booking.departs_at);

/** @param {string} ref */
function forget(ref) {
  keepKey(ref, null);
  trips.value = (trips.value ?? []).filter(({ booking }) => booking.ref !== ref);
}

function MyPage() {
  return html`
    <h1>${t("my.title")}</h1>
    ${!user.value && html`<${Notice} icon="user" title=${t("my.guest")}><p>${t("my.guest.body")}</p><a class="button" href="/login?next=/my">${t("nav.login")}</a></${Notice}>`}
    <${Trips} />
    <${AccountSection} />`;
}

function Trips() {
  if (failure.value) return html`<${Failure} error=${failure.value} retry=${load} />`;
  if (!trips.value) return html`<${Skeleton} lines=${3} />`;
  if (!trips.value.length)
    return html`<${Notice} icon="ticket" title=${t("my.empty")}><p>${t("my.empty.body")}</p><a class="button primary" href="/">${t("nav.search")}</a></${Notice}>`;
  return html`
    <ul class="trips">${trips.value.map((trip) => html`<${TripLine} key=${trip.booking.ref} ...${trip} />`)}</ul>
    ${cursor.value && html`<button type="button" class="button wide" onClick=${more}>${t("my.more")}</button>`}`;
}

/** @param {Line} props */
function TripLine({ booking, isGuest }) {
  const { operator, from, to } = tripOf(booking);
  return html`
    <li class="trip-line" data-status=${booking.status}>
      <a href=${`/bookings/${booking.ref}`}>
        <span class="trip-date"><strong>${day(from.at, from.zone)}</strong><span>${time(from.at, from.zone)}</span></span>
        <span class="trip-way"><strong>${from.name} <${Icon} name="arrow-right" class="flip" /> ${to.name}</strong>
          <small>${operator} · ${booking.seats.join(", ")} · ${booking.ref}</small></span>
        <span class="status">${term("booking", booking.status)}</span>
      </a>
      ${isGuest && html`<button type="button" class="icon-button" aria-label=${t("my.forget", { ref: booking.ref })} onClick=${() => forget(booking.ref)}><${Icon} name="x" /></button>`}
    </li>`;
}

mount(MyPage, t("my.title"));
load();
