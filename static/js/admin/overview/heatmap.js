// How full the buses of a day are: a row for each route, a cell for each departure. Arrow keys walk it.
import { html } from "../../core/dom.js";
import { t, term, time } from "../../core/text.js";
import { levelOf } from "../figures.js";
import { clockZone } from "../parts.js";
import { DataTable } from "../table.js";
import { share } from "./kpis.js";

/** @typedef {import("../figures.js").HeatRow} HeatRow */
/** @typedef {import("../figures.js").HeatCell} HeatCell */

const LEVELS = [0, 1, 2, 3, 4, 5];

/** @param {{ rows: HeatRow[], isTable: boolean, file: string, onRoute: (route: string | null) => void, route: string }} props */
export function Heatmap({ rows, isTable, file, onRoute, route }) {
  if (isTable) return html`<${AsTable} rows=${rows} file=${file} />`;
  return html`
    <div class="heat-box" role="region" aria-label=${t("overview.heat")} tabindex="0">
      <table class="heat" onKeyDown=${walk}>
        <caption class="visually-hidden">${t("overview.heat")}</caption>
        <tbody>${rows.map(
          (row) => html`<tr key=${row.route ?? ""}>
            <th scope="row"><button type="button" class="heat-route" aria-pressed=${Boolean(route) && row.route === route} onClick=${() => onRoute(row.route === route ? null : row.route)}>${row.name ?? t("overview.noroute")}</button></th>
            ${row.cells.map((cell) => html`<td key=${cell.bus.id}><${Cell} cell=${cell} /></td>`)}
          </tr>`,
        )}</tbody>
      </table>
    </div>
    <p class="heat-scale"><span>${t("overview.empty")}</span>${LEVELS.map((level) => html`<i key=${level} data-level=${level}></i>`)}<span>${t("overview.full")}</span></p>`;
}

/** @param {{ cell: HeatCell }} props */
function Cell({ cell: { bus, occupancy, seats } }) {
  const at = time(bus.departs_at, clockZone());
  const isOff = occupancy === null;
  const said = isOff ? term("state", bus.status) : share(occupancy);
  const name = t("overview.cell", { time: at, name: bus.name, share: said, seats });
  return html`<a class="heat-cell" href=${`/admin/buses/${bus.id}`} data-level=${levelOf(occupancy)} data-off=${isOff ? "" : null} aria-label=${name} title=${name}>
    <small>${at}</small><strong>${isOff ? "×" : said}</strong></a>`;
}

/** @param {KeyboardEvent} event */
function walk(event) {
  const here = event.target instanceof Element ? event.target.closest("td, th") : null;
  const row = here?.parentElement;
  if (!here || !row) return;
  const forward = getComputedStyle(row).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
  const back = forward === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
  const index = [...row.children].indexOf(here);
  const near = /** @type {Record<string, Element | null | undefined>} */ ({
    [forward]: here.nextElementSibling,
    [back]: here.previousElementSibling,
    ArrowDown: cellOf(row.nextElementSibling, index),
    ArrowUp: cellOf(row.previousElementSibling, index),
    Home: row.firstElementChild,
    End: row.lastElementChild,
  })[event.key];
  const next = near?.querySelector("a, button");
  if (!(next instanceof HTMLElement)) return;
  event.preventDefault();
  next.focus();
}

/** @param {Element | null} row @param {number} index */
const cellOf = (row, index) => row && (row.children[index] ?? row.lastElementChild);

/** @param {{ rows: HeatRow[], file: string }} props */
function AsTable({ rows, file }) {
  const cells = rows.flatMap((row) => row.cells.map((cell) => ({ ...cell, route: row.name })));
  const columns = [
    {
      key: "route",
      name: t("overview.route"),
      sort: (/** @type {any} */ row) => row.route,
      cell: (/** @type {any} */ row) => row.route ?? t("overview.noroute"),
    },
    {
      key: "departs",
      name: t("overview.departs"),
      sort: (/** @type {any} */ row) => row.bus.departs_at,
      cell: (/** @type {any} */ row) => time(row.bus.departs_at, clockZone()),
    },
    {
      key: "bus",
      name: t("overview.bus"),
      isHead: true,
      sort: (/** @type {any} */ row) => row.bus.name,
      cell: (/** @type {any} */ row) =>
        html`<a href=${`/admin/buses/${row.bus.id}`}>${row.bus.name}</a>`,
    },
    {
      key: "seats",
      name: t("overview.seats"),
      isNumber: true,
      sort: (/** @type {any} */ row) => row.seats,
      cell: (/** @type {any} */ row) => row.seats,
    },
    {
      key: "total",
      name: t("overview.places"),
      isNumber: true,
      sort: (/** @type {any} */ row) => row.bus.seats_total,
      cell: (/** @type {any} */ row) => row.bus.seats_total,
    },
    {
      key: "share",
      name: t("overview.occupancy"),
      isNumber: true,
      sort: (/** @type {any} */ row) => row.occupancy,
      cell: (/** @type {any} */ row) => share(row.occupancy),
    },
  ];
  return html`<${DataTable} caption=${t("overview.heat")} file=${file} columns=${columns} rows=${cells} keyOf=${(/** @type {any} */ row) => row.bus.id} />`;
}
