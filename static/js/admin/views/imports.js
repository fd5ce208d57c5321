// Timetables from GTFS: uploaded, watched, and told what is wrong with them.
import { ApiError, get, post } from "../../core/api.js";
import { html, Icon, useEffect, useRef, useState } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { announce } from "../../core/ui.js";
import { minorUnits } from "../amounts.js";
import { act, canAdd, Head, mayEdit, stamp, Tag, useAll } from "../catalogue/parts.js";
import { upload } from "../catalogue/upload.js";
import { download, toCsv } from "../csv.js";
import { Check, FormFault, Input, Submit, useForm } from "../form.js";
import { usePages } from "../load.js";
import { isPlatform, operator, operatorShown } from "../staff.js";
import { DataTable } from "../table.js";

/** @typedef {import("../catalogue/api.d.ts").Import} Import */

const BUILT_IN = ["coach-40", "coach-50", "mini", "double-deck", "sleeper"];
const POLL_MS = 700;
const BYTES_MAX = 128 * 1024 * 1024;
const TONES = { running: "warn", done: "good", refused: "bad", failed: "bad", cancelled: "soft" };

export default function Imports() {
  const pages = usePages("/admin/imports", { operator: operator.value, limit: "50" });
  const [shown, show] = useState(/** @type {Import | null} */ (null));
  const running = pages.items?.find(({ status }) => status === "running") ?? null;
  const current = shown ?? running;
  // Also of an import that has ended: it would vanish from view just as there is something to read.
  const follow = (/** @type {Import} */ told) => {
    show(told);
    pages.reload();
  };
  return html`
    <${Head} title=${t("admin.nav.imports")} sub=${t("cat.imports.sub")} />
    ${mayEdit() && html`<${UploadForm} onBegun=${follow} />`}
    ${current && html`<${Progress} key=${current.id} first=${current} onEnded=${follow} />`}
    <h2>${t("cat.imports.past")}</h2>
    <${DataTable} caption=${t("cat.imports.past")} file="imports" pages=${pages} keyOf=${(/** @type {Import} */ each) => each.id} columns=${columns(show)}
      empty=${{ icon: "upload", title: t("cat.imports.empty"), body: t("cat.imports.empty.body") }} />`;
}

/** @param {{ onBegun: (begun: Import) => void }} props */
function UploadForm({ onBegun }) {
  const layouts = useAll("/admin/layouts", { operator: operator.value });
  const currency = operatorShown.value?.currency ?? "EUR";
  const [file, setFile] = useState(/** @type {File | null} */ (null));
  const [share, setShare] = useState(/** @type {number | null} */ (null));
  const sending = useRef(/** @type {AbortController | null} */ (null));
  const form = useForm(
    {
      feed: "",
      from: "",
      days: "14",
      layout: "coach-40",
      fare: "10.00",
      agency: "",
      shift_dates: false,
    },
    async (values) => {
      if (!file || !canAdd()) return;
      sending.current = new AbortController();
      setShare(0);
      try {
        const path = `/admin/imports?${queryOf(values, file, currency)}`;
        onBegun(await upload(path, file, "application/zip", setShare, sending.current.signal));
        setFile(null);
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== "aborted") throw error;
      } finally {
        setShare(null);
      }
    },
    { check: (values) => faults(values, file, currency) },
  );
  const take = (/** @type {File | null | undefined} */ chosen) => {
    setFile(chosen ?? null);
    form.set({ feed: chosen?.name ?? "" });
  };
  const own = layouts.data ?? [];
  const names = [...BUILT_IN, ...own.map(({ name }) => name)];
  return html`
    <section class="card" aria-labelledby="upload-title">
      <h2 id="upload-title">${t("cat.imports.upload")}</h2>
      <form class="form" onSubmit=${form.submit} novalidate>
        <${FormFault} form=${form} />
        <${DropZone} file=${file} onFile=${take} error=${form.errors.feed} />
        <div class="form-row">
          <${Input} form=${form} name="from" label=${t("cat.imports.from")} hint=${t("cat.imports.from.hint")} type="date" />
          <${Input} form=${form} name="days" label=${t("cat.imports.days")} type="number" min="1" max="366" />
          <div class="field"><label for="layout">${t("cat.layout")}</label>
            <select id="layout" value=${form.values.layout} onChange=${(/** @type {any} */ event) => form.set({ layout: event.target.value })}>
              ${[...new Set(names)].map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select></div>
          <${Input} form=${form} name="fare" label=${t("cat.imports.fare", { currency })} hint=${t("cat.imports.fare.hint")} inputmode="decimal" />
          <${Input} form=${form} name="agency" label=${t("cat.imports.agency")} hint=${t("cat.imports.agency.hint")} maxlength="120" />
        </div>
        <${Check} form=${form} name="shift_dates" label=${t("cat.imports.shift")} />
        ${share === null ? null : html`<div class="bar-line"><progress max="1" value=${share} aria-label=${t("cat.imports.sending")}></progress><span>${t("cat.percent", { percent: Math.round(share * 100) })}</span></div>`}
        <div class="floor-actions"><${Submit} form=${form} icon="upload">${t("cat.imports.go")}</${Submit}>
          ${share !== null && html`<button type="button" class="button" onClick=${() => sending.current?.abort()}>${t("cancel")}</button>`}</div>
      </form>
    </section>`;
}

