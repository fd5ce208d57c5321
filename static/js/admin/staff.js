// Who is at work, for whom, and what they may do. The server decides; this only spares people doors that stay shut.
import { user } from "../core/api.js";
import { computed, signal } from "../core/dom.js";
import { everyPage } from "./load.js";
import { query, setQuery } from "./place.js";

/** @typedef {"agent" | "operator" | "support" | "admin"} Role */
/** @typedef {{ id: string, name: string, time_zone: string, currency: string, locale: string, disabled: boolean }} Operator */

/** Everybody at work; who manages an operator; who looks over one; who takes cash. */
export const STAFF = /** @type {Role[]} */ (["agent", "operator", "support", "admin"]);
export const MANAGERS = /** @type {Role[]} */ (["operator", "admin"]);
export const OVERSEERS = /** @type {Role[]} */ (["operator", "support", "admin"]);
export const CLERKS = /** @type {Role[]} */ (["agent", "operator"]);
export const PLATFORM = /** @type {Role[]} */ (["admin"]);

/** @type {import("@preact/signals").ReadonlySignal<Role | null>} null for riders, and for nobody */
export const role = computed(() => {
  const held = /** @type {Role | undefined} */ (user.value?.role);
  return held && STAFF.includes(held) ? held : null;
});

/** @param {Role[]} roles */
export const isOneOf = (roles) => role.value !== null && roles.includes(role.value);

/** Whether somebody works for the house, and so for all operators. */
export const isPlatform = computed(() => role.value === "admin" || role.value === "support");

/** Whose things are shown: one's own operator's; for the house whichever was chosen, or null for all of them. */
export const operator = computed(() =>
  isPlatform.value ? query.value.get("operator") : (user.value?.operator ?? null),
);

/** @param {string} id empty for all */
export const chooseOperator = (id) => setQuery({ operator: id });

/** All operators one may see, by name. */
export const operators = signal(/** @type {Operator[]} */ ([]));

/** The one whose things are shown, as far as it is known. */
export const operatorShown = computed(
  () => operators.value.find(({ id }) => id === operator.value) ?? null,
);

/** Learn which operators there are: names to choose from, and the clock of one's own. */
export async function learnOperators() {
  /** @type {Operator[]} */
  const found = await everyPage("/admin/operators", {});
  operators.value = found.sort((a, b) => a.name.localeCompare(b.name));
}
