import assert from "node:assert/strict";
import { test } from "node:test";
import { bePage, moduleOf } from "./page.mjs";

bePage();
const { destinations, learnDestinations } = await moduleOf("kiosk/destinations.js");
const WAYS = { 1: ["1", "2", "3"], 2: ["2", "3"] };
const call = (id) => ({ stop: { id, name: id }, can_alight: true });
const line = (from) => ({ id: from, name: from, route: null });
const names = () => destinations.value?.map(({ stop }) => stop.id);
/** Asked for so often, and kept waiting until somebody says so. */
let asked = 0;
let gate = Promise.resolve();

globalThis.fetch = async (path) => {
  const url = new URL(path, "http://kiosk.example");
  const from = url.searchParams.get("from");
  if (!from) return Response.json({ stops: WAYS[url.pathname.split("/")[4]].map(call) });
  asked += 1;
  await gate;
  return Response.json({ items: [line(from)] });
};

test("where one can go is asked anew when the kiosk stands elsewhere, and not before it is old", async () => {
  await learnDestinations("1", "9");
  assert.deepEqual(names(), ["2", "3"]);
  await learnDestinations("1", "9");
  assert.equal(asked, 1);
  const moved = learnDestinations("2", "9");
  assert.equal(names(), undefined, "no bus goes there from here");
  await moved;
  assert.deepEqual(names(), ["3"]);
});

test("an answer for where the kiosk stood before is not shown where it stands now", async () => {
  let open = () => {};
  gate = new Promise((resolve) => {
    open = resolve;
  });
  const before = learnDestinations("1", "9");
  gate = Promise.resolve();
  await learnDestinations("2", "9");
  open();
  await before;
  assert.deepEqual(names(), ["3"]);
});
