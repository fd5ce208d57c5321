// What a drawing begins with: rows of the usual kinds. Pure.
import { number, usualScheme } from "./numbering.js";
import { deriveAttributes, emptyPlan } from "./plan.js";

/** @typedef {import("./plan.js").Plan} Plan */

export const TEMPLATES = /** @type {const} */ (["2+2", "1+2", "2+2+bench", "empty"]);
const ROWS = 11;
const PATTERNS = { "2+2": "SS.SS", "1+2": "S.SS", bench: "SSSSS" };

/** @param {string} template @returns {Plan} */
export function planOf(template) {
  if (template === "empty") return emptyPlan(ROWS, 5);
  const [pattern] = template === "1+2" ? [PATTERNS["1+2"]] : [PATTERNS["2+2"]];
  const rows = Array.from({ length: ROWS }, () => rowOf(pattern));
  if (template.endsWith("bench")) rows[ROWS - 1] = rowOf(PATTERNS.bench);
  const plan = deriveAttributes({ decks: [{ columns: pattern.length, rows }] });
  return number(plan, usualScheme(plan));
}

/** @param {string} pattern */
const rowOf = (pattern) =>
  [...pattern].map((each) =>
    each === "S" ? { label: "", seat_class: "standard", price_percent: 100, attributes: [] } : null,
  );
