import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { bePage, moduleOf } from "./page.mjs";

bePage();
const { session } = await moduleOf("core/dom.js");
const { HoldClient } = await moduleOf("seatmap/hold.js");

const TAKEN = "9Z";
const NEVER = "2100-01-01T00:00:00Z";
const PLACE = "omnibus.hold.42";
/** Holds as a server has them, by id. */
const holds = new Map();
/** What is to happen before a request is answered, by its method. */
let before = {};
let heard = [];
let made = 0;

globalThis.fetch = async (path, { method, body }) => {
  heard.push(method);
  const id = path.split("/")[4];
  const { seats } = body ? JSON.parse(body) : {};
  const isNew = path.endsWith("/holds");
  const isKnown = isNew || holds.has(id);
  if (isKnown && seats?.includes(TAKEN)) {
    await before[method]?.();
    return problem(409, { code: "seat_unavailable", seats: [{ seat: TAKEN }] });
  }
  if (!isKnown) return problem(404, { code: "hold_not_found" });
  const known = isNew ? String(++made) : id;
  if (method === "DELETE") holds.delete(known);
  else if (seats) holds.set(known, { id: known, seats, expires_at: NEVER });
  const told = holds.get(known);
  await before[method]?.();
  return method === "DELETE" ? new Response(null, { status: 204 }) : Response.json(told);
};

const problem = (status, more) => Response.json({ status, title: "", ...more }, { status });

function buyer() {
  const told = [];
  const client = new HoldClient("42", () => ({ from: "1", to: "2" }), {
    taken: (seats) => told.push(`taken ${seats}`),
    refused: (error) => told.push(`refused ${error.code}`),
    expired: () => told.push("expired"),
  });
  return { client, told };
}

beforeEach(() => {
  holds.clear();
  session.removeItem(PLACE);
  before = {};
  heard = [];
});

test("a buyer who leaves gives back what is held, and it is not taken up again", async () => {
  const { client } = buyer();
  client.want(["1A", "1B"]);
  await client.settle();
  assert.deepEqual([...holds.values()][0].seats, ["1A", "1B"]);
  assert.ok(session.getItem(PLACE));
  const closed = client.close();
  assert.equal(session.getItem(PLACE), null, "the next one on this bus is somebody else");
  await closed;
  assert.equal(holds.size, 0);
  assert.equal(session.getItem(PLACE), null);
});

test("a choice that was not sent yet is never sent once its buyer has left", async () => {
  const { client } = buyer();
  client.want(["1A"]);
  await client.close();
  client.want(["1B"]);
  await client.settle();
  assert.deepEqual(heard, []);
});

test("a hold that is being made while its buyer leaves goes back", async () => {
  const { client, told } = buyer();
  let closed;
  before.POST = () => {
    closed = client.close();
  };
  client.want(["1A"]);
  await client.settle();
  await closed;
  assert.deepEqual(heard, ["POST", "DELETE"]);
  assert.equal(holds.size, 0);
  assert.deepEqual(told, []);
});

test("seats that are refused to somebody who left do not keep the others held, and nobody is told", async () => {
  const { client, told } = buyer();
  client.want(["1A"]);
  await client.settle();
  let closed;
  before.PUT = () => {
    closed = client.close();
  };
  client.want(["1A", TAKEN]);
  await client.settle();
  await closed;
  assert.deepEqual(heard, ["POST", "PUT", "DELETE"]);
  assert.equal(holds.size, 0);
  assert.deepEqual(told, []);
});

test("a hold of before a reload goes back even if it was not taken up yet", async () => {
  holds.set("7", { id: "7", seats: ["1A"], expires_at: NEVER });
  session.setItem(PLACE, JSON.stringify({ id: "7", expires_at: NEVER }));
  await buyer().client.close();
  assert.equal(holds.size, 0);
});

test("more time that is granted to somebody who left is no reason to keep the seats", async () => {
  const { client } = buyer();
  client.want(["1A"]);
  await client.settle();
  let closed;
  before.POST = () => {
    closed = client.close();
  };
  await client.extend();
  await closed;
  assert.equal(holds.size, 0);
});
