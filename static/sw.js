// What works without a network: the tickets that somebody opened, and a page that leads to them. Of everything else
// nothing is kept: prices and seats are asked for, or not shown.
//
// Pages come from the network, and with them the newest edition of all files, whatever edition this worker is of; so a
// worker can be replaced at any moment, and none can keep anybody on an old page.
const BUILD = "edition";
const FILES = `omnibus.files.${BUILD}`;
const TICKETS = "omnibus.tickets"; // written by the pages that show tickets: js/booking/kept.js
const OFFLINE = "/offline";
/** The pages that are of use without a network, by how their paths begin. All of a kind are the same shell. */
const KINDS = [OFFLINE, "/bookings/", "/scan", "/kiosk", "/board/"];
const PATIENCE_MS = 3000;
const AWAY = new Set([502, 503, 504]);
const FILE = /^\/static\/[0-9a-f]{12}\//;
const TICKET = /^\/api\/v1\/(?:bookings\/\w+(?:\/ticket\.pdf)?|tickets\/[\w-]+\/qr\.svg)$/;
const LINKED = /(?:href|src)="(\/static\/[^"#]+)/g;
const SPRITE = /\/static\/[^"]+(?=\/js\/core\/dom\.js")/;
const ANY = { ignoreVary: true, ignoreSearch: true };

addEventListener("install", (event) => {
  const shells = [learn(OFFLINE, OFFLINE), learn("/bookings/", "/bookings/AAAAAA")];
  event.waitUntil(Promise.all(shells).then(() => self.skipWaiting()));
});

addEventListener("activate", (event) => {
  event.waitUntil(clear().then(() => self.clients.claim()));
});

// A page that was opened before there was a worker asks to be kept: a scanner may never be opened near a network again.
addEventListener("message", (event) => {
  const kind = KINDS.find((each) => each === event.data?.keep);
  if (!kind) return;
  // Files that its shell does not name: those of workers that not every browser needs.
  const more = (event.data.with ?? []).filter((path) => FILE.test(path));
  event.waitUntil(Promise.all([learn(kind, kind), ...more.map(file)]).catch(() => {}));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (TICKET.test(pathname)) event.respondWith(fresh(request, () => ticket(request.url)));
  else if (FILE.test(pathname)) event.respondWith(file(request.url));
  else if (request.mode === "navigate" && !pathname.startsWith("/api/"))
    event.respondWith(page(event, pathname));
});

/** Ask for a page of some kind, and keep it with all that it needs.
 * @param {string} kind @param {string} path */
async function learn(kind, path) {
  const response = await fetch(path, { headers: { accept: "text/html" } });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  await keep(kind, response);
}

/** @param {string} kind @param {Response} shell */
async function keep(kind, shell) {
  const html = await shell.clone().text();
  const sprite = html.match(SPRITE);
  const named = [...html.matchAll(LINKED)].map(([, path]) => path);
  if (sprite) named.push(`${sprite[0]}/vendor/lucide/icons.svg`);
  await Promise.all([...new Set(named)].map((path) => file(path)));
  const files = await caches.open(FILES);
  await files.put(kind, shell);
}

/** A file of an edition never changes: whoever has it need not ask. One that the server calls by another edition's name
 * is not kept.
 * @param {string} url */
async function file(url) {
  const known = await caches.match(url, { ignoreVary: true });
  if (known) return known;
  const response = await fetch(url);
  if (response.ok && response.headers.get("cache-control")?.includes("immutable")) {
    const files = await caches.open(FILES);
    await files.put(url, response.clone());
  }
  return response;
}

/** @param {FetchEvent} event @param {string} path */
async function page(event, path) {
  const kind = KINDS.find((each) => path.startsWith(each));
  const shell = async () => kind && (await caches.open(FILES)).match(kind, ANY);
  const asked = (request) =>
    fetch(request).then((response) => {
      const isShell = response.ok && response.headers.get("content-type")?.includes("text/html");
      if (kind && isShell) event.waitUntil(keep(kind, response.clone()).catch(() => {}));
      return response;
    });
  const response = await fresh(event.request, shell, asked).catch(() => null);
  if (response && !AWAY.has(response.status)) return response;
  const offline = await (await caches.open(FILES)).match(OFFLINE, ANY);
  return offline ?? response ?? Response.error();
}

/** @param {string} url */
const ticket = async (url) => (await caches.open(TICKETS)).match(url, ANY);

/** Answer from the network; from what is kept, if anything is, when the network is away or too slow.
 * @param {Request} request @param {() => Promise<Response | undefined>} kept
 * @param {(request: Request) => Promise<Response>} ask */
async function fresh(request, kept, ask = fetch) {
  const asked = ask(request);
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS)).then(kept);
  try {
    const first = await Promise.race([asked, late.then((known) => known ?? asked)]);
    return AWAY.has(first.status) ? ((await kept()) ?? first) : first;
  } catch (error) {
    const known = await kept();
    if (known) return known;
    throw error;
  }
}

/** Pages that are open may still want files of the edition before this one; older ones nobody wants. */
async function clear() {
  const editions = (await caches.keys()).filter((name) => name.startsWith("omnibus.files."));
  const others = editions.filter((name) => name !== FILES);
  await Promise.all(others.slice(0, -1).map((name) => caches.delete(name)));
}
