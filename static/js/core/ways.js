// Two ways to be told what happens to a bus, with one face: the WebSocket, and an event stream over plain HTTP for
// networks that let no WebSocket through. What either hears is frames; `subscribed` comes first, and answers `ask`.
import { answerOf, EventReader, pointOf } from "./wire.js";

/** @typedef {import("../api.d.ts").Frame} Frame */
/** @typedef {import("./seats.js").Known} Known */
/** @typedef {{ opened: (way: Way) => void, heard: (way: Way, frame: Frame) => void, alive: (way: Way) => void,
 *   lost: (way: Way, code: number) => void }} Listener */
/** @typedef {SocketWay | StreamWay} Way */

// As a socket's close code would say it: 41xx is for more clients than the server takes.
const CROWDED = 4103;
const LOST = 1006;
const CROWDED_STATUS = new Set([429, 503]);

export class SocketWay {
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

export class StreamWay {
  /** @param {string} bus @param {Listener} listener */
  constructor(bus, listener) {
    this.kind = /** @type {const} */ ("stream");
    this.bus = bus;
    this.listener = listener;
    this.hasSpoken = false;
    this.isOpen = true;
    this.stop = new AbortController();
    queueMicrotask(() => listener.opened(this));
  }

  /** Open the stream, or open it anew from where we are.
   * @param {number} id @param {Known | null} known */
  ask(id, known) {
    this.stop.abort();
    this.stop = new AbortController();
    this.follow(id, known, this.stop.signal).catch(() => this.lose(this.stop.signal, LOST));
  }

  /** A stream goes one way.
   * @param {object} _message */
  say(_message) {}

  close() {
    this.isOpen = false;
    this.stop.abort();
  }

  /** @param {number} id @param {Known | null} known @param {AbortSignal} signal */
  async follow(id, known, signal) {
    const headers = known ? { "last-event-id": pointOf(known) } : undefined;
    const url = `/api/v1/buses/${encodeURIComponent(this.bus)}/stream`;
    const response = await fetch(url, { headers, signal, cache: "no-store" });
    const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
    if (!response.ok || !isStream || !response.body) {
      return this.lose(signal, CROWDED_STATUS.has(response.status) ? CROWDED : LOST);
    }
    const events = new EventReader();
    const text = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let hasAnswered = false;
    for (let part = await text.read(); !part.done; part = await text.read()) {
      for (const said of events.read(part.value)) {
        if (signal.aborted) return;
        this.hasSpoken = true;
        /** @type {Frame | null} */
        const answer = hasAnswered ? null : answerOf(id, this.bus, said, known);
        hasAnswered ||= answer !== null;
        this.tell(answer ?? said);
      }
    }
    this.lose(signal, LOST);
  }

  /** @param {Frame | string} said */
  tell(said) {
    if (typeof said === "string") this.listener.alive(this);
    else this.listener.heard(this, said);
  }

  /** @param {AbortSignal} signal @param {number} code */
  lose(signal, code) {
    if (signal.aborted) return;
    this.isOpen = false;
    this.listener.lost(this, code);
  }
}
