// One bus, watched: over the WebSocket when it can be had, else over an event stream, and by asking every ten seconds
// while neither is to be had. Whoever looks at `known` sees a committed state of the bus; `news` says how fresh it is.
import { ApiError, send } from "./api.js";
import { batch, learnTime, signal } from "./dom.js";
import { adopt, isBehind, isRefusal, pauseBefore, Return, receive, wayAfter } from "./seats.js";

/** @typedef {import("../api.d.ts").Frame} Frame */
/** @typedef {import("../api.d.ts").SeatMap} SeatMap */
/** @typedef {import("./seats.js").Known} Known */
/** @typedef {{ opened: (way: Way) => void, heard: (way: Way, frame: Frame) => void, alive: (way: Way) => void,
 *   lost: (way: Way, code: number) => void }} Listener */
/** @typedef {SocketWay | import("./stream.js").StreamWay} Way */

const POLL_MS = 10_000;
// A blink of the network is not worth a warning.
const PATIENCE_MS = 1_200;
const LOST = 1006;
const PRICES_MS = 2_000;

class SocketWay {
  /** @param {string} bus @param {Listener} listener */
  constructor(bus, listener) {
    this.kind = /** @type {const} */ ("socket");
    this.bus = bus;
    this.hasSpoken = false;
    const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
    this.socket = new WebSocket(url, "seatmap.v1");
    this.socket.onopen = () => listener.opened(this);
    this.socket.onmessage = (event) => {
      this.hasSpoken = true;
      listener.heard(this, JSON.parse(event.data));
    };
    this.socket.onclose = (event) => listener.lost(this, event.code);
  }

  get isOpen() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** @param {number} id @param {Known | null} known where we are, if anywhere */
  ask(id, known) {
    const resume = known ? { epoch: known.epoch, rev: known.rev } : {};
    this.say({ type: "subscribe", id, bus: this.bus, ...resume });
  }

  /** @param {object} message */
  say(message) {
    if (this.isOpen) this.socket.send(JSON.stringify(message));
  }

  close() {
    this.socket.close(1000);
  }
}

export class LiveSeats {
  /** @param {string} bus @param {() => string} query the leg, as the API's query string
   * @param {(map: SeatMap) => void} onMap told what a REST answer said besides states
   * @param {(status: string) => void} onStatus told when the bus goes on sale, off sale or not at all */
  constructor(bus, query, onMap, onStatus = () => {}) {
    this.known = signal(/** @type {Known | null} */ (null));
    /** `polled`: at most ten seconds old; `lost`: nobody knows. */
    this.news = signal(/** @type {"live" | "polled" | "lost"} */ ("live"));
    this.bus = bus;
    this.query = query;
    this.onMap = onMap;
    this.onStatus = onStatus;
    /** @type {Known | null} */
    this.latest = null;
    /** @type {Way | null} */
    this.way = null;
    this.next = /** @type {"socket" | "stream"} */ ("socket");
    this.request = 0;
    this.etag = "";
    this.isRefused = false;
    this.isDrawing = false;
    this.over = new AbortController();
    this.back = new Return(
      () => this.connect(),
      () => this.fallSilent(),
    );
    /** @type {Record<string, ReturnType<typeof setTimeout>>} */
    this.timers = {};
  }

