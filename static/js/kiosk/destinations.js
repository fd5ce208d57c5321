// Where one can go from here: every stop that the next buses let people out at, asked for before anybody stands there.
import { get } from "../core/api.js";
import { signal } from "../core/dom.js";

/** @typedef {import("../api.d.ts").Bus} Bus */
/** @typedef {import("../api.d.ts").Departure} Departure */
/** @typedef {import("../api.d.ts").Stop} Stop */
/** @typedef {{ stop: Stop, buses: number }} Destination */

const LINES_MAX = 24;
const FRESH_MS = 10 * 60_000;

export const destinations = signal(/** @type {Destination[] | null} */ (null));
let asked = { place: "", at: 0 };

/** Ask again if what is known is old. Raises ApiError.
 * @param {string} from @param {string} operator */
export async function learnDestinations(from, operator) {
  const place = `${from} ${operator}`;
  if (asked.place !== place) destinations.value = null;
  else if (performance.now() - asked.at < FRESH_MS && destinations.peek()?.length) return;
  asked = { place, at: Number.NEGATIVE_INFINITY };
  const query = new URLSearchParams({ from, operator, limit: "100" });
  /** @type {{ items: Departure[] }} */
  const { items } = await get(`/buses?${query}`, { guest: true });
  const lines = linesOf(items).slice(0, LINES_MAX);
  const found = await Promise.all(
    lines.map(async ({ bus, count }) => {
      /** @type {Bus} */
      const whole = await get(`/buses/${bus}`, { guest: true });
      return stopsAfter(whole, from).map((stop) => ({ stop, buses: count }));
    }),
  );
  // The kiosk may stand elsewhere by now.
  if (asked.place !== place) return;
  destinations.value = together(found.flat());
  asked = { place, at: performance.now() };
}

/** One bus for each line, the busiest first.
 * @param {Departure[]} departures */
export function linesOf(departures) {
  /** @type {Map<string, { bus: string, count: number }>} */
  const lines = new Map();
  for (const { id, name, route } of departures) {
    const line = route?.id ?? name;
    lines.set(line, { bus: id, count: (lines.get(line)?.count ?? 0) + 1 });
  }
  return [...lines.values()].sort((a, b) => b.count - a.count);
}

/** The stops of a bus that one can board at `from` and leave at.
 * @param {Bus} bus @param {string} from */
export function stopsAfter({ stops }, from) {
  const start = stops.findIndex(({ stop }) => stop.id === from || stop.station === from);
  return stops.slice(start + 1).flatMap(({ stop, can_alight }) => (can_alight ? [stop] : []));
}

/** @param {Destination[]} all @returns {Destination[]} by name, each once */
export function together(all) {
  /** @type {Map<string, Destination>} */
  const known = new Map();
  for (const { stop, buses } of all)
    known.set(stop.id, { stop, buses: (known.get(stop.id)?.buses ?? 0) + buses });
  return [...known.values()].sort((a, b) => a.stop.name.localeCompare(b.stop.name));
}
