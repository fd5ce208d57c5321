import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { read, readTicket } from "../../static/js/scan/code.js";
import {
  countsOf,
  doorOf,
  found,
  judge,
  keyOf,
  named,
  usefulUntil,
} from "../../static/js/scan/door.js";
import {
  batchOf,
  boardingsOf,
  bodyOf,
  entryOf,
  isConflict,
  settle,
  spent,
  undosOf,
  wayBack,
} from "../../static/js/scan/queue.js";
import { NOTHING, press } from "../../static/js/scan/wedge.js";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const PURPOSE = Buffer.from("omnibus ticket\0");
const pair = generateKeyPairSync("ed25519");
const key = pair.publicKey.export({ format: "jwk" }).x;
const KEYS = [{ number: 7, key }];

const encode45 = (raw) => {
  let text = "";
  for (let at = 0; at < raw.length; at += 2) {
    const number = raw[at] * 256 + raw[at + 1];
    text += ALPHABET[number % 45] + ALPHABET[Math.floor(number / 45) % 45];
    text += ALPHABET[Math.floor(number / 2025)];
  }
  return text;
};
const signed = (fields) =>
  Buffer.concat([fields, sign(null, Buffer.concat([PURPOSE, fields]), pair.privateKey)]);

function narrow({ bus = 42, booking = 5, seat = 1, from = 0, to = 2, start = "a1b2" } = {}) {
  const fields = Buffer.alloc(16);
  fields.writeUInt8(1, 0);
  fields.writeUInt8(7, 1);
  fields.writeUInt32BE(bus, 2);
  fields.writeUIntBE(booking, 6, 5);
  fields.set([seat, from, to], 11);
  fields.set(Buffer.from(start, "hex"), 14);
  return encode45(signed(fields));
}

function wide() {
  const fields = Buffer.alloc(25);
  fields.set([2, 7]);
  fields.writeBigUInt64BE(2n ** 60n, 2);
  fields.writeBigUInt64BE(2n ** 50n, 10);
  fields.set([3, 1, 2], 18);
  fields.set(Buffer.from("a1b2c3d4", "hex"), 21);
  return `_${signed(fields).toString("base64url")}`;
}

const ticketId = (bus, code) => {
  const raw = Buffer.alloc(24);
  raw.writeBigUInt64BE(BigInt(bus));
  raw.set(Buffer.from(code.padEnd(32, "0"), "hex"), 8);
  return raw.toString("base64url");
};

const HOUR = 3_600_000;
const LEAVES = Date.parse("2031-05-01T08:00:00Z");
const at = (hours) => new Date(LEAVES + hours * HOUR).toISOString();
const STOPS = ["Ahorn", "Birke", "Ahorn", "Ulme"].map((name, index) => ({
  stop: { id: `s${name}`, name },
  arrives_at: at(index * 2),
  departs_at: at(index * 2),
}));

const line = (seat_no, seat, from, to, code, more = {}) => ({
  seat,
  seat_no,
  name: `Passenger ${seat}`,
  category: "adult",
  from_stop: STOPS[from].stop,
  to_stop: STOPS[to].stop,
  boards_at: STOPS[from].departs_at,
  ref: "K7QX2M",
  ticket: ticketId(42, code),
  status: "VALID",
  boarded: false,
  ...more,
});

const door = doorOf(
  {
    bus_id: "42",
    bus_name: "N1",
    status: "SCHEDULED",
    stops: STOPS,
    keys: [],
    passengers: [
      line(1, "1A", 0, 2, "a1b2"),
      line(2, "1B", 0, 3, "0b02", { boarded: true, boarded_at: at(-1), boarded_by: "Hall 1" }),
      line(3, "1C", 1, 3, "0c03", { ref: "ABCDEF", name: "Zoë Ünal" }),
      line(4, "1D", 0, 3, "0d04", { status: "CANCELLED" }),
      line(5, "10A", 2, 3, "0e05", { status: "NO_SHOW" }),
    ],
  },
  LEAVES,
);
const now = (more = {}) => ({ stop: "sAhorn", at: LEAVES, boardings: new Map(), ...more });
const said = (seat, from, to, start, more = {}) => ({
  ...{ kind: "signed", bus: "42", booking: "5", seat, from, to, start, isChecked: true },
  ...more,
});

