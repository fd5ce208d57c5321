// Tickets for where there is no network: what a rider opened is kept in this browser until the trip is over or somebody
// signs out. Only one's own: staff look at other people's tickets, and those are not kept.
import { keyOf, send, user, withKey } from "../core/api.js";
import { now } from "../core/dom.js";

/** @typedef {import("../api.d.ts").Booking} Booking */
/** @typedef {Booking & { kept_at: string }} Kept */

const PLACE = "omnibus.tickets"; // where the service worker looks, and api.js clears at sign-out
const MOST = 20;
const AFTER_MS = 2 * 86_400_000;
const TRAVELS = new Set(["CONFIRMED", "PARTIALLY_CANCELLED"]);
const BOOKING = /^\/api\/v1\/bookings\/\w+$/;
const ROOT = "/api/v1";

/** @param {Booking} booking */
const isOver = (booking) => Date.parse(booking.arrives_at) + AFTER_MS < now();

/** Keep a booking that was just shown, with its PDF and its codes; or let go of one that is no ticket any more.
 * @param {Booking} booking */
export async function keepTicket(booking) {
  if (!globalThis.caches || !navigator.serviceWorker) return;
  await navigator.serviceWorker.ready;
  const isOwn = Boolean(keyOf(booking.ref)) || user.peek()?.role === "rider";
  if (!isOwn || !TRAVELS.has(booking.status) || isOver(booking)) {
    await forgetTicket(booking.ref);
    return;
  }
  const cache = await caches.open(PLACE);
  const path = `/bookings/${booking.ref}`;
  const known = await cache.match(ROOT + path);
  if (known && isSame(await known.json(), booking)) return;
  await forgetTicket(booking.ref);
  const papers = booking.passengers
    .filter(({ ticket, status }) => ticket && status === "VALID")
    .map(({ ticket }) => `/tickets/${ticket}/qr.svg`);
  for (const paper of [`${path}/ticket.pdf`, ...papers]) {
    const response = await send("GET", paper, withKey(booking.ref));
    await cache.put(ROOT + paper, response);
  }
  // Last, because it stands for all of it.
  await cache.put(
    ROOT + path,
    Response.json({ ...booking, kept_at: new Date(now()).toISOString() }),
  );
}

/** @param {Kept} known @param {Booking} booking */
function isSame({ kept_at: _, ...known }, booking) {
  return JSON.stringify(known) === JSON.stringify(booking);
}

/** Let go of a booking and all that belongs to it; say whether it was kept.
 * @param {string} ref */
export async function forgetTicket(ref) {
  if (!globalThis.caches) return false;
  const cache = await caches.open(PLACE);
  const path = `${ROOT}/bookings/${ref}`;
  const known = await cache.match(path);
  /** @type {Booking | null} */
  const booking = known ? await known.json() : null;
  const codes = booking?.passengers.map(({ ticket }) => `${ROOT}/tickets/${ticket}/qr.svg`) ?? [];
  await Promise.all([path, `${path}/ticket.pdf`, ...codes].map((each) => cache.delete(each)));
  return booking !== null;
}

/** What is kept, the next trip first. What is over, and what is too much, goes.
 * @returns {Promise<Kept[]>} */
export async function keptTickets() {
  if (!globalThis.caches) return [];
  const cache = await caches.open(PLACE);
  const requests = (await cache.keys()).filter(({ url }) => BOOKING.test(new URL(url).pathname));
  const found = await Promise.all(requests.map(async (each) => (await cache.match(each))?.json()));
  const bookings = /** @type {Kept[]} */ (found.filter(Boolean)).sort(
    (a, b) => Date.parse(a.departs_at) - Date.parse(b.departs_at),
  );
  const wanted = bookings.filter((each) => !isOver(each)).slice(0, MOST);
  const gone = bookings.filter((each) => !wanted.includes(each));
  await Promise.all(gone.map(({ ref }) => forgetTicket(ref)));
  return wanted;
}
