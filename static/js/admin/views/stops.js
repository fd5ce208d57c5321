// Stops: what buses call at, and the clock that hangs there.
import { html, Icon, useState } from "../../core/dom.js";
import { t } from "../../core/text.js";
import {
  add,
  canAdd,
  FormDialog,
  Head,
  mayEdit,
  operatorName,
  owned,
  RowButton,
  remove,
  save,
  Tag,
} from "../catalogue/parts.js";
import { FilterBar, valuesOf } from "../filters.js";
import { Input, useForm } from "../form.js";
import { useKeys } from "../keys.js";
import { usePages } from "../load.js";
import { operator, operatorShown, role } from "../staff.js";
import { DataTable } from "../table.js";

/** @typedef {import("../catalogue/api.d.ts").AdminStop} Stop */

const filters = () => [
  { name: "q", label: t("cat.stops.q"), kind: /** @type {const} */ ("search") },
];

export default function Stops() {
  const wanted = valuesOf(filters());
  const pages = usePages("/admin/stops", { q: wanted.q, limit: "50" });
  const [edited, edit] = useState(/** @type {Stop | "new" | null} */ (null));
  const begin = () => canAdd() && edit("new");
  useKeys(mayEdit() ? { n: { name: t("cat.stops.add"), run: begin } } : {}, []);
  const close = () => edit(null);
  const saved = () => {
    edit(null);
    pages.reload();
  };
  const drop = async (/** @type {Stop} */ stop) => {
    const path = `/admin/stops/${stop.id}`;
    if (await remove(stop.name, path, stop.version, t("cat.stops.remove"))) pages.reload();
  };
  return html`
    <${Head} title=${t("admin.nav.stops")} sub=${t("cat.stops.sub")}>
      ${mayEdit() && html`<button type="button" class="button primary" onClick=${begin}><${Icon} name="plus" />${t("cat.stops.add")}</button>`}
    </${Head}>
    <${FilterBar} filters=${filters()} />
    <${DataTable} caption=${t("admin.nav.stops")} file="stops" pages=${pages} keyOf=${(/** @type {Stop} */ each) => each.id}
      columns=${columns(edit, drop)} empty=${{
        icon: "map-pin",
        title: t(wanted.q ? "cat.stops.none" : "cat.stops.empty"),
        body: t(wanted.q ? "cat.stops.none.body" : "cat.stops.empty.body"),
      }} />
    ${edited && html`<${StopForm} stop=${edited === "new" ? null : edited} onClose=${close} onSaved=${saved} />`}`;
}

/** Whether a stop is one's own to change. @param {Stop} stop */
const isMine = (stop) =>
  mayEdit() &&
  (role.value === "admin" || (stop.operator !== null && stop.operator === operator.value));

/** @param {(stop: Stop) => void} edit @param {(stop: Stop) => void} drop */
const columns = (edit, drop) => [
  {
    key: "name",
    name: t("cat.name"),
    isHead: true,
    cell: (/** @type {Stop} */ stop) => stop.name,
    sort: (/** @type {Stop} */ stop) => stop.name,
  },
  {
    key: "code",
    name: t("cat.stops.code"),
    cell: (/** @type {Stop} */ stop) => html`<code>${stop.code}</code>`,
    sort: (/** @type {Stop} */ stop) => stop.code,
  },
  {
    key: "zone",
    name: t("cat.zone"),
    cell: (/** @type {Stop} */ stop) => stop.time_zone,
    sort: (/** @type {Stop} */ stop) => stop.time_zone,
  },
  {
    key: "place",
    name: t("cat.stops.place"),
    cell: (/** @type {Stop} */ stop) =>
      placeOf(stop) || html`<${Tag} tone="warn">${t("cat.stops.nowhere")}</${Tag}>`,
    csv: (/** @type {Stop} */ stop) => placeOf(stop),
  },
  {
    key: "whose",
    name: t("cat.whose"),
    cell: (/** @type {Stop} */ stop) => operatorName(stop.operator),
    sort: (/** @type {Stop} */ stop) => operatorName(stop.operator),
  },
  {
    key: "do",
    name: t("cat.do"),
    cell: (/** @type {Stop} */ stop) =>
      isMine(stop) &&
      html`<span class="row-buttons"><${RowButton} icon="pencil" label=${t("cat.edit")} of=${stop.name} run=${() => edit(stop)} />
        <${RowButton} icon="trash-2" label=${t("cat.remove")} of=${stop.name} run=${() => drop(stop)} /></span>`,
  },
];

