import assert from "node:assert/strict";
import { test } from "node:test";
import {
  aheadOf,
  estimate,
  furthest,
  lookAgainIn,
  lookAtOpeningIn,
  shareDone,
} from "../../static/js/waiting/line.js";

test("before number 12 there are two when 9 is served, and nobody once it is its turn", () => {
  assert.equal(aheadOf({ now_serving: 9 }, 12), 2);
  assert.equal(aheadOf({ now_serving: 12 }, 12), 0);
  assert.equal(aheadOf({ now_serving: 900 }, 12), 0);
});

test("the counter never goes back, whichever process tells it, and all else is the last news", () => {
  const first = furthest({ now_serving: 40, pace: 60 }, null);
  assert.deepEqual(first, { now_serving: 40, pace: 60 });
  const behind = furthest({ now_serving: 31, pace: 42 }, first);
  assert.deepEqual(behind, { now_serving: 40, pace: 42 });
  assert.equal(furthest({ now_serving: 44, pace: 42 }, behind).now_serving, 44);
});

test("a wait is told as a range around what the pace says", () => {
  assert.deepEqual(estimate(600, 60), { kind: "range", low: 7, high: 15 });
  assert.deepEqual(estimate(70, 60), { kind: "range", low: 1, high: 2 });
});

test("what is nearly over is a minute, what is far away more than an hour, and no pace is no promise", () => {
  assert.deepEqual(estimate(30, 60), { kind: "soon" });
  assert.deepEqual(estimate(5000, 60), { kind: "long" });
  assert.deepEqual(estimate(5000, 0), { kind: "long" });
});

test("the nearer the turn the sooner the counter is looked at, and never by all at once", () => {
  const [near, middle, far] = [
    [5, 60],
    [300, 60],
    [9000, 60],
  ].map(([ahead, pace]) => [0, 0.999].map((dice) => lookAgainIn(ahead, pace, () => dice)));
  assert.deepEqual(near.map(Math.round), [1500, 2499]);
  assert.ok(near[1] < middle[0] && middle[1] < far[0]);
  assert.ok(far[1] <= 25_000);
  assert.ok(lookAgainIn(null, 60, () => 0) > near[1]);
});

test("the opening is looked at after it, within four seconds; long before it every half a minute at most", () => {
  assert.equal(
    lookAtOpeningIn(1000, () => 0),
    1500,
  );
  assert.equal(
    lookAtOpeningIn(-5000, () => 0),
    500,
  );
  assert.ok(lookAtOpeningIn(3_600_000, () => 0.5) <= 30_000);
});

test("who began with nobody ahead is through", () => {
  assert.equal(shareDone(0, 0), 1);
  assert.equal(shareDone(50, 200), 0.75);
  assert.equal(shareDone(300, 200), 0);
});
