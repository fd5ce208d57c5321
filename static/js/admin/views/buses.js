// The timetable: what leaves when, and what can be done about it.
import { html, Icon, useMemo, useState } from "../../core/dom.js";
import { isoDay, t, term } from "../../core/text.js";
import { BusForm, CopyForm } from "../catalogue/bus_forms.js";
import {
  canAdd,
  Head,
  mayEdit,
  RowButton,
  stamp,
  Tag,
  useAll,
  zoneOf,
} from "../catalogue/parts.js";
import { stepsOf, takeStep } from "../catalogue/steps.js";
import { FilterBar, valuesOf } from "../filters.js";
import { useKeys } from "../keys.js";
import { usePages } from "../load.js";
import { go, setQuery } from "../place.js";
import { operator } from "../staff.js";
import { DataTable } from "../table.js";

/** @typedef {import("../catalogue/api.d.ts").BusLine} BusLine */
/** @typedef {{ form: "edit" | "copy", bus: BusLine }} Open */

const STATES = ["DRAFT", "SCHEDULED", "CLOSED", "CANCELLED"];
export const TONES = /** @type {Record<string, string>} */ ({
  DRAFT: "warn",
  SCHEDULED: "good",
  CLOSED: "soft",
  CANCELLED: "bad",
});
const DAY_MS = 86_400_000;

/** @param {import("../catalogue/api.d.ts").Route[]} routes */
const filtersOf = (routes) => [
  { name: "date", label: t("cat.buses.date"), kind: /** @type {const} */ ("date") },
  {
    name: "route",
    label: t("cat.route"),
    kind: /** @type {const} */ ("choice"),
    options: [
      { value: "", label: t("cat.routes.all") },
      ...routes.map(({ id, name }) => ({ value: id, label: name })),
    ],
  },
  {
    name: "status",
    label: t("cat.state"),
    kind: /** @type {const} */ ("choice"),
    options: [
      { value: "", label: t("cat.states.all") },
      ...STATES.map((value) => ({ value, label: term("cat.bus", value) })),
    ],
  },
];

export default function Buses() {
  const routes = useAll("/admin/routes", { operator: operator.value });
  const filters = filtersOf(routes.data ?? []);
  const { date, route, status } = valuesOf(filters);
  const wanted = { operator: operator.value, date, route, status, limit: "50" };
  const pages = usePages("/admin/buses", wanted);
  const [open, setOpen] = useState(/** @type {Open | null} */ (null));
  const begin = () => canAdd() && go(`/admin/buses/new${route ? `?route=${route}` : ""}`);
  const turn = (/** @type {number} */ days) => {
    const from = date || isoDay(Date.now(), zoneOf());
    setQuery({ date: isoDay(Date.parse(from) + days * DAY_MS, "UTC") });
  };
  useKeys(
    {
      ...(mayEdit() && { n: { name: t("cat.buses.add"), run: begin } }),
      j: { name: t("cat.buses.next"), run: () => turn(1) },
      k: { name: t("cat.buses.before"), run: () => turn(-1) },
    },
    [date, route],
  );
  const saved = () => {
    setOpen(null);
    pages.reload();
  };
  const step = (
    /** @type {BusLine} */ bus,
    /** @type {import("../catalogue/steps.js").Step} */ deed,
  ) => takeStep(bus, deed, pages.reload);
  const table = useMemo(() => columns(setOpen, step), [pages.items]);
  const isNarrowed = Boolean(date || route || status);
  return html`
    <${Head} title=${t("admin.nav.buses")} sub=${t("cat.buses.sub")}>
      ${mayEdit() && html`<button type="button" class="button primary" onClick=${begin}><${Icon} name="plus" />${t("cat.buses.add")}</button>`}
    </${Head}>
    <${FilterBar} filters=${filters}>
      <span class="day-turn">
        <button type="button" class="icon-button" aria-label=${t("cat.buses.before")} onClick=${() => turn(-1)}><${Icon} name="chevron-left" class="flip" /></button>
        <button type="button" class="icon-button" aria-label=${t("cat.buses.next")} onClick=${() => turn(1)}><${Icon} name="chevron-right" class="flip" /></button>
      </span>
    </${FilterBar}>
    <${DataTable} caption=${t("admin.nav.buses")} file="buses" pages=${pages} keyOf=${(/** @type {BusLine} */ bus) => bus.id} columns=${table}
      toneOf=${(/** @type {BusLine} */ bus) => (bus.status === "CANCELLED" ? "soft" : null)}
      empty=${{
        icon: "bus",
        title: t(isNarrowed ? "cat.buses.none" : "cat.buses.empty"),
        body: t(isNarrowed ? "cat.buses.none.body" : "cat.buses.empty.body"),
      }} />
    ${open?.form === "edit" && html`<${BusForm} line=${open.bus} onClose=${() => setOpen(null)} onSaved=${saved} />`}
    ${open?.form === "copy" && html`<${CopyForm} line=${open.bus} onClose=${() => setOpen(null)} onSaved=${saved} />`}`;
}

