import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, draw, redo, step, undo } from "../../static/js/admin/layout/history.js";
import { read } from "../../static/js/admin/layout/keys.js";
import { number, numberRest, usualScheme } from "../../static/js/admin/layout/numbering.js";
import {
  addColumn,
  addDeck,
  addRow,
  cellAt,
  deriveAttributes,
  emptyPlan,
  fromSeats,
  judge,
  paint,
  placesOf,
  relabel,
  removeColumn,
  removeDeck,
  removeRow,
  toSeats,
} from "../../static/js/admin/layout/plan.js";
import { fromPretix, toPretix } from "../../static/js/admin/layout/pretix.js";
import { planOf } from "../../static/js/admin/layout/templates.js";

const AT = { deck: 0, row: 0, column: 0 };
const SEAT = { kind: "seat", seat_class: "standard", price_percent: 100 };
const labels = (plan) => placesOf(plan).map(({ cell }) => cell.label);
const codes = (findings) => findings.map(({ code }) => code);

/** A coach of two rows below, one comfort row above with a place for a wheelchair. */
function sample() {
  let plan = addDeck(emptyPlan(2, 4));
  for (const [row, column] of [
    [0, 0],
    [0, 1],
    [0, 3],
    [1, 0],
    [1, 3],
  ])
    plan = paint(plan, { deck: 0, row, column }, SEAT);
  const comfort = { kind: "seat", seat_class: "comfort", price_percent: 130 };
  plan = paint(plan, { deck: 1, row: 1, column: 2 }, comfort);
  const accessible = { kind: "attribute", attribute: "accessible", isOn: true };
  plan = paint(plan, { deck: 1, row: 1, column: 2 }, accessible);
  return number(deriveAttributes(plan), usualScheme(plan));
}

test("painting changes one cell and leaves the plan before as it was", () => {
  const before = emptyPlan(2, 3);
  const after = paint(before, AT, SEAT);
  assert.equal(cellAt(before, AT), null);
  assert.equal(cellAt(after, AT).seat_class, "standard");
  assert.equal(paint(after, AT, SEAT), after);
  const comfort = paint(relabel(after, AT, " 1a "), AT, { ...SEAT, seat_class: "comfort" });
  assert.equal(cellAt(comfort, AT).label, "1A");
  assert.equal(cellAt(paint(comfort, AT, { kind: "aisle" }), AT), null);
});

test("an aisle has no attributes, and a seat has each once and six at most", () => {
  const on = (attribute) => ({ kind: "attribute", attribute, isOn: true });
  const empty = emptyPlan(1, 1);
  assert.equal(paint(empty, AT, on("window")), empty);
  let plan = paint(empty, AT, SEAT);
  for (const each of ["a", "b", "c", "d", "e", "f", "g", "a"]) plan = paint(plan, AT, on(each));
  assert.deepEqual(cellAt(plan, AT).attributes, ["b", "c", "d", "e", "f", "a"]);
});

test("rows and columns come and go, within what a bus may be", () => {
  let plan = paint(emptyPlan(1, 1), AT, SEAT);
  plan = addRow(addColumn(plan, 0, 1), 0, 1, 0);
  assert.deepEqual([plan.decks[0].rows.length, plan.decks[0].columns], [2, 2]);
  assert.equal(cellAt(plan, { deck: 0, row: 1, column: 0 }).label, "");
  plan = removeColumn(removeRow(plan, 0, 0), 0, 1);
  assert.deepEqual([plan.decks[0].rows.length, plan.decks[0].columns], [1, 1]);
  assert.equal(removeRow(plan, 0, 0).decks[0].rows.length, 1);
  for (let count = 0; count < 70; count += 1) plan = addColumn(addRow(plan, 0, 0), 0, 0);
  assert.deepEqual([plan.decks[0].rows.length, plan.decks[0].columns], [60, 12]);
  assert.equal(addDeck(addDeck(addDeck(plan))).decks.length, 3);
  assert.equal(removeDeck(plan, 0).decks.length, 1);
});