/** @param {{ file: File | null, onFile: (file: File | null | undefined) => void, error?: string }} props */
function DropZone({ file, onFile, error }) {
  const [isOver, setOver] = useState(false);
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    // Or the same file, mended, could not be chosen again: that is no change to a browser.
    if (!file && input.current) input.current.value = "";
  }, [file]);
  const drop = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    setOver(false);
    onFile(event.dataTransfer?.files[0]);
  };
  const over = (/** @type {Event} */ event) => {
    event.preventDefault();
    setOver(true);
  };
  return html`
    <div class="drop" data-over=${isOver ? "" : null} onDragOver=${over} onDragLeave=${() => setOver(false)} onDrop=${drop}>
      <${Icon} name="upload" />
      <label for="feed">${t("cat.imports.file")}</label>
      <input ref=${input} id="feed" type="file" accept=".zip,application/zip" aria-invalid=${error ? "true" : null} aria-describedby=${error ? "feed-error" : "feed-hint"} onChange=${(/** @type {any} */ event) => onFile(event.target.files[0])} />
      <p class="hint" id="feed-hint">${file ? t("cat.imports.chosen", { name: file.name, size: mebibytes(file.size) }) : t("cat.imports.drop")}</p>
      ${error && html`<p class="field-error" id="feed-error"><${Icon} name="circle-alert" />${error}</p>`}
    </div>`;
}

/** @param {number} bytes */
const mebibytes = (bytes) => (bytes / 1024 / 1024).toFixed(1);

/** @param {Record<string, any>} values @param {File} file @param {string} currency */
function queryOf({ from, days, layout, fare, agency, shift_dates }, file, currency) {
  const wish = {
    file: file.name.slice(0, 120),
    days,
    layout,
    fare: String(minorUnits(fare, currency)),
    shift_dates: String(shift_dates),
    from,
    agency: agency.trim(),
    operator: isPlatform.value ? (operator.value ?? "") : "",
  };
  return new URLSearchParams(Object.entries(wish).filter(([, value]) => value)).toString();
}

/** @param {Record<string, any>} values @param {File | null} file @param {string} currency */
function faults({ days, fare }, file, currency) {
  /** @type {Record<string, string>} */
  const found = {};
  if (!file) found.feed = t("cat.imports.file.needed");
  else if (file.size > BYTES_MAX)
    found.feed = t("cat.imports.file.large", { most: mebibytes(BYTES_MAX) });
  if (!/^\d+$/.test(days) || Number(days) < 1 || Number(days) > 366)
    found.days = t("cat.between", { least: 1, most: 366 });
  if (minorUnits(fare, currency) === null) found.fare = t("cat.amount");
  return found;
}

/** How far an import is, until it is over; then what came of it.
 * @param {{ first: Import, onEnded: (told: Import) => void }} props */
