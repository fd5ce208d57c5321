// Figures of the overview: sums by currency, comparison with another day, curves, and what stands where on the heat map. Pure.

/** @typedef {import("../api.d.ts").Money} Money */
/** @typedef {{ minute: number, bookings: number, seats: number, revenue: Money[], conflicts: number }} Quarter */
/** @typedef {{ id: string, name: string, route: { id: string, name: string } | null, departs_at: string, status: string, seats_total: number }} BusLine */
/** @typedef {{ key: string | null, seats: number, occupancy: number | null, revenue: Money[] }} SalesLine */
/** @typedef {{ bus: BusLine, occupancy: number | null, seats: number }} HeatCell */
/** @typedef {{ route: string | null, name: string | null, cells: HeatCell[] }} HeatRow */

const DAY_MINUTES = 1440;
const STEP_MINUTES = 15;

/** Add amounts up, currency by currency, the largest first.
 * @param {Money[]} amounts @returns {Money[]} */
export function addMoney(amounts) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const { amount, currency } of amounts)
    sums.set(currency, (sums.get(currency) ?? 0) + amount);
  return [...sums]
    .map(([currency, amount]) => ({ amount, currency }))
    .sort((a, b) => b.amount - a.amount || a.currency.localeCompare(b.currency));
}

/** @param {Money[]} amounts @param {string} currency */
export const amountOf = (amounts, currency) =>
  amounts.find((each) => each.currency === currency)?.amount ?? 0;

/** By how much something has changed, as a share of what it was; null when nothing can be said.
 * @param {number} now @param {number | null | undefined} before */
export const changeOf = (now, before) =>
  before === null || before === undefined || before === 0 ? null : (now - before) / before;

/** A day's curve: what had been sold by the end of each quarter of an hour. After `until` it is unknown yet.
 * @param {Quarter[]} quarters @param {(quarter: Quarter) => number} figure @param {number} [until] minute of the day
 * @returns {(number | null)[]} */
export function curveOf(quarters, figure, until = DAY_MINUTES) {
  const by = new Map(quarters.map((quarter) => [quarter.minute, figure(quarter)]));
  let sum = 0;
  return minutes().map((minute) => {
    if (minute > until) return null;
    sum += by.get(minute) ?? 0;
    return sum;
  });
}

/** The minutes at which the quarters of a day begin. */
export const minutes = () =>
  Array.from({ length: DAY_MINUTES / STEP_MINUTES }, (_, index) => index * STEP_MINUTES);

/** @param {number} minute */
export const clockOf = (minute) =>
  `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;

/** Lay a day's buses out by route, each row in the order of departure.
 * @param {BusLine[]} buses @param {SalesLine[]} lines what was sold of each bus @returns {HeatRow[]} */
export function heatRows(buses, lines) {
  const sold = new Map(lines.map((line) => [line.key, line]));
  /** @type {Map<string, HeatRow>} */
  const rows = new Map();
  for (const bus of [...buses].sort((a, b) => a.departs_at.localeCompare(b.departs_at))) {
    const key = bus.route?.id ?? "";
    if (!rows.has(key))
      rows.set(key, { route: bus.route?.id ?? null, name: bus.route?.name ?? null, cells: [] });
    const line = sold.get(bus.id);
    rows.get(key)?.cells.push({
      bus,
      occupancy: line?.occupancy ?? (bus.status === "CANCELLED" ? null : 0),
      seats: line?.seats ?? 0,
    });
  }
  return [...rows.values()].sort(
    (a, b) =>
      Number(a.name === null) - Number(b.name === null) ||
      (a.name ?? "").localeCompare(b.name ?? ""),
  );
}

/** The step of the heat map's scale, 0 to 5, that a share is on.
 * @param {number | null} share */
export const levelOf = (share) =>
  share === null ? null : share <= 0 ? 0 : Math.min(5, 1 + Math.floor(share * 5 - 1e-9));
