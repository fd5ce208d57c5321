// What is changed of a bus, and its copies on other days.
import { get } from "../../core/api.js";
import { html, useState } from "../../core/dom.js";
import { isoDay, t } from "../../core/text.js";
import { Skeleton, toast } from "../../core/ui.js";
import { Check, Choice, Input, useForm } from "../form.js";
import { useLoaded } from "../load.js";
import { add, FormDialog, save, stamp, useAll, zoneOf } from "./parts.js";
import { localOf, momentOf } from "./zone.js";

/** @typedef {import("./api.d.ts").AdminBus} AdminBus */
/** @typedef {import("./api.d.ts").BusLine} BusLine */

const DAY_MS = 86_400_000;
const COPIES_MAX = 366;
const WEEKDAYS = [1, 2, 3, 4, 5, 6, 0];

/** @param {{ line: BusLine, onClose: () => void, onSaved: () => void }} props */
export function BusForm({ line, onClose, onSaved }) {
  const bus = useLoaded(() => get(`/admin/buses/${line.id}`), [line.id]);
  const vehicles = useAll("/admin/vehicles", { operator: line.operator.id });
  if (!bus.data || !vehicles.data) return html`<${Skeleton} lines=${1} />`;
  return html`<${Fields} bus=${bus.data} vehicles=${vehicles.data} onClose=${onClose} onSaved=${onSaved} />`;
}

/** @param {{ bus: AdminBus, vehicles: import("./api.d.ts").Vehicle[], onClose: () => void, onSaved: () => void }} props */
function Fields({ bus, vehicles, onClose, onSaved }) {
  const zone = zoneOf(bus.operator.id);
  const before = {
    name: bus.name,
    departs_at: localOf(bus.departs_at, zone),
    vehicle_id: bus.vehicle?.id ?? "",
    sales_close_seconds: String(Math.round(bus.sales_close_seconds / 60)),
  };
  const form = useForm(
    before,
    async (values) => {
      /** @type {Record<string, unknown>} */
      const body = {};
      if (values.name !== before.name) body.name = values.name;
      if (values.departs_at !== before.departs_at)
        body.departs_at = momentOf(values.departs_at, zone);
      if (values.vehicle_id !== before.vehicle_id) body.vehicle_id = values.vehicle_id || null;
      if (values.sales_close_seconds !== before.sales_close_seconds)
        body.sales_close_seconds = Number(values.sales_close_seconds) * 60;
      const vehicle = vehicles.find(({ id }) => id === values.vehicle_id) ?? null;
      const mine = { ...bus, ...body, vehicle };
      await save({ path: `/admin/buses/${bus.id}`, body, version: bus.version, show, mine });
      toast(t("cat.saved", { name: values.name }), { icon: "circle-check", tone: "good" });
      onSaved();
    },
    { check: (values) => faults(values, zone) },
  );
  const fitting = vehicles.filter(({ retired, id }) => !retired || id === bus.vehicle?.id);
  const options = fitting.map(({ id, name, registration, layout }) => ({
    value: id,
    label: `${name} (${registration}), ${layout.name}`,
  }));
  return html`
    <${FormDialog} title=${t("cat.edit.what", { name: bus.name })} form=${form} action=${t("cat.save")} onClose=${onClose}>
      <${Input} form=${form} name="name" label=${t("cat.name")} maxlength="120" required autofocus />
      <${Input} form=${form} name="departs_at" label=${t("cat.buses.departs")} hint=${t("cat.buses.moves", { zone })} type="datetime-local" required />
      <${Choice} form=${form} name="vehicle_id" label=${t("cat.vehicle")} options=${[{ value: "", label: t("cat.vehicle.none") }, ...options]} />
      <${Input} form=${form} name="sales_close_seconds" label=${t("cat.buses.close")} hint=${t("cat.buses.close.hint")} inputmode="numeric" />
    </${FormDialog}>`;
}

