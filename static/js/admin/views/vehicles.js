// Vehicles: what buses go by. Each has one layout for life.
import { call } from "../../core/api.js";
import { html, Icon, useState } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { toast } from "../../core/ui.js";
import { narrowed } from "../answers.js";
import {
  act,
  add,
  canAdd,
  FormDialog,
  Head,
  mayEdit,
  owned,
  RowButton,
  save,
  Tag,
  useAll,
} from "../catalogue/parts.js";
import { FilterBar, valuesOf } from "../filters.js";
import { Choice, Input, useForm } from "../form.js";
import { useKeys } from "../keys.js";
import { usePages } from "../load.js";
import { operator } from "../staff.js";
import { DataTable } from "../table.js";

/** @typedef {import("../catalogue/api.d.ts").Vehicle} Vehicle */

const filters = () => [
  {
    name: "show",
    label: t("cat.vehicles.show"),
    kind: /** @type {const} */ ("chips"),
    otherwise: "used",
    options: [
      { value: "used", label: t("cat.vehicles.used") },
      { value: "retired", label: t("cat.vehicles.retired") },
      { value: "all", label: t("cat.all") },
    ],
  },
];

export default function Vehicles() {
  const { show: shown } = valuesOf(filters());
  const pages = narrowed(
    usePages("/admin/vehicles", { operator: operator.value, limit: "100" }),
    (/** @type {Vehicle} */ each) => shown === "all" || each.retired === (shown === "retired"),
  );
  const [edited, edit] = useState(/** @type {Vehicle | "new" | null} */ (null));
  const begin = () => canAdd() && edit("new");
  useKeys(mayEdit() ? { n: { name: t("cat.vehicles.add"), run: begin } } : {}, []);
  const saved = () => {
    edit(null);
    pages.reload();
  };
  const retire = async (/** @type {Vehicle} */ vehicle, isUndo = false) => {
    const retired = !vehicle.retired;
    const path = `/admin/vehicles/${vehicle.id}`;
    const headers = { "if-match": `"${vehicle.version}"` };
    const done = t(retired ? "cat.vehicles.retired.now" : "cat.vehicles.used.now", {
      name: vehicle.name,
    });
    /** @type {Vehicle | null} */
    let after = null;
    const run = async () => {
      after = await call("PATCH", path, { body: { retired }, headers });
    };
    if (!(await act({ run, done })) || !after) return;
    pages.reload();
    const back = /** @type {Vehicle} */ (after);
    if (!isUndo) toast(done, { action: { label: t("undo"), run: () => retire(back, true) } });
  };
  return html`
    <${Head} title=${t("admin.nav.vehicles")} sub=${t("cat.vehicles.sub")}>
      ${mayEdit() && html`<button type="button" class="button primary" onClick=${begin}><${Icon} name="plus" />${t("cat.vehicles.add")}</button>`}
    </${Head}>
    <${FilterBar} filters=${filters()} />
    <${DataTable} caption=${t("admin.nav.vehicles")} file="vehicles" pages=${pages} keyOf=${(/** @type {Vehicle} */ each) => each.id}
      toneOf=${(/** @type {Vehicle} */ each) => (each.retired ? "soft" : null)} columns=${columns(edit, retire)}
      empty=${{ icon: "bus", title: t("cat.vehicles.empty"), body: t("cat.vehicles.empty.body") }} />
    ${edited && html`<${VehicleForm} vehicle=${edited === "new" ? null : edited} onClose=${() => edit(null)} onSaved=${saved} />`}`;
}