  start() {
    const { signal } = this.over;
    this.connect();
    const look = () => document.visibilityState === "visible" && this.resync();
    document.addEventListener("visibilitychange", look, { signal });
    addEventListener("online", () => this.resync(), { signal });
    // A page in the back-forward cache keeps no connection; one that comes back is behind.
    addEventListener("pagehide", () => this.hangUp(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.resync(), { signal });
  }

  /** For good: where one page shows many buses, one after the other. */
  stop() {
    this.over.abort();
    this.hangUp();
    this.back.stop();
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
  }

  hangUp() {
    this.way?.close();
    this.way = null;
  }

  /** Ask REST for the map of the leg: once at the start, for every other leg, and while nobody tells. */
  async refresh() {
    const headers = this.etag ? { "if-none-match": this.etag } : undefined;
    const query = this.query();
    const path = `/buses/${this.bus}/seats${query}`;
    const response = await send("GET", path, { headers, guest: true });
    if (response.status === 304 || query !== this.query()) return;
    this.etag = response.headers.get("etag") ?? "";
    /** @type {SeatMap} */
    const map = await response.json();
    batch(() => {
      this.onMap(map);
      this.onStatus(map.status);
      this.show(adopt(this.latest, map));
    });
  }

  /** The leg is another one: what was asked before does not answer for it. */
  async changeLeg() {
    this.etag = "";
    await this.refresh();
  }

  resync() {
    if (this.way?.isOpen) this.subscribe();
    else if (!this.isRefused) this.connect();
    else this.poll();
  }

  connect() {
    if (this.way || this.over.signal.aborted) return;
    const listener = {
      /** @param {Way} way */
      opened: (way) => way === this.way && this.subscribe(),
      /** @param {Way} way @param {Frame} frame */
      heard: (way, frame) => way === this.way && this.hear(frame),
      /** @param {Way} way */
      alive: (way) => way === this.way && this.back.expectWord(),
      /** @param {Way} way @param {number} code */
      lost: (way, code) => this.lose(way, code),
    };
    if (this.next === "socket") this.take(new SocketWay(this.bus, listener));
    else this.stream(listener);
  }

  /** @param {Listener} listener */
  async stream(listener) {
    try {
      const { StreamWay } = await import("./stream.js");
      // It may be over by now, or have found another way.
      if (this.way || this.over.signal.aborted || this.next !== "stream") return;
      this.take(new StreamWay(this.bus, listener));
    } catch {
      // The server that has the script is away as well.
      this.back.after(LOST);
    }
  }

  /** @param {Way} way */
  take(way) {
    this.way = way;
    this.back.expectWord();
  }

  subscribe() {
    this.request += 1;
    this.way?.ask(this.request, this.latest);
  }

  /** @param {Frame} frame */
  hear(frame) {
    this.back.expectWord();
    const { known, resubscribe } = receive(this.latest, frame);
    if (known && known !== this.latest) this.show(known);
    if (resubscribe) this.subscribe();
    if (frame.type === "delta" && frame.seats.length === 0) this.learnPrices();
    if (frame.type === "delta" && frame.status) this.onStatus(frame.status);
    if (frame.type === "hello") {
      learnTime(frame.now);
      this.back.expectEvery(frame.heartbeat * 1000);
    } else if (frame.type === "subscribed" && frame.id === this.request) {
      this.trust();
      this.back.trust();
    } else if (frame.type === "heartbeat") {
      this.answer(frame);
    } else if (frame.type === "status") {
      if (frame.live) this.trust();
      else this.distrust("polled");
    } else if (frame.type === "bye") {
      this.back.asked(frame.reconnect_in);
    } else if (frame.type === "error" && frame.id === this.request) {
      this.distrust();
      this.timers.subscribe = setTimeout(() => this.subscribe(), pauseBefore(3, Math.random()));
    }
  }

  /** A change in which no seat changes is one of fares. All who watch hear it at once and need not ask at once. */
  learnPrices() {
    clearTimeout(this.timers.prices);
    const later = Math.random() * PRICES_MS;
    this.timers.prices = setTimeout(() => this.refresh().catch(() => {}), later);
  }

  /** @param {Extract<Frame, { type: "heartbeat" }>} frame */
  answer(frame) {
    learnTime(frame.now);
    if (isBehind(this.latest, frame.revs[this.bus])) this.subscribe();
    if (this.latest) this.way?.say({ type: "ack", revs: { [this.bus]: this.latest.rev } });
  }

  /** @param {Way} way @param {number} code */
  lose(way, code) {
    if (way !== this.way) return;
    this.way = null;
    this.next = wayAfter(way.kind, way.hasSpoken);
    this.back.rest();
    clearTimeout(this.timers.distrust);
    this.timers.distrust = setTimeout(() => this.distrust(), this.latest ? PATIENCE_MS : 0);
    if (isRefusal(code)) this.isRefused = true;
    else this.back.after(code);
  }

  fallSilent() {
    const way = this.way;
    way?.close();
    // A dead network does not even close: do not wait for it.
    if (way) this.lose(way, LOST);
  }

  trust() {
    for (const name of ["distrust", "poll"]) clearTimeout(this.timers[name]);
    this.news.value = "live";
  }

  /** @param {"polled" | "lost"} [news] */
  distrust(news = "lost") {
    if (this.news.peek() === "live") this.news.value = news;
    this.poll();
  }

  async poll() {
    clearTimeout(this.timers.poll);
    try {
      if (document.visibilityState === "visible") await this.refresh();
      if (this.news.peek() === "lost") this.news.value = "polled";
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (this.news.peek() === "polled") this.news.value = "lost";
    }
    if (this.news.peek() === "live" || this.over.signal.aborted) return;
    this.timers.poll = setTimeout(() => this.poll(), POLL_MS);
  }

  /** Many deltas may come between two pictures; they are drawn together.
   * @param {Known} known */
  show(known) {
    this.latest = known;
    if (this.isDrawing) return;
    this.isDrawing = true;
    const draw = () => {
      this.isDrawing = false;
      this.known.value = this.latest;
    };
    if (this.known.peek() === null) draw();
    else requestAnimationFrame(draw);
  }
}