test("what the API says of a layout and what it is told are the same", () => {
  const seats = toSeats(sample());
  assert.deepEqual(toSeats(fromSeats(seats)), seats);
  assert.deepEqual(seats[5], {
    seat: "U1A",
    deck: 2,
    row: 2,
    column: 3,
    seat_class: "comfort",
    attributes: ["aisle", "front", "accessible"],
    price_percent: 130,
  });
});

test("seats are named by row and letter, the other way round, or counted through", () => {
  const plan = sample();
  const named = (change) => labels(number(plan, { ...usualScheme(plan), ...change }));
  assert.deepEqual(named({}), ["1A", "1B", "1C", "2A", "2B", "U1A"]);
  assert.deepEqual(named({ style: "letter-row", start: 5 }).slice(0, 4), ["A5", "B5", "C5", "A6"]);
  assert.deepEqual(named({ isFromRight: true }).slice(0, 3), ["1C", "1B", "1A"]);
  assert.deepEqual(named({ style: "running" }), ["1", "2", "3", "4", "5", "U1"]);
  const wide = paint(planOf("2+2+bench"), AT, SEAT);
  const letters = labels(number(wide, { ...usualScheme(wide), left: "BIO" }));
  assert.deepEqual(letters.slice(0, 3), ["1A", "1C", "1D"]);
});

test("naming only the new ones leaves the names that are there", () => {
  const plan = relabel(sample(), { deck: 0, row: 1, column: 0 }, "1B");
  const odd = relabel(plan, { deck: 0, row: 0, column: 1 }, "");
  assert.deepEqual(labels(numberRest(odd, usualScheme(odd))), [
    "1A",
    "X1",
    "1C",
    "1B",
    "2B",
    "U1A",
  ]);
});

test("a plan is judged: names twice, missing and wrong, nobody accessible, no seats", () => {
  assert.deepEqual(codes(judge(emptyPlan(2, 2)).faults), ["none"]);
  const good = judge(sample());
  assert.deepEqual([codes(good.faults), codes(good.hints)], [[], []]);
  let plan = relabel(sample(), { deck: 0, row: 0, column: 1 }, "1A");
  plan = relabel(plan, { deck: 0, row: 0, column: 3 }, "1-C");
  plan = relabel(plan, { deck: 0, row: 1, column: 0 }, "");
  const { faults } = judge(plan);
  assert.deepEqual(codes(faults), ["unnamed", "label", "twice"]);
  assert.deepEqual(faults[2].places.length, 2);
  assert.deepEqual(codes(judge(planOf("2+2")).hints), ["accessible"]);
});

test("steps are taken back and again, a stroke is one of them, and a new one ends what was ahead", () => {
  let history = begin("a");
  for (const next of ["b", "c", "d"]) history = draw(history, next, 1);
  assert.equal(undo(history).present, "a");
  assert.equal(redo(undo(history)).present, "d");
  assert.equal(undo(undo(history)).present, "a");
  assert.deepEqual(step(undo(history), "x").future, []);
  assert.equal(step(history, "d"), history);
});

test("a stroke that begins where nothing is to be done is still a step of its own", () => {
  let history = draw(begin("a"), "b", 1);
  history = draw(draw(history, "b", 2), "c", 2);
  assert.equal(undo(history).present, "b");
  // What is taken back in the middle of a stroke stays so: the rest of it is a step of its own.
  history = draw(undo(draw(history, "d", 2)), "e", 2);
  assert.equal(undo(history).present, "b");
  assert.equal(undo(draw(step(begin("a"), "b"), "c", 0)).present, "b");
});

