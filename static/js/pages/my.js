// `/my`: the trips of an account, and those a guest booked in this browser.
import words from "messages/ticket";
import { AccountSection } from "../account/section.js";
import { FindForm } from "../booking/find.js";
import { tripOf } from "../booking/journey.js";
import { forgetTicket, keepTicket } from "../booking/kept.js";
import { ApiError, get, keepKey, keptRefs, keyOf, signedOut, user, withKey } from "../core/api.js";
import { html, Icon, now, signal } from "../core/dom.js";
import { mount } from "../core/shell.js";
import { day, learn, t, term, time } from "../core/text.js";
import { Failure, Notice, Skeleton, toast } from "../core/ui.js";

/** @typedef {import("../api.d.ts").Booking} Booking */
/** @typedef {{ booking: Booking, isGuest: boolean }} Line */

learn(words);
const GUEST_SHOWN = 20;
const OVER = new Set(["CANCELLED", "EXPIRED", "FAILED"]);
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
  cursor.value = null;
  if (!user.peek()) return [];
  /** @type {import("../api.d.ts").Page<Booking>} */
  const page = await get("/bookings");
  cursor.value = page.next_cursor;
  return page.items.map(ofAccount);
}

/** @param {Booking} booking @returns {Line} */
const ofAccount = (booking) => ({ booking, isGuest: false });

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
  const after = cursor.peek();
  if (!after) return;
  try {
    /** @type {import("../api.d.ts").Page<Booking>} */
    const page = await get(`/bookings?cursor=${encodeURIComponent(after)}`);
    // Pressed twice: these are here already.
    if (after !== cursor.peek()) return;
    cursor.value = page.next_cursor;
    trips.value = [...(trips.value ?? []), ...page.items.map(ofAccount)].sort(byDeparture);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const text = error.code === "offline" ? t("failure.offline") : error.message;
    toast(text, { icon: "circle-alert", tone: "bad", action: { label: t("retry"), run: more } });
  }
}

/** @param {Line} line */
const isOver = ({ booking }) => OVER.has(booking.status) || Date.parse(booking.arrives_at) < now();

/** @param {Line} a @param {Line} b */
const byDeparture = (a, b) => Date.parse(b.booking.departs_at) - Date.parse(a.booking.departs_at);

/** The key is all that a guest has of a booking, so it comes back if that was a slip of the finger.
 * @param {Line} line */
function forget(line) {
  const { ref } = line.booking;
  const key = keyOf(ref) ?? null;
  const others = () => (trips.peek() ?? []).filter(({ booking }) => booking.ref !== ref);
  keepKey(ref, null);
  const forgotten = forgetTicket(ref);
  trips.value = others();
  const undo = async () => {
    keepKey(ref, key);
    trips.value = [...others(), line].sort(byDeparture);
    // Without a network its papers are not to be had; they are kept when the ticket is opened next.
    if (await forgotten) keepTicket(line.booking).catch(() => {});
  };
  toast(t("my.forgotten", { ref }), { seconds: 10, action: { label: t("undo"), run: undo } });
}

function MyPage() {
  return html`
    <h1>${t("my.title")}</h1>
    ${!user.value && html`<${Notice} icon="user" title=${t("my.guest")}><p>${t("my.guest.body")}</p><a class="button" href="/login?next=/my">${t("nav.login")}</a></${Notice}>`}
    <${Trips} />
    ${!user.value && html`<${FindForm} />`}
    <${AccountSection} />`;
}

function Trips() {
  if (failure.value) return html`<${Failure} error=${failure.value} retry=${load} />`;
  if (!trips.value) return html`<${Skeleton} lines=${3} />`;
  if (!trips.value.length)
    return html`<${Notice} icon="ticket" title=${t("my.empty")}><p>${t("my.empty.body")}</p><a class="button primary" href="/">${t("nav.search")}</a></${Notice}>`;
  const past = trips.value.filter(isOver);
  // The next one comes first here, and the last one there.
  const next = trips.value.filter((trip) => !isOver(trip)).reverse();
  return html`
    <section aria-labelledby="next-title"><h2 id="next-title">${t("my.next")}</h2>
      ${next.length ? html`<${TripList} trips=${next} />` : html`<p class="hint">${t("my.next.none")} <a href="/">${t("nav.search")}</a></p>`}</section>
    ${past.length > 0 && html`<section aria-labelledby="past-title"><h2 id="past-title">${t("my.past")}</h2><${TripList} trips=${past} /></section>`}
    ${cursor.value && html`<button type="button" class="button wide" onClick=${more}>${t("my.more")}</button>`}`;
}

/** @param {{ trips: Line[] }} props */
function TripList({ trips }) {
  return html`<ul class="trips">${trips.map((trip) => html`<${TripLine} key=${trip.booking.ref} ...${trip} />`)}</ul>`;
}

/** @param {Line} props */
function TripLine({ booking, isGuest }) {
  const { operator, from, to } = tripOf(booking);
  return html`
    <li class="trip-line" data-status=${booking.status} data-over=${isOver({ booking, isGuest }) ? "" : null}>
      <a href=${`/bookings/${booking.ref}`}>
        <span class="trip-date"><strong>${day(from.at, from.zone)}</strong><span>${time(from.at, from.zone)}</span></span>
        <span class="trip-way"><strong><bdi>${from.name}</bdi> <${Icon} name="arrow-right" class="flip" /> <bdi>${to.name}</bdi></strong>
          <small><bdi>${operator}</bdi> · <bdi>${booking.seats.join(", ")}</bdi> · <bdi>${booking.ref}</bdi></small></span>
        <span class="status">${term("booking", booking.status)}</span>
      </a>
      ${isGuest && html`<button type="button" class="icon-button" aria-label=${t("my.forget", { ref: booking.ref })} onClick=${() => forget({ booking, isGuest })}><${Icon} name="x" /></button>`}
    </li>`;
}

mount(MyPage, t("my.title"));
load();
