// At the door of which bus this scanner is, at which stop, and who is on its list: asked for again and again, and kept for
// where there is no network.
import { ApiError, get, send, user } from "../core/api.js";
import { kept } from "../core/device.js";
import { batch, computed, local, now, recall, remember, signal } from "../core/dom.js";
import { doorOf, usefulUntil } from "./door.js";
import {
  forgetManifest,
  forgetManifests,
  keepBuses,
  keepManifest,
  keptBuses,
  keptManifest,
} from "./keep.js";

/** @typedef {import("../api.d.ts").BusOfDay} BusOfDay */
/** @typedef {import("./door.js").Door} Door */

const PLACE = "omnibus.scan";
export const GIVE_UP_MS = 15_000;
const STILL_THERE_MS = 10 * 60_000;
const CLERKS = new Set(["agent", "operator"]);

/** Whether this browser may scan: as a paired scanner, or for an agent or manager who is signed in. */
export const isStaff = computed(() => !kept.value && CLERKS.has(user.value?.role ?? ""));
export const mayScan = computed(() => kept.value?.kind === "scanner" || isStaff.value);

export const door = signal(/** @type {Door | null} */ (null));
/** Which of the bus's stops it stands at, by its place. */
export const stopAt = signal(0);
/** The buses that were listed last, for the names of the right ones, too. */
export const buses = signal(/** @type {BusOfDay[]} */ ([]));
export const isConnected = signal(true);
/** Why the server takes nothing though it is there. */
export const fault = signal(/** @type {ApiError | null} */ (null));
let etag = "";

/** The buses of a day; without a network those whose lists are here. Raises ApiError.
 * @param {string | null} date */
export async function listBuses(date) {
  try {
    buses.value = (await get(`/devices/me/buses${date ? `?date=${date}` : ""}`)).items;
    isConnected.value = true;
    await keepBuses(buses.value);
    forgetIfOver();
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "offline") throw error;
    isConnected.value = false;
    buses.value = await keptBuses();
  }
  return buses.value;
}

/** Where this browser stood before it was closed. */
export const lastPlace = () =>
  recall(local, PLACE, /** @type {{ bus: string, stop: number } | null} */ (null));

/** Stand at the door of a bus. Raises ApiError if its list is neither to be had nor here.
 * @param {string} bus @param {number | null} stop */
export async function open(bus, stop) {
  const found = await keptManifest(bus);
  const isHere = found && usefulUntil(found.manifest) > now();
  // What is here is shown at once: a network that hardly works must not keep anybody waiting in the rain.
  const known = isHere ? found : await fetchManifest(bus, "");
  if (!known) return;
  const { manifest, askedAt } = known;
  etag = known.etag;
  const last = Math.max(0, manifest.stops.length - 2);
  batch(() => {
    stopAt.value = Math.min(stop ?? likelyStop(manifest.stops), last);
    door.value = doorOf(manifest, askedAt);
  });
  remember(local, PLACE, { bus, stop: stopAt.peek() });
  if (isHere) refresh();
}

/** Where a bus is likely to stand: where the device does, else at the stop that it leaves next.
 * @param {Door["stops"]} stops */
function likelyStop(stops) {
  const own = stops.findIndex(({ stop }) => stop.id === kept.peek()?.stop);
  if (own >= 0) return own;
  const next = stops.findIndex(({ departs_at }) => Date.parse(departs_at) > now() - STILL_THERE_MS);
  return next < 0 ? stops.length : next;
}

/** @param {number} index */
export function standAt(index) {
  stopAt.value = index;
  const bus = door.peek()?.bus_id;
  if (bus) remember(local, PLACE, { bus, stop: index });
}

/** Go away from the door. Who travels is asked for again when somebody comes back; only where nobody could be asked does
 * the list stay, until its trip is over. */
export function leaveBus() {
  const bus = door.peek()?.bus_id;
  if (bus && isConnected.peek()) forgetManifest(bus);
  door.value = null;
  remember(local, PLACE, null);
}

/** Ask whether the list is still so. */
export async function refresh() {
  const bus = door.peek()?.bus_id;
  if (!bus) return;
  try {
    const fetched = await fetchManifest(bus, etag);
    if (!fetched || door.peek()?.bus_id !== bus) return;
    etag = fetched.etag;
    door.value = doorOf(fetched.manifest, fetched.askedAt);
  } catch (error) {
    note(error);
  }
}

/** @param {string} bus @param {string} known the etag of what is here
 * @returns {Promise<import("./keep.js").KeptManifest | null>} */
async function fetchManifest(bus, known) {
  const askedAt = now();
  const headers = known ? { "if-none-match": known } : undefined;
  const limit = AbortSignal.timeout(GIVE_UP_MS);
  const path = `/devices/me/manifests/${bus}`;
  const response = await send("GET", path, { headers, signal: limit }).catch(asProblem);
  arrived();
  if (response.status === 304) return null;
  const manifest = await response.json();
  const fetched = { manifest, etag: response.headers.get("etag") ?? "", askedAt };
  // What was asked for at a door that somebody has left since is no use to anybody.
  if (known && door.peek()?.bus_id !== bus) return null;
  await keepManifest(fetched);
  forgetIfOver();
  return fetched;
}

/** What was on its way when somebody unpaired or signed out came too late, and does not stay. */
function forgetIfOver() {
  if (!mayScan.peek()) forgetManifests();
}

/** The server has answered. */
export function arrived() {
  batch(() => {
    isConnected.value = true;
    fault.value = null;
  });
}

/** What was given up after too long is as lost as what never arrived.
 * @param {unknown} error @returns {never} */
export function asProblem(error) {
  if (!(error instanceof DOMException)) throw error;
  throw new ApiError({ status: 0, code: "offline", title: error.name });
}

/** @param {unknown} error */
export function note(error) {
  if (!(error instanceof ApiError)) throw error;
  const isAway = error.code === "offline" || error.status >= 500;
  batch(() => {
    isConnected.value = !isAway;
    fault.value = isAway ? null : error;
  });
}
