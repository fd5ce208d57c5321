import assert from "node:assert/strict";
import { test } from "node:test";
import { LANGUAGES } from "../../static/js/core/languages.js";
import { GIVE_UP_MS, QUIET_MS, soundAt, stageOf } from "../../static/js/kiosk/idle.js";
import {
  ACCENTS,
  erase,
  faceOf,
  isNameStart,
  keyAfter,
  LAYOUTS,
  layoutFor,
} from "../../static/js/kiosk/layouts.js";

const keysOf = ({ plain, more }) => [...plain, ...more].flat();

test("every language has a keyboard, and others get the Latin one", () => {
  for (const [language] of LANGUAGES) assert.equal(layoutFor(language).name, language);
  assert.equal(layoutFor("fr").name, "en");
});

test("each alphabet is whole, and no key stands on a layer twice", () => {
  const all = (name) => new Set([...keysOf(layoutFor(name)).join("")]);
  for (const letter of "abcdefghijklmnopqrstuvwxyz") {
    for (const name of ["en", "de", "es"]) {
      assert.ok(all(name).has(letter), `${letter} in ${name}`);
      assert.ok(all(name).has(letter.toUpperCase()), `${letter.toUpperCase()} in ${name}`);
    }
  }
  for (const letter of "äöüßÄÖÜ") assert.ok(all("de").has(letter), letter);
  for (const letter of "ñáéíóúüÑ") assert.ok(all("es").has(letter), letter);
  for (const letter of "ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأؤإئةى")
    assert.ok(all("ar").has(letter), letter);
  for (const letter of "अआइईउऊऋएऐओऔकखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसहािीुूृेैोौंःँ्")
    assert.ok(all("hi").has(letter), letter);
  for (const layout of LAYOUTS)
    for (const layer of [layout.plain, layout.more].map((rows) => rows.flat()))
      assert.equal(new Set(layer).size, layer.length, layout.name);
  assert.equal(new Set(ACCENTS.flat()).size, ACCENTS.flat().length);
});

test("a sign that needs a letter is shown on a circle", () => {
  assert.equal(faceOf("ि"), "◌ि");
  assert.equal(faceOf("क"), "क");
});

test("names begin with capitals", () => {
  assert.ok(isNameStart("", 0));
  assert.ok(isNameStart("Ada ", 4));
  assert.ok(isNameStart("Anne-", 5));
  assert.ok(!isNameStart("Ada", 3));
});

test("delete takes what the reader sees as one letter", () => {
  assert.deepEqual(erase("Ada", 3), { text: "Ad", at: 2 });
  assert.deepEqual(erase("Ada", 1), { text: "da", at: 0 });
  assert.deepEqual(erase("Ada", 0), { text: "Ada", at: 0 });
  assert.deepEqual(erase("e\u0301", 2), { text: "", at: 0 });
  assert.deepEqual(erase("कि", 2), { text: "क", at: 1 }, "in Devanagari the last sign");
});

test("arrows lead to the key that is nearest", () => {
  const lengths = [10, 9, 5];
  const from = { row: 0, column: 9 };
  assert.deepEqual(keyAfter(lengths, from, "ArrowDown", false), { row: 1, column: 8 });
  assert.equal(keyAfter(lengths, from, "ArrowRight", false), null);
  assert.deepEqual(keyAfter(lengths, from, "ArrowLeft", false), { row: 0, column: 8 });
  assert.deepEqual(keyAfter(lengths, from, "ArrowRight", true), { row: 0, column: 8 });
  assert.equal(keyAfter(lengths, { row: 2, column: 4 }, "ArrowDown", false), null);
  assert.equal(keyAfter(lengths, from, "x", false), null);
});

test("who is quiet is warned in time, and has twenty seconds at least to answer", () => {
  assert.equal(stageOf(QUIET_MS - 1).stage, "busy");
  assert.deepEqual(stageOf(QUIET_MS), { stage: "warned", left: 30 });
  assert.equal(stageOf(GIVE_UP_MS - 1).left, 1);
  assert.equal(stageOf(GIVE_UP_MS).stage, "gone");
  assert.ok(GIVE_UP_MS - QUIET_MS >= 20_000);
});

test("the end is heard coming", () => {
  assert.deepEqual([30, 29, 20, 5, 1].map(soundAt), ["warn", null, "warn", "tock", "tock"]);
});
