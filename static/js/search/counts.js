// Seats left, as they are sold: the buses that are in view are watched over one socket. Without one, the page asks now
// and then; nothing that is bought depends on these numbers.
import { effect, signal } from "../core/dom.js";
import { pauseBefore, receive, statusOn } from "../core/seats.js";

/** @typedef {import("../api.d.ts").Departure} Departure */
/** @typedef {import("../core/seats.js").Known} Known */
/** @typedef {{ seats: Map<string, number>, statuses: Map<string, string> }} Told */

// A socket may watch sixteen buses and say ten things a second.
const WATCHED_MOST = 16;
const SAY_EVERY_MS = 120;
const DRAW_EVERY_MS = 250;

/** The buses that are in view and sell seats; the page keeps it. */
export const inView = signal(/** @type {readonly Departure[]} */ ([]));
/** Whether what is in view is counted live. */
export const isCounted = signal(false);

/** Bus → what is known of its seats. */
const known = new Map(/** @type {[string, Known][]} */ ([]));
/** @type {Set<string>} */
let watched = new Set();
/** @type {WebSocket | null} */
let socket = null;
let attempt = 0;
let request = 0;
/** @type {Record<string, ReturnType<typeof setTimeout> | undefined>} */
const timers = {};
/** @type {(told: Told) => void} */
let listener = () => {};
/** @type {Map<string, string>} */
const statuses = new Map();

/** Tell a page whenever numbers of what is in view have changed.
 * @param {(told: Told) => void} onTold */
export function watchCounts(onTold) {
  listener = onTold;
  effect(() => {
    if (inView.value.length) later("say", step, 0);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") later("say", step, 0);
  });
  addEventListener("pagehide", () => socket?.close());
}

/** @param {string} name @param {() => void} run @param {number} milliseconds */
function later(name, run, milliseconds) {
  if (timers[name] !== undefined) return;
  timers[name] = setTimeout(() => {
    timers[name] = undefined;
    run();
  }, milliseconds);
}

/** Say one thing at a time until what is watched is what is in view. What has left the view is let go only when its
 * place is needed: whoever scrolls comes back. */
function step() {
  if (document.visibilityState !== "visible") return;
  const wanted = inView.peek().slice(0, WATCHED_MOST);
  const next = wanted.find((bus) => !watched.has(bus.id));
  if (!next) return;
  if (!socket) return connect();
  if (socket.readyState !== WebSocket.OPEN) return;
  const old =
    watched.size < WATCHED_MOST
      ? undefined
      : [...watched].find((id) => wanted.every((bus) => bus.id !== id));
  request += 1;
  if (old) {
    watched.delete(old);
    known.delete(old);
    say({ type: "unsubscribe", id: request, bus: old });
  } else {
    watched.add(next.id);
    say({ type: "subscribe", id: request, bus: next.id });
  }
  later("say", step, SAY_EVERY_MS);
}

/** @param {object} message */
const say = (message) => socket?.send(JSON.stringify(message));

function connect() {
  const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
  const opened = new WebSocket(url, "seatmap.v1");
  socket = opened;
  opened.onopen = () => later("say", step, 0);
  opened.onmessage = (event) => hear(JSON.parse(event.data));
  opened.onclose = () => {
    if (socket !== opened) return;
    socket = null;
    watched = new Set();
    known.clear();
    isCounted.value = false;
    attempt += 1;
    later("connect", step, pauseBefore(attempt + 1, Math.random()));
  };
}

/** @param {import("../api.d.ts").Frame} frame */
function hear(frame) {
  if (frame.type === "heartbeat") {
    const revs = Object.fromEntries([...known].map(([bus, { rev }]) => [bus, rev]));
    say({ type: "ack", revs });
    return;
  }
  if (frame.type === "status") isCounted.value = frame.live;
  if (!("bus" in frame) || !watched.has(frame.bus)) return;
  const before = known.get(frame.bus) ?? null;
  const { known: after, resubscribe } = receive(before, frame);
  if (resubscribe) {
    request += 1;
    say({ type: "subscribe", id: request, bus: frame.bus });
  }
  if (frame.type === "delta" && frame.status) statuses.set(frame.bus, frame.status);
  if (frame.type === "subscribed") {
    attempt = 0;
    isCounted.value = true;
  }
  if (after && after !== before) known.set(frame.bus, after);
  later("draw", tell, DRAW_EVERY_MS);
}

function tell() {
  const seats = new Map();
  for (const bus of inView.peek()) {
    const states = known.get(bus.id)?.seats.values();
    if (states) seats.set(bus.id, countFree(states, bus));
  }
  listener({ seats, statuses });
}

/** @param {Iterable<string>} states @param {Departure} bus */
function countFree(states, { from_index: start, to_index: end }) {
  let free = 0;
  for (const letters of states) if (statusOn(letters, start, end) === "A") free += 1;
  return free;
}
