// Who may board, as a manifest that was fetched before lets a scanner tell without a network. The rules are the server's
// (store/scans.py); what it decides counts, and what is decided here is reported to it. Pure.
import { readTicket } from "./code.js";

/** @typedef {import("../api.d.ts").Manifest} Manifest */
/** @typedef {import("../api.d.ts").ManifestLine} ManifestLine */
/** @typedef {import("../api.d.ts").Verdict} Verdict */
/** @typedef {import("./code.js").Reading} Reading */
/** @typedef {ManifestLine & { from: number, to: number, code: string }} Line */
/** @typedef {Omit<Manifest, "passengers"> & { lines: Line[], askedAt: number }} Door */
/** @typedef {{ isAboard: boolean, at: string, isWaiting: boolean }} Boarding what this device knows beyond the manifest */
/** @typedef {Map<string, Boarding>} Boardings by what `keyOf` says */
/** @typedef {{ verdict: Verdict, line: Line | null, boarded?: { at: string, by?: string | null }, right_bus?: string,
 *   isUnlisted?: boolean, isUnchecked?: boolean }} Judged */

const OPENS_BEFORE_MS = 24 * 3_600_000;
const CLOSES_AFTER_MS = 6 * 3_600_000;
const REF_SEAT = /^([A-HJ-NP-Z2-9]{6,8})[\s/,;-]+([A-Z0-9]{1,6})$/;
/** What the API takes for a code: anything else that is read is none. */
const CODE = /^[!-~]([ -~]{0,198}[!-~])?$/;

/** @param {Manifest} manifest @param {number} askedAt @returns {Door} */
export function doorOf({ passengers, ...rest }, askedAt) {
  const lines = passengers.map((each) => {
    const from = Math.max(
      0,
      rest.stops.findIndex(
        ({ stop, departs_at }) => stop.id === each.from_stop.id && departs_at === each.boards_at,
      ),
    );
    // A loop calls at a stop twice: the next call is where they leave.
    const to = rest.stops.findIndex(({ stop }, at) => at > from && stop.id === each.to_stop.id);
    const read = readTicket(each.ticket);
    const code = read.kind === "ticket" ? read.code : "";
    return { ...each, from, to: to < 0 ? rest.stops.length - 1 : to, code };
  });
  return { ...rest, lines, askedAt };
}

/** Whether a ticket of this line may name a seat: whoever was moved has what was printed before.
 * @param {Line} line @param {number} seat */
const isSeatOf = (line, seat) =>
  line.seat_no === seat || line.former_seat_nos?.includes(seat) === true;

/** The line of a manifest that a reading is about.
 * @param {Door} door @param {Reading} reading @returns {Line | null} */
export function lineOf(door, reading) {
  const isIt = (/** @type {Line} */ line) => {
    switch (reading.kind) {
      case "signed":
        return (
          isSeatOf(line, reading.seat) &&
          line.from === reading.from &&
          line.to === reading.to &&
          line.code.startsWith(reading.start)
        );
      case "ticket":
        return line.code === reading.code;
      case "seat":
        return line.ref === reading.ref && line.seat === reading.seat;
      default:
        return false;
    }
  };
  return door.lines.find(isIt) ?? null;
}

/** What a ticket is known by here, on the list or not.
 * @param {Door} door @param {Reading} reading */
export function keyOf(door, reading) {
  const line = lineOf(door, reading);
  if (line) return line.ticket;
  return reading.kind === "signed" ? `${reading.booking}/${reading.seat}` : "";
}

/** Decide without a network.
 * @param {Door} door @param {Reading} reading
 * @param {{ stop: string | null, at: number, boardings: Boardings }} now @returns {Judged} */
