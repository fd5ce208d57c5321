// What was scanned here and waits to be sent, or was: in order, one sending at a time, until the server has answered.
import { ApiError, post } from "../core/api.js";
import { computed, now, signal } from "../core/dom.js";
import { addScan, dropScan, keepScan, keptScans } from "./keep.js";
import { arrived, asProblem, GIVE_UP_MS, note } from "./place.js";
import {
  batchOf,
  bodyOf,
  isConflict,
  isWaiting,
  settle,
  spent,
  undosOf,
  wayBack,
} from "./queue.js";

/** @typedef {import("../api.d.ts").ScanAnswer} ScanAnswer */
/** @typedef {import("./queue.js").Entry} Entry */

const UNFIT = new Set([400, 413, 422]);
const REFUSED = new Set([403, 404, 409]);

export const entries = signal(/** @type {Entry[]} */ ([]));
export const waiting = computed(() => entries.value.filter(isWaiting).length);
export const conflicts = computed(() => entries.value.filter(isConflict));
/** What the server said of the passengers of scans; in memory only, for names are kept nowhere but in manifests.
 * @type {Map<string, ScanAnswer>} */
export const answers = new Map();

export async function recallScans() {
  entries.value = await keptScans();
}

/** @param {string} id */
export const entryBy = (id) => entries.peek().find((each) => each.id === id);

/** @param {Entry} made */
export async function enter(made) {
  const entry = await addScan(made);
  entries.value = [...entries.peek(), entry];
}

/** @param {string} id @param {Partial<Entry>} news */
export async function change(id, news) {
  const entry = entryBy(id);
  if (!entry) return;
  const changed = { ...entry, ...news };
  entries.value = entries.peek().map((each) => (each.id === id ? changed : each));
  await keepScan(changed);
}

/** @param {Entry} entry */
async function drop(entry) {
  entries.value = entries.peek().filter(({ id }) => id !== entry.id);
  await dropScan(entry);
}

let turn = Promise.resolve();
/** Send what waits, after whatever is being sent. */
export function flush() {
  turn = turn
    .catch(() => {})
    .then(sendAll)
    .catch(note);
  return turn;
}

async function sendAll() {
  for (let some = batchOf(entries.peek()); some.length; some = batchOf(entries.peek()))
    await sendSome(some);
  for (const { id, bus } of undosOf(entries.peek())) await sendUndo(id, bus);
}

/** @param {Entry[]} some */
async function sendSome(some) {
  for (const { id, isTried } of some) if (!isTried) await change(id, { isTried: true });
  const scans = some.map(({ id }) => bodyOf(/** @type {Entry} */ (entryBy(id))));
  try {
    const limit = AbortSignal.timeout(GIVE_UP_MS);
    const told = await post("/devices/me/scans", { scans }, { signal: limit }).catch(asProblem);
    arrived();
    await settleAll(told.items);
  } catch (error) {
    if (!(error instanceof ApiError) || !UNFIT.has(error.status)) throw error;
    // One that the server does not take must not keep it from the others for ever.
    if (some.length > 1) for (const each of some) await sendSome([each]);
    else await settleAll([{ id: some[0].id, bus_id: some[0].bus, verdict: "unknown" }]);
  }
}

/** @param {ScanAnswer[]} items */
async function settleAll(items) {
  for (const told of items) {
    answers.set(told.id, told);
    const entry = entryBy(told.id);
    if (entry) await change(told.id, settle(entry, told, now()));
  }
}

/** @param {string} id @param {string} bus */
async function sendUndo(id, bus) {
  const limit = AbortSignal.timeout(GIVE_UP_MS);
  try {
    const body = { id, bus_id: bus };
    await post("/devices/me/scans/undo", body, { signal: limit }).catch(asProblem);
    arrived();
    await change(id, { undo: "done", answeredAt: now() });
  } catch (error) {
    if (!(error instanceof ApiError) || !REFUSED.has(error.status)) throw error;
    await change(id, { undo: "refused", isSeen: false });
  }
}

/** Take a boarding back that was a mistake.
 * @param {Entry} entry */
export async function undo(entry) {
  const way = wayBack(entry, now());
  if (way === "forget") await drop(entry);
  if (way !== "tell") return;
  await change(entry.id, { undo: "wanted", isSeen: true });
  await flush();
}

/** Let go of what was answered and is of no use any more, of buses whose manifests are gone.
 * @param {Set<string>} left */
export async function dropSpent(left) {
  for (const entry of spent(entries.peek(), left, now())) await drop(entry);
}
