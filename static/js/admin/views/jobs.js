// Jobs: what is to be done outside of the database, and what nobody could do.
import { html, Icon, useState } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { Dialog } from "../../core/ui.js";
import { act, add, Head, mayEdit, RowButton, stamp, Tag } from "../catalogue/parts.js";
import { FilterBar, valuesOf } from "../filters.js";
import { usePages } from "../load.js";
import { operator } from "../staff.js";
import { DataTable } from "../table.js";

/** @typedef {import("../catalogue/api.d.ts").Job} Job */

const STATES = /** @type {const} */ (["DEAD", "QUEUED", "DONE"]);
const KINDS = /** @type {const} */ ([
  "BOOKING_CONFIRMED",
  "BOOKING_CANCELLED",
  "BOOKING_EXPIRED",
  "BOOKING_FAILED",
  "PAYMENT_LATE",
  "REFUND",
  "BUS_CHANGED",
  "REMINDER",
]);
const TONES = { DEAD: "bad", QUEUED: "warn", DONE: "good" };

const filters = () => [
  {
    name: "state",
    label: t("cat.state"),
    kind: /** @type {const} */ ("chips"),
    otherwise: "DEAD",
    options: STATES.map((value) => ({ value, label: t(`cat.job.${value}`) })),
  },
  {
    name: "kind",
    label: t("cat.jobs.kind"),
    kind: /** @type {const} */ ("choice"),
    options: [
      { value: "", label: t("cat.all") },
      ...KINDS.map((value) => ({ value, label: t(`cat.job.${value}`) })),
    ],
  },
  { name: "bus", label: t("cat.jobs.bus"), kind: /** @type {const} */ ("search") },
];

export default function Jobs() {
  const { state, kind, bus } = valuesOf(filters());
  const isTooWide = state === "DONE" && !bus;
  const pages = usePages("/admin/outbox", {
    operator: operator.value,
    state: isTooWide ? "DEAD" : state,
    kind,
    bus,
    limit: "100",
  });
  const [shown, setShown] = useState(/** @type {Job | null} */ (null));
  const [isBusy, setBusy] = useState(false);
  const retry = async (/** @type {Job} */ job) => {
    const run = () => add(`/admin/outbox/${job.id}/retry`);
    if (await act({ run, done: t("cat.jobs.retried") })) pages.reload();
  };
  const discard = async (/** @type {Job} */ job) => {
    const ask = {
      title: t("cat.jobs.discard.ask", { kind: kindName(job), ref: job.ref }),
      body: t("cat.jobs.discard.body"),
      action: t("cat.jobs.discard"),
      isDanger: true,
    };
    const run = () => add(`/admin/outbox/${job.id}/discard`);
    if (await act({ ask, run, done: t("cat.jobs.discarded") })) pages.reload();
  };
  const retryAll = async () => {
    const jobs = pages.items ?? [];
    if (isBusy || !jobs.length) return;
    setBusy(true);
    const run = async () => {
      for (const job of jobs) await add(`/admin/outbox/${job.id}/retry`);
    };
    const count = jobs.length;
    const ask = {
      title: t("cat.jobs.all.ask", { count }),
      body: t("cat.jobs.all.body"),
      action: t("cat.jobs.retry"),
    };
    await act({ ask, run, done: t("cat.jobs.all.done", { count }) });
    setBusy(false);
    pages.reload();
  };
  const items = isTooWide ? [] : pages.items;
  const empty = isTooWide
    ? { icon: "search", title: t("cat.jobs.narrow"), body: t("cat.jobs.narrow.body") }
    : {
        icon: "circle-check",
        title: t(state === "DEAD" ? "cat.jobs.empty" : "cat.jobs.none"),
        body: t("cat.jobs.empty.body"),
      };
  return html`
    <${Head} title=${t("admin.nav.jobs")} sub=${t("cat.jobs.sub")}>
      <button type="button" class="button" onClick=${pages.reload}><${Icon} name="refresh-cw" />${t("cat.reload")}</button>
      ${mayEdit() && state === "DEAD" && Boolean(items?.length) && html`<button type="button" class="button primary" aria-disabled=${isBusy} onClick=${retryAll}>${t("cat.jobs.all")}</button>`}
    </${Head}>
    <${FilterBar} filters=${filters()} />
    ${items && items.length > 0 && html`<ul class="counts" aria-label=${t("cat.jobs.counts")}>${[...countsOf(items)].map(([name, count]) => html`<li key=${name}><strong>${count}${pages.hasMore ? "+" : ""}</strong> ${name}</li>`)}</ul>`}
    <${DataTable} caption=${t("admin.nav.jobs")} file="jobs" pages=${{ ...pages, items, hasMore: pages.hasMore && !isTooWide }} keyOf=${(/** @type {Job} */ each) => each.id}
      columns=${columns({ show: setShown, retry, discard })} empty=${empty} />
    ${shown && html`<${JobDialog} job=${shown} onClose=${() => setShown(null)} />`}`;
}

