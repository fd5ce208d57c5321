import assert from "node:assert/strict";
import { test } from "node:test";
import { inUnits, minorUnits, typedAmount } from "../../static/js/admin/amounts.js";
import { appended, failed, narrowed } from "../../static/js/admin/answers.js";
import { moneyCell, toCsv } from "../../static/js/admin/csv.js";
import {
  addMoney,
  changeOf,
  clockOf,
  curveOf,
  heatRows,
  levelOf,
} from "../../static/js/admin/figures.js";
import { changeQuery, matchPath } from "../../static/js/admin/paths.js";

const eur = (amount) => ({ amount, currency: "EUR" });

test("an address is read by the pattern that fits it, and by no other", () => {
  assert.deepEqual(matchPath("/admin", "/admin/"), {});
  assert.deepEqual(matchPath("/admin/buses/:id", "/admin/buses/42"), { id: "42" });
  assert.deepEqual(matchPath("/admin/buses/:id", "/admin/buses/a%20b"), { id: "a b" });
  assert.deepEqual(matchPath("/admin/buses/:id", "/admin/buses/%E0%A4%A"), { id: "%E0%A4%A" });
  for (const path of ["/admin", "/admin/buses", "/admin/buses/42/seats", "/admin/users/42"])
    assert.equal(matchPath("/admin/buses/:id", path), null, path);
});

test("an address says only what differs from the usual", () => {
  assert.equal(changeQuery("?a=1&b=2", { a: "", c: "x y" }), "?b=2&c=x+y");
  assert.equal(changeQuery("a=1", { a: null }), "");
});

test("no cell of a file is run by a spreadsheet, and none breaks its row", () => {
  const text = toCsv(
    ["Name", "Sum"],
    [
      ['=HYPERLINK("x")', -5],
      ['Ann, "A"\nB', null],
      ["@x", 1],
      [" \uff1d1+1", 2],
    ],
  );
  assert.equal(
    text,
    '\ufeffName,Sum\r\n"\'=HYPERLINK(""x"")",-5\r\n"Ann, ""A""\nB",\r\n\'@x,1\r\n\' \uff1d1+1,2\r\n',
  );
});

test("files have money in units that people count in, with the digits of its currency", () => {
  assert.equal(moneyCell(eur(1990)), "19.90 EUR");
  assert.equal(moneyCell({ amount: 1990, currency: "JPY" }), "1990 JPY");
  assert.equal(inUnits(1990, "EUR"), 19.9);
  assert.deepEqual([typedAmount(5, "EUR"), minorUnits("0,05", "EUR")], ["0.05", 5]);
  assert.deepEqual([minorUnits("1.5", "JPY"), minorUnits("-1", "EUR")], [null, null]);
});

test("a page is put below the one that it follows, and below no other", () => {
  const first = { items: [1, 2], next_cursor: "two" };
  const second = { items: [3], next_cursor: null };
  const both = { items: [1, 2, 3], next_cursor: null };
  assert.deepEqual(appended(first, "two", second), both);
  // Asked for twice, it comes twice; and while it is on its way, the list may have become another.
  assert.equal(appended(both, "two", second), both);
  const other = { items: [7], next_cursor: "seven" };
  assert.equal(appended(other, "two", second), other);
  assert.equal(appended(null, "two", second), null);
});

test("what fails anew leaves in view what is there, and what fails of something else does not", () => {
  const before = { data: "seats", error: null, isLoading: true };
  assert.deepEqual(failed(before, "gone", true), {
    data: "seats",
    error: "gone",
    isLoading: false,
  });
  assert.equal(failed(before, "gone", false).data, null);
});

test("a list that is narrowed here is narrowed in its file, too", async () => {
  const pages = { items: [1, 2], hasMore: true, all: async () => [1, 2, 3, 4] };
  const even = narrowed(pages, (each) => each % 2 === 0);
  assert.deepEqual(even.items, [2]);
  assert.deepEqual(await even.all(), [2, 4]);
  assert.equal(even.hasMore, true);
  assert.equal(narrowed({ ...pages, items: null }, Boolean).items, null);
});

test("amounts are added up within a currency only, the largest first", () => {
  const inr = { amount: 90, currency: "INR" };
  assert.deepEqual(addMoney([eur(10), inr, eur(5)]), [inr, eur(15)]);
  assert.deepEqual(addMoney([]), []);
});

test("nothing is compared with nothing", () => {
  assert.equal(changeOf(12, 10), 0.2);
  assert.equal(changeOf(12, 0), null);
  assert.equal(changeOf(12, undefined), null);
});

test("a curve grows by quarters and ends at the minute that it is", () => {
  const quarters = [
    { minute: 15, bookings: 1, seats: 2, revenue: [], conflicts: 0 },
    { minute: 60, bookings: 1, seats: 3, revenue: [], conflicts: 4 },
  ];
  const curve = curveOf(quarters, ({ seats }) => seats, 50);
  assert.equal(curve.length, 96);
  assert.deepEqual(curve.slice(0, 5), [0, 2, 2, 2, null]);
  assert.equal(curveOf(quarters, ({ seats }) => seats).at(-1), 5);
  assert.equal(curveOf(quarters, ({ conflicts }) => conflicts).at(-1), 4);
  assert.equal(clockOf(75), "01:15");
});

test("buses stand by route and departure, with what is sold of them", () => {
  const bus = (id, route, departs_at, status = "SCHEDULED") => ({
    id,
    name: id,
    route: route && { id: route, name: `Route ${route}` },
    departs_at,
    status,
    seats_total: 10,
  });
  const rows = heatRows(
    [
      bus("3", "b", "2030-01-01T09:00:00Z"),
      bus("2", "a", "2030-01-01T10:00:00Z", "CANCELLED"),
      bus("1", "a", "2030-01-01T08:00:00Z"),
      bus("4", null, "2030-01-01T07:00:00Z"),
    ],
    [{ key: "1", seats: 5, occupancy: 0.5, revenue: [] }],
  );
  assert.deepEqual(
    rows.map(({ name, cells }) => [name, ...cells.map((cell) => [cell.bus.id, cell.occupancy])]),
    [
      ["Route a", ["1", 0.5], ["2", null]],
      ["Route b", ["3", 0]],
      [null, ["4", 0]],
    ],
  );
});

test("the scale has a step for empty, one for full, and none for what does not go", () => {
  assert.deepEqual([null, 0, 0.01, 0.2, 0.21, 0.99, 1].map(levelOf), [null, 0, 1, 1, 2, 5, 5]);
});
