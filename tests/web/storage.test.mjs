import assert from "node:assert/strict";
import { test } from "node:test";
import { bePage, moduleOf } from "./page.mjs";

bePage();
const { local, session } = await moduleOf("core/dom.js");

test("a page that is denied storage keeps things for as long as it lives, and can list them", () => {
  session.setItem("a", "1");
  session.setItem("b", "2");
  session.removeItem("a");
  assert.deepEqual(Object.keys(session), ["b"]);
  assert.equal(session.getItem("b"), "2");
  assert.equal(session.getItem("a"), null);
  assert.equal(local.getItem("b"), null);
});