/** @param {(open: Open) => void} setOpen @param {(bus: BusLine, step: import("../catalogue/steps.js").Step) => void} step */
const columns = (setOpen, step) => [
  {
    key: "departs",
    name: t("cat.buses.departs"),
    cell: (/** @type {BusLine} */ bus) =>
      html`<time class="when" datetime=${bus.departs_at}>${stamp(bus.departs_at, zoneOf(bus.operator.id))}</time>`,
    sort: (/** @type {BusLine} */ bus) => bus.departs_at,
  },
  {
    key: "name",
    name: t("cat.bus"),
    isHead: true,
    cell: (/** @type {BusLine} */ bus) => html`<a href=${`/admin/buses/${bus.id}`}>${bus.name}</a>`,
    sort: (/** @type {BusLine} */ bus) => bus.name,
  },
  {
    key: "route",
    name: t("cat.route"),
    cell: (/** @type {BusLine} */ bus) => bus.route?.name ?? "",
    sort: (/** @type {BusLine} */ bus) => bus.route?.name ?? "",
  },
  {
    key: "sold",
    name: t("cat.buses.seats"),
    isNumber: true,
    cell: (/** @type {BusLine} */ bus) => html`<${Seats} bus=${bus} />`,
    sort: (/** @type {BusLine} */ bus) => bus.seats_total - bus.seats_available,
  },
  {
    key: "status",
    name: t("cat.state"),
    cell: (/** @type {BusLine} */ bus) =>
      html`<${Tag} tone=${TONES[bus.status]}>${term("cat.bus", bus.status)}</${Tag}>`,
    sort: (/** @type {BusLine} */ bus) => bus.status,
  },
  {
    key: "do",
    name: t("cat.do"),
    cell: (/** @type {BusLine} */ bus) =>
      html`<span class="row-buttons">
        <${RowButton} icon="tags" label=${t("admin.nav.fares")} of=${nameOf(bus)} run=${() => go(`/admin/fares?bus=${bus.id}`)} />
        ${mayEdit() && html`<${Deeds} bus=${bus} setOpen=${setOpen} step=${step} />`}
      </span>`,
  },
];

/** @param {BusLine} bus */
const nameOf = (bus) => `${bus.name}, ${stamp(bus.departs_at, zoneOf(bus.operator.id))}`;

/** How much of it is taken, as a figure and as a bar.
 * @param {{ bus: BusLine }} props */
function Seats({ bus }) {
  const taken = bus.seats_total - bus.seats_available;
  return html`<span class="filled"><meter min="0" max=${bus.seats_total} value=${taken} aria-hidden="true"></meter>${t("cat.buses.taken", { taken, total: bus.seats_total })}</span>`;
}

/** @param {{ bus: BusLine, setOpen: (open: Open) => void, step: (bus: BusLine, step: import("../catalogue/steps.js").Step) => void }} props */
function Deeds({ bus, setOpen, step }) {
  return html`
    <${RowButton} icon="pencil" label=${t("cat.edit")} of=${nameOf(bus)} run=${() => setOpen({ form: "edit", bus })} />
    <${RowButton} icon="copy" label=${t("cat.buses.copy")} of=${nameOf(bus)} run=${() => setOpen({ form: "copy", bus })} />
    ${stepsOf(bus.status).map((each) => html`<${RowButton} key=${each.deed} icon=${each.icon} label=${t(`cat.step.${each.deed}`)} of=${nameOf(bus)} run=${() => step(bus, each.deed)} />`)}`;
}
