// A seat plan while it is being drawn: decks of cells, and everything that can be done to them. Pure; nothing is changed
// in place, so that a step back is the plan before.

/** @typedef {import("../catalogue/api.d.ts").PlanSeat} PlanSeat */
/** @typedef {{ label: string, seat_class: string, price_percent: number, attributes: string[] }} Cell a seat; null is aisle */
/** @typedef {{ columns: number, rows: (Cell | null)[][] }} PlanDeck */
/** @typedef {{ decks: PlanDeck[] }} Plan */
/** @typedef {{ deck: number, row: number, column: number }} Place each from 0 */
/** @typedef {{ kind: "seat", seat_class: string, price_percent: number }} SeatBrush */
/** @typedef {SeatBrush | { kind: "aisle" } | { kind: "attribute", attribute: string, isOn: boolean }} Brush */
/** @typedef {{ code: string, values?: Record<string, string | number>, places?: Place[] }} Finding */

export const MOST = { seats: 200, rows: 60, columns: 12, decks: 3, attributes: 6 };
export const LABEL = /^[A-Z0-9]{1,6}$/;
const DERIVED = new Set(["window", "aisle", "front"]);

/** @param {number} rows @param {number} columns @returns {Plan} */
export const emptyPlan = (rows, columns) => ({ decks: [emptyDeck(rows, columns)] });

/** @param {number} rows @param {number} columns @returns {PlanDeck} */
const emptyDeck = (rows, columns) => ({
  columns,
  rows: Array.from({ length: rows }, () => emptyRow(columns)),
});

/** @param {number} columns @returns {(Cell | null)[]} */
const emptyRow = (columns) => Array.from({ length: columns }, () => null);

/** Lay out what the API says of a layout. Decks are numbered from 1 there, without gaps or with.
 * @param {PlanSeat[]} seats @returns {Plan} */
export function fromSeats(seats) {
  const decks = Math.max(1, ...seats.map((seat) => seat.deck));
  return {
    decks: Array.from({ length: decks }, (_, index) => {
      const here = seats.filter((seat) => seat.deck === index + 1);
      const deck = emptyDeck(
        Math.max(1, ...here.map((seat) => seat.row)),
        Math.max(1, ...here.map((seat) => seat.column)),
      );
      for (const seat of here)
        deck.rows[seat.row - 1][seat.column - 1] = {
          label: seat.seat,
          seat_class: seat.seat_class,
          price_percent: seat.price_percent,
          attributes: [...seat.attributes],
        };
      return deck;
    }),
  };
}

/** Say a plan as the API takes it.
 * @param {Plan} plan @returns {PlanSeat[]} */
export const toSeats = (plan) =>
  placesOf(plan).map(({ place, cell }) => ({
    seat: cell.label,
    deck: place.deck + 1,
    row: place.row + 1,
    column: place.column + 1,
    seat_class: cell.seat_class,
    attributes: [...cell.attributes],
    price_percent: cell.price_percent,
  }));

/** Every seat with its place, from the front to the rear, deck by deck.
 * @param {Plan} plan @returns {{ place: Place, cell: Cell }[]} */
export function placesOf(plan) {
  /** @type {{ place: Place, cell: Cell }[]} */
  const found = [];
  for (const [deck, { rows }] of plan.decks.entries())
    for (const [row, cells] of rows.entries())
      for (const [column, cell] of cells.entries())
        if (cell) found.push({ place: { deck, row, column }, cell });
  return found;
}

/** @param {Plan} plan @param {Place} place @returns {Cell | null} */
export const cellAt = (plan, { deck, row, column }) =>
  plan.decks[deck]?.rows[row]?.[column] ?? null;

/** Do to one cell what the brush does. The same plan comes back when nothing is otherwise.
 * @param {Plan} plan @param {Place} place @param {Brush} brush @returns {Plan} */
export function paint(plan, place, brush) {
  const before = cellAt(plan, place);
  const after = painted(before, brush);
  return same(before, after) ? plan : withCell(plan, place, after);
}

/** @param {Cell | null} cell @param {Brush} brush @returns {Cell | null} */
function painted(cell, brush) {
  if (brush.kind === "aisle") return null;
  if (brush.kind === "seat")
    return {
      label: cell?.label ?? "",
      attributes: cell?.attributes ?? [],
      seat_class: brush.seat_class,
      price_percent: brush.price_percent,
    };
  if (!cell) return null;
  const others = cell.attributes.filter((each) => each !== brush.attribute);
  const hasRoom = others.length < MOST.attributes;
  return { ...cell, attributes: brush.isOn && hasRoom ? [...others, brush.attribute] : others };
}

/** @param {Plan} plan @param {Place} place @param {string} label */
export function relabel(plan, place, label) {
  const cell = cellAt(plan, place);
  return cell ? withCell(plan, place, { ...cell, label: label.trim().toUpperCase() }) : plan;
}

/** @param {Cell | null} a @param {Cell | null} b */
const same = (a, b) =>
  a === b ||
  (a !== null &&
    b !== null &&
    a.label === b.label &&
    a.seat_class === b.seat_class &&
    a.price_percent === b.price_percent &&
    a.attributes.join() === b.attributes.join());

/** @param {Plan} plan @param {Place} place @param {Cell | null} cell @returns {Plan} */
const withCell = (plan, { deck, row, column }, cell) =>
  withDeck(plan, deck, ({ columns, rows }) => ({
    columns,
    rows: rows.with(row, rows[row].with(column, cell)),
  }));

/** @param {Plan} plan @param {number} deck @param {(deck: PlanDeck) => PlanDeck} change @returns {Plan} */
const withDeck = (plan, deck, change) => ({
  decks: plan.decks.with(deck, change(plan.decks[deck])),
});

