// What of the found buses is shown, and in which order; kept in the address. Pure.

/** @typedef {import("../api.d.ts").Departure} Departure */
/** @typedef {"departure" | "price" | "duration"} Sort */
/** @typedef {{ times: string[], most: number | null, operators: string[], classes: string[], direct: boolean, sort: Sort }} Filters */
/** @typedef {{ parts: string[], operators: { id: string, name: string }[], classes: string[], hasBoth: boolean,
 *   prices: { least: number, most: number } | null }} Offer what there is to choose from */

/** Parts of a day, by the hours at which they begin and end. */
export const PARTS = /** @type {Record<string, [number, number]>} */ ({
  night: [0, 6],
  morning: [6, 12],
  afternoon: [12, 18],
  evening: [18, 24],
});
export const SORTS = /** @type {Sort[]} */ (["departure", "price", "duration"]);
const NAMES = ["times", "most", "operators", "classes", "direct", "sort"];

/** @type {Filters} */
export const NONE = {
  times: [],
  most: null,
  operators: [],
  classes: [],
  direct: false,
  sort: "departure",
};

/** Read filters from an address; what makes no sense there is left out.
 * @param {URLSearchParams} query @returns {Filters} */
export function readFilters(query) {
  const listed = (/** @type {string} */ name) => (query.get(name) ?? "").split(",").filter(Boolean);
  const most = query.get("most");
  const sort = /** @type {Sort} */ (query.get("sort"));
  return {
    times: listed("times").filter((part) => Object.hasOwn(PARTS, part)),
    most: most !== null && /^\d{1,9}$/.test(most) ? Number(most) : null,
    operators: listed("operators"),
    classes: listed("classes"),
    direct: query.get("direct") === "1",
    sort: SORTS.includes(sort) ? sort : "departure",
  };
}

/** Put filters into an address in place of those that it has.
 * @param {URLSearchParams} query @param {Filters} filters */
export function writeFilters(query, filters) {
  for (const name of NAMES) query.delete(name);
  const given = {
    times: filters.times.join(),
    most: filters.most === null ? "" : String(filters.most),
    operators: filters.operators.join(),
    classes: filters.classes.join(),
    direct: filters.direct ? "1" : "",
    sort: filters.sort === "departure" ? "" : filters.sort,
  };
  for (const [name, value] of Object.entries(given)) if (value) query.set(name, value);
}

/** How many filters are set; the order of things hides nothing and is none.
 * @param {Filters} filters */
export const countFilters = ({ times, most, operators, classes, direct }) =>
  [times.length, most !== null, operators.length, classes.length, direct].filter(Boolean).length;

/** @param {Departure[]} buses @param {Filters} filters @returns {Departure[]} those that fit, in order */
export function applyFilters(buses, filters) {
  const { times, most, operators, classes, direct, sort } = filters;
  const fits = (/** @type {Departure} */ bus) =>
    (!times.length || times.includes(partOf(bus))) &&
    (most === null || bus.price.amount <= most) &&
    (!operators.length || operators.includes(bus.operator.id)) &&
    (!classes.length || bus.seat_classes.some((each) => classes.includes(each))) &&
    (!direct || isDirect(bus));
  const found = buses.filter(fits);
  // Sorting is stable: what is equal stays in order of departure, as it came.
  return sort === "departure" ? found : found.sort((a, b) => MEASURES[sort](a) - MEASURES[sort](b));
}

const MEASURES = {
  price: (/** @type {Departure} */ bus) => bus.price.amount,
  duration: (/** @type {Departure} */ bus) =>
    Date.parse(bus.arrives_at) - Date.parse(bus.departs_at),
};

/** What the found buses differ in; what is the same for all is no choice.
 * @param {Departure[]} buses @returns {Offer} */
export function offerOf(buses) {
  const operators = new Map(buses.map(({ operator }) => [operator.id, operator]));
  const classes = new Set(buses.flatMap((bus) => bus.seat_classes));
  const parts = new Set(buses.map(partOf));
  const amounts = buses.map((bus) => bus.price.amount);
  const [least, most] = [Math.min(...amounts), Math.max(...amounts)];
  const isOneCurrency = new Set(buses.map((bus) => bus.price.currency)).size === 1;
  const direct = buses.filter(isDirect).length;
  return {
    parts: Object.keys(PARTS).filter((part) => parts.size > 1 && parts.has(part)),
    operators: operators.size > 1 ? [...operators.values()].sort(byName) : [],
    classes: classes.size > 1 ? [...classes].sort() : [],
    hasBoth: direct > 0 && direct < buses.length,
    prices: isOneCurrency && least < most ? { least, most } : null,
  };
}

/** @param {Departure} bus */
export const isDirect = (bus) => bus.to_index - bus.from_index === 1;

/** The part of the day that a bus leaves in, by the clock at the stop.
 * @param {Departure} bus */
export function partOf({ departs_at: at, from_stop: from }) {
  const clock = { hour: "2-digit", hourCycle: "h23", timeZone: from.time_zone };
  const hour = Number(
    new Intl.DateTimeFormat("en", /** @type {Intl.DateTimeFormatOptions} */ (clock)).format(
      new Date(at),
    ),
  );
  return Object.keys(PARTS).find((part) => hour < PARTS[part][1]) ?? "evening";
}

/** @param {{ name: string }} a @param {{ name: string }} b */
const byName = (a, b) => a.name.localeCompare(b.name);
