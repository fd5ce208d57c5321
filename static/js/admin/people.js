// Who somebody is, of whom the server tells a number: their name, as far as whoever looks may know it.
import { ApiError, get } from "../core/api.js";
import { signal } from "../core/dom.js";
import { isOneOf, MANAGERS } from "./staff.js";

/** By number; who is not here is not known, or not yet. */
export const names = signal(/** @type {Record<string, string>} */ ({}));
const asked = new Set();

/** Ask who they are, of each once.
 * @param {(string | null)[]} ids */
export async function learnNames(ids) {
  if (!isOneOf(MANAGERS)) return;
  for (const id of ids) {
    if (id === null || asked.has(id)) continue;
    asked.add(id);
    try {
      const { name } = await get(`/admin/users/${id}`);
      names.value = { ...names.peek(), [id]: name };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }
}
