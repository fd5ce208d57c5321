// What a key means on the drawing board. Pure: the board does what is said here.

/** @typedef {import("./plan.js").Plan} Plan */
/** @typedef {import("./plan.js").Place} Place */
/** @typedef {import("./plan.js").Brush} Brush */
/**
 * @typedef {{ do: "move", to: Place, paints: boolean } | { do: "paint", brush: Brush | null }
 *   | { do: "attribute", attribute: string } | { do: "label" } | { do: "undo" } | { do: "redo" }
 *   | { do: "row", is: "add" | "copy" | "remove" } | { do: "column", is: "add" | "remove" }} Deed
 */
/** @typedef {{ key: string, shiftKey?: boolean, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean }} Pressed */

/** Letters that paint a seat of a class, with what it usually costs. */
export const CLASS_KEYS = /** @type {Record<string, import("./plan.js").SeatBrush>} */ ({
  s: { kind: "seat", seat_class: "standard", price_percent: 100 },
  c: { kind: "seat", seat_class: "comfort", price_percent: 130 },
  p: { kind: "seat", seat_class: "panorama", price_percent: 150 },
  b: { kind: "seat", seat_class: "berth", price_percent: 150 },
});
/** Letters that say something of a seat, or take it back. */
export const ATTRIBUTE_KEYS = /** @type {Record<string, string>} */ ({
  w: "window",
  i: "aisle",
  f: "front",
  h: "accessible",
  t: "table",
});
const AISLE_KEYS = new Set(["a", "x", "Delete", "Backspace"]);
const AISLE = /** @type {const} */ ({ kind: "aisle" });

/** Read a key; null when it is the browser's.
 * @param {Pressed} pressed @param {Plan} plan @param {Place} at @param {boolean} isRtl @returns {Deed | null} */
export function read(pressed, plan, at, isRtl) {
  const { key, shiftKey = false, ctrlKey = false, metaKey = false, altKey = false } = pressed;
  const lower = key.length === 1 ? key.toLowerCase() : key;
  if (ctrlKey || metaKey) {
    if (lower === "z") return { do: shiftKey ? "redo" : "undo" };
    if (lower === "y") return { do: "redo" };
    if (key !== "Home" && key !== "End") return null;
  }
  if (altKey) return null;
  const to = moved(key, ctrlKey || metaKey, plan, at, isRtl);
  if (to) return { do: "move", to, paints: shiftKey };
  if (key === " " || key === "Enter") return { do: "paint", brush: null };
  if (key === "F2") return { do: "label" };
  if (key === "+") return { do: "row", is: "add" };
  if (lower === "d") return { do: "row", is: "copy" };
  if (key === "-") return { do: "row", is: "remove" };
  if (key === ">") return { do: "column", is: "add" };
  if (key === "<") return { do: "column", is: "remove" };
  if (AISLE_KEYS.has(lower)) return { do: "paint", brush: AISLE };
  if (lower in CLASS_KEYS) return { do: "paint", brush: CLASS_KEYS[lower] };
  if (lower in ATTRIBUTE_KEYS) return { do: "attribute", attribute: ATTRIBUTE_KEYS[lower] };
  return null;
}

/** @param {string} key @param {boolean} isFar @param {Plan} plan @param {Place} at @param {boolean} isRtl
 * @returns {Place | null} */
function moved(key, isFar, plan, at, isRtl) {
  const { columns, rows } = plan.decks[at.deck];
  const forward = isRtl ? "ArrowLeft" : "ArrowRight";
  switch (key) {
    case "ArrowLeft":
    case "ArrowRight":
      return { ...at, column: within(at.column + (key === forward ? 1 : -1), columns) };
    case "ArrowUp":
      return { ...at, row: within(at.row - 1, rows.length) };
    case "ArrowDown":
      return { ...at, row: within(at.row + 1, rows.length) };
    case "Home":
      return { ...at, column: 0, row: isFar ? 0 : at.row };
    case "End":
      return { ...at, column: columns - 1, row: isFar ? rows.length - 1 : at.row };
    case "PageUp":
    case "PageDown":
      return onto(plan, at, at.deck + (key === "PageDown" ? 1 : -1));
    default:
      return null;
  }
}

/** Go to another deck, as near as it gets.
 * @param {Plan} plan @param {Place} at @param {number} wanted @returns {Place} */
export function onto(plan, at, wanted) {
  const deck = within(wanted, plan.decks.length);
  const { columns, rows } = plan.decks[deck];
  return { deck, row: within(at.row, rows.length), column: within(at.column, columns) };
}

/** @param {number} value @param {number} count */
const within = (value, count) => Math.min(Math.max(value, 0), count - 1);
