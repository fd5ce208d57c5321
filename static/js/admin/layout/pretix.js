// Seat plans as pretix keeps them (seating-plan.schema.json, 0.0.1): zones are decks, categories classes. Pure.
//
// The format knows places in pixels, names and categories, and allows no field besides. What it cannot say (attributes, the
// exact cell) goes into `seat_guid`, which nobody is shown; plans that others drew are read by where their seats are.
import { emptyPlan, fromSeats, LABEL, MOST } from "./plan.js";

/** @typedef {import("../catalogue/api.d.ts").PlanSeat} PlanSeat */
/** @typedef {import("./plan.js").Plan} Plan */
/** @typedef {import("./plan.js").Finding} Finding */
/** @typedef {{ zone: number, x: number, y: number, row: string, number: string, category: string, guid: string }} Spot */

const PITCH = 40;
const DECK_GAP = 120;
const OURS = /^omnibus:(\d{1,2}):(\d{1,2}):(\d{1,2}):([a-z_+]*)$/;
const CATEGORY = /^([a-z_]{1,20})(?: (\d{1,4})%)?$/;
const COLOURS = ["#2a9d8f", "#8e5fb8", "#d08a2e", "#4a6fd0", "#b85f7a", "#6b7f3a"];

/** Say a plan in pretix's words.
 * @param {string} name @param {PlanSeat[]} seats */
export function toPretix(name, seats) {
  const decks = [...new Set(seats.map((seat) => seat.deck))].sort((a, b) => a - b);
  const widths = decks.map((deck) => extent(seats, deck, "column") * PITCH);
  const zones = decks.map((deck, index) => {
    const here = seats.filter((seat) => seat.deck === deck);
    const rows = [...new Set(here.map((seat) => seat.row))].sort((a, b) => a - b);
    return {
      name: `Deck ${deck}`,
      position: { x: widths.slice(0, index).reduce((sum, each) => sum + each + DECK_GAP, 0), y: 0 },
      rows: rows.map((row) => ({
        row_number: String(row),
        position: { x: 0, y: (row - 1) * PITCH },
        seats: here
          .filter((seat) => seat.row === row)
          .map((seat) => ({
            seat_guid: `omnibus:${deck}:${row}:${seat.column}:${seat.attributes.join("+")}`,
            seat_number: seat.seat,
            position: { x: (seat.column - 1) * PITCH, y: 0 },
            category: categoryOf(seat),
          })),
      })),
    };
  });
  const categories = [...new Set(seats.map(categoryOf))];
  return {
    name,
    categories: categories.map((each, at) => ({ name: each, color: COLOURS[at % COLOURS.length] })),
    zones,
    size: {
      width: widths.reduce((sum, each) => sum + each + DECK_GAP, 0),
      height: Math.max(0, ...decks.map((deck) => extent(seats, deck, "row"))) * PITCH,
    },
  };
}

/** @param {PlanSeat} seat */
const categoryOf = ({ seat_class, price_percent }) =>
  price_percent === 100 ? seat_class : `${seat_class} ${price_percent}%`;

/** @param {PlanSeat[]} seats @param {number} deck @param {"row" | "column"} way */
const extent = (seats, deck, way) =>
  Math.max(0, ...seats.filter((seat) => seat.deck === deck).map((seat) => seat[way]));

/** Read a plan in pretix's words. Nothing is thrown: what is wrong is said.
 * @param {unknown} given @returns {{ name: string, plan: Plan | null, faults: Finding[], hints: Finding[] }} */
export function fromPretix(given) {
  const document = /** @type {any} */ (given);
  const zones = document?.zones;
  if (!Array.isArray(zones) || typeof document.name !== "string")
    return { name: "", plan: null, faults: [{ code: "format" }], hints: [] };
  const name = document.name;
  const spots = zones.flatMap(spotsOf);
  const faults = faultsOf(zones, spots);
  if (faults.length) return { name, plan: null, faults, hints: [] };
  const areas = zones.reduce((sum, zone) => sum + (zone.areas?.length ?? 0), 0);
  /** @type {Finding[]} */
  const hints = areas ? [{ code: "areas", values: { count: areas } }] : [];
  const isOurs = spots.every(({ guid }) => OURS.test(guid));
  const seats = isOurs ? spots.map(ownSeat) : foreignSeats(spots);
  const small = seats.every(({ row, column }) => row <= MOST.rows && column <= MOST.columns);
  if (!small) return { name, plan: null, faults: [{ code: "large" }], hints: [] };
  if (!isOurs) hints.push({ code: "foreign" });
  return { name, plan: seats.length ? fromSeats(seats) : emptyPlan(1, 1), faults: [], hints };
}

