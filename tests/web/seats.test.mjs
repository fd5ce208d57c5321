import assert from "node:assert/strict";
import { test } from "node:test";
import { adopt, isBehind, receive, statusOn } from "../../static/js/core/seats.js";

const LABELS = ["1A", "1B", "2A", "2B", "3A"];

/** Numbers that are random and yet the same for the same seed. */
function randomOf(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  };
}

/** Every state a bus has had: index = rev. */
function historyOf(random, length) {
  const states = [new Map(LABELS.map((label) => [label, "AAA"]))];
  for (let rev = 1; rev <= length; rev += 1) {
    const next = new Map(states[rev - 1]);
    for (let change = 0; change <= random(2); change += 1) {
      const letters = Array.from({ length: 3 }, () => "ALBX"[random(4)]).join("");
      next.set(LABELS[random(LABELS.length)], letters);
    }
    states.push(next);
  }
  return states;
}

/** As the server makes them: every seat touched on the way, also one that came back to what it was. */
function deltaOf(states, prev, rev, epoch = 1) {
  const touched = new Set();
  for (let at = prev + 1; at <= rev; at += 1)
    for (const label of LABELS)
      if (states[at].get(label) !== states[at - 1].get(label)) touched.add(label);
  const seats = [...touched].map((label) => [label, states[rev].get(label)]);
  return { type: "delta", bus: "1", epoch, prev, rev, seats, at: "" };
}

const snapshotOf = (states, rev, epoch = 1) => ({
  type: "snapshot",
  bus: "1",
  epoch,
  rev,
  seats: [...states[rev]],
});

test("whatever is lost, repeated or late, a client's state is a committed one, and its rev says which", () => {
  for (let seed = 1; seed <= 400; seed += 1) {
    const random = randomOf(seed);
    const states = historyOf(random, 30);
    let known = null;
    for (let step = 0; step < 60; step += 1) {
      const rev = 1 + random(30);
      const frame = random(6) === 0 ? snapshotOf(states, rev) : deltaOf(states, random(rev), rev);
      const before = known;
      const result = receive(known, frame);
      known = result.known;
      if (known) assert.deepEqual([...known.seats], [...states[known.rev]], `seed ${seed}`);
      if (result.resubscribe) assert.equal(known, before, "a gap changes nothing");
      if (frame.type === "delta" && before)
        assert.ok(known.rev >= before.rev, "a delta never leads back");
    }
  }
});

test("answering every request to subscribe again brings a client to the head", () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = randomOf(seed);
    const states = historyOf(random, 40);
    let known = null;
    for (let rev = 1; rev <= 40; rev += 1) {
      if (random(3) === 0) continue; // lost on the way
      const result = receive(known, deltaOf(states, rev - 1, rev));
      known = result.known;
      if (result.resubscribe) known = receive(known, snapshotOf(states, rev)).known;
    }
    if (known?.rev !== 40) known = receive(known, snapshotOf(states, 40)).known;
    assert.deepEqual([...known.seats], [...states[40]]);
  }
});

test("a delta that spans several revisions is taken from anywhere inside them", () => {
  const states = historyOf(randomOf(7), 10);
  const { known } = receive(null, snapshotOf(states, 4));
  const result = receive(known, deltaOf(states, 2, 9));
  assert.equal(result.known.rev, 9);
  assert.deepEqual([...result.known.seats], [...states[9]]);
});

test("another epoch is never mixed with this one", () => {
  const states = historyOf(randomOf(3), 10);
  const { known } = receive(null, snapshotOf(states, 4, 1));
  const result = receive(known, deltaOf(states, 4, 5, 2));
  assert.deepEqual(result, { known, resubscribe: true });
  assert.equal(receive(known, snapshotOf(states, 2, 2)).known.epoch, 2);
});

test("`same` leaves everything as it is, and unknown frames are for clients to come", () => {
  const states = historyOf(randomOf(5), 3);
  const { known } = receive(null, snapshotOf(states, 3));
  const same = { type: "subscribed", id: 1, bus: "1", mode: "same", epoch: 1, rev: 3 };
  assert.equal(receive(known, same).known, known);
  assert.equal(receive(known, { type: "fireworks" }).known, known);
});

test("an older answer of the REST API does not undo what the socket brought", () => {
  const states = historyOf(randomOf(9), 6);
  const { known } = receive(null, snapshotOf(states, 5));
  const map = (rev, epoch) => ({
    epoch,
    rev,
    seats: [...states[rev]].map(([seat, letters]) => ({ seat, states: letters })),
  });
  assert.equal(adopt(known, map(4, 1)), known);
  assert.equal(adopt(known, map(6, 1)).rev, 6);
  assert.equal(adopt(known, map(1, 2)).epoch, 2);
  assert.equal(adopt(null, map(1, 1)).rev, 1);
});

test("a heartbeat tells a client that it missed something", () => {
  const known = { epoch: 1, rev: 4, seats: new Map() };
  assert.equal(isBehind(known, 5), true);
  assert.equal(isBehind(known, 4), false);
  assert.equal(isBehind(known, undefined), false);
  assert.equal(isBehind(null, 5), false);
});

test("the worst segment counts, and only those of the leg", () => {
  assert.equal(statusOn("AAA", 0, 3), "A");
  assert.equal(statusOn("ALA", 0, 3), "L");
  assert.equal(statusOn("LXA", 0, 3), "X");
  assert.equal(statusOn("XBL", 0, 3), "B");
  assert.equal(statusOn("BAA", 1, 3), "A");
  assert.equal(statusOn("AAB", 0, 2), "A");
});
