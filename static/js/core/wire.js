// What the ways to the server are made of: events read from a stream's text, pauses, which way to try next. Pure.

/** @typedef {import("../api.d.ts").Frame} Frame */
/** @typedef {import("./seats.js").Known} Known */

const FIRST_MS = 500;
const LONGEST_MS = 20_000;
const NOTHING_NEW = "nothing is new";

/** Full jitter: a thousand browsers that lost one server do not come back together.
 * @param {number} attempt @param {number} random in [0, 1) */
export const pauseBefore = (attempt, random) =>
  random * Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);

/** The way to try after one has ended. Something between us may let no WebSocket through, or no stream; a way that has
 * worked is not to blame for its end.
 * @param {"socket" | "stream"} last @param {boolean} hasSpoken whether anything was ever heard on it */
export const wayAfter = (last, hasSpoken) =>
  last === "socket" && !hasSpoken ? "stream" : "socket";

/** Where we are, as an event's id says it.
 * @param {Known} known */
export const pointOf = ({ epoch, rev }) => `${epoch}:${rev}`;

/** What a stream says as the answer that a socket gives: all seats, or the word that nothing is new.
 * @param {number} id @param {string} bus @param {Frame | string} said @param {Known | null} known
 * @returns {Extract<Frame, { type: "subscribed" }> | null} null when it is no answer */
export function answerOf(id, bus, said, known) {
  if (typeof said !== "string") {
    return said.type === "snapshot" ? { ...said, type: "subscribed", id, mode: "snapshot" } : null;
  }
  if (said !== NOTHING_NEW || known === null) return null;
  return { type: "subscribed", id, bus, mode: "same", epoch: known.epoch, rev: known.rev };
}

/** Reads the frames of an event stream from text that comes in any pieces; a comment is a string. */
export class EventReader {
  constructor() {
    this.rest = "";
  }

  /** @param {string} text @returns {(Frame | string)[]} what is complete now */
  read(text) {
    const blocks = (this.rest + text).split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => {
      const lines = block.split("\n");
      const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
      if (data.length) return [JSON.parse(data.join("\n"))];
      return lines.filter((line) => line.startsWith(":")).map((line) => line.slice(1).trim());
    });
  }
}