test("a code that one of our keys has signed is read, in both widths", async () => {
  assert.deepEqual(await read(narrow({ booking: 2 ** 39 + 5 }), KEYS), {
    ...{ kind: "signed", bus: "42", booking: String(2 ** 39 + 5), seat: 1, from: 0, to: 2 },
    ...{ start: "a1b2", isChecked: true },
  });
  assert.deepEqual(await read(wide(), KEYS), {
    ...{ kind: "signed", bus: String(2n ** 60n), booking: String(2n ** 50n), seat: 3 },
    ...{ from: 1, to: 2, start: "a1b2c3d4", isChecked: true },
  });
});

test("whatever looks like a code of ours and is none is told apart from what is no code", async () => {
  const good = narrow();
  for (let place = 0; place < good.length; place += 7) {
    const other = good[place] === "0" ? "1" : "0";
    const forged = good.slice(0, place) + other + good.slice(place + 1);
    assert.deepEqual(await read(forged, KEYS), { kind: "bad" }, `at ${place}`);
  }
  assert.equal((await read(":".repeat(120), KEYS)).kind, "bad", "no bytes are written so");
  assert.equal((await read(good, [{ number: 8, key }])).kind, "bad", "a key that we do not have");
  const bytes = wide();
  const next = bytes.slice(0, -1) + String.fromCharCode(bytes.charCodeAt(119) + 1);
  assert.equal((await read(next, KEYS)).kind, "bad", "another spelling of the same bytes");
  for (const text of ["", "https://example.org", good.slice(1), good.toLowerCase()])
    assert.deepEqual(await read(text, KEYS), { kind: "none" });
});

test("whoever was moved boards by what was printed before, and nobody else does", () => {
  const moved = { ...door, lines: door.lines.map((each) => ({ ...each })) };
  moved.lines[0].former_seat_nos = [9];
  assert.equal(judge(moved, said(9, 0, 2, "a1b2"), now()).line?.seat, "1A");
  assert.equal(judge(moved, said(9, 0, 2, "ffff"), now()).line, null, "a ticket of somebody else");
  assert.equal(judge(moved, said(1, 0, 2, "a1b2"), now()).line?.seat, "1A", "what is printed now");
});

test("where signatures cannot be verified, a code says so", async () => {
  const reading = await read(narrow(), KEYS, async () => null);
  assert.equal(reading.isChecked, false);
  assert.equal(judge(door, reading, now()).verdict, "ok", "it is on the list");
  assert.ok(judge(door, reading, now()).isUnchecked);
  const other = said(9, 0, 1, "ffff", { isChecked: false });
  assert.equal(judge(door, other, now()).verdict, "unknown", "nor is it on the list");
});

test("every verdict that can be had without a network", () => {
  const verdict = (reading, more) => judge(door, reading, now(more)).verdict;
  assert.equal(verdict(said(1, 0, 2, "a1b2")), "ok");
  assert.equal(verdict(readTicket(ticketId(42, "a1b2"))), "ok");
  assert.equal(verdict({ kind: "seat", ref: "K7QX2M", seat: "1A" }), "ok");
  assert.equal(verdict(said(2, 0, 3, "0b02")), "already_boarded");
  assert.equal(verdict(said(4, 0, 3, "0d04")), "cancelled");
  assert.equal(verdict(said(5, 2, 3, "0e05")), "no_show");
  assert.equal(verdict(said(1, 0, 2, "a1b2", { bus: "43" })), "wrong_bus");
  assert.equal(judge(door, said(1, 0, 2, "a1b2", { bus: "43" }), now()).right_bus, "43");
  assert.equal(verdict({ kind: "seat", ref: "K7QX2M", seat: "9Z" }), "unknown");
  assert.equal(verdict({ kind: "none" }), "unknown");
  assert.equal(verdict({ kind: "bad" }), "bad_signature");
  assert.equal(verdict(said(1, 0, 2, "a1b2"), { at: LEAVES - 25 * HOUR }), "too_early");
  assert.equal(verdict(said(1, 0, 2, "a1b2"), { at: LEAVES + 11 * HOUR }), "too_late");
});

