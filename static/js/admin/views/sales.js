// `/admin/sales`: what was sold of the buses of some days, by day, route, bus or channel.
import floor from "messages/floor";
import { get } from "../../core/api.js";
import { html } from "../../core/dom.js";
import { day, learn, t, term } from "../../core/text.js";
import { inUnits } from "../amounts.js";
import { Head, stamp } from "../catalogue/parts.js";
import { addMoney } from "../figures.js";
import { FilterBar, valuesOf } from "../filters.js";
import { Shown, useLoaded } from "../load.js";
import { share } from "../overview/kpis.js";
import { clockZone, dayFromNow, moneys } from "../parts.js";
import { operator, operatorShown } from "../staff.js";
import { DataTable } from "../table.js";

/** @typedef {{ key: string | null, name: string | null, buses: number, bookings: number, seats: number,
 *   revenue: import("../../api.d.ts").Money[], occupancy: number | null, departs_at?: string | null }} Line */
/** @typedef {{ group: string, items: Line[], complete: boolean }} Report */

learn(floor);

const GROUPS = /** @type {const} */ (["day", "route", "bus", "channel"]);

/** @returns {import("../filters.js").Filter[]} */
const filters = () => [
  { name: "from", label: t("bookings.from"), kind: "date", otherwise: dayFromNow(-6) },
  { name: "to", label: t("bookings.to"), kind: "date", otherwise: dayFromNow() },
  {
    name: "group",
    label: t("sales.group"),
    kind: "chips",
    otherwise: "day",
    options: GROUPS.map((value) => ({ value, label: t(`sales.group.${value}`) })),
  },
];

export default function Sales() {
  const { from, to, group } = valuesOf(filters());
  const whose = operator.value;
  const report = useLoaded(() => {
    const query = new URLSearchParams({ from, to, group, ...(whose && { operator: whose }) });
    return get(`/admin/sales?${query}`);
  }, [from, to, group, whose]);
  return html`
    <${Head} title=${t("admin.nav.sales")} sub=${t("sales.hint")} />
    <${FilterBar} filters=${filters()} />
    <${Shown} of=${report} lines=${4}>${(/** @type {Report} */ data) => html`<${Lines} key=${data.group} report=${data} file=${`sales-${from}-${to}-by-${data.group}`} />`}</${Shown}>`;
}

/** @param {{ report: Report, file: string }} props */
function Lines({ report: { group, items, complete }, file }) {
  const currencies = addMoney(items.flatMap(({ revenue }) => revenue)).map(
    ({ currency }) => currency,
  );
  const revenueIn = (/** @type {Line} */ line, /** @type {string} */ currency) =>
    line.revenue.find((each) => each.currency === currency)?.amount ?? 0;
  /** @type {import("../table.js").Column<Line>[]} */
  const columns = [
    {
      key: "what",
      name: t(/** @type {any} */ (`sales.group.${group}`)),
      isHead: true,
      sort: (line) => (group === "day" ? line.key : nameOf(group, line)),
      cell: (line) => linked(group, line),
    },
    // One of a name leaves every day: what tells them apart is when.
    group === "bus"
      ? {
          key: "departs",
          name: t("bookings.departs"),
          sort: (line) => line.departs_at ?? null,
          cell: (line) => line.departs_at && stamp(line.departs_at, clockZone()),
        }
      : {
          key: "buses",
          name: t("sales.buses"),
          isNumber: true,
          sort: (line) => line.buses,
          cell: (line) => line.buses,
        },
    {
      key: "bookings",
      name: t("sales.bookings"),
      isNumber: true,
      sort: (line) => line.bookings,
      cell: (line) => line.bookings,
    },
    {
      key: "seats",
      name: t("sales.seats"),
      isNumber: true,
      sort: (line) => line.seats,
      cell: (line) => line.seats,
    },
    ...currencies.map((currency) => ({
      key: currency,
      name: t("sales.revenue", { currency }),
      isNumber: true,
      sort: (/** @type {Line} */ line) => revenueIn(line, currency),
      csv: (/** @type {Line} */ line) => inUnits(revenueIn(line, currency), currency),
      cell: (/** @type {Line} */ line) => moneys([{ amount: revenueIn(line, currency), currency }]),
    })),
    {
      key: "occupancy",
      name: t("sales.occupancy"),
      isNumber: true,
      sort: (line) => line.occupancy,
      cell: (line) => share(line.occupancy),
    },
  ];
  const total = (/** @type {"bookings" | "seats"} */ figure) =>
    items.reduce((sum, line) => sum + line[figure], 0);
  return html`
    <ul class="counts" aria-label=${t("sales.total")}>
      <li><strong>${moneys(addMoney(items.flatMap(({ revenue }) => revenue)), operatorShown.value?.currency)}</strong> ${t("overview.revenue")}</li>
      <li><strong>${total("seats")}</strong> ${t("sales.seats")}</li>
      <li><strong>${total("bookings")}</strong> ${t("sales.bookings")}</li>
    </ul>
    ${!complete && html`<p class="hint" role="status">${t("sales.more")}</p>`}
    <${DataTable} caption=${t("admin.nav.sales")} file=${file} columns=${columns} rows=${items} keyOf=${(/** @type {Line} */ line) => line.key ?? ""}
      empty=${{ icon: "chart-column", title: t("sales.none"), body: t("sales.none.body") }} />`;
}

/** @param {string} group @param {Line} line */
function nameOf(group, { key, name }) {
  if (group === "channel") return term("channel", key ?? "");
  if (group === "day" && key) return day(`${key}T12:00:00Z`, "UTC");
  return name ?? t("overview.noroute");
}

/** @param {string} group @param {Line} line */
const linked = (group, line) =>
  group === "bus" && line.key
    ? html`<a href=${`/admin/buses/${line.key}`}>${nameOf(group, line)}</a>`
    : nameOf(group, line);
