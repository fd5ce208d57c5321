// A booking that is looked at, watched: what happens to its seats on the bus is a reason to ask how it stands. Paid on
// another device, cancelled by staff, gone with its bus: the ticket on the screen says so by itself.
import { effect } from "../core/dom.js";
import { LiveSeats } from "../core/live.js";

/** @typedef {import("../api.d.ts").Booking} Booking */

/** @param {Booking} booking @param {() => void} onNews */
export function follow({ bus_id: bus, from_stop: from, to_stop: to, seats }, onNews) {
  const leg = `?${new URLSearchParams({ from_stop: from, to_stop: to })}`;
  let before = "";
  let status = "";
  const live = new LiveSeats(
    bus,
    () => leg,
    () => {},
    (now) => {
      if (status && now !== status) onNews();
      status = now;
    },
  );
  effect(() => {
    const known = live.known.value?.seats;
    if (!known) return;
    const mine = seats.map((seat) => known.get(seat)).join();
    if (before && mine !== before) onNews();
    before = mine;
  });
  live.start();
}
