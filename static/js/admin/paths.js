// Addresses of the sales floor: patterns with names in them. Pure.

/** Read an address by a pattern such as `/admin/buses/:id`.
 * @param {string} pattern @param {string} path @returns {Record<string, string> | null} null when it is another one */
export function matchPath(pattern, path) {
  const wanted = partsOf(pattern);
  const found = partsOf(path);
  if (wanted.length !== found.length) return null;
  /** @type {Record<string, string>} */
  const params = {};
  for (const [index, part] of wanted.entries()) {
    if (part.startsWith(":")) params[part.slice(1)] = decode(found[index]);
    else if (part !== found[index]) return null;
  }
  return params;
}

/** Change a query string: what is empty is left out, so that an address says no more than it means.
 * @param {string} search @param {Record<string, string | null | undefined>} change @returns {string} with its `?` */
export function changeQuery(search, change) {
  const query = new URLSearchParams(search);
  for (const [name, value] of Object.entries(change)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  return query.size ? `?${query}` : "";
}

/** @param {string} path */
const partsOf = (path) => path.split("/").filter(Boolean);

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
