// What a scanner does: a scan is kept, sent, and judged by the server; if no answer comes in time, by the list that is
// here, and sent later.
import { post } from "../core/api.js";
import { kept, forget as unpair } from "../core/device.js";
import { computed, now, signal } from "../core/dom.js";
import { read } from "./code.js";
import { countsOf, judge, lineOf } from "./door.js";
import { forgetManifests, forgetScans, sweepManifests } from "./keep.js";
import {
  answers,
  change,
  dropSpent,
  enter,
  entries,
  entryBy,
  flush,
  recallScans,
} from "./outbox.js";
import {
  door,
  fault,
  isConnected,
  lastPlace,
  leaveBus,
  mayScan,
  open,
  refresh,
  stopAt,
} from "./place.js";
import { boardingsOf, entryOf } from "./queue.js";

/** @typedef {import("./queue.js").Entry} Entry */
/** @typedef {import("./door.js").Judged & { id: string, isOffline: boolean, where?: string,
 *   passenger?: import("../api.d.ts").ScanAnswer["passenger"] }} Shown */

const PATIENCE_MS = 3_000;
const REFRESH_MS = 20_000;
const AGAIN_MS = 4_000;

export const shown = signal(/** @type {Shown | null} */ (null));
export const isJudging = signal(false);
export const boardings = computed(() =>
  door.value ? boardingsOf(door.value, entries.value) : new Map(),
);
export const counts = computed(() => (door.value ? countsOf(door.value, boardings.value) : []));

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let due = Number.POSITIVE_INFINITY;

/** Go on where this browser was: with its scans and its bus, network or none. */
export async function start() {
  await recallScans();
  await dropSpent(await sweepManifests(now()));
  const place = lastPlace();
  if (place && mayScan.peek()) await open(place.bus, place.stop).catch(leaveBus);
  addEventListener("online", work);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") work();
  });
  work();
}

/** Send what waits, and look for news of the list; soon again while nobody answers. */
export async function work() {
  clearTimeout(timer);
  due = Number.POSITIVE_INFINITY;
  try {
    if (mayScan.peek()) {
      await flush();
      await refresh();
    }
    await dropSpent(await sweepManifests(now()));
  } finally {
    later(isConnected.peek() ? REFRESH_MS : AGAIN_MS);
  }
}

/** Whoever scans one ticket after the other must not put it off for ever.
 * @param {number} milliseconds */
function later(milliseconds) {
  if (performance.now() + milliseconds >= due) return;
  due = performance.now() + milliseconds;
  clearTimeout(timer);
  timer = setTimeout(work, milliseconds);
}

let turn = Promise.resolve();
/** Scan what was read by camera, by a scanner that types, or by hand: one after the other.
 * @param {Entry["named"]} named */
export function scan(named) {
  turn = turn.catch(() => {}).then(() => scanOne(named));
  return turn;
}

/** @param {Entry["named"]} named */
async function scanOne(named) {
  const at = door.peek();
  if (!at) return;
  isJudging.value = true;
  try {
    /** @type {import("./code.js").Reading} */
    const reading =
      "ticket" in named ? await read(named.ticket, at.keys) : { kind: "seat", ...named };
    const stop = at.stops[stopAt.peek()]?.stop.id ?? null;
    const moment = new Date(now()).toISOString();
    const id = crypto.randomUUID();
    await enter(entryOf({ id, bus: at.bus_id, stop, named, reading, at: moment }));
    await tell(id, reading);
  } finally {
    isJudging.value = false;
  }
}

/** Have a scan judged, and show how.
 * @param {string} id @param {import("./code.js").Reading} reading */
async function tell(id, reading) {
  if (isConnected.peek() && navigator.onLine)
    await Promise.race([flush(), new Promise((resume) => setTimeout(resume, PATIENCE_MS))]);
  const entry = entryBy(id);
  const at = door.peek();
  if (!entry || !at) return;
  if (entry.answer) {
    const told = answers.get(id);
    const { passenger, boarded } = told ?? {};
    const line = lineOf(at, reading);
    shown.value = { ...entry.answer, passenger, where: boarded?.where, line, id, isOffline: false };
    later(0);
    return;
  }
  if (!fault.peek()) isConnected.value = false;
  const others = entries.peek().filter((each) => each.id !== id);
  const judged = judge(at, reading, {
    stop: entry.stop,
    at: Date.parse(entry.at),
    boardings: boardingsOf(at, others),
  });
  await change(id, { isOffline: true, verdict: judged.verdict });
  shown.value = { ...judged, id, isOffline: true };
  later(AGAIN_MS);
}

/** Give away the seats of those who have not come, as staff may. Raises ApiError.
 * @returns {Promise<number>} how many */
export async function releaseNoShows() {
  /** @type {{ items: { seats: string[] }[] }} */
  const { items } = await post(`/admin/buses/${door.peek()?.bus_id}/no-shows`, {});
  await refresh();
  return items.reduce((sum, { seats }) => sum + seats.length, 0);
}

/** Be no scanner any more: nothing of it stays here. */
export async function forgetAll() {
  leaveBus();
  shown.value = null;
  entries.value = [];
  answers.clear();
  await Promise.all([forgetManifests(), forgetScans()]);
  if (kept.peek()) unpair();
}
