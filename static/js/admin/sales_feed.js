// Today's totals as they change: the `sales` topic of `seatmap.v1`, followed by whoever is signed in.
import { accessToken } from "../core/api.js";
import { learnTime, signal } from "../core/dom.js";
import { pauseBefore } from "../core/seats.js";

/** @typedef {{ at: string, seats: number, revenue: import("../api.d.ts").Money }} Hour */
/** @typedef {{ route: string | null, name: string | null, buses: number, occupancy: number }} RouteLoad */
/**
 * @typedef {object} DayOfSales
 * @property {string} operator
 * @property {string} name
 * @property {string} date
 * @property {number} seats
 * @property {import("../api.d.ts").Money} revenue
 * @property {Hour[]} hours
 * @property {number} holds
 * @property {number} holds_paid
 * @property {number | null} conversion
 * @property {number} conflicts
 * @property {RouteLoad[]} routes
 * @property {number} watchers
 */

const REQUEST = 1;

export class SalesFeed {
  constructor() {
    /** What was told last; null before the first word. */
    this.days = signal(/** @type {DayOfSales[] | null} */ (null));
    this.news = signal(/** @type {"live" | "lost"} */ ("lost"));
    this.isOver = false;
    this.attempt = 0;
    this.heartbeatMs = 20_000;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {Record<string, ReturnType<typeof setTimeout>>} */
    this.timers = {};
  }

  async start() {
    const token = await accessToken();
    if (this.isOver) return;
    if (!token) {
      this.tryAgain();
      return;
    }
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws`, "seatmap.v1");
    this.socket = socket;
    socket.onopen = () => {
      this.say({ type: "auth", id: 0, token });
      this.say({ type: "subscribe", id: REQUEST, topic: "sales" });
    };
    socket.onmessage = (event) => this.hear(JSON.parse(event.data));
    socket.onclose = () => this.lose(socket);
    this.expectWord();
  }

  stop() {
    this.isOver = true;
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    this.socket?.close(1000);
    this.socket = null;
  }

  /** @param {any} frame */
  hear(frame) {
    this.expectWord();
    if (frame.type === "hello") {
      learnTime(frame.now);
      this.heartbeatMs = frame.heartbeat * 1000;
    } else if (frame.type === "sales") {
      this.attempt = 0;
      this.news.value = "live";
      this.days.value = frame.operators;
    } else if (frame.type === "heartbeat") this.say({ type: "ack", revs: {} });
    else if (frame.type === "error") this.socket?.close(1000);
  }

  /** A token lasts ten minutes: then the server closes, and the next one comes with a fresh token.
   * @param {WebSocket} socket */
  lose(socket) {
    if (socket !== this.socket || this.isOver) return;
    this.socket = null;
    this.news.value = "lost";
    clearTimeout(this.timers.silence);
    this.tryAgain();
  }

  tryAgain() {
    this.attempt += 1;
    this.timers.again = setTimeout(() => this.start(), pauseBefore(this.attempt, Math.random()));
  }

  expectWord() {
    clearTimeout(this.timers.silence);
    this.timers.silence = setTimeout(() => {
      const socket = this.socket;
      socket?.close();
      if (socket) this.lose(socket);
    }, 1.5 * this.heartbeatMs);
  }

  /** @param {object} message */
  say(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}
