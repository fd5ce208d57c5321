// One topic of the live layer (`board:17`), watched over the WebSocket and taken up again when it is lost. Every frame
// is whole, so that there is nothing to resume: what is shown is the last one, and `news` says how far it can be trusted.
import { learnTime, signal } from "./dom.js";
import { isRefusal, pauseBefore, Return } from "./seats.js";

/** @typedef {import("../api.d.ts").TopicFrame} TopicFrame */
/** @typedef {import("../api.d.ts").Board} Board */

// A blink of the network is not worth a warning.
const PATIENCE_MS = 1_200;
/** Refused for what we are: perhaps another edition of the server takes us. */
const REFUSED_MS = 60_000;

export class LiveTopic {
  /** @param {string} topic @param {() => string | null} [keyOf] the key of a paired device, if this is one */
  constructor(topic, keyOf = () => null) {
    this.topic = topic;
    this.keyOf = keyOf;
    /** The last frame of the topic. */
    this.told = signal(/** @type {Board | null} */ (null));
    /** `late`: changes may come seconds late; `lost`: they do not come; `missing`: there is no such topic. */
    this.news = signal(/** @type {"live" | "late" | "lost" | "missing"} */ ("live"));
    /** @type {WebSocket | null} */
    this.socket = null;
    this.back = new Return(
      () => this.connect(),
      () => this.fallSilent(),
    );
    /** @type {Record<string, ReturnType<typeof setTimeout>>} */
    this.timers = {};
    this.over = new AbortController();
  }

  start() {
    const { signal } = this.over;
    this.connect();
    addEventListener("online", () => this.connect(), { signal });
    document.addEventListener("visibilitychange", () => this.connect(), { signal });
    return this;
  }

  /** Watch no more. */
  stop() {
    this.over.abort();
    this.back.stop();
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    this.socket?.close(1000);
    this.socket = null;
  }

  connect() {
    if (this.socket || this.over.signal.aborted) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws`, "seatmap.v1");
    this.socket = socket;
    socket.onopen = () => this.subscribe(socket);
    socket.onmessage = ({ data }) => socket === this.socket && this.hear(socket, JSON.parse(data));
    socket.onclose = ({ code }) => this.lose(socket, code);
    this.back.expectWord();
  }

  /** @param {WebSocket} socket */
  subscribe(socket) {
    const key = this.keyOf();
    if (key) socket.send(JSON.stringify({ type: "auth", id: 1, token: key }));
    socket.send(JSON.stringify({ type: "subscribe", id: 2, topic: this.topic }));
  }

  /** @param {WebSocket} socket @param {TopicFrame} frame */
  hear(socket, frame) {
    this.back.expectWord();
    if (frame.type === "hello") {
      learnTime(frame.now);
      this.back.expectEvery(frame.heartbeat * 1000);
    } else if (frame.type === "board" && frame.topic === this.topic) {
      this.told.value = frame;
      this.trust();
    } else if (frame.type === "heartbeat") {
      learnTime(frame.now);
      socket.send(JSON.stringify({ type: "ack", revs: {} }));
    } else if (frame.type === "status") {
      this.news.value = frame.live ? "live" : "late";
    } else if (frame.type === "error" && frame.id === 2) {
      if (frame.code === "not_found") this.news.value = "missing";
      else
        this.timers.again = setTimeout(() => this.subscribe(socket), pauseBefore(3, Math.random()));
    }
  }

  trust() {
    clearTimeout(this.timers.distrust);
    this.news.value = "live";
    this.back.trust();
  }

  /** @param {WebSocket} socket @param {number} code */
  lose(socket, code) {
    if (socket !== this.socket) return;
    this.socket = null;
    this.back.rest();
    clearTimeout(this.timers.again);
    if (this.news.peek() === "missing" || this.over.signal.aborted) return;
    clearTimeout(this.timers.distrust);
    this.timers.distrust = setTimeout(
      () => {
        this.news.value = "lost";
      },
      this.told.peek() ? PATIENCE_MS : 0,
    );
    if (isRefusal(code)) this.back.in(REFUSED_MS);
    else this.back.after(code);
  }

  fallSilent() {
    const socket = this.socket;
    socket?.close();
    if (socket) this.lose(socket, 1006);
  }
}