test("who boards where the bus stands is let in, and later on their way, but not before or after", () => {
  const where = (stop) => judge(door, said(3, 1, 3, "0c03"), now({ stop })).verdict;
  assert.deepEqual(["sBirke", "sAhorn", "sUlme", null].map(where), [
    ...["ok", "ok", "wrong_stop", "ok"],
  ]);
  const first = doorOf({ ...door, passengers: [line(3, "1C", 1, 2, "0c03")] }, 0);
  assert.equal(judge(first, said(3, 1, 2, "0c03"), now({ stop: "sAhorn" })).verdict, "wrong_stop");
});

test("a ticket sold after the list was fetched is believed, once, unless the seat is somebody else's", () => {
  const sold = said(6, 0, 3, "beef", { booking: "77" });
  assert.deepEqual(
    [judge(door, sold, now()).verdict, judge(door, sold, now()).isUnlisted],
    ["ok", true],
  );
  const boardings = new Map([[keyOf(door, sold), { isAboard: true, at: at(0), isWaiting: true }]]);
  assert.equal(judge(door, sold, now({ boardings })).verdict, "already_boarded");
  assert.equal(judge(door, said(1, 1, 3, "beef"), now()).verdict, "unknown");
  assert.equal(judge(door, said(4, 0, 3, "beef"), now()).verdict, "ok", "that one is cancelled");
});

test("counts are of those who board at a stop and whose tickets are good", () => {
  const told = (known) =>
    countsOf(door, known).map(({ expected, boarded, missing }) => [expected, boarded, missing]);
  assert.deepEqual(told(new Map()), [
    ...[
      [2, 1, 1],
      [1, 0, 1],
      [0, 0, 0],
      [0, 0, 0],
    ],
  ]);
  const known = new Map([[door.lines[0].ticket, { isAboard: true, at: at(0), isWaiting: true }]]);
  assert.deepEqual(told(known)[0], [2, 2, 0]);
  assert.equal(usefulUntil(door), LEAVES + 12 * HOUR);
});

test("passengers are found by seat, booking or name, and named by what only one of them has", () => {
  const seats = (text) => found(door, text).map(({ seat }) => seat);
  assert.deepEqual(seats(""), ["1A", "1B", "1C", "1D", "10A"]);
  assert.deepEqual(seats("unal"), ["1C"]);
  assert.deepEqual(seats("abc"), ["1C"]);
  assert.deepEqual(named(door, " k7qx2m 1a ", 0), { ref: "K7QX2M", seat: "1A" });
  assert.deepEqual(named(door, "K7QX2M/9Z", 0), { ref: "K7QX2M", seat: "9Z" });
  assert.deepEqual(named(door, "abcdef", 0), { ref: "ABCDEF", seat: "1C" });
  assert.deepEqual(named(door, "1a", 0), { ref: "K7QX2M", seat: "1A" });
  assert.equal(named(door, "1a", 1), null, "nobody boards on that seat here");
  assert.equal(named(door, "K7QX2M", 0), null, "two of them travel");
  const code = narrow();
  assert.deepEqual(named(door, code, 0), { ticket: code });
});

const scanOf = (id, more = {}) => ({
  ...entryOf({
    ...{ id, bus: "42", stop: "sAhorn", named: { ticket: "T" }, at: at(0) },
    reading: said(1, 0, 2, "a1b2"),
  }),
  ...more,
});
const offline = { isOffline: true, isTried: true, verdict: "ok" };
const answered = (entry, verdict, more = {}) =>
  settle(entry, { id: entry.id, bus_id: "42", verdict, ...more }, LEAVES + 1);

test("scans are sent in order, a hundred at a time, until each is answered", () => {
  const many = Array.from({ length: 130 }, (_, index) => scanOf(`n${index}`));
  many[1] = answered(many[1], "ok");
  const batch = batchOf(many);
  assert.equal(batch.length, 100);
  assert.deepEqual(
    batch.slice(0, 2).map(({ id }) => id),
    ["n0", "n2"],
  );
  const buses = many.map((each, index) => ({ ...each, answer: null, bus: String(index) }));
  assert.equal(batchOf(buses).length, 64);
  assert.deepEqual(bodyOf(scanOf("n", offline)), {
    ...{ id: "n", bus_id: "42", ticket: "T", at: at(0), offline: true, stop: "sAhorn" },
  });
  assert.ok(!("stop" in bodyOf(scanOf("n", { stop: null }))));
});

