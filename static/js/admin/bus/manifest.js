// Who travels: by stop, who has boarded, as a table, a file, or on paper.
import { send } from "../../core/api.js";
import { html, Icon, useState } from "../../core/dom.js";
import { t, term, time } from "../../core/text.js";
import { downloadBlob } from "../csv.js";
import { tell } from "../parts.js";
import { DataTable } from "../table.js";

/** @typedef {import("../../api.d.ts").Bus} Bus */
/** @typedef {import("../../api.d.ts").Named} Named */
/**
 * @typedef {{ seat: string, name: string, category: string, from_stop: Named, to_stop: Named, boards_at: string, ref: string,
 *   ticket: string, status: string, boarded: boolean, boarded_at?: string, boarded_by?: string }} Line
 */
/** @typedef {{ stop: Named, boards: string[], alights: string[], no_shows: string[] }} StopLine */
/** @typedef {{ passengers: Line[], stops: StopLine[] }} Manifest */

/** @param {{ bus: Bus, admin: import("../../api.d.ts").AdminBus, manifest: Manifest }} props */
export function ManifestPart({ bus, admin, manifest }) {
  const [stop, setStop] = useState("");
  const zoneOf = (/** @type {string} */ id) =>
    bus.stops.find((each) => each.stop.id === id)?.stop.time_zone ?? "UTC";
  const people = manifest.passengers.filter(
    ({ from_stop, to_stop }) => !stop || from_stop.id === stop || to_stop.id === stop,
  );
  const travelling = manifest.passengers.filter(({ status }) => status === "VALID");
  const boarded = travelling.filter((each) => each.boarded).length;
  const tools = html`
    <button type="button" class="button small quiet" onClick=${() => save(bus.id, stop, "csv")}><${Icon} name="download" />CSV</button>
    <button type="button" class="button small quiet" onClick=${() => save(bus.id, stop, "json")}><${Icon} name="download" />JSON</button>
    <button type="button" class="button small quiet" onClick=${() => print()}><${Icon} name="printer" />${t("booking.print")}</button>`;
  return html`
    <section class="card manifest" aria-labelledby="manifest-title">
      <div class="part-head"><h2 id="manifest-title"><${Icon} name="users" />${t("manifest.title")}</h2>
        <p class="boarded">${t("manifest.boarded", { boarded, count: travelling.length })}</p></div>
      <${Stops} manifest=${manifest} calls=${admin.stops} stop=${stop} onStop=${setStop} />
      <${DataTable} caption=${t("manifest.title")} columns=${columnsOf(zoneOf)} rows=${people} keyOf=${(/** @type {Line} */ line) => line.ticket}
        toneOf=${(/** @type {Line} */ line) => (line.status === "VALID" ? null : "soft")} order=${{ key: "seat", isDown: false }} tools=${tools}
        empty=${{ icon: "users", title: t("manifest.none") }} />
    </section>`;
}

/** What happens where; a stop narrows the list to it.
 * @param {{ manifest: Manifest, calls: import("../../api.d.ts").AdminBus["stops"], stop: string, onStop: (stop: string) => void }} props */
function Stops({ manifest, calls, stop, onStop }) {
  const boardedAt = (/** @type {string} */ id) =>
    manifest.passengers.filter(
      ({ from_stop, boarded, status }) => status === "VALID" && boarded && from_stop.id === id,
    ).length;
  return html`
    <ol class="stop-counts">${manifest.stops.map(
      (each, place) => html`<li key=${each.stop.id}>
        <button type="button" class="chip" aria-pressed=${stop === each.stop.id} onClick=${() => onStop(stop === each.stop.id ? "" : each.stop.id)}>${each.stop.name}</button>
        <small>${[
          calls[place]?.bay && t("manifest.bay", { bay: calls[place].bay ?? "" }),
          calls[place]?.delay_seconds &&
            t("manifest.late", { minutes: Math.round((calls[place].delay_seconds ?? 0) / 60) }),
          each.boards.length &&
            t("manifest.boards", { boarded: boardedAt(each.stop.id), count: each.boards.length }),
          each.alights.length && t("manifest.alights", { count: each.alights.length }),
          each.no_shows.length && t("manifest.noshows", { count: each.no_shows.length }),
        ]
          .filter(Boolean)
          .join(" · ")}</small></li>`,
    )}</ol>`;
}

/** @param {(stop: string) => string} zoneOf @returns {import("../table.js").Column<Line>[]} */
const columnsOf = (zoneOf) => [
  {
    key: "seat",
    name: t("booking.seat"),
    isHead: true,
    sort: (line) => line.seat,
    cell: (line) => line.seat,
  },
  { key: "name", name: t("manifest.name"), sort: (line) => line.name, cell: (line) => line.name },
  {
    key: "category",
    name: t("checkout.category"),
    sort: (line) => line.category,
    cell: (line) => term("category", line.category),
  },
  {
    key: "from",
    name: t("search.from"),
    sort: (line) => line.boards_at,
    cell: (line) => `${line.from_stop.name} ${time(line.boards_at, zoneOf(line.from_stop.id))}`,
  },
  {
    key: "to",
    name: t("search.to"),
    sort: (line) => line.to_stop.name,
    cell: (line) => line.to_stop.name,
  },
  {
    key: "ref",
    name: t("booking.ref"),
    sort: (line) => line.ref,
    cell: (line) => html`<a href=${`/admin/bookings/${line.ref}`}>${line.ref}</a>`,
  },
  {
    key: "state",
    name: t("manifest.state"),
    sort: (line) => (line.boarded ? "1" : line.status),
    cell: (line) =>
      line.boarded
        ? html`<span class="tag" data-tone="good"><${Icon} name="check" />${line.boarded_at ? time(line.boarded_at, zoneOf(line.from_stop.id)) : t("manifest.on")}</span>`
        : html`<span class="tag" data-tone=${line.status === "VALID" ? null : "bad"}>${term("ticket", line.status)}</span>`,
  },
];

/** The server makes the files, so that they are what a scanner or a colleague would get.
 * @param {string} bus @param {string} stop @param {"csv" | "json"} format */
async function save(bus, stop, format) {
  try {
    const query = new URLSearchParams({ format, ...(stop && { stop }) });
    const response = await send("GET", `/admin/buses/${bus}/manifest?${query}`);
    downloadBlob(`manifest-${bus}.${format}`, await response.blob());
  } catch (error) {
    tell(error);
  }
}
