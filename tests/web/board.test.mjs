import assert from "node:assert/strict";
import { test } from "node:test";
import { lineOf, linesOf, newsOf, pageAt, shiftAt } from "../../static/js/board/model.js";

const NOW = Date.parse("2030-05-01T08:00:00Z");
const MINUTE = 60_000;
const departure = (more = {}) => ({
  bus: "42",
  name: "LX 104",
  operator: "Costa Azul",
  route: null,
  destination: "Porto",
  departs_at: "2030-05-01T08:15:00.000Z",
  delay_seconds: null,
  bay: null,
  status: "SCHEDULED",
  seats_left: 17,
  seats_total: 48,
  ...more,
});
const state = (more, now = NOW) => lineOf(departure(more), now).state;

test("a bus is on time until somebody says otherwise", () => {
  assert.equal(state(), "ontime");
  assert.equal(state({ delay_seconds: 0 }), "ontime");
  assert.equal(state({ delay_seconds: 300 }), "late");
  assert.equal(state({ delay_seconds: -120 }), "early");
  assert.equal(state({ status: "CLOSED" }), "closed");
});

test("a delay moves the time at which it leaves", () => {
  assert.equal(lineOf(departure({ delay_seconds: 300 }), NOW).leavesAt, "2030-05-01T08:20:00.000Z");
  const late = { delay_seconds: 600 };
  assert.equal(state(late, NOW + 20 * MINUTE), "late");
  assert.equal(state(late, NOW + 24 * MINUTE), "now");
  assert.equal(state(late, NOW + 25 * MINUTE), "left");
});

test("cancelled is said before everything else", () => {
  assert.equal(state({ status: "CANCELLED", delay_seconds: 900, seats_left: 0 }), "cancelled");
  assert.equal(state({ status: "CANCELLED" }, NOW + 60 * MINUTE), "cancelled");
});

test("what has left goes from the board by itself", () => {
  const next = departure({ bus: "43", departs_at: "2030-05-01T09:00:00.000Z" });
  const buses = (now) => linesOf([departure(), next], now).map(({ bus }) => bus);
  assert.deepEqual(buses(NOW), ["42", "43"]);
  assert.deepEqual(buses(NOW + 15 * MINUTE), ["43"]);
  const gone = departure({ status: "CANCELLED" });
  assert.equal(linesOf([gone], NOW + 15 * MINUTE).length, 1);
  assert.equal(linesOf([gone], NOW + 17 * MINUTE).length, 0);
});

test("few seats are said to be few, and none to be none", () => {
  const room = (seats_left) => lineOf(departure({ seats_left }), NOW).room;
  assert.deepEqual([0, 1, 5, 6].map(room), ["none", "few", "few", "some"]);
});

test("pages take turns, and one page stays", () => {
  assert.deepEqual(pageAt(5, 8, 123_456), { pages: 1, page: 0 });
  assert.deepEqual(
    [0, 9_999, 10_000, 25_000, 30_000].map((passed) => pageAt(20, 8, passed).page),
    [0, 0, 1, 2, 0],
  );
  assert.deepEqual(pageAt(0, 8, 0), { pages: 1, page: 0 });
  assert.deepEqual(pageAt(3, 0, 0), { pages: 3, page: 0 });
});

test("the picture moves a little, stays near, and comes back", () => {
  const places = Array.from({ length: 9 }, (_, index) => shiftAt(index * 3 * MINUTE));
  assert.equal(new Set(places.map(({ x, y }) => `${x},${y}`)).size, 9);
  assert.ok(places.every(({ x, y }) => Math.abs(x) <= 3 && Math.abs(y) <= 3));
  assert.deepEqual(shiftAt(27 * MINUTE), shiftAt(0));
});

test("only what became worse is news", () => {
  const before = [
    departure(),
    departure({ bus: "43" }),
    departure({ bus: "44", delay_seconds: 60 }),
  ];
  const after = [
    departure({ seats_left: 3 }),
    departure({ bus: "43", status: "CANCELLED" }),
    departure({ bus: "44", delay_seconds: 600 }),
    departure({ bus: "45", delay_seconds: 600 }),
  ];
  assert.deepEqual(
    newsOf(before, after).map(({ bus }) => bus),
    ["43", "44"],
  );
  assert.deepEqual(newsOf(after, before), []);
});
