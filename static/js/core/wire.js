// What an event stream says, read from its text. Pure.

/** @typedef {import("../api.d.ts").Frame} Frame */
/** @typedef {import("./seats.js").Known} Known */

const NOTHING_NEW = "nothing is new";

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