function Progress({ first, onEnded }) {
  const [told, setTold] = useState(first);
  const isRunning = told.status === "running";
  const take = (/** @type {Import} */ next) => {
    setTold(next);
    if (next.status === "running") return;
    announce(t(`cat.import.${next.status}`));
    onEnded(next);
  };
  useEffect(() => {
    if (!isRunning) return;
    let isShown = true;
    const look = async () => {
      try {
        const next = await get(`/admin/imports/${first.id}`);
        if (isShown) take(next);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    };
    const timer = setInterval(look, POLL_MS);
    return () => {
      isShown = false;
      clearInterval(timer);
    };
  }, [first.id, isRunning]);
  const cancel = async () => {
    const run = async () => take(await post(`/admin/imports/${told.id}/cancel`, undefined));
    await act({ run, done: t("cat.import.cancelled") });
  };
  return html`
    <section class="card import" aria-labelledby="import-title">
      <h2 id="import-title">${told.file} <${Tag} tone=${TONES[told.status]}>${t(`cat.import.${told.status}`)}</${Tag}></h2>
      ${
        isRunning &&
        html`<div class="bar-line"><progress max=${told.total || 1} value=${told.total ? told.done : undefined} aria-label=${stepName(told)}></progress><span>${stepName(told)}</span></div>
        <p class="hint">${t("cat.imports.whole")}</p>
        <div class="floor-actions"><button type="button" class="button" onClick=${cancel}>${t("cat.imports.cancel")}</button></div>`
      }
      ${told.added && html`<${Added} added=${told.added} />`}
      ${told.detail && html`<p role="alert">${told.detail}</p>`}
      ${told.faults.length > 0 && html`<${Faults} told=${told} />`}
    </section>`;
}

/** @param {Import} told */
const stepName = ({ step, done, total }) => {
  const percent = total ? Math.floor((done / total) * 100) : 0;
  return t(/** @type {import("../../core/text.js").Key} */ (`cat.import.step.${step}`), {
    percent,
    done,
    total,
  });
};

/** @param {{ added: NonNullable<Import["added"]> }} props */
function Added({ added }) {
  const notes = /** @type {[number, import("../../core/text.js").Key][]} */ ([
    [added.known, "cat.added.known"],
    [added.differing, "cat.added.differing"],
    [added.unlisted, "cat.added.unlisted"],
    [added.stops_differing, "cat.added.stops"],
    [added.shifted_days, "cat.added.shifted"],
  ]);
  return html`
    <p>${t(added.buses ? "cat.added.told" : "cat.added.nothing", { ...added, count: added.buses })}</p>
    <ul class="notes">${notes.filter(([count]) => count !== 0).map(([count, key]) => html`<li key=${key}><${Icon} name="info" />${t(key, { count })}</li>`)}</ul>
    ${added.buses > 0 && html`<a class="button" href=${`/admin/buses?date=${added.from}`}><${Icon} name="calendar-days" />${t("cat.imports.look")}</a>`}`;
}

/** Every fault with its file and line, as far as they are told, also as a file.
 * @param {{ told: Import }} props */
function Faults({ told }) {
  const save = () =>
    download(
      "faults.csv",
      toCsv(
        [t("cat.fault.file"), t("cat.fault.line"), t("cat.fault.reason")],
        told.faults.map(({ file, line, reason }) => [file, line, reason]),
      ),
    );
  return html`
    <div class="table-tools"><p class="hint">${t("cat.faults", { count: told.faults_total, shown: told.faults.length })}</p>
      <button type="button" class="button small quiet" onClick=${save}><${Icon} name="download" />${t("admin.csv")}</button></div>
    <div class="table-box" role="region" aria-label=${t("cat.faults.list")} tabindex="0"><table class="table">
      <thead><tr><th scope="col">${t("cat.fault.file")}</th><th scope="col" class="number">${t("cat.fault.line")}</th><th scope="col">${t("cat.fault.reason")}</th></tr></thead>
      <tbody>${told.faults.map(({ file, line, reason }, at) => html`<tr key=${at}><th scope="row"><code>${file}</code></th><td class="number">${line ?? ""}</td><td>${reason}</td></tr>`)}</tbody>
    </table></div>`;
}

/** @param {(told: Import) => void} show */
const columns = (show) => [
  {
    key: "at",
    name: t("cat.at"),
    cell: (/** @type {Import} */ each) => stamp(each.created_at),
    sort: (/** @type {Import} */ each) => each.created_at,
  },
  {
    key: "file",
    name: t("cat.fault.file"),
    isHead: true,
    cell: (/** @type {Import} */ each) =>
      html`<button type="button" class="link-button" onClick=${() => show(each)}>${each.file}</button>`,
    sort: (/** @type {Import} */ each) => each.file,
  },
  {
    key: "size",
    name: t("cat.imports.size"),
    isNumber: true,
    cell: (/** @type {Import} */ each) => mebibytes(each.bytes),
    sort: (/** @type {Import} */ each) => each.bytes,
  },
  {
    key: "status",
    name: t("cat.state"),
    cell: (/** @type {Import} */ each) =>
      html`<${Tag} tone=${TONES[each.status]}>${t(`cat.import.${each.status}`)}</${Tag}>`,
    sort: (/** @type {Import} */ each) => t(`cat.import.${each.status}`),
  },
  {
    key: "buses",
    name: t("cat.imports.buses"),
    isNumber: true,
    cell: (/** @type {Import} */ each) => each.added?.buses ?? "",
    sort: (/** @type {Import} */ each) => each.added?.buses ?? null,
  },
  {
    key: "why",
    name: t("cat.fault.reason"),
    cell: (/** @type {Import} */ each) => each.detail ?? "",
    csv: (/** @type {Import} */ each) => each.detail,
  },
];