test("keys move, paint, name and take back; what is the browser's stays so", () => {
  const plan = sample();
  const key = (key, more = {}) => read({ key, ...more }, plan, AT, more.isRtl ?? false);
  assert.deepEqual(key("ArrowRight"), { do: "move", to: { ...AT, column: 1 }, paints: false });
  assert.deepEqual(key("ArrowRight", { isRtl: true }).to, AT);
  assert.equal(key("ArrowDown", { shiftKey: true }).paints, true);
  assert.deepEqual(key("End", { ctrlKey: true }).to, { deck: 0, row: 1, column: 3 });
  assert.deepEqual(key("PageDown").to, { deck: 1, row: 0, column: 0 });
  assert.deepEqual(key("c").brush.seat_class, "comfort");
  assert.deepEqual(key("Delete").brush, { kind: "aisle" });
  assert.deepEqual(key("H"), { do: "attribute", attribute: "accessible" });
  assert.deepEqual(
    [key("z", { ctrlKey: true }).do, key("y", { metaKey: true }).do],
    ["undo", "redo"],
  );
  assert.deepEqual(key("+"), { do: "row", is: "add" });
  assert.deepEqual(
    [key("Tab"), key("c", { ctrlKey: true }), key("s", { altKey: true })],
    [null, null, null],
  );
});

test("a plan goes to pretix and comes back as it was", () => {
  const seats = toSeats(sample());
  const document = JSON.parse(JSON.stringify(toPretix("Shuttle", seats)));
  assert.deepEqual(Object.keys(document).sort(), ["categories", "name", "size", "zones"]);
  assert.deepEqual(
    document.categories.map(({ name }) => name),
    ["standard", "comfort 130%"],
  );
  const guids = document.zones.flatMap((zone) =>
    zone.rows.flatMap((row) => row.seats.map((seat) => seat.seat_guid)),
  );
  assert.equal(new Set(guids).size, seats.length);
  const read = fromPretix(document);
  assert.deepEqual([read.name, read.faults, read.hints], ["Shuttle", [], []]);
  assert.deepEqual(toSeats(read.plan), seats);
});

test("a plan that somebody drew in pretix is read by where its seats are", () => {
  const seat = (x, y, number, category = "Stalls 1st") => ({
    seat_guid: crypto.randomUUID(),
    seat_number: number,
    position: { x, y },
    category,
  });
  const row = (name, y, ...seats) => ({ row_number: name, position: { x: 7, y }, seats });
  const zone = {
    name: "Main",
    position: { x: 0, y: 0 },
    rows: [
      row("B", 60, seat(0, 0, "1"), seat(90, 0, "2")),
      row("A", 0, seat(0, 0, "1"), seat(30, 0, "2")),
    ],
    areas: [{ width: 10, height: 10, position: { x: 0, y: 0 } }],
  };
  const read = fromPretix({ name: "Hall", categories: [{ name: "Stalls 1st" }], zones: [zone] });
  assert.deepEqual(codes(read.hints), ["areas", "foreign"]);
  assert.deepEqual(
    toSeats(read.plan).map(({ seat, row, column, seat_class }) => [seat, row, column, seat_class]),
    [
      ["A1", 1, 1, "stalls_st"],
      ["A2", 1, 2, "stalls_st"],
      ["B1", 2, 1, "stalls_st"],
      ["B2", 2, 4, "stalls_st"],
    ],
  );
});

test("what is no plan, or too much of one, is said and not thrown", () => {
  for (const wrong of [null, [], "x", { zones: [] }, { name: "x", zones: "y" }])
    assert.deepEqual(codes(fromPretix(wrong).faults), ["format"]);
  assert.deepEqual(codes(fromPretix({ name: "x", zones: [null, { rows: [{}] }] }).faults), [
    "none",
  ]);
  const many = Array.from({ length: 201 }, (_, x) => ({
    seat_number: String(x),
    position: { x, y: 0 },
  }));
  const zones = [{ rows: [{ row_number: "1", seats: many }] }];
  assert.deepEqual(codes(fromPretix({ name: "x", zones }).faults), ["many"]);
  const long = many.slice(0, 13).map((each, x) => ({ ...each, position: { x: x * 40, y: 0 } }));
  assert.deepEqual(codes(fromPretix({ name: "x", zones: [{ rows: [{ seats: long }] }] }).faults), [
    "large",
  ]);
});