/** Put an empty row in, or one like the row `like`.
 * @param {Plan} plan @param {number} deck @param {number} at @param {number} [like] */
export const addRow = (plan, deck, at, like) =>
  withDeck(plan, deck, ({ columns, rows }) => {
    if (rows.length >= MOST.rows) return { columns, rows };
    const copied = like === undefined ? undefined : rows[like];
    const row = copied?.map((cell) => cell && { ...cell, label: "" }) ?? emptyRow(columns);
    return { columns, rows: rows.toSpliced(at, 0, row) };
  });

/** @param {Plan} plan @param {number} deck @param {number} at */
export const removeRow = (plan, deck, at) =>
  withDeck(plan, deck, ({ columns, rows }) => ({
    columns,
    rows: rows.length > 1 ? rows.toSpliced(at, 1) : rows,
  }));

/** @param {Plan} plan @param {number} deck @param {number} at */
export const addColumn = (plan, deck, at) =>
  withDeck(plan, deck, ({ columns, rows }) =>
    columns >= MOST.columns
      ? { columns, rows }
      : { columns: columns + 1, rows: rows.map((row) => row.toSpliced(at, 0, null)) },
  );

/** @param {Plan} plan @param {number} deck @param {number} at */
export const removeColumn = (plan, deck, at) =>
  withDeck(plan, deck, ({ columns, rows }) =>
    columns > 1
      ? { columns: columns - 1, rows: rows.map((row) => row.toSpliced(at, 1)) }
      : { columns, rows },
  );

/** Put a deck above, as large as the one below. @param {Plan} plan @returns {Plan} */
export function addDeck(plan) {
  const below = plan.decks[plan.decks.length - 1];
  if (plan.decks.length >= MOST.decks) return plan;
  return { decks: [...plan.decks, emptyDeck(below.rows.length, below.columns)] };
}

/** @param {Plan} plan @param {number} deck @returns {Plan} */
export const removeDeck = (plan, deck) =>
  plan.decks.length > 1 ? { decks: plan.decks.toSpliced(deck, 1) } : plan;

/** Say of every seat what its place says: at a window, at an aisle, in the first row. What else is said of it stays.
 * @param {Plan} plan @returns {Plan} */
export function deriveAttributes(plan) {
  return {
    decks: plan.decks.map(({ columns, rows }) => {
      const first = rows.findIndex((row) => row.some(Boolean));
      return {
        columns,
        rows: rows.map((cells, row) =>
          cells.map((cell, column) => {
            if (!cell) return null;
            const own = cell.attributes.filter((each) => !DERIVED.has(each));
            const place = whereabouts(cells, column, columns);
            const front = row === first ? ["front"] : [];
            return { ...cell, attributes: [...place, ...front, ...own].slice(0, MOST.attributes) };
          }),
        ),
      };
    }),
  };
}

/** @param {(Cell | null)[]} cells @param {number} column @param {number} columns */
function whereabouts(cells, column, columns) {
  if (column === 0 || column === columns - 1) return ["window"];
  return cells[column - 1] && cells[column + 1] ? [] : ["aisle"];
}

/** What keeps a plan from being saved, and what somebody may want to look at.
 * @param {Plan} plan @returns {{ faults: Finding[], hints: Finding[] }} */
export function judge(plan) {
  const seats = placesOf(plan);
  /** @type {Finding[]} */
  const faults = [];
  /** @type {Finding[]} */
  const hints = [];
  if (!seats.length) faults.push({ code: "none" });
  if (seats.length > MOST.seats)
    faults.push({ code: "many", values: { count: seats.length, most: MOST.seats } });
  const unnamed = seats.filter(({ cell }) => !cell.label);
  if (unnamed.length)
    faults.push({
      code: "unnamed",
      values: { count: unnamed.length },
      places: unnamed.map(({ place }) => place),
    });
  for (const { place, cell } of seats)
    if (cell.label && !LABEL.test(cell.label))
      faults.push({ code: "label", values: { seat: cell.label }, places: [place] });
  faults.push(...twins(seats));
  if (seats.length && !seats.some(({ cell }) => isAccessible(cell)))
    hints.push({ code: "accessible" });
  hints.push(...walledIn(plan));
  for (const [deck, { rows }] of plan.decks.entries())
    if (seats.length && !rows.some((row) => row.some(Boolean)))
      hints.push({ code: "deck", values: { deck: deck + 1 } });
  return { faults, hints };
}

/** @param {Cell} cell */
const isAccessible = ({ attributes }) =>
  attributes.includes("accessible") || attributes.includes("wheelchair");

/** @param {{ place: Place, cell: Cell }[]} seats @returns {Finding[]} */
function twins(seats) {
  /** @type {Map<string, Place[]>} */
  const byLabel = new Map();
  for (const { place, cell } of seats)
    if (cell.label) byLabel.set(cell.label, [...(byLabel.get(cell.label) ?? []), place]);
  return [...byLabel]
    .filter(([, places]) => places.length > 1)
    .map(([label, places]) => ({
      code: "twice",
      values: { seat: label, count: places.length },
      places,
    }));
}

/** Rows of seats so long that somebody has to climb over three others to reach the aisle.
 * @param {Plan} plan @returns {Finding[]} */
function walledIn(plan) {
  /** @type {Finding[]} */
  const found = [];
  for (const [deck, { rows, columns }] of plan.decks.entries())
    for (const [row, cells] of rows.entries())
      if (columns > 6 && cells.every(Boolean) && row < rows.length - 1)
        found.push({
          code: "aisle",
          values: { row: row + 1 },
          places: [{ deck, row, column: 0 }],
        });
  return found;
}
