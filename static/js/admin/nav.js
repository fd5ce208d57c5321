// What there is on the sales floor: one line a view, with who may see it. A line without an icon is not in the menu.
import { CATALOGUE } from "./nav_catalogue.js";
import { matchPath } from "./paths.js";
import { CLERKS, isOneOf, OVERSEERS, STAFF } from "./staff.js";

/** @typedef {import("./staff.js").Role} Role */
/** @typedef {{ params: Record<string, string>, query: URLSearchParams }} ViewProps */
/**
 * @typedef {object} Entry
 * @property {string} path a pattern, as `/admin/buses/:id`
 * @property {import("../core/text.js").Key} name
 * @property {"sell" | "plan" | "house"} group
 * @property {Role[]} roles
 * @property {string} [icon] of the sprite
 * @property {string} [shortcut] the letter that leads there after `g`
 * @property {() => Promise<{ default: (props: ViewProps) => any }>} load
 */

/** @type {Entry[]} */
const FLOOR = [
  {
    path: "/admin",
    name: "admin.nav.overview",
    group: "sell",
    icon: "activity",
    shortcut: "o",
    roles: OVERSEERS,
    load: () => import("./views/overview.js"),
  },
  {
    path: "/admin/counter",
    name: "admin.nav.counter",
    group: "sell",
    icon: "banknote",
    shortcut: "c",
    roles: CLERKS,
    load: () => import("./views/counter.js"),
  },
  {
    path: "/admin/bookings",
    name: "admin.nav.bookings",
    group: "sell",
    icon: "ticket",
    shortcut: "b",
    roles: STAFF,
    load: () => import("./views/bookings.js"),
  },
  {
    path: "/admin/bookings/:ref",
    name: "admin.nav.bookings",
    group: "sell",
    roles: STAFF,
    load: () => import("./views/booking.js"),
  },
  {
    path: "/admin/sales",
    name: "admin.nav.sales",
    group: "sell",
    icon: "chart-column",
    shortcut: "s",
    roles: OVERSEERS,
    load: () => import("./views/sales.js"),
  },
  {
    path: "/admin/shifts",
    name: "admin.nav.shifts",
    group: "sell",
    icon: "wallet",
    roles: OVERSEERS,
    load: () => import("./views/shifts.js"),
  },
  {
    path: "/admin/buses/:id",
    name: "admin.nav.bus",
    group: "plan",
    roles: STAFF,
    load: () => import("./views/bus.js"),
  },
];

export const GROUPS = /** @type {const} */ (["sell", "plan", "house"]);
export const NAV = [...FLOOR, ...CATALOGUE];

/** The lines of the menu that somebody may see. */
export const menu = () => NAV.filter((entry) => entry.icon && isOneOf(entry.roles));

/** Find what an address shows.
 * @param {string} path @returns {{ entry: Entry, params: Record<string, string> } | null} */
export function find(path) {
  let found = null;
  for (const entry of NAV) {
    const params = matchPath(entry.path, path);
    // `/admin/buses/new` is no bus by that name.
    if (params && !Object.keys(params).length) return { entry, params };
    if (params) found ??= { entry, params };
  }
  return found;
}

/** Where somebody starts: agents have no overview, but a counter. */
export const home = () => (isOneOf(OVERSEERS) ? "/admin/" : (menu()[0]?.path ?? "/admin/"));
