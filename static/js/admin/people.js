// Who somebody is, of whom the server tells a number: their name, as far as whoever looks may know it.
import { ApiError, get } from "../core/api.js";
import { signal } from "../core/dom.js";
import { isOneOf, MANAGERS } from "./staff.js";

/** By number; who is not here is not known, or not yet. */
export const names = signal(/** @type {Record<string, string>} */ ({}));
/** @type {Set<string>} */
const asked = new Set();
const AT_ONCE = 4;
// Nobody whom one may know of.
const SETTLED = new Set([403, 404]);

/** Ask who they are, of each once; whoever could not be asked about is asked about the next time.
 * @param {(string | null)[]} ids */
export async function learnNames(ids) {
  if (!isOneOf(MANAGERS)) return;
  const fresh = new Set(ids.flatMap((id) => (id === null || asked.has(id) ? [] : [id])));
  for (const id of fresh) asked.add(id);
  const line = fresh.values();
  const ask = async () => {
    for (const id of line) await learnName(id);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
}

/** @param {string} id */
async function learnName(id) {
  try {
    const { name } = await get(`/admin/users/${id}`);
    names.value = { ...names.peek(), [id]: name };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (!SETTLED.has(error.status)) asked.delete(id);
  }
}
