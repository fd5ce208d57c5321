// The seat map inside a frame: what happens here is told to the page around it, and to no other.
import { effect } from "../core/dom.js";
import { statusOn } from "../core/seats.js";

const SOURCE = "omnibus-seat-map";

/** Tell the page around this one about choices, holds and heights; returns how the buyer goes on from here, or nothing
 * when there is no such page.
 * @param {{ client: import("../seatmap/hold.js").HoldClient, live: import("../core/live.js").LiveSeats,
 *   leg: import("@preact/signals").Signal<{ start: number, end: number } | null> }} map */
export function tell({ client, live, leg }) {
  const query = new URLSearchParams(location.search);
  const theme = query.get("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  const origin = query.get("origin");
  // Who may frame us is decided by the server (frame-ancestors); whoever claims to be another gets no message.
  if (window.parent === window || !origin) return undefined;
  const last = /** @type {Record<string, string>} */ ({});
  const say = (/** @type {string} */ type, /** @type {unknown} */ detail) => {
    const text = JSON.stringify(detail);
    if (last[type] === text) return;
    last[type] = text;
    window.parent.postMessage({ source: SOURCE, type, detail }, origin);
  };
  effect(() => {
    const hold = client.hold.value;
    say(
      "hold",
      hold && {
        id: hold.id,
        seats: hold.seats,
        expires_at: hold.expires_at,
        total: hold.total,
        checkout_url: `${location.origin}/checkout/${hold.id}`,
      },
    );
  });
  effect(() => {
    const at = leg.value;
    const known = live.known.value;
    if (!at || !known) return;
    const all = [...known.seats.values()];
    const available = all.filter((letters) => statusOn(letters, at.start, at.end) === "A").length;
    say("seats-changed", { seats: client.wanted.value, available });
  });
  new ResizeObserver(() => say("height", document.body.offsetHeight)).observe(document.body);
  return (/** @type {string} */ path) => {
    delete last.checkout;
    say("checkout", { checkout_url: location.origin + path });
  };
}
