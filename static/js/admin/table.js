// Data as a table that everybody can read: named, sortable, page by page, and as CSV.
import { html, Icon, useMemo, useState } from "../core/dom.js";
import { t } from "../core/text.js";
import { announce, Failure, Notice, Skeleton } from "../core/ui.js";
import { download, toCsv } from "./csv.js";
import { tell } from "./parts.js";

/** @typedef {import("./csv.js").Cell} Cell */
/**
 * @template T @typedef {object} Column
 * @property {string} key
 * @property {string} name what stands above it
 * @property {(row: T) => any} cell what is shown
 * @property {(row: T) => string | number | null} [sort] what it is sorted by; without it, it is not
 * @property {(row: T) => Cell} [csv] what stands in the file; else what it is sorted by
 * @property {boolean} [isNumber]
 * @property {boolean} [isHead] the cell that names its row
 * @property {boolean} [isHidden] in the file only
 */
/** @typedef {{ key: string, isDown: boolean }} Order */

const FITS_A_PHONE = 3;

/** With more columns, or with buttons, a row on a phone is a card: its cells stand below each other, each below its name.
 * Browsers forget that a table is one when it is laid out otherwise, so every part says what it is.
 * @param {Column<any>[]} columns */
const stacks = (columns) =>
  columns.length > FITS_A_PHONE || columns.some(({ key }) => key === "do");

/**
 * A table of rows that are all here, or of `usePages` (then pass `pages`).
 * Sorting is of what is shown; the file has all there is.
 * @param {{ caption: string, file?: string, columns: Column<any>[], rows?: any[] | null, pages?: import("./load.js").Pages<any>,
 *   keyOf: (row: any) => string, empty?: { icon?: string, title: string, body?: string, action?: any }, order?: Order,
 *   toneOf?: (row: any) => string | null, tools?: any }} props */
export function DataTable({
  caption,
  file,
  columns,
  rows,
  pages,
  keyOf,
  empty,
  order: first,
  toneOf,
  tools,
}) {
  const [order, setOrder] = useState(/** @type {Order | null} */ (first ?? null));
  const known = pages ? pages.items : rows;
  const shown = columns.filter(({ isHidden }) => !isHidden);
  const sorted = useMemo(() => sortRows(known ?? [], columns, order), [known, columns, order]);
  if (pages?.error && !known) return html`<${Failure} error=${pages.error} retry=${pages.retry} />`;
  if (!known) return html`<${Skeleton} lines=${3} />`;
  if (!known.length && empty && !pages?.hasMore)
    return html`<${Notice} icon=${empty.icon ?? "search"} title=${empty.title}>${empty.body && html`<p>${empty.body}</p>`}${empty.action}</${Notice}>`;
  const turn = (/** @type {Column<any>} */ { key, name }) => {
    const isDown = order?.key === key && !order.isDown;
    setOrder({ key, isDown });
    announce(t(isDown ? "admin.table.down" : "admin.table.up", { name }));
  };
  return html`
    <div class="table-tools">
      <p class="hint" role="status">${t("admin.table.count", { count: known.length })}${pages?.hasMore ? t("admin.table.more.there") : ""}</p>
      ${tools}
      ${file && html`<${CsvButton} file=${file} columns=${columns} rows=${pages ? pages.all : async () => sorted} />`}
    </div>
    <div class="table-box" role="region" aria-label=${caption} tabindex="0">
      <table class="table" role="table" data-stacks=${stacks(shown) ? "" : null}>
        <caption class="visually-hidden">${caption}</caption>
        <thead role="rowgroup"><tr role="row">${shown.map((column) => html`<${Heading} key=${column.key} column=${column} order=${order} turn=${turn} />`)}</tr></thead>
        <tbody role="rowgroup">${sorted.map((row) => html`<tr key=${keyOf(row)} role="row" data-tone=${toneOf?.(row) ?? null}>${shown.map((column) => html`<${Data} key=${column.key} column=${column} row=${row} />`)}</tr>`)}</tbody>
      </table>
    </div>
    ${pages?.error && html`<${Failure} error=${pages.error} retry=${pages.retry} />`}
    ${pages?.hasMore && html`<button type="button" class="button wide" aria-disabled=${pages.isLoading} onClick=${pages.more}>${t(pages.isLoading ? "loading" : "admin.table.more")}</button>`}`;
}

/** @param {{ column: Column<any>, order: Order | null, turn: (column: Column<any>) => void }} props */
function Heading({ column, order, turn }) {
  const isHere = order?.key === column.key;
  const said = isHere ? (order?.isDown ? "descending" : "ascending") : null;
  const classes = column.isNumber ? "number" : null;
  if (!column.sort)
    return html`<th scope="col" role="columnheader" class=${classes}>${column.name}</th>`;
  return html`<th scope="col" role="columnheader" class=${classes} aria-sort=${said}>
    <button type="button" onClick=${() => turn(column)}>${column.name}<${Icon} name=${isHere ? (order?.isDown ? "chevron-down" : "chevron-up") : "arrow-up-down"} class=${isHere ? "" : "faint"} /></button></th>`;
}

/** @param {{ column: Column<any>, row: any }} props */
function Data({ column, row }) {
  const classes = column.isNumber ? "number" : null;
  if (column.isHead)
    return html`<th scope="row" role="rowheader" class=${classes}>${column.cell(row)}</th>`;
  return html`<td role="cell" class=${classes} data-name=${column.name}>${column.cell(row)}</td>`;
}

/** @param {{ file: string, columns: Column<any>[], rows: () => Promise<any[]> }} props */
export function CsvButton({ file, columns, rows }) {
  const [isBusy, setBusy] = useState(false);
  const save = async () => {
    if (isBusy) return;
    setBusy(true);
    try {
      const told = columns.filter(({ csv, sort }) => csv ?? sort);
      const lines = (await rows()).map((row) => told.map(({ csv, sort }) => (csv ?? sort)?.(row)));
      download(
        `${file}.csv`,
        toCsv(
          told.map(({ name }) => name),
          lines,
        ),
      );
    } catch (error) {
      tell(error);
    } finally {
      setBusy(false);
    }
  };
  return html`<button type="button" class="button small quiet" aria-disabled=${isBusy} onClick=${save}><${Icon} name="download" />${t("admin.csv")}</button>`;
}

/** @template T @param {T[]} rows @param {Column<T>[]} columns @param {Order | null} order */
function sortRows(rows, columns, order) {
  const by = columns.find(({ key }) => key === order?.key)?.sort;
  if (!by || !order) return rows;
  const sign = order.isDown ? -1 : 1;
  return [...rows].sort((a, b) => sign * compare(by(a), by(b)));
}

/** @param {string | number | null} a @param {string | number | null} b */
function compare(a, b) {
  // What is unknown comes before what is known.
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}