export function judge(door, reading, { stop, at, boardings }) {
  if (reading.kind === "bad") return { verdict: "bad_signature", line: null };
  if ("bus" in reading && reading.bus !== door.bus_id)
    return { verdict: "wrong_bus", line: null, right_bus: reading.bus };
  const line = lineOf(door, reading);
  if (!line && (reading.kind !== "signed" || isResold(door, reading)))
    return { verdict: "unknown", line: null };
  const more = {
    line,
    isUnlisted: !line,
    isUnchecked: reading.kind === "signed" && !reading.isChecked,
  };
  // A code that nobody has checked is worth what the list says of it, and no more.
  if (!line && more.isUnchecked) return { verdict: "unknown", line: null };
  if (line && line.status !== "VALID")
    return { verdict: line.status === "NO_SHOW" ? "no_show" : "cancelled", ...more };
  const known = boardings.get(keyOf(door, reading));
  if (known ? known.isAboard : line?.boarded) {
    const boarded = known
      ? { at: known.at }
      : { at: line?.boarded_at ?? "", by: line?.boarded_by ?? null };
    return { verdict: "already_boarded", ...more, boarded };
  }
  const leg = /** @type {{ from: number, to: number }} */ (line ?? reading);
  return { verdict: judgeLeg(door, leg, stop, at), ...more };
}

/** @param {Door} door @param {{ from: number, to: number }} leg @param {string | null} stop @param {number} at
 * @returns {Verdict} */
function judgeLeg(door, { from, to }, stop, at) {
  const calls = door.stops.flatMap((each, index) => (each.stop.id === stop ? [index] : []));
  // Whoever comes aboard later on their way than they have paid for is let in.
  if (stop !== null && !calls.some((index) => from <= index && index < to)) return "wrong_stop";
  const leaves = Date.parse(door.stops[from]?.departs_at ?? "");
  const comes = Date.parse(door.stops[to]?.arrives_at ?? "");
  if (at < leaves - OPENS_BEFORE_MS) return "too_early";
  return at > comes + CLOSES_AFTER_MS ? "too_late" : "ok";
}

/** Whether somebody else has the seat: then a ticket that is not on the list was cancelled before.
 * @param {Door} door @param {import("./code.js").Signed} signed */
const isResold = (door, { seat, from, to }) =>
  door.lines.some(
    (line) => line.seat_no === seat && line.status === "VALID" && line.from < to && from < line.to,
  );

/** @param {Line} line @param {Boardings} boardings */
export const isAboard = (line, boardings) => boardings.get(line.ticket)?.isAboard ?? line.boarded;

/** Who boards at each stop, and who of them has.
 * @param {Door} door @param {Boardings} boardings */
export const countsOf = (door, boardings) =>
  door.stops.map((stop, index) => {
    const expected = door.lines.filter(({ from, status }) => from === index && status === "VALID");
    const boarded = expected.filter((line) => isAboard(line, boardings)).length;
    return { ...stop, expected: expected.length, boarded, missing: expected.length - boarded };
  });

/** The passengers that somebody looks for, by seat, ref or name, in the order of their seats.
 * @param {Door} door @param {string} wanted */
export function found(door, wanted) {
  const text = plain(wanted);
  const order = new Intl.Collator("en", { numeric: true });
  return door.lines
    .filter(
      ({ seat, ref, name }) =>
        !text || [seat, ref, name].some((each) => plain(each).includes(text)),
    )
    .sort((a, b) => order.compare(a.seat, b.seat));
}

/** @param {string} text */
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").trim().toLowerCase();

/** What somebody has typed or a scanner has: a code, a ref with a seat, or a seat or ref that only one passenger has.
 * Null for what names nobody, or more than one.
 * @param {Door} door @param {string} typed @param {number} stopAt
 * @returns {{ ticket: string } | { ref: string, seat: string } | null} */
export function named(door, typed, stopAt) {
  const text = typed.trim();
  const upper = text.toUpperCase();
  const both = upper.match(REF_SEAT);
  if (both) return { ref: both[1], seat: both[2] };
  const valid = door.lines.filter(({ status }) => status === "VALID");
  const byRef = valid.filter(({ ref }) => ref === upper);
  const bySeat = valid.filter(({ seat, from }) => seat.toUpperCase() === upper && from === stopAt);
  const [only, ...others] = byRef.length ? byRef : bySeat;
  if (only) return others.length ? null : { ref: only.ref, seat: only.seat };
  return text.length >= 32 && CODE.test(text) ? { ticket: text } : null;
}

/** Until when a manifest is of use, and may be here.
 * @param {{ stops: { arrives_at: string }[] }} manifest */
export const usefulUntil = ({ stops }) =>
  Date.parse(stops[stops.length - 1]?.arrives_at ?? "") + CLOSES_AFTER_MS;