/** @param {any} zone @param {number} index @returns {Spot[]} */
const spotsOf = (zone, index) =>
  (zone?.rows ?? []).flatMap((/** @type {any} */ row) =>
    (row?.seats ?? []).map((/** @type {any} */ seat) => ({
      zone: index,
      x: numberOf(row.position?.x) + numberOf(seat?.position?.x),
      y: numberOf(row.position?.y) + numberOf(seat?.position?.y),
      row: String(row.row_number ?? ""),
      number: String(seat?.seat_number ?? ""),
      category: String(seat?.category ?? ""),
      guid: String(seat?.seat_guid ?? ""),
    })),
  );

/** @param {unknown} value */
const numberOf = (value) => (typeof value === "number" && Number.isFinite(value) ? value : 0);

/** @param {any[]} zones @param {Spot[]} spots @returns {Finding[]} */
function faultsOf(zones, spots) {
  const decks = zones.filter((_, index) => spots.some(({ zone }) => zone === index)).length;
  if (!spots.length) return [{ code: "none" }];
  if (decks > MOST.decks) return [{ code: "zones", values: { count: decks, most: MOST.decks } }];
  if (spots.length > MOST.seats)
    return [{ code: "many", values: { count: spots.length, most: MOST.seats } }];
  return [];
}

/** @param {Spot} spot @returns {PlanSeat} */
function ownSeat({ guid, number, category }) {
  const [, deck, row, column, attributes] = /** @type {RegExpExecArray} */ (OURS.exec(guid));
  return {
    seat: number,
    deck: Number(deck),
    row: Number(row),
    column: Number(column),
    attributes: attributes.split("+").filter(Boolean),
    ...classOf(category),
  };
}

/** @param {string} category */
function classOf(category) {
  const known = CATEGORY.exec(category);
  if (known) return { seat_class: known[1], price_percent: Number(known[2] ?? 100) };
  const word = category
    .toLowerCase()
    .normalize("NFD")
    .replace(/[^a-z]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 20);
  return { seat_class: word || "standard", price_percent: 100 };
}

/** Find the cells of seats that somebody drew: rows by their height, columns by the least gap between two.
 * @param {Spot[]} spots @returns {PlanSeat[]} */
function foreignSeats(spots) {
  const zones = [...new Set(spots.map(({ zone }) => zone))].sort((a, b) => a - b);
  const label = labeller(spots);
  return zones.flatMap((zone, deck) => {
    const here = spots.filter((spot) => spot.zone === zone);
    const heights = [...new Set(here.map(({ y }) => y))].sort((a, b) => a - b);
    const left = Math.min(...here.map(({ x }) => x));
    const pitch = pitchOf(here.map(({ x }) => x));
    return here.map((spot) => ({
      seat: label(spot),
      deck: deck + 1,
      row: heights.indexOf(spot.y) + 1,
      column: Math.round((spot.x - left) / pitch) + 1,
      attributes: [],
      ...classOf(spot.category),
    }));
  });
}

/** @param {number[]} xs */
function pitchOf(xs) {
  const sorted = [...new Set(xs)].sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((x, index) => x - sorted[index]);
  return Math.max(1, Math.min(...gaps.filter((gap) => gap > 4), Number.MAX_SAFE_INTEGER));
}

/** Seats are called by their number, and by row and number where that is not enough.
 * @param {Spot[]} spots @returns {(spot: Spot) => string} */
function labeller(spots) {
  const numbers = spots.map(({ number }) => clean(number));
  const isEnough =
    new Set(numbers).size === spots.length && numbers.every((each) => LABEL.test(each));
  return ({ row, number }) => (isEnough ? clean(number) : clean(row + number)).slice(0, 6);
}

/** @param {string} text */
const clean = (text) => text.toUpperCase().replace(/[^A-Z0-9]/g, "");
