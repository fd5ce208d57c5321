// Today's totals as they change: the `sales` topic of `seatmap.v1`, followed by whoever is signed in.
import { accessToken } from "../core/api.js";
import { learnTime, signal } from "../core/dom.js";
import { Return } from "../core/seats.js";

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
const LOST = 1006;

export class SalesFeed {
  constructor() {
    /** What was told last; null before the first word. */
    this.days = signal(/** @type {DayOfSales[] | null} */ (null));
    this.news = signal(/** @type {"live" | "lost"} */ ("lost"));
    this.isOver = false;
    this.back = new Return(
      () => this.start(),
      () => this.fallSilent(),
    );
    /** @type {WebSocket | null} */
    this.socket = null;
  }

  async start() {
    const token = await accessToken();
    if (this.isOver) return;
    if (!token) {
      this.back.after(LOST);
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
    socket.onclose = ({ code }) => this.lose(socket, code);
    this.back.expectWord();
  }

  stop() {
    this.isOver = true;
    this.back.stop();
    this.socket?.close(1000);
    this.socket = null;
  }

  /** @param {any} frame */
  hear(frame) {
    this.back.expectWord();
    if (frame.type === "hello") {
      learnTime(frame.now);
      this.back.expectEvery(frame.heartbeat * 1000);
    } else if (frame.type === "sales") {
      this.back.trust();
      this.news.value = "live";
      this.days.value = frame.operators;
    } else if (frame.type === "heartbeat") this.say({ type: "ack", revs: {} });
    else if (frame.type === "error") this.socket?.close(1000);
  }

  /** A token lasts ten minutes: then the server closes, and the next one comes with a fresh token.
   * @param {WebSocket} socket @param {number} code */
  lose(socket, code) {
    if (socket !== this.socket || this.isOver) return;
    this.socket = null;
    this.news.value = "lost";
    this.back.after(code);
  }

  fallSilent() {
    const socket = this.socket;
    socket?.close();
    if (socket) this.lose(socket, LOST);
  }

  /** @param {object} message */
  say(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}
