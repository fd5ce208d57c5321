import assert from "node:assert/strict";
import { test } from "node:test";
import { exampleOf, operationsOf, typeOf } from "../../static/js/docs/schema.js";

const schemas = {
  Money: {
    type: "object",
    properties: { amount: { type: "integer", minimum: 0 }, currency: { type: "string" } },
    required: ["amount", "currency"],
  },
};
const document = {
  paths: {
    "/buses": {
      get: {
        operationId: "search",
        summary: "Search",
        tags: ["buses"],
        responses: {},
        security: [{}],
      },
      post: {
        operationId: "add",
        summary: "Add",
        tags: ["buses"],
        security: [{ bearer: [] }],
        requestBody: { content: { "application/json": { schema: { $ref: "#/x/Money" } } } },
        responses: { 201: { description: "Done" } },
      },
    },
  },
};

test("operations come by tag, and only those that were looked for", () => {
  const [[tag, operations]] = operationsOf(document);
  assert.equal(tag, "buses");
  assert.deepEqual(
    operations.map(({ id, method, isSignedIn }) => [id, method, isSignedIn]),
    [
      ["search", "GET", false],
      ["add", "POST", true],
    ],
  );
  assert.deepEqual(
    operationsOf(document, "ADD").map(([, found]) => found.length),
    [1],
  );
  assert.deepEqual(operationsOf(document, "nothing"), []);
});

test("types are told in a few words", () => {
  assert.equal(typeOf({ type: "array", items: { $ref: "#/x/Money" } }), "list of Money");
  assert.equal(typeOf({ anyOf: [{ type: "string" }, { type: "null" }] }), "string or null");
  assert.equal(typeOf({ type: "integer", minimum: 1, maximum: 8 }), "integer, 1 to 8");
  assert.equal(typeOf({ enum: ["demo", "cash"] }), '"demo", "cash"');
});

test("an example has what is required", () => {
  assert.deepEqual(exampleOf({ $ref: "#/x/Money" }, schemas), { amount: 0, currency: "…" });
  assert.deepEqual(exampleOf({ type: "array", items: { type: "string" } }, schemas), ["…"]);
});
