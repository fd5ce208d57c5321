// What was scanned here: kept until the server has answered, sent in order, with the number that each scan was given at
// once, so that whatever is sent again is no second scan. Names stand in none of it. Pure.
import { keyOf } from "./door.js";

/** @typedef {import("../api.d.ts").ScanAnswer} ScanAnswer */
/** @typedef {Pick<ScanAnswer, "verdict" | "late" | "boarded" | "right_bus">} Answer */
/** @typedef {{ seq?: number, id: string, bus: string, stop: string | null, named: { ticket: string } | { ref: string,
 *   seat: string }, reading: import("./code.js").Reading, at: string, isOffline: boolean, isTried: boolean,
 *   verdict: import("../api.d.ts").Verdict | null, answer: Answer | null, answeredAt: number,
 *   undo: "wanted" | "done" | "refused" | null, isSeen: boolean }} Entry */

/** Fewer than the API takes: with a bad connection a small answer arrives sooner. */
const BATCH = 100;
const BUSES = 64;
const UNDO_MS = 15 * 60_000;

/** @param {Pick<Entry, "id" | "bus" | "stop" | "named" | "reading" | "at">} scan @returns {Entry} */
export const entryOf = (scan) => ({
  ...scan,
  isOffline: false,
  isTried: false,
  verdict: null,
  answer: null,
  answeredAt: 0,
  undo: null,
  isSeen: false,
});

/** @param {Entry} entry */
export const isWaiting = ({ answer }) => answer === null;

/** What is to be sent next, the oldest first.
 * @param {Entry[]} entries */
export function batchOf(entries) {
  const buses = new Set();
  const batch = [];
  for (const entry of entries.filter(isWaiting).slice(0, BATCH)) {
    buses.add(entry.bus);
    if (buses.size > BUSES) break;
    batch.push(entry);
  }
  return batch;
}

/** As the API takes it. `at` counts only for what was decided here.
 * @param {Entry} entry */
export const bodyOf = ({ id, bus, named, at, isOffline, stop }) => ({
  id,
  bus_id: bus,
  ...named,
  at,
  offline: isOffline,
  ...(stop === null ? {} : { stop }),
});

/** @param {Entry} entry @param {ScanAnswer} told @param {number} now @returns {Entry} */
export function settle(entry, { verdict, late, boarded, right_bus }, now) {
  return {
    ...entry,
    isTried: true,
    answer: { verdict, late, boarded, right_bus },
    answeredAt: now,
  };
}

/** Whether somebody was told one thing here and the server has decided another: for the driver to look at.
 * @param {Entry} entry */
export const isConflict = ({ isOffline, verdict, answer, undo, isSeen }) =>
  !isSeen &&
  (undo === "refused" ||
    (isOffline &&
      answer !== null &&
      undo === null &&
      (verdict === "ok") !== (answer.verdict === "ok")));

/** How a boarding that was a mistake is taken back: by forgetting what nobody has heard of, or by telling; or not at all.
 * @param {Entry} entry @param {number} now @returns {"forget" | "tell" | null} */
export function wayBack(entry, now) {
  const verdict = entry.answer?.verdict ?? entry.verdict;
  if (verdict !== "ok" || entry.undo !== null || now - Date.parse(entry.at) > UNDO_MS) return null;
  return isWaiting(entry) && !entry.isTried ? "forget" : "tell";
}

/** What is to be told as taken back.
 * @param {Entry[]} entries */
export const undosOf = (entries) =>
  entries.filter(({ undo, answer }) => undo === "wanted" && answer?.verdict === "ok");

/** What this device knows of who is aboard beyond a manifest: what waits, and what was answered after it was asked for.
 * @param {import("./door.js").Door} door @param {Entry[]} entries @returns {import("./door.js").Boardings} */
export function boardingsOf(door, entries) {
  /** @type {import("./door.js").Boardings} */
  const known = new Map();
  for (const entry of entries) {
    if (entry.bus !== door.bus_id) continue;
    const verdict = entry.answer?.verdict ?? entry.verdict;
    const isNews = isWaiting(entry) || entry.answeredAt > door.askedAt || entry.undo === "wanted";
    const key = keyOf(door, entry.reading);
    if (verdict !== "ok" || !isNews || !key || entry.undo === "refused") continue;
    known.set(key, { isAboard: entry.undo === null, at: entry.at, isWaiting: isWaiting(entry) });
  }
  return known;
}

/** Scans that need be kept no longer: answered, of buses whose manifests are gone, neither to be taken back any more nor
 * still to be looked at.
 * @param {Entry[]} entries @param {Set<string>} buses @param {number} now */
export const spent = (entries, buses, now) =>
  entries.filter(
    (entry) =>
      !isWaiting(entry) &&
      !buses.has(entry.bus) &&
      wayBack(entry, now) === null &&
      entry.undo !== "wanted" &&
      !isConflict(entry),
  );