/** @param {Stop} stop */
const placeOf = ({ latitude, longitude }) =>
  latitude === null || longitude === null ? "" : `${latitude}, ${longitude}`;

/** @param {{ stop: Stop | null, onClose: () => void, onSaved: () => void }} props */
function StopForm({ stop, onClose, onSaved }) {
  const form = useForm(
    {
      code: stop?.code ?? "",
      name: stop?.name ?? "",
      time_zone: stop?.time_zone ?? operatorShown.value?.time_zone ?? "",
      latitude: stop?.latitude ?? "",
      longitude: stop?.longitude ?? "",
    },
    async (values, key) => {
      const place = {
        latitude: coordinate(values.latitude),
        longitude: coordinate(values.longitude),
      };
      const { name, time_zone, code } = values;
      if (stop) {
        const body = { name, time_zone, ...place };
        const path = `/admin/stops/${stop.id}`;
        const mine = { ...stop, ...body };
        await save({ path, body, version: stop.version, show, mine });
      } else await add("/admin/stops", owned({ code, name, time_zone, ...place }), key);
      onSaved();
    },
    { check: faults },
  );
  return html`
    <${FormDialog} title=${stop ? t("cat.edit.what", { name: stop.name }) : t("cat.stops.add")} form=${form} action=${t("cat.save")} onClose=${onClose}>
      <${Input} form=${form} name="name" label=${t("cat.name")} required maxlength="120" autofocus />
      ${!stop && html`<${Input} form=${form} name="code" label=${t("cat.stops.code")} hint=${t("cat.stops.code.hint")} required maxlength="120" />`}
      <${ZoneInput} form=${form} />
      <div class="form-row">
        <${Input} form=${form} name="latitude" label=${t("cat.stops.latitude")} inputmode="decimal" placeholder="52.507" />
        <${Input} form=${form} name="longitude" label=${t("cat.stops.longitude")} inputmode="decimal" placeholder="13.279" />
      </div>
      ${stop && html`<p class="hint">${t("cat.stops.live")}</p>`}
    </${FormDialog}>`;
}

/** A time zone by its name, with those that browsers know to choose from.
 * @param {{ form: import("../form.js").Form<any> }} props */
export function ZoneInput({ form }) {
  return html`
    <${Input} form=${form} name="time_zone" label=${t("cat.zone")} required list="zones" autocomplete="off" spellcheck="false" placeholder="Europe/Berlin" />
    <datalist id="zones">${Intl.supportedValuesOf("timeZone").map((zone) => html`<option key=${zone} value=${zone} />`)}</datalist>`;
}

/** @param {string | number} typed */
const coordinate = (typed) =>
  String(typed).trim() === "" ? null : Number(String(typed).replace(",", "."));

/** @param {Record<string, any>} values */
function faults({ name, time_zone, latitude, longitude }) {
  /** @type {Record<string, string>} */
  const found = {};
  if (!name.trim()) found.name = t("cat.needed");
  if (!time_zone.trim()) found.time_zone = t("cat.needed");
  const [north, east] = [coordinate(latitude), coordinate(longitude)];
  if (north !== null && !(Math.abs(north) <= 90)) found.latitude = t("cat.stops.coordinate");
  if (east !== null && !(Math.abs(east) <= 180)) found.longitude = t("cat.stops.coordinate");
  if ((north === null) !== (east === null)) found.longitude ??= t("cat.stops.both");
  return found;
}

/** @param {Stop} stop @returns {[string, string][]} */
const show = (stop) => [
  [t("cat.name"), stop.name],
  [t("cat.zone"), stop.time_zone],
  [t("cat.stops.place"), placeOf(stop)],
];
