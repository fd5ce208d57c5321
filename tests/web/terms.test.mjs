import assert from "node:assert/strict";
import { test } from "node:test";
import { bePage, moduleOf } from "./page.mjs";

bePage();
const { refundText, secondsToPay } = await moduleOf("booking/terms.js");

test("the clock of an unpaid booking is as long as the server lets it wait", () => {
  const made = "2030-05-01T08:00:00.250Z";
  assert.equal(secondsToPay({ created_at: made, expires_at: "2030-05-01T08:02:00.250Z" }), 120);
  assert.equal(secondsToPay({ created_at: made, expires_at: "2030-05-01T08:15:00.250Z" }), 900);
  assert.equal(secondsToPay({ created_at: made, expires_at: null }), 0);
});

test("what comes back is said in the page's own words", () => {
  const free = { amount: 0, currency: "EUR" };
  const refund_terms = [
    { before_minutes: 2880, percent: 100, fee: { amount: 200, currency: "EUR" } },
    { before_minutes: 0, percent: 50, fee: free },
  ];
  assert.equal(
    refundText({ refund_terms }),
    "100% less €2.00 until 2 days before departure and 50% until departure from your stop; nothing after that",
  );
});
