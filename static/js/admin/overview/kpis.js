// The row of figures, each beside what it was on another day.
import { html, Icon } from "../../core/dom.js";
import { money, t } from "../../core/text.js";
import { changeOf } from "../figures.js";
import { numbers } from "../parts.js";

/** @typedef {{ key: string, label: string, value: string, change?: number | null, before?: string, hint?: string, isGoodUp?: boolean }} Kpi */

const percent = numbers({ style: "percent", maximumFractionDigits: 0 });
const signed = numbers({
  style: "percent",
  maximumFractionDigits: 0,
  signDisplay: "exceptZero",
});

/** @param {number | null | undefined} share */
export const share = (share) =>
  share === null || share === undefined ? "–" : percent.format(share);

/** @param {{ items: Kpi[], against: string }} props */
export function KpiRow({ items, against }) {
  return html`<ul class="kpis" aria-label=${t("overview.kpis")}>${items.map((item) => html`<${Tile} key=${item.key} item=${item} against=${against} />`)}</ul>`;
}

/** @param {{ item: Kpi, against: string }} props */
function Tile({ item, against }) {
  const { key, label, value, change, before, hint, isGoodUp = true } = item;
  const isUp = (change ?? 0) >= 0;
  const tone = change === 0 ? null : isUp === isGoodUp ? "good" : "bad";
  return html`
    <li class="card kpi" data-kpi=${key}>
      <span class="kpi-label">${label}</span>
      <strong class="kpi-value">${value}</strong>
      ${
        change !== null && change !== undefined
          ? html`<span class="kpi-change" data-tone=${tone} title=${before ? t("overview.before", { before, against }) : null}>
            ${change !== 0 && html`<${Icon} name=${isUp ? "chevron-up" : "chevron-down"} />`}${signed.format(change)}<span class="visually-hidden"> ${before ? t("overview.before", { before, against }) : against}</span></span>`
          : html`<span class="kpi-change">${before ? t("overview.before", { before, against }) : (hint ?? "")}</span>`
      }
    </li>`;
}

/** Revenue is compared in the currency of most of it.
 * @param {import("../../api.d.ts").Money[]} now @param {import("../../api.d.ts").Money[] | null} before */
export function revenueChange(now, before) {
  const main = now[0] ?? before?.[0];
  const then = main && before?.find(({ currency }) => currency === main.currency);
  if (!main || !then) return { change: null, before: undefined };
  return { change: changeOf(now[0]?.amount ?? 0, then.amount), before: money(then) };
}
