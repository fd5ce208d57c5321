import assert from "node:assert/strict";
import { test } from "node:test";
import { pauseBefore, Return, wayAfter } from "../../static/js/core/seats.js";
import { answerOf, EventReader } from "../../static/js/core/wire.js";

const SNAPSHOT = { type: "snapshot", bus: "1", epoch: 1, rev: 4, seats: [["1A", "ALB"]] };
const DELTA = { type: "delta", bus: "1", epoch: 1, prev: 4, rev: 5, seats: [], at: "" };
const BYE = { type: "bye", code: 4200, reconnect_in: [0, 8000] };
const TEXT = [
  ":\n\n",
  `event: snapshot\nid: 1:4\ndata: ${JSON.stringify(SNAPSHOT)}\n\n`,
  ": nothing is new\n\n",
  `event: delta\nid: 1:5\ndata: ${JSON.stringify(DELTA)}\n\n`,
  `retry: 1200\nevent: bye\ndata: ${JSON.stringify(BYE)}\n\n`,
].join("");

test("a stream is read alike in whatever pieces it comes", () => {
  for (let size = 1; size <= TEXT.length; size += 7) {
    const reader = new EventReader();
    const found = [];
    for (let at = 0; at < TEXT.length; at += size) {
      found.push(...reader.read(TEXT.slice(at, at + size)));
    }
    assert.deepEqual(found, ["", SNAPSHOT, "nothing is new", DELTA, BYE], `in pieces of ${size}`);
  }
});

test("what is not whole yet is not read", () => {
  const reader = new EventReader();
  assert.deepEqual(reader.read(TEXT.slice(0, -1)), ["", SNAPSHOT, "nothing is new", DELTA]);
  assert.deepEqual(reader.read("\n"), [BYE]);
});

test("the first word of a stream is the answer that a socket gives", () => {
  const known = { epoch: 1, rev: 4, seats: new Map() };
  const same = { type: "subscribed", id: 7, bus: "1", mode: "same", epoch: 1, rev: 4 };
  assert.deepEqual(answerOf(7, "1", "nothing is new", known), same);
  assert.equal(answerOf(7, "1", "nothing is new", null), null);
  const whole = answerOf(7, "1", SNAPSHOT, null);
  assert.deepEqual([whole.type, whole.id, whole.mode, whole.rev], ["subscribed", 7, "snapshot", 4]);
  assert.equal(answerOf(7, "1", "", known), null, "a sign of life is no answer");
  assert.equal(answerOf(7, "1", { type: "status", live: false }, known), null);
});

test("a way that never worked is left, one that did is tried again", () => {
  assert.equal(wayAfter("socket", false), "stream");
  assert.equal(wayAfter("socket", true), "socket");
  assert.equal(wayAfter("stream", false), "socket");
  assert.equal(wayAfter("stream", true), "socket");
});

test("pauses are drawn from nought to a bound that doubles up to twenty seconds", () => {
  assert.equal(pauseBefore(0, 0), 0);
  assert.equal(pauseBefore(0, 0.5), 250);
  assert.equal(pauseBefore(3, 0.5), 2000);
  assert.equal(pauseBefore(30, 1), 20_000);
});

/** A way back whose clock stands still until it is told to go on. */
function returnOf({ mock }) {
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(Math, "random", () => 0.5);
  let now = 0;
  mock.method(performance, "now", () => now);
  const told = [];
  const back = new Return(
    () => told.push("connect"),
    () => told.push("lose"),
  );
  const pass = (milliseconds) => {
    for (const end = now + milliseconds; now < end; mock.timers.tick(1)) now += 1;
  };
  return { back, told, pass };
}

test("pauses double until a server has served for a while", (context) => {
  const { back, told, pass } = returnOf(context);
  for (const pause of [500, 1000, 2000]) {
    back.after(1006);
    pass(pause - 1);
    assert.deepEqual(told, []);
    pass(1);
    assert.deepEqual(told.splice(0), ["connect"]);
    // It takes us and drops us.
    back.trust();
    pass(29_000);
  }
  // Every word is heard as trust, and the first of them counts.
  back.trust();
  pass(1_000);
  back.after(1006);
  pass(500);
  assert.deepEqual(told, ["connect"]);
});

test("a crowded server is left alone for longer, and one that names a time is taken at its word", (context) => {
  const { back, told, pass } = returnOf(context);
  back.after(4103);
  pass(5_499);
  assert.deepEqual(told, []);
  pass(1);
  assert.deepEqual(told.splice(0), ["connect"]);
  back.asked([100, 300]);
  back.after(1001);
  pass(199);
  assert.deepEqual(told, []);
  pass(1);
  assert.deepEqual(told, ["connect"]);
});

test("silence longer than a heartbeat and a half is a loss, and none is expected of what is over", (context) => {
  const { back, told, pass } = returnOf(context);
  back.expectWord();
  back.expectEvery(1_000);
  pass(1_499);
  back.expectWord();
  pass(1_499);
  assert.deepEqual(told, []);
  pass(1);
  assert.deepEqual(told.splice(0), ["lose"]);
  back.expectWord();
  back.rest();
  pass(10_000);
  assert.deepEqual(told, []);
  back.in(10);
  back.stop();
  pass(10);
  assert.deepEqual(told, []);
  // Whoever begins again expects words again.
  back.expectWord();
  back.stop();
  back.expectWord();
  pass(1_500);
  assert.deepEqual(told, ["lose"]);
});
