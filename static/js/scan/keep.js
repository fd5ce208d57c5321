// What a scanner keeps for where there is no network: manifests, as they were answered, in a cache of their own; and its
// scans, one by one, in a database, so that none is lost with the page. Manifests go when their bus is left, when its trip
// is over, when somebody signs out, and when the device is no scanner any more.
import { usefulUntil } from "./door.js";

/** @typedef {import("../api.d.ts").Manifest} Manifest */
/** @typedef {import("../api.d.ts").BusOfDay} BusOfDay */
/** @typedef {import("./queue.js").Entry} Entry */
/** @typedef {{ manifest: Manifest, etag: string, askedAt: number }} KeptManifest */

const CACHE = "omnibus.manifests"; // core/api.js and core/device.js clear it
const DATABASE = "omnibus.scans";
const SCANS = "scans";
const ROOT = "/api/v1/devices/me";
const BUSES = `${ROOT}/buses`;

/** @param {string} bus */
const pathOf = (bus) => `${ROOT}/manifests/${bus}`;

/** @template T @param {string} path @param {T} what */
async function keep(path, what) {
  const cache = await globalThis.caches?.open(CACHE);
  await cache?.put(path, Response.json(what));
}

/** The cache if there is one: to ask what is in it must not make it.
 * @returns {Promise<Cache | null>} */
const cacheHere = async () =>
  (await globalThis.caches?.has(CACHE)) ? globalThis.caches.open(CACHE) : null;

/** @param {string} path */
async function kept(path) {
  const cache = await cacheHere();
  return (await cache?.match(path))?.json();
}

/** @param {KeptManifest} known */
export const keepManifest = (known) => keep(pathOf(known.manifest.bus_id), known);
/** @param {string} bus @returns {Promise<KeptManifest | undefined>} */
export const keptManifest = (bus) => kept(pathOf(bus));
/** @param {BusOfDay[]} buses */
export const keepBuses = (buses) => keep(BUSES, buses);

/** The buses whose manifests are here, and may be boarded without a network.
 * @returns {Promise<BusOfDay[]>} */
export async function keptBuses() {
  const [buses, here] = await Promise.all([kept(BUSES), keptIds()]);
  return /** @type {BusOfDay[]} */ (buses ?? []).filter(({ id }) => here.has(id));
}

/** @returns {Promise<Set<string>>} */
async function keptIds() {
  const cache = await cacheHere();
  const paths = ((await cache?.keys()) ?? []).map(({ url }) => new URL(url).pathname);
  const prefix = pathOf("");
  return new Set(
    paths.filter((each) => each.startsWith(prefix)).map((each) => each.slice(prefix.length)),
  );
}

/** Let go of the manifests of trips that are over; returns the buses that are left.
 * @param {number} now */
export async function sweepManifests(now) {
  const left = await keptIds();
  for (const bus of [...left]) {
    const known = await keptManifest(bus);
    if (known && usefulUntil(known.manifest) > now) continue;
    await forgetManifest(bus);
    left.delete(bus);
  }
  return left;
}

/** @param {string} bus */
export const forgetManifest = async (bus) => (await cacheHere())?.delete(pathOf(bus));
export const forgetManifests = () => globalThis.caches?.delete(CACHE);

/** @type {Promise<IDBDatabase | null> | null} */
let opened = null;

/** Null where a browser keeps nothing, in private windows of some: scans live as long as the page then.
 * @returns {Promise<IDBDatabase | null>} */
function open() {
  opened ??= new Promise((resolve) => {
    if (!globalThis.indexedDB) return resolve(null);
    const asked = indexedDB.open(DATABASE, 1);
    asked.onupgradeneeded = () =>
      asked.result.createObjectStore(SCANS, { keyPath: "seq", autoIncrement: true });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => resolve(null);
    return undefined;
  });
  return opened;
}

/** @template T @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest<T>} ask
 * @returns {Promise<T | undefined>} */
async function inStore(mode, ask) {
  const database = await open();
  if (!database) return undefined;
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(SCANS, mode, { durability: "strict" });
    const asked = ask(transaction.objectStore(SCANS));
    transaction.oncomplete = () => resolve(asked.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

let unkept = 0;

/** Keep a scan before anything is done with it; returns it with its place in the line.
 * @param {Entry} entry @returns {Promise<Entry>} */
export async function addScan(entry) {
  const seq = await inStore("readwrite", (store) => store.add(entry));
  if (seq !== undefined) return { ...entry, seq: Number(seq) };
  unkept += 1;
  return { ...entry, seq: unkept };
}

/** @param {Entry} entry */
export const keepScan = (entry) => inStore("readwrite", (store) => store.put(entry));
/** @param {Entry} entry */
export const dropScan = (entry) =>
  inStore("readwrite", (store) => store.delete(/** @type {number} */ (entry.seq)));
/** @returns {Promise<Entry[]>} */
export const keptScans = async () => (await inStore("readonly", (store) => store.getAll())) ?? [];
export const forgetScans = () => inStore("readwrite", (store) => store.clear());
