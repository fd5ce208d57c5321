// What a view is narrowed to. It stands in the address, so that it can be shared, kept and gone back to.
import { html, Icon, useEffect, useRef, useState } from "../core/dom.js";
import { t } from "../core/text.js";
import { useKeys } from "./keys.js";
import { query, setQuery } from "./place.js";

/** @typedef {Record<string, string>} Values */
/**
 * @typedef {object} Filter
 * @property {string} name in the address
 * @property {string} label
 * @property {"search" | "date" | "choice" | "chips"} kind
 * @property {string} [otherwise] what it is when the address does not say
 * @property {{ value: string, label: string }[]} [options]
 */

const PAUSE_MS = 300;

/** Read filters from the address. In a component that calls it, every change draws anew.
 * @param {Filter[]} filters @returns {Values} */
export const valuesOf = (filters) =>
  Object.fromEntries(
    filters.map(({ name, otherwise = "" }) => [name, query.value.get(name) ?? otherwise]),
  );

/** @param {Filter} filter @param {string} value */
const change = ({ name, otherwise = "" }, value) =>
  setQuery({ [name]: value === otherwise ? null : value });

/** The filters of a view, in a row above what they narrow. `/` goes to the first one to type in.
 * @param {{ filters: Filter[], children?: any }} props */
export function FilterBar({ filters, children }) {
  const values = valuesOf(filters);
  const isNarrowed = filters.some(({ name, otherwise = "" }) => values[name] !== otherwise);
  const clear = () => setQuery(Object.fromEntries(filters.map(({ name }) => [name, null])));
  const search = filters.find(({ kind }) => kind === "search");
  useKeys(
    search
      ? {
          "/": {
            name: t("admin.keys.search"),
            run: () => document.getElementById(`filter-${search.name}`)?.focus(),
          },
        }
      : {},
    [search?.name],
  );
  return html`
    <div class="filters" role="search" aria-label=${t("admin.filters")}>
      ${filters.map((filter) => html`<${One} key=${filter.name} filter=${filter} value=${values[filter.name]} />`)}
      ${children}
      ${isNarrowed && html`<button type="button" class="button small quiet" onClick=${clear}><${Icon} name="x" />${t("admin.filters.clear")}</button>`}
    </div>`;
}

/** @param {{ filter: Filter, value: string }} props */
function One({ filter, value }) {
  if (filter.kind === "search") return html`<${Search} filter=${filter} value=${value} />`;
  if (filter.kind === "chips") return html`<${Chips} filter=${filter} value=${value} />`;
  const id = `filter-${filter.name}`;
  const take = (/** @type {any} */ event) => change(filter, event.target.value);
  return html`
    <div class="field">
      <label for=${id}>${filter.label}</label>
      ${
        filter.kind === "date"
          ? html`<input id=${id} type="date" value=${value} onChange=${take} />`
          : html`<select id=${id} value=${value} onChange=${take}>${filter.options?.map((each) => html`<option key=${each.value} value=${each.value}>${each.label}</option>`)}</select>`
      }
    </div>`;
}

/** @param {{ filter: Filter, value: string }} props */
function Chips({ filter, value }) {
  return html`
    <div class="chips" role="group" aria-label=${filter.label}>
      ${filter.options?.map((each) => html`<button key=${each.value} type="button" class="chip" aria-pressed=${value === each.value} onClick=${() => change(filter, each.value)}>${each.label}</button>`)}
    </div>`;
}

/** Typing asks the server only when it pauses.
 * @param {{ filter: Filter, value: string }} props */
function Search({ filter, value }) {
  const [typed, setTyped] = useState(value);
  const timer = useRef(/** @type {any} */ (0));
  useEffect(() => setTyped(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const take = (/** @type {string} */ text) => {
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => change(filter, text.trim()), PAUSE_MS);
  };
  const id = `filter-${filter.name}`;
  return html`
    <div class="field filter-search">
      <label for=${id}>${filter.label}</label>
      <input id=${id} type="search" autocomplete="off" spellcheck="false" value=${typed} onInput=${(/** @type {any} */ event) => take(event.target.value)} />
    </div>`;
}