test("what the server decides otherwise is shown until somebody has seen it", () => {
  const let_in = scanOf("n", offline);
  assert.ok(!isConflict(let_in));
  assert.ok(!isConflict(answered(let_in, "ok", { late: true })));
  assert.ok(isConflict(answered(let_in, "already_boarded")));
  assert.ok(isConflict(answered({ ...let_in, verdict: "unknown" }, "ok")));
  assert.ok(!isConflict(answered({ ...let_in, verdict: "unknown" }, "cancelled")));
  assert.ok(!isConflict(answered(scanOf("n"), "cancelled")), "that was told at once");
  assert.ok(!isConflict({ ...answered(let_in, "cancelled"), isSeen: true }));
  assert.ok(isConflict({ ...answered(let_in, "ok"), undo: "refused" }));
});

test("a boarding is taken back within 15 minutes, and nobody hears of what was never sent", () => {
  assert.equal(wayBack(scanOf("n", { ...offline, isTried: false }), LEAVES), "forget");
  assert.equal(wayBack(scanOf("n", offline), LEAVES), "tell", "somebody may have heard of it");
  assert.equal(wayBack(answered(scanOf("n"), "ok"), LEAVES + 14 * 60_000), "tell");
  assert.equal(wayBack(answered(scanOf("n"), "ok"), LEAVES + 16 * 60_000), null);
  assert.equal(wayBack(answered(scanOf("n"), "cancelled"), LEAVES), null);
  const wanted = scanOf("n", { ...offline, undo: "wanted" });
  assert.equal(wayBack(wanted, LEAVES), null);
  assert.deepEqual(undosOf([wanted]), [], "first the scan itself is told");
  assert.equal(undosOf([answered(wanted, "ok")]).length, 1);
});

test("who is aboard is what the list says and what has happened here since", () => {
  const aboard = (entries, since = LEAVES) => {
    const known = boardingsOf({ ...door, askedAt: since }, entries);
    return known.get(door.lines[0].ticket)?.isAboard;
  };
  const waits = scanOf("n", offline);
  assert.equal(aboard([]), undefined);
  assert.equal(aboard([waits]), true);
  assert.equal(aboard([waits], LEAVES + HOUR), true, "the server has not heard of it");
  assert.equal(aboard([answered(waits, "ok")]), true);
  assert.equal(aboard([answered(waits, "ok")], LEAVES + HOUR), undefined, "the list knows");
  assert.equal(aboard([answered(waits, "cancelled")]), undefined);
  assert.equal(aboard([{ ...answered(waits, "ok"), undo: "wanted" }], LEAVES + HOUR), false);
  assert.equal(aboard([{ ...answered(waits, "ok"), undo: "done" }, scanOf("m", offline)]), true);
  assert.equal(aboard([scanOf("n", { ...offline, bus: "43" })]), undefined);
  const gone = (some, later) => spent(some, new Set(), Date.parse(waits.at) + later).length;
  assert.equal(gone([waits], HOUR), 0, "what waits is kept");
  assert.equal(gone([answered(waits, "ok")], HOUR), 1);
  assert.equal(gone([answered(waits, "ok")], 60_000), 0, "it may still be taken back");
  const refused = answered(scanOf("m", { ...offline, verdict: "ok" }), "cancelled");
  assert.equal(gone([refused], HOUR), 0, "nobody has looked at it");
  assert.equal(gone([{ ...refused, isSeen: true }], HOUR), 1);
});

test("a scanner that types is heard without a field, and hands are not", () => {
  const type = (keys, gap = 5) => {
    let held = NOTHING;
    let time = 0;
    return keys.map((each) => {
      time += gap;
      const heard = press(held, each, time);
      held = heard.held;
      return heard;
    });
  };
  const keys = [..."A B:CD", "Shift", "E", "Enter"];
  const heard = type(keys);
  assert.equal(heard.at(-1).text, "A B:CDE");
  assert.deepEqual([heard[0].isTaken, heard[1].isTaken, heard.at(-1).isTaken], [false, true, true]);
  assert.equal(type(keys, 1500).at(-1).text, null);
  assert.deepEqual(type(["Enter"])[0].isTaken, false, "it presses the button that has the focus");
  assert.deepEqual(type([" "])[0].isTaken, false);
  assert.equal(type(["A", "B", "Enter"]).at(-1).text, null);
  assert.equal(type(["A", "Tab", ..."BCDEF", "Enter"]).at(-1).text, null);
});