/** @param {(vehicle: Vehicle) => void} edit @param {(vehicle: Vehicle) => void} retire */
const columns = (edit, retire) => [
  {
    key: "name",
    name: t("cat.name"),
    isHead: true,
    cell: (/** @type {Vehicle} */ each) => each.name,
    sort: (/** @type {Vehicle} */ each) => each.name,
  },
  {
    key: "registration",
    name: t("cat.vehicles.registration"),
    cell: (/** @type {Vehicle} */ each) => html`<span class="plate">${each.registration}</span>`,
    sort: (/** @type {Vehicle} */ each) => each.registration,
  },
  {
    key: "layout",
    name: t("cat.layout"),
    cell: (/** @type {Vehicle} */ each) =>
      html`<a href=${`/admin/layouts/${each.layout.id}`}>${each.layout.name}</a>`,
    sort: (/** @type {Vehicle} */ each) => each.layout.name,
  },
  {
    key: "state",
    name: t("cat.state"),
    cell: (/** @type {Vehicle} */ each) =>
      html`<${Tag} tone=${each.retired ? undefined : "good"}>${t(each.retired ? "cat.vehicles.retired" : "cat.vehicles.used")}</${Tag}>`,
    sort: (/** @type {Vehicle} */ each) =>
      t(each.retired ? "cat.vehicles.retired" : "cat.vehicles.used"),
  },
  {
    key: "do",
    name: t("cat.do"),
    cell: (/** @type {Vehicle} */ each) =>
      mayEdit() &&
      html`<span class="row-buttons"><${RowButton} icon="pencil" label=${t("cat.edit")} of=${each.name} run=${() => edit(each)} />
        <${RowButton} icon=${each.retired ? "undo-2" : "ban"} label=${t(each.retired ? "cat.vehicles.use" : "cat.vehicles.retire")} of=${each.name} run=${() => retire(each)} /></span>`,
  },
];

/** @param {{ vehicle: Vehicle | null, onClose: () => void, onSaved: () => void }} props */
function VehicleForm({ vehicle, onClose, onSaved }) {
  const layouts = useAll(vehicle ? null : "/admin/layouts", { operator: operator.value });
  const form = useForm(
    {
      registration: vehicle?.registration ?? "",
      name: vehicle?.name ?? "",
      layout_id: vehicle?.layout.id ?? "",
    },
    async ({ registration, name, layout_id }, key) => {
      const words = { registration, ...(name.trim() && { name }) };
      if (vehicle) {
        const path = `/admin/vehicles/${vehicle.id}`;
        await save({
          path,
          body: words,
          version: vehicle.version,
          show,
          mine: { ...vehicle, ...words },
        });
      } else await add("/admin/vehicles", owned({ ...words, layout_id }), key);
      onSaved();
    },
    {
      check: ({ registration, layout_id }) => ({
        ...(!registration.trim() && { registration: t("cat.needed") }),
        ...(!layout_id && { layout_id: t("cat.choose") }),
      }),
    },
  );
  const options = (layouts.data ?? []).map((each) => ({
    value: each.id,
    label: `${each.name} (${each.seats_total})`,
  }));
  return html`
    <${FormDialog} title=${vehicle ? t("cat.edit.what", { name: vehicle.name }) : t("cat.vehicles.add")} form=${form} action=${t("cat.save")} onClose=${onClose}>
      <${Input} form=${form} name="registration" label=${t("cat.vehicles.registration")} required maxlength="20" autocapitalize="characters" autofocus />
      <${Input} form=${form} name="name" label=${t("cat.name")} hint=${t("cat.vehicles.name.hint")} maxlength="120" />
      ${!vehicle && html`<${Choice} form=${form} name="layout_id" label=${t("cat.layout")} hint=${t("cat.vehicles.layout.hint")} options=${[{ value: "", label: t("cat.choose") }, ...options]} />`}
    </${FormDialog}>`;
}

/** @param {Vehicle} vehicle @returns {[string, string][]} */
const show = (vehicle) => [
  [t("cat.vehicles.registration"), vehicle.registration],
  [t("cat.name"), vehicle.name],
  [t("cat.state"), t(vehicle.retired ? "cat.vehicles.retired" : "cat.vehicles.used")],
];