/** @param {Record<string, string>} values @param {string} zone */
function faults({ name, departs_at, sales_close_seconds }, zone) {
  /** @type {Record<string, string>} */
  const found = {};
  if (!name.trim()) found.name = t("cat.needed");
  if (!departs_at || !momentOf(departs_at, zone)) found.departs_at = t("cat.buses.no.moment");
  if (!/^\d{1,6}$/.test(sales_close_seconds.trim())) found.sales_close_seconds = t("cat.whole");
  return found;
}

/** @param {AdminBus} bus @returns {[string, string][]} */
const show = (bus) => [
  [t("cat.name"), bus.name],
  [t("cat.buses.departs"), stamp(bus.departs_at, zoneOf(bus.operator.id))],
  [t("cat.vehicle"), bus.vehicle?.name ?? t("cat.vehicle.none")],
  [t("cat.buses.close"), String(Math.round(bus.sales_close_seconds / 60))],
];

/** The same on other days, at the same time of the clock.
 * @param {{ line: BusLine, onClose: () => void, onSaved: () => void }} props */
export function CopyForm({ line, onClose, onSaved }) {
  const zone = zoneOf(line.operator.id);
  const first = isoDay(Date.parse(line.departs_at) + DAY_MS, zone);
  const [weekdays, setWeekdays] = useState(new Set(WEEKDAYS));
  const form = useForm(
    { from: first, until: first, draft: line.status === "DRAFT", dates: "" },
    async (values, key) => {
      const dates = daysOf(values.from, values.until, weekdays);
      const made = await add(`/admin/buses/${line.id}/copy`, { dates, draft: values.draft }, key);
      toast(t("cat.copied.buses", { count: made.items.length }), {
        icon: "circle-check",
        tone: "good",
      });
      onSaved();
    },
    {
      check: ({ from, until }) => {
        const count = daysOf(from, until, weekdays).length;
        if (!count) return { until: t("cat.copy.none") };
        return count > COPIES_MAX
          ? { until: t("cat.copy.many", { most: COPIES_MAX }) }
          : /** @type {Record<string, string>} */ ({});
      },
    },
  );
  const turn = (/** @type {number} */ weekday) => {
    const next = new Set(weekdays);
    if (!next.delete(weekday)) next.add(weekday);
    setWeekdays(next);
    form.set({ dates: "" });
  };
  const count = daysOf(form.values.from, form.values.until, weekdays).length;
  return html`
    <${FormDialog} title=${t("cat.copy.title", { name: line.name })} form=${form} action=${t("cat.copy.go", { count })} onClose=${onClose}>
      <div class="form-row">
        <${Input} form=${form} name="from" label=${t("cat.copy.from")} type="date" />
        <${Input} form=${form} name="until" label=${t("cat.copy.until")} type="date" />
      </div>
      <div class="chips" role="group" aria-label=${t("cat.copy.weekdays")}>
        ${WEEKDAYS.map((each) => html`<button key=${each} type="button" class="chip" aria-pressed=${weekdays.has(each)} onClick=${() => turn(each)}>${weekdayName(each)}</button>`)}
      </div>
      ${line.status !== "DRAFT" && html`<${Check} form=${form} name="draft" label=${t("cat.copy.draft")} />`}
      <p class="hint">${t("cat.copy.hint")}</p>
    </${FormDialog}>`;
}

/** @param {number} weekday */
const weekdayName = (weekday) =>
  new Date(Date.UTC(2023, 0, 1 + weekday)).toLocaleDateString(document.documentElement.lang, {
    weekday: "short",
    timeZone: "UTC",
  });

/** @param {string} from @param {string} until @param {Set<number>} weekdays */
function daysOf(from, until, weekdays) {
  const [begin, end] = [Date.parse(from), Date.parse(until)];
  if (Number.isNaN(begin) || Number.isNaN(end) || end - begin > 10 * 366 * DAY_MS) return [];
  const days = [];
  for (let at = begin; at <= end; at += DAY_MS)
    if (weekdays.has(new Date(at).getUTCDay())) days.push(isoDay(at, "UTC"));
  return days;
}
