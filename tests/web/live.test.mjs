import assert from "node:assert/strict";
import { test } from "node:test";
import { bePage, moduleOf } from "./page.mjs";

bePage();
const { LiveSeats } = await moduleOf("core/live.js");

const watcher = () => {
  const live = new LiveSeats("42", String, () => {});
  live.next = "stream";
  live.connect();
  return live;
};
/** As long as it takes to load what opens a stream. */
const loaded = () => moduleOf("core/stream.js").then(() => new Promise(setImmediate));
globalThis.fetch = () => new Promise(() => {});

test("a bus that is watched no more is not watched anew, however late the way to it was found", async () => {
  const watched = watcher();
  const left = watcher();
  left.stop();
  await loaded();
  assert.equal(watched.way?.kind, "stream", "who stays is told");
  assert.equal(left.way, null);
  watched.stop();
});
