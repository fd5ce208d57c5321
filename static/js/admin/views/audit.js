// The audit log: who did what to what, what it was before, and its place in the chain.
import { html, Icon, useEffect } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { Head, operatorName, stamp, zoneOf } from "../catalogue/parts.js";
import { endOf, startOf } from "../catalogue/zone.js";
import { FilterBar, valuesOf } from "../filters.js";
import { usePages } from "../load.js";
import { moneys } from "../parts.js";
import { learnNames, names } from "../people.js";
import { isPlatform, operator } from "../staff.js";
import { DataTable } from "../table.js";

/** @typedef {import("../catalogue/api.d.ts").AuditEntry} Entry */

const filters = () => [
  { name: "action", label: t("cat.audit.action"), kind: /** @type {const} */ ("search") },
  { name: "subject", label: t("cat.audit.subject"), kind: /** @type {const} */ ("search") },
  { name: "from", label: t("cat.from"), kind: /** @type {const} */ ("date") },
  { name: "to", label: t("cat.until"), kind: /** @type {const} */ ("date") },
];

export default function Audit() {
  const wanted = valuesOf(filters());
  const isAction = /^[a-z_.]{3,60}$/.test(wanted.action);
  const pages = usePages("/admin/audit", {
    operator: operator.value,
    action: isAction ? wanted.action : "",
    subject: wanted.subject,
    from: startOf(wanted.from, zoneOf()),
    to: endOf(wanted.to, zoneOf()),
    limit: "100",
  });
  useEffect(() => {
    learnNames((pages.items ?? []).map(({ actor }) => actor));
  }, [pages.items]);
  return html`
    <${Head} title=${t("admin.nav.audit")} sub=${t("cat.audit.sub")} />
    <${FilterBar} filters=${filters()} />
    ${wanted.action && !isAction && html`<p class="hint">${t("cat.audit.action.hint")}</p>`}
    <${DataTable} caption=${t("admin.nav.audit")} file="audit" pages=${pages} keyOf=${(/** @type {Entry} */ each) => each.id} columns=${columns(names.value)}
      empty=${{ icon: "scroll-text", title: t("cat.audit.empty"), body: t("cat.audit.empty.body") }} />`;
}

/** @param {Record<string, string>} known */
const columns = (known) => [
  {
    key: "at",
    name: t("cat.at"),
    cell: (/** @type {Entry} */ each) => html`<time datetime=${each.at}>${stamp(each.at)}</time>`,
    sort: (/** @type {Entry} */ each) => each.at,
  },
  {
    key: "actor",
    name: t("cat.audit.who"),
    cell: (/** @type {Entry} */ each) => actorOf(each, known),
    sort: (/** @type {Entry} */ each) => actorOf(each, known),
  },
  {
    key: "action",
    name: t("cat.audit.action"),
    isHead: true,
    cell: (/** @type {Entry} */ each) =>
      html`<a href=${`/admin/audit?action=${each.action}`}><code>${each.action}</code></a>`,
    sort: (/** @type {Entry} */ each) => each.action,
  },
  {
    key: "subject",
    name: t("cat.audit.subject"),
    cell: (/** @type {Entry} */ each) =>
      html`<a href=${`/admin/audit?subject=${encodeURIComponent(each.subject)}`}>${each.subject}</a>`,
    sort: (/** @type {Entry} */ each) => each.subject,
  },
  {
    key: "detail",
    name: t("cat.audit.detail"),
    cell: (/** @type {Entry} */ each) => html`<${Detail} detail=${each.detail} />`,
    csv: (/** @type {Entry} */ each) => JSON.stringify(each.detail),
  },
  ...(isPlatform.value
    ? [
        {
          key: "whose",
          name: t("cat.whose"),
          cell: (/** @type {Entry} */ each) => operatorName(each.operator),
          sort: (/** @type {Entry} */ each) => operatorName(each.operator),
        },
      ]
    : []),
  {
    key: "seal",
    name: t("cat.audit.seal"),
    cell: (/** @type {Entry} */ each) =>
      each.hash
        ? html`<span class="seal" title=${each.hash}><${Icon} name="shield-check" />${each.position} <code>${each.hash.slice(0, 8)}</code></span>`
        : t("cat.audit.unsealed"),
    sort: (/** @type {Entry} */ each) => each.position,
    csv: (/** @type {Entry} */ each) => each.hash,
  },
];

/** @param {Entry} entry @param {Record<string, string>} known */
const actorOf = ({ actor }, known) =>
  actor === null ? t("cat.audit.machine") : (known[actor] ?? t("cat.audit.person", { id: actor }));

/** What was changed, as before and after where the log has both.
 * @param {{ detail: Record<string, unknown> }} props */
function Detail({ detail }) {
  const lines = Object.entries(detail);
  if (!lines.length) return null;
  return html`<ul class="changes">${lines.map(([name, value]) => {
    const isPair = Array.isArray(value) && value.length === 2 && typeof value[0] !== "object";
    return html`<li key=${name}><span class="change-name">${name.replaceAll("_", " ")}</span>
      ${
        isPair
          ? html`<del>${said(value[0])}</del> <${Icon} name="arrow-right" class="flip" /> <ins>${said(value[1])}</ins>`
          : html`<span>${said(value)}</span>`
      }</li>`;
  })}</ul>`;
}

/** @param {[string, unknown]} entry */
const isAmount = ([name, value]) => /^[A-Z]{3}$/.test(name) && Number.isInteger(value);

/** @param {unknown} value */
function said(value) {
  if (value === null || value === "") return "–";
  if (typeof value === "boolean") return t(value ? "cat.yes" : "cat.no");
  if (typeof value !== "object") return String(value);
  const amounts = Object.entries(value);
  const isMoney = amounts.length > 0 && amounts.every(isAmount);
  // By currency, in its smallest unit: nobody should have to know that -100 is one euro.
  return isMoney
    ? moneys(amounts.map(([currency, amount]) => ({ amount, currency })))
    : JSON.stringify(value);
}
