// A seat plan as a grid: what stands where, where the keys lead, which seat is near which. Pure.

/** @typedef {import("../api.d.ts").LayoutSeat} LayoutSeat */
/** @typedef {{ row: number, cells: (LayoutSeat | null)[] }} PlanRow */
/** @typedef {{ deck: number, columns: number, rows: PlanRow[] }} Deck */

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