/** @param {Job} job */
const kindName = ({ kind }) => t(`cat.job.${/** @type {"REFUND"} */ (kind)}`);

/** @param {Job[]} jobs @returns {Map<string, number>} */
function countsOf(jobs) {
  const counts = new Map();
  for (const job of jobs) counts.set(kindName(job), (counts.get(kindName(job)) ?? 0) + 1);
  return counts;
}

/** @param {{ show: (job: Job) => void, retry: (job: Job) => void, discard: (job: Job) => void }} deeds */
const columns = ({ show, retry, discard }) => [
  {
    key: "at",
    name: t("cat.at"),
    cell: (/** @type {Job} */ job) => stamp(job.created_at),
    sort: (/** @type {Job} */ job) => job.created_at,
  },
  {
    key: "kind",
    name: t("cat.jobs.kind"),
    isHead: true,
    cell: (/** @type {Job} */ job) =>
      html`<button type="button" class="link-button" onClick=${() => show(job)}>${kindName(job)}</button>`,
    sort: (/** @type {Job} */ job) => kindName(job),
  },
  {
    key: "ref",
    name: t("cat.hooks.booking"),
    cell: (/** @type {Job} */ job) =>
      html`<a href=${`/admin/bookings?q=${job.ref}`}>${job.ref}</a>`,
    sort: (/** @type {Job} */ job) => job.ref,
  },
  {
    key: "state",
    name: t("cat.state"),
    cell: (/** @type {Job} */ job) =>
      html`<${Tag} tone=${TONES[/** @type {"DEAD"} */ (job.state)]}>${t(`cat.job.${/** @type {"DEAD"} */ (job.state)}`)}</${Tag}>${job.leased_until && html` <small>${t("cat.jobs.leased")}</small>`}`,
    sort: (/** @type {Job} */ job) => job.state,
  },
  {
    key: "attempts",
    name: t("cat.attempts"),
    isNumber: true,
    cell: (/** @type {Job} */ job) => job.attempts,
    sort: (/** @type {Job} */ job) => job.attempts,
  },
  {
    key: "error",
    name: t("cat.jobs.error"),
    cell: (/** @type {Job} */ job) =>
      html`<span class="clipped" title=${job.last_error ?? ""}>${job.last_error ?? ""}</span>`,
    csv: (/** @type {Job} */ job) => job.last_error,
  },
  {
    key: "do",
    name: t("cat.do"),
    cell: (/** @type {Job} */ job) =>
      mayEdit() &&
      job.state !== "DONE" &&
      html`<span class="row-buttons"><${RowButton} icon="refresh-cw" label=${t("cat.jobs.retry")} of=${`${kindName(job)} ${job.ref}`} run=${() => retry(job)} />
        <${RowButton} icon="trash-2" label=${t("cat.jobs.discard")} of=${`${kindName(job)} ${job.ref}`} run=${() => discard(job)} /></span>`,
  },
];

/** @param {{ job: Job, onClose: () => void }} props */
function JobDialog({ job, onClose }) {
  const lines = /** @type {[string, any][]} */ ([
    [t("cat.hooks.booking"), job.ref],
    [t("cat.jobs.bus"), html`<a href=${`/admin/buses/${job.bus_id}`}>${job.bus_id}</a>`],
    [t("cat.at"), stamp(job.created_at)],
    [t("cat.jobs.due"), stamp(job.due_at)],
    [t("cat.jobs.done"), stamp(job.done_at) || "–"],
    [t("cat.attempts"), job.attempts],
  ]);
  return html`
    <${Dialog} title=${kindName(job)} onClose=${onClose} actions=${html`<button type="button" class="button primary" onClick=${onClose}>${t("close")}</button>`}>
      <dl class="facts">${lines.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
      ${job.last_error && html`<pre class="told" tabindex="0">${job.last_error}</pre>`}
      ${Object.keys(job.detail).length > 0 && html`<pre class="told" tabindex="0">${JSON.stringify(job.detail, null, 2)}</pre>`}
    </${Dialog}>`;
}
