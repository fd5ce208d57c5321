// What becomes of what the API was asked for: late answers, failed ones, pages of a list. Pure.

/** @template E, T @typedef {{ data: T | null, error: E | null, isLoading: boolean }} Answer */
/** @template T @typedef {{ items: T[], next_cursor: string | null }} Page */

/** It failed. What is here is better than nothing when the same was asked for again, and wrong when it was something else.
 * @template E, T @param {Answer<E, T>} before @param {E} error @param {boolean} isSame @returns {Answer<E, T>} */
export const failed = (before, error, isSame) => ({
  data: isSame ? before.data : null,
  error,
  isLoading: false,
});

/** Put a page below those that are shown: below the one that it follows, and below no other. While it was on its way, the
 * list may have begun anew, or the same page may have come already.
 * @template T @param {Page<T> | null} shown @param {string} cursor what the page was asked for with
 * @param {Page<T>} found @returns {Page<T> | null} */
export const appended = (shown, cursor, found) =>
  shown?.next_cursor === cursor
    ? { items: [...shown.items, ...found.items], next_cursor: found.next_cursor }
    : shown;

/** Narrow a list by what the API does not filter by: what is shown of it, and all of it, as files have it.
 * @template T @template {{ items: T[] | null, all: () => Promise<T[]> }} P
 * @param {P} pages @param {(item: T) => boolean} keep @returns {P} */
export const narrowed = (pages, keep) => ({
  ...pages,
  items: pages.items?.filter(keep) ?? null,
  all: async () => (await pages.all()).filter(keep),
});
