// The way to be told of a bus where no WebSocket gets through: an event stream over plain HTTP. Loaded when it is needed.
import { answerOf, EventReader, pointOf } from "./wire.js";

/** @typedef {import("../api.d.ts").Frame} Frame */
/** @typedef {import("./live.js").Listener} Listener */
/** @typedef {import("./seats.js").Known} Known */

// As a socket's close code would say it: 41xx is for more clients than the server takes.
const CROWDED = 4103;
const LOST = 1006;
const CROWDED_STATUS = new Set([429, 503]);

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
