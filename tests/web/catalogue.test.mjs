import assert from "node:assert/strict";
import { test } from "node:test";
import {
  legOf,
  oddLegs,
  readFares,
  setLeg,
  shareOut,
  writeFares,
} from "../../static/js/admin/catalogue/fares.js";
import {
  endOf,
  localOf,
  momentOf,
  secondsOf,
  spanOf,
  startOf,
} from "../../static/js/admin/catalogue/zone.js";

const calls = ["10", "20", "30", "40"].map((id) => ({ stop: { id, name: id } }));
const price = (amount) => ({ amount, currency: "EUR" });
const told = [
  { from_stop: "10", to_stop: "20", price: price(500), segment: 0 },
  { from_stop: "20", to_stop: "30", price: price(300), segment: 1 },
  { from_stop: "30", to_stop: "40", price: price(400), segment: 2 },
  { from_stop: "10", to_stop: "40", price: price(1000) },
];

test("fares are read and written as the API has them", () => {
  const fares = readFares(calls, told);
  assert.deepEqual(fares, { segments: [500, 300, 400], pairs: { "0-3": 1000 } });
  assert.deepEqual(writeFares(calls, fares), {
    segments: [500, 300, 400],
    fares: [{ from_stop: "10", to_stop: "40", price: 1000 }],
  });
});

test("a leg costs the sum of its segments unless it has a fare of its own", () => {
  const fares = readFares(calls, told);
  assert.deepEqual(legOf(fares, 0, 2), { amount: 800, isOwn: false });
  assert.deepEqual(legOf(fares, 0, 3), { amount: 1000, isOwn: true });
  assert.deepEqual(legOf(setLeg(fares, 0, 3, null), 0, 3), { amount: 1200, isOwn: false });
  assert.deepEqual(setLeg(fares, 1, 2, 350).segments, [500, 350, 400]);
  assert.equal(setLeg(fares, 1, 2, null), fares);
  assert.deepEqual(shareOut(fares, 1000).segments, [334, 333, 333]);
});

test("a leg that costs more than a longer one is noticed", () => {
  const fares = readFares(calls, told);
  assert.deepEqual(oddLegs(fares), []);
  assert.deepEqual(oddLegs(setLeg(fares, 0, 2, 1100)), [[0, 2]]);
});

test("a time on a clock is the moment that it means, also as clocks change", () => {
  const berlin = "Europe/Berlin";
  assert.equal(momentOf("2026-12-24T08:05", berlin), "2026-12-24T08:05:00+01:00");
  assert.equal(momentOf("2026-07-01T08:05", berlin), "2026-07-01T08:05:00+02:00");
  assert.equal(momentOf("2026-03-29T02:30", berlin), null);
  assert.equal(momentOf("2026-10-25T02:30", berlin), "2026-10-25T02:30:00+02:00");
  assert.equal(momentOf("2026-01-01T00:00", "Asia/Kolkata"), "2026-01-01T00:00:00+05:30");
  assert.equal(momentOf("2026-01-01T00:00", "America/St_Johns"), "2026-01-01T00:00:00-03:30");
  assert.equal(localOf("2026-12-24T07:05:00Z", berlin), "2026-12-24T08:05");
  assert.equal(momentOf("someday", berlin), null);
});

test("a day begins and ends by the clock that is shown, also where that skips midnight", () => {
  const berlin = "Europe/Berlin";
  assert.equal(startOf("2026-03-29", berlin), "2026-03-29T00:00:00+01:00");
  assert.equal(endOf("2026-03-29", berlin), "2026-03-30T00:00:00+02:00");
  assert.equal(endOf("2026-12-31", "Asia/Kolkata"), "2027-01-01T00:00:00+05:30");
  assert.equal(startOf("2026-03-29", "Asia/Beirut"), "2026-03-29T01:00:00+03:00");
  assert.deepEqual([startOf("", berlin), endOf("", berlin)], [null, null]);
});

test("spans of time are typed as hours and minutes, or as minutes", () => {
  assert.deepEqual(
    [spanOf(0), spanOf(3900), spanOf(93_600), spanOf(61)],
    ["0:00", "1:05", "26:00", "0:01:01"],
  );
  assert.deepEqual(
    ["1:05", "65", "26:00", "0:01:01", " 2:00 "].map(secondsOf),
    [3900, 3900, 93_600, 61, 7200],
  );
  assert.deepEqual(["", "x", "1:75", "-3"].map(secondsOf), [null, null, null, null]);
});
