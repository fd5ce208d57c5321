// A scanner that is plugged in, or paired by Bluetooth, types what it reads and presses Enter. No field has the focus for
// it, so it is told from somebody's hand by what it types: many keys close together, and Enter. Pure.

/** @typedef {{ text: string, at: number }} Held */

const GAP_MS = 1000;
const SHORTEST = 6;
/** @type {Held} */
export const NOTHING = { text: "", at: Number.NEGATIVE_INFINITY };

/** Take a key. `isTaken` is one that must do nothing else: a space in a code would press the button that has the focus.
 * @param {Held} held @param {string} key @param {number} at
 * @returns {{ held: Held, isTaken: boolean, text: string | null }} */
export function press(held, key, at) {
  const before = at - held.at > GAP_MS ? "" : held.text;
  if (key === "Enter") {
    const isWhole = before.length >= SHORTEST;
    return { held: NOTHING, isTaken: isWhole, text: isWhole ? before : null };
  }
  // Shift comes as a key of its own, before the letter that it makes large.
  if (key === "Shift") return { held: { text: before, at }, isTaken: false, text: null };
  if ([...key].length !== 1) return { held: NOTHING, isTaken: false, text: null };
  if (key === " " && !before) return { held: NOTHING, isTaken: false, text: null };
  return { held: { text: before + key, at }, isTaken: before !== "", text: null };
}
