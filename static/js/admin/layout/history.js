// Steps that can be taken back and taken again. Pure.

/** @template T @typedef {{ past: T[], present: T, future: T[], stroke?: number }} History `stroke` is what the last step belongs to */

const MOST = 200;

/** @template T @param {T} present @returns {History<T>} */
export const begin = (present) => ({ past: [], present, future: [] });

/** Take a step. What was taken back before it is forgotten; a step that changes nothing is none.
 * @template T @param {History<T>} history @param {T} next @returns {History<T>} */
export function step(history, next) {
  if (next === history.present) return history;
  return { past: [...history.past.slice(1 - MOST), history.present], present: next, future: [] };
}

/** Go on with a stroke of the brush, from cell to cell: all of it is one step, which begins with the first change it makes.
 * @template T @param {History<T>} history @param {T} next @param {number} stroke @returns {History<T>} */
export function draw(history, next, stroke) {
  if (next === history.present) return history;
  if (history.stroke === stroke) return { ...history, present: next, future: [] };
  return { ...step(history, next), stroke };
}

/** @template T @param {History<T>} history @returns {History<T>} */
export function undo({ past, present, future }) {
  if (!past.length) return { past, present, future };
  return {
    past: past.slice(0, -1),
    present: past[past.length - 1],
    future: [present, ...future],
  };
}

/** @template T @param {History<T>} history @returns {History<T>} */
export function redo({ past, present, future }) {
  if (!future.length) return { past, present, future };
  return { past: [...past, present], present: future[0], future: future.slice(1) };
}
