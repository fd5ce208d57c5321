import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseOthers } from "../../static/js/booking/again.js";
import {
  applyFilters,
  countFilters,
  NONE,
  offerOf,
  partOf,
  readFilters,
  writeFilters,
} from "../../static/js/search/filters.js";

const bus = (
  id,
  { at = "08:00", hours = 4, price = 2000, operator = "1", classes = ["standard"], stops = 1 } = {},
) => ({
  id,
  departs_at: `2026-12-01T${at}:00Z`,
  arrives_at: new Date(Date.parse(`2026-12-01T${at}:00Z`) + hours * 3_600_000).toISOString(),
  from_stop: { id: "1", name: "A", time_zone: "Europe/Berlin" },
  price: { amount: price, currency: "EUR" },
  operator: { id: operator, name: `Operator ${operator}` },
  seat_classes: classes,
  from_index: 0,
  to_index: stops,
});
const BUSES = [
  bus("a", { at: "04:30", price: 3000 }),
  bus("b", { at: "09:00", hours: 2, operator: "2", classes: ["comfort", "standard"], stops: 3 }),
  bus("c", { at: "22:59", hours: 9, price: 1500 }),
];
const idsOf = (filters) => applyFilters(BUSES, { ...NONE, ...filters }).map(({ id }) => id);

test("a bus leaves in the part of the day that the clock at the stop says", () => {
  assert.deepEqual(BUSES.map(partOf), ["night", "morning", "evening"]);
  assert.equal(partOf(bus("d", { at: "23:30" })), "night", "half past midnight in Berlin");
});

test("each filter keeps what fits, and all of them together what fits all", () => {
  assert.deepEqual(idsOf({}), ["a", "b", "c"]);
  assert.deepEqual(idsOf({ times: ["night", "evening"] }), ["a", "c"]);
  assert.deepEqual(idsOf({ most: 2000 }), ["b", "c"]);
  assert.deepEqual(idsOf({ operators: ["2"] }), ["b"]);
  assert.deepEqual(idsOf({ classes: ["comfort", "berth"] }), ["b"]);
  assert.deepEqual(idsOf({ direct: true }), ["a", "c"]);
  assert.deepEqual(idsOf({ direct: true, most: 2000 }), ["c"]);
});

test("order is by departure, price or length of the trip", () => {
  assert.deepEqual(idsOf({ sort: "price" }), ["c", "b", "a"]);
  assert.deepEqual(idsOf({ sort: "duration" }), ["b", "a", "c"]);
  assert.deepEqual(
    BUSES.map(({ id }) => id),
    ["a", "b", "c"],
    "what was found stays as it was",
  );
});

test("filters in an address come back as they went, and nonsense is none", () => {
  const filters = {
    times: ["night"],
    most: 2500,
    operators: ["1", "2"],
    classes: ["comfort"],
    direct: true,
    sort: "price",
  };
  const query = new URLSearchParams("from=7&date=2026-12-01&most=1");
  writeFilters(query, filters);
  assert.equal(query.get("from"), "7");
  assert.deepEqual(readFilters(query), filters);
  assert.equal(countFilters(filters), 5);
  writeFilters(query, NONE);
  assert.equal(String(query), "from=7&date=2026-12-01");
  assert.deepEqual(
    readFilters(new URLSearchParams("times=noon,__proto__&most=-1&sort=rank&direct=yes")),
    NONE,
  );
});

test("what is the same for all buses is no choice", () => {
  assert.deepEqual(offerOf([BUSES[0]]), {
    parts: [],
    operators: [],
    classes: [],
    hasBoth: false,
    prices: null,
  });
  const offer = offerOf(BUSES);
  assert.deepEqual(offer.parts, ["night", "morning", "evening"]);
  assert.deepEqual(
    offer.operators.map(({ id }) => id),
    ["1", "2"],
  );
  assert.deepEqual(offer.prices, { least: 1500, most: 3000 });
  assert.equal(offer.hasBoth, true);
  const dollars = { ...BUSES[1], price: { amount: 1, currency: "USD" } };
  assert.equal(offerOf([BUSES[0], dollars]).prices, null, "two currencies have no common scale");
});

test("in place of lost seats the nearest free ones are offered, each once, or none at all", () => {
  const seat = (label, status = "AVAILABLE") => ({
    seat: label,
    status,
    deck: 1,
    row: Number(label.slice(0, -1)),
    column: label.charCodeAt(label.length - 1) - 64,
    seat_class: "standard",
    attributes: [],
  });
  const map = [
    seat("1A", "BOOKED"),
    seat("1B", "BOOKED"),
    seat("1C"),
    seat("2A"),
    seat("2B"),
    seat("9A"),
  ];
  const some = chooseOthers(map, ["1A", "1B", "2A"], ["1A", "1B"]);
  assert.deepEqual(some.seats.slice(0, 1), ["2A"], "what is still to be had is kept");
  assert.equal(new Set(some.seats).size, 3);
  assert.ok(!some.found.includes("2A"));
  const few = chooseOthers(map.slice(0, 3), ["1A", "1B"], ["1A", "1B"]);
  assert.deepEqual(few, { found: [], seats: [] });
});
