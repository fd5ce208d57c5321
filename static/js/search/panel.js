// Filters and order of what was found. On narrow screens they fold away; what is set stays said on the button.
import { html, Icon, useState } from "../core/dom.js";
import { money, t, term } from "../core/text.js";
import { countFilters, NONE, SORTS } from "./filters.js";

/** @typedef {import("./filters.js").Filters} Filters */
/** @typedef {import("./filters.js").Offer} Offer */

const PRICE_STEPS = 20;

/** @param {{ filters: Filters, set: (change: Partial<Filters>) => void }} props */
export function SortSelect({ filters, set }) {
  return html`
    <label class="sort"><span>${t("sort.label")}</span>
      <select value=${filters.sort} onChange=${(/** @type {any} */ event) => set({ sort: event.target.value })}>
        ${SORTS.map((each) => html`<option key=${each} value=${each} selected=${each === filters.sort}>${t(`sort.${each}`)}</option>`)}
      </select></label>`;
}

/** @param {{ offer: Offer, currency: string, filters: Filters, set: (change: Partial<Filters>) => void }} props */
export function FilterPanel({ offer, currency, filters, set }) {
  const [isOpen, setOpen] = useState(false);
  const count = countFilters(filters);
  const { parts, operators, classes, hasBoth, prices } = offer;
  const isUseless = !parts.length && !operators.length && !classes.length && !hasBoth && !prices;
  if (isUseless && !count) return null;
  return html`
    <div class="filters" data-open=${isOpen ? "" : null}>
      <button type="button" class="button small filters-switch" aria-expanded=${isOpen} aria-controls="filters" onClick=${() => setOpen(!isOpen)}>
        <${Icon} name="list" />${count ? t("filter.some", { count }) : t("filter.title")}</button>
      <section id="filters" aria-labelledby="filters-title">
        <div class="filters-head"><h2 id="filters-title">${t("filter.title")}</h2>
          ${count > 0 && html`<button type="button" class="button small quiet" onClick=${() => set({ ...NONE, sort: filters.sort })}>${t("filter.clear")}</button>`}</div>
        <${Chips} name="times" title=${t("filter.times")} values=${parts} label=${(/** @type {string} */ part) => t(/** @type {any} */ (`part.${part}`))} chosen=${filters.times} set=${set} />
        ${prices && html`<${PriceRange} prices=${prices} currency=${currency} most=${filters.most} set=${set} />`}
        ${hasBoth && html`<label class="check"><input type="checkbox" checked=${filters.direct} onChange=${() => set({ direct: !filters.direct })} />${t("filter.direct")}</label>`}
        <${Chips} name="classes" title=${t("filter.classes")} values=${classes} label=${(/** @type {string} */ each) => term("class", each)} chosen=${filters.classes} set=${set} />
        <${Chips} name="operators" title=${t("filter.operators")} values=${operators.map(({ id }) => id)} chosen=${filters.operators} set=${set}
          label=${(/** @type {string} */ id) => operators.find((each) => each.id === id)?.name} />
      </section>
    </div>`;
}

/** @param {{ name: "times" | "classes" | "operators", title: string, values: string[], label: (value: string) => string | undefined,
 *   chosen: string[], set: (change: Partial<Filters>) => void }} props */
function Chips({ name, title, values, label, chosen, set }) {
  if (!values.length) return null;
  const turn = (/** @type {string} */ value) =>
    set({
      [name]: chosen.includes(value) ? chosen.filter((each) => each !== value) : [...chosen, value],
    });
  return html`
    <fieldset><legend>${title}</legend><div class="chips">
      ${values.map((each) => html`<button type="button" class="chip" key=${each} aria-pressed=${chosen.includes(each)} onClick=${() => turn(each)}>${label(each)}</button>`)}
    </div></fieldset>`;
}

/** @param {{ prices: { least: number, most: number }, currency: string, most: number | null, set: (change: Partial<Filters>) => void }} props */
function PriceRange({ prices, currency, most, set }) {
  const value = Math.min(most ?? prices.most, prices.most);
  const shown = money({ amount: value, currency });
  const step = Math.max(1, Math.ceil((prices.most - prices.least) / PRICE_STEPS));
  const change = (/** @type {any} */ event) => {
    const amount = Number(event.target.value);
    set({ most: amount + step > prices.most ? null : amount });
  };
  return html`
    <div class="field price-range"><label for="most">${t("filter.most")} <output>${shown}</output></label>
      <input id="most" type="range" min=${prices.least} max=${prices.most} step=${step} value=${value} aria-valuetext=${shown} onInput=${change} /></div>`;
}
