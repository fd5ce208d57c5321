// What seats are called: by row and letter, by letter and row, or counted through. Pure.
import { placesOf } from "./plan.js";

/** @typedef {import("./plan.js").Plan} Plan */
/** @typedef {"row-letter" | "letter-row" | "running"} Style */
/**
 * @typedef {object} Scheme
 * @property {Style} style
 * @property {number} start the first row, or the first number
 * @property {string[]} prefixes what the seats of each deck begin with
 * @property {boolean} isFromRight whether A, or the first number of a row, is on the right
 * @property {string} left letters that are left out because they look like digits, as I and O
 */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** A double decker says on which deck a seat is; a coach needs not.
 * @param {Plan} plan @returns {Scheme} */
export const usualScheme = (plan) => ({
  style: "row-letter",
  start: 1,
  prefixes: plan.decks.map((_, deck) => (deck === 0 ? "" : deck === 1 ? "U" : "T")),
  isFromRight: false,
  left: "IO",
});

/** Name every seat anew. Only rows with seats are counted, and in a row only seats: an aisle has no letter.
 * @param {Plan} plan @param {Scheme} scheme @returns {Plan} */
export function number(plan, scheme) {
  const letters = [...ALPHABET].filter((letter) => !scheme.left.includes(letter));
  let running = scheme.start - 1;
  return {
    decks: plan.decks.map(({ columns, rows }, deck) => {
      const prefix = scheme.prefixes[deck] ?? "";
      let row = scheme.start - 1;
      if (scheme.style === "running" && prefix) running = scheme.start - 1;
      return {
        columns,
        rows: rows.map((cells) => {
          if (!cells.some(Boolean)) return cells;
          row += 1;
          const labels = labelsOf(cells.filter(Boolean).length, (at) => {
            if (scheme.style === "running") return `${prefix}${running + at + 1}`;
            const letter = letters[at] ?? "Z";
            return scheme.style === "row-letter"
              ? `${prefix}${row}${letter}`
              : `${prefix}${letter}${row}`;
          });
          running += labels.length;
          if (scheme.isFromRight) labels.reverse();
          return cells.map((cell) => cell && { ...cell, label: labels.shift() ?? "" });
        }),
      };
    }),
  };
}

/** @param {number} count @param {(at: number) => string} labelAt */
const labelsOf = (count, labelAt) => Array.from({ length: count }, (_, at) => labelAt(at));

/** Name only those that have no name yet, without taking one that is in use.
 * @param {Plan} plan @param {Scheme} scheme @returns {Plan} */
export function numberRest(plan, scheme) {
  const wanted = number(plan, scheme);
  const taken = new Set(placesOf(plan).map(({ cell }) => cell.label));
  let spare = 1;
  const free = (/** @type {string} */ label) => {
    let chosen = label;
    while (taken.has(chosen)) {
      chosen = `X${spare}`;
      spare += 1;
    }
    taken.add(chosen);
    return chosen;
  };
  return {
    decks: plan.decks.map(({ columns, rows }, deck) => ({
      columns,
      rows: rows.map((cells, row) =>
        cells.map((cell, column) => {
          if (!cell || cell.label) return cell;
          return { ...cell, label: free(wanted.decks[deck].rows[row][column]?.label ?? "") };
        }),
      ),
    })),
  };
}
