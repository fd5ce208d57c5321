// A seat plan as a grid: what stands where, how it looks, where the keys lead, which seat is near which. Pure.
import { statusOn } from "../core/seats.js";

/** @typedef {import("../api.d.ts").LayoutSeat} LayoutSeat */
/** @typedef {"available" | "mine" | "pending" | "held" | "booked" | "blocked"} View */
/** @typedef {ReadonlyMap<string, View>} Views what is not in it is blocked */
/** @typedef {{ row: number, cells: (LayoutSeat | null)[] }} PlanRow */
/** @typedef {{ deck: number, columns: number, rows: PlanRow[] }} Deck */

const VIEWS = /** @type {Record<import("../core/seats.js").Letter, View>} */ ({
  A: "available",
  L: "held",
  B: "booked",
  X: "blocked",
});

const TYPING_MS = 900;

/** How every seat looks on a leg.
 * @param {ReadonlyMap<string, string> | undefined} seats their letters
 * @param {{ start: number, end: number } | null} leg
 * @param {Views} ours of those that are somebody's who looks here @returns {Views} */
export function viewsOf(seats, leg, ours) {
  if (!seats || !leg) return ours;
  const views = /** @type {Map<string, View>} */ (new Map());
  // Most seats stand as others do: what their letters come to is found once.
  const found = /** @type {Map<string, View>} */ (new Map());
  seats.forEach((states, seat) => {
    const view = found.get(states) ?? VIEWS[statusOn(states, leg.start, leg.end)];
    found.set(states, view);
    views.set(seat, view);
  });
  ours.forEach((view, seat) => {
    views.set(seat, view);
  });
  return views;
}

/** Lay seats out deck by deck; a cell without a seat is aisle.
 * @param {LayoutSeat[]} seats @returns {Deck[]} */
export function decksOf(seats) {
  const numbers = [...new Set(seats.map((seat) => seat.deck))].sort((a, b) => a - b);
  return numbers.map((deck) => {
    const here = seats.filter((seat) => seat.deck === deck);
    const columns = Math.max(...here.map((seat) => seat.column));
    const rows = [...new Set(here.map((seat) => seat.row))].sort((a, b) => a - b);
    return {
      deck,
      columns,
      rows: rows.map((row) => ({
        row,
        cells: Array.from(
          { length: columns },
          (_, index) => here.find((seat) => seat.row === row && seat.column === index + 1) ?? null,
        ),
      })),
    };
  });
}

/** Where the keys are at first, deck by deck: at a free seat, if there is one.
 * @param {Deck[]} decks @param {Views} views @returns {Record<number, string>} */
export function firstFocus(decks, views) {
  return Object.fromEntries(
    decks.map(({ deck, rows }) => {
      const here = rows.flatMap((row) => row.cells).filter((seat) => seat !== null);
      const free = here.find((seat) => views.get(seat.seat) === "available");
      return [deck, (free ?? here[0])?.seat ?? ""];
    }),
  );
}

/** Where a key leads from a seat; null when it leads nowhere, so that the page may have it.
 * @param {Deck[]} decks @param {LayoutSeat} from
 * @param {{ key: string, ctrlKey?: boolean }} pressed @param {boolean} isRtl
 * @returns {LayoutSeat | null} */
export function seatAfter(decks, from, { key, ctrlKey = false }, isRtl) {
  const deck = decks.find((each) => each.deck === from.deck);
  if (!deck) return null;
  const index = deck.rows.findIndex((row) => row.row === from.row);
  const forward = isRtl ? "ArrowLeft" : "ArrowRight";
  switch (key) {
    case "ArrowLeft":
    case "ArrowRight":
      return beside(deck.rows[index], from, key === forward ? 1 : -1);
    case "ArrowUp":
    case "ArrowDown":
      return nearestIn(deck.rows[index + (key === "ArrowDown" ? 1 : -1)], from.column);
    case "Home":
      return first(ctrlKey ? deck.rows[0] : deck.rows[index]);
    case "End":
      return last(ctrlKey ? deck.rows[deck.rows.length - 1] : deck.rows[index]);
    case "PageUp":
    case "PageDown":
      return onDeck(decks, from, key === "PageDown" ? 1 : -1);
    default:
      return null;
  }
}

/** The seat whose label begins with what was typed, the whole label before longer ones.
 * @param {LayoutSeat[]} seats @param {string} typed */
export function seatLike(seats, typed) {
  const wanted = typed.toUpperCase();
  return (
    seats.find((seat) => seat.seat === wanted) ??
    seats.find((seat) => seat.seat.startsWith(wanted)) ??
    null
  );
}

/** "1", "2", "A": letters and digits typed quickly are a seat's label. A lone `b` is the key for best seats.
 * @param {LayoutSeat[]} seats @param {any} event @param {{ text: string, at: number }} typed until now */
export function seatTyped(seats, event, typed) {
  if (!/^[a-z0-9]$/i.test(event.key) || event.ctrlKey) return null;
  const isGoingOn = event.timeStamp - typed.at < TYPING_MS;
  if (event.key === "b" && !isGoingOn) return null;
  typed.text = isGoingOn ? typed.text + event.key : event.key;
  typed.at = event.timeStamp;
  return seatLike(seats, typed.text);
}

/** The seat most like a lost one: same class before same deck, then the shortest way.
 * @param {LayoutSeat[]} seats @param {string} lost @param {(seat: string) => boolean} isFree
 * @returns {LayoutSeat | null} */
export function seatNear(seats, lost, isFree) {
  const from = seats.find((seat) => seat.seat === lost);
  if (!from) return null;
  const far = (/** @type {LayoutSeat} */ seat) =>
    (seat.seat_class === from.seat_class ? 0 : 1000) +
    Math.abs(seat.deck - from.deck) * 200 +
    Math.abs(seat.row - from.row) * 3 +
    Math.abs(seat.column - from.column);
  const free = seats.filter((seat) => seat.seat !== lost && isFree(seat.seat));
  return free.reduce(
    (best, seat) => (best === null || far(seat) < far(best) ? seat : best),
    /** @type {LayoutSeat | null} */ (null),
  );
}

/** @param {PlanRow} row @param {LayoutSeat} from @param {1 | -1} step */
function beside(row, from, step) {
  for (let at = from.column - 1 + step; at >= 0 && at < row.cells.length; at += step) {
    const seat = row.cells[at];
    if (seat) return seat;
  }
  return null;
}

/** @param {PlanRow | undefined} row @param {number} column */
function nearestIn(row, column) {
  const seats = /** @type {LayoutSeat[]} */ ((row?.cells ?? []).filter(Boolean));
  return seats.reduce(
    (best, seat) =>
      best === null || Math.abs(seat.column - column) < Math.abs(best.column - column)
        ? seat
        : best,
    /** @type {LayoutSeat | null} */ (null),
  );
}

/** @param {PlanRow} row */
const first = (row) => row.cells.find(Boolean) ?? null;
/** @param {PlanRow} row */
const last = (row) => row.cells.findLast(Boolean) ?? null;

/** @param {Deck[]} decks @param {LayoutSeat} from @param {1 | -1} step */
function onDeck(decks, from, step) {
  const next = decks[decks.findIndex((deck) => deck.deck === from.deck) + step];
  if (!next) return null;
  const row = next.rows.find((each) => each.row >= from.row) ?? next.rows[next.rows.length - 1];
  return nearestIn(row, from.column);
}
