import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decksOf,
  firstFocus,
  seatAfter,
  seatLike,
  seatNear,
  seatTyped,
  viewsOf,
} from "../../static/js/seatmap/plan.js";

/** Two decks: 1+2 with an aisle of two columns below, 2+2 above. */
function doubleDeck() {
  const seats = [];
  const add = (label, deck, row, column, seat_class) =>
    seats.push({ seat: label, deck, row, column, seat_class, attributes: [] });
  for (let row = 1; row <= 3; row += 1)
    for (const [at, column] of [1, 4, 5].entries())
      add(`${row}${"ABC"[at]}`, 1, row, column, "comfort");
  for (let row = 1; row <= 4; row += 1)
    for (const [at, column] of [1, 2, 4, 5].entries())
      add(`U${row}${"ABCD"[at]}`, 2, row, column, "standard");
  return seats;
}

const seats = doubleDeck();
const decks = decksOf(seats);
const find = (label) => seats.find((seat) => seat.seat === label);
const after = (label, key, more = {}) =>
  seatAfter(decks, find(label), { key, ...more }, more.isRtl ?? false)?.seat ?? null;

test("a plan keeps the aisle as cells without a seat", () => {
  assert.deepEqual(
    decks[0].rows[0].cells.map((seat) => seat?.seat ?? null),
    ["1A", null, null, "1B", "1C"],
  );
  assert.deepEqual(
    decks.map((deck) => deck.rows.length),
    [3, 4],
  );
});

test("arrows step over the aisle and stop at the walls", () => {
  assert.equal(after("1A", "ArrowRight"), "1B");
  assert.equal(after("1B", "ArrowLeft"), "1A");
  assert.equal(after("1A", "ArrowLeft"), null);
  assert.equal(after("1C", "ArrowRight"), null);
  assert.equal(after("1A", "ArrowDown"), "2A");
  assert.equal(after("1A", "ArrowUp"), null);
});

test("arrows follow the eye where text runs from right to left", () => {
  assert.equal(after("1A", "ArrowLeft", { isRtl: true }), "1B");
  assert.equal(after("1B", "ArrowRight", { isRtl: true }), "1A");
});

test("Home and End go to the ends of the row, with Ctrl to those of the deck", () => {
  assert.equal(after("2B", "Home"), "2A");
  assert.equal(after("2A", "End"), "2C");
  assert.equal(after("2B", "Home", { ctrlKey: true }), "1A");
  assert.equal(after("2B", "End", { ctrlKey: true }), "3C");
});

test("Page keys change the deck and stay near", () => {
  assert.equal(after("2A", "PageDown"), "U2A");
  assert.equal(after("U4D", "PageUp"), "3C");
  assert.equal(after("U1A", "PageDown"), null);
});

test("keys that mean nothing here are left to the page", () => {
  assert.equal(after("1A", "Tab"), null);
  assert.equal(after("1A", "x"), null);
});

test("every seat can be reached from every other with arrows and Page keys", () => {
  const reached = new Set(["1A"]);
  for (const label of reached)
    for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown"]) {
      const next = after(label, key);
      if (next) reached.add(next);
    }
  assert.equal(reached.size, seats.length);
});

test("what is typed finds a label, the exact one first", () => {
  assert.equal(seatLike(seats, "2")?.seat, "2A");
  assert.equal(seatLike(seats, "2b")?.seat, "2B");
  assert.equal(seatLike(seats, "u3")?.seat, "U3A");
  assert.equal(seatLike(seats, "9"), null);
});

test("the seat offered for a lost one is of its class and close by", () => {
  assert.equal(seatNear(seats, "2B", () => true)?.seat, "2C");
  const isFree = (label) => label.startsWith("U") || label === "3A";
  assert.equal(seatNear(seats, "2B", isFree)?.seat, "3A");
  assert.equal(seatNear(seats, "2B", (label) => label.startsWith("U"))?.deck, 2);
  assert.equal(
    seatNear(seats, "2B", () => false),
    null,
  );
});

test("a seat looks as the worst of its letters on the leg, unless it is ours", () => {
  const letters = new Map([
    ["1A", "AAB"],
    ["1B", "AAB"],
    ["2A", "LAA"],
    ["2B", "AXL"],
    ["3A", "AAA"],
  ]);
  const on = (start, end, ours = []) => [...viewsOf(letters, { start, end }, new Map(ours))];
  assert.deepEqual(on(0, 2), [
    ["1A", "available"],
    ["1B", "available"],
    ["2A", "held"],
    ["2B", "blocked"],
    ["3A", "available"],
  ]);
  assert.deepEqual(
    on(2, 3, [
      ["2B", "mine"],
      ["3A", "pending"],
    ]),
    [
      ["1A", "booked"],
      ["1B", "booked"],
      ["2A", "available"],
      ["2B", "mine"],
      ["3A", "pending"],
    ],
  );
});

test("before anything is known of a bus only what is ours is known", () => {
  const ours = new Map([["2B", "pending"]]);
  assert.deepEqual(viewsOf(undefined, { start: 0, end: 1 }, ours), ours);
  assert.deepEqual(viewsOf(new Map([["1A", "A"]]), null, ours), ours);
});

test("the keys begin at a free seat of each deck, or at its first", () => {
  const views = new Map([
    ["1A", "booked"],
    ["1B", "available"],
    ["U1A", "held"],
  ]);
  assert.deepEqual(firstFocus(decks, views), { 1: "1B", 2: "U1A" });
});

test("letters typed quickly are one label, and a lone b is none", () => {
  const typed = { text: "", at: Number.NEGATIVE_INFINITY };
  const type = (key, timeStamp) => seatTyped(seats, { key, timeStamp }, typed)?.seat ?? null;
  assert.equal(type("b", 0), null);
  assert.equal(type("2", 100), "2A");
  assert.equal(type("b", 900), "2B");
  assert.equal(type("3", 1_900), "3A");
  assert.equal(type("ArrowLeft", 2_000), null);
});
