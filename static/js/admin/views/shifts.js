// `/admin/shifts`: whose drawer was open when, and by how much it was out.
import counter from "messages/counter";
import floor from "messages/floor";
import { send } from "../../core/api.js";
import { html, Icon, useEffect } from "../../core/dom.js";
import { day, learn, money, t, time } from "../../core/text.js";
import { Head } from "../catalogue/parts.js";
import { downloadBlob } from "../csv.js";
import { FilterBar, valuesOf } from "../filters.js";
import { usePages } from "../load.js";
import { clockZone, tell } from "../parts.js";
import { learnNames, names } from "../people.js";
import { operator } from "../staff.js";
import { DataTable } from "../table.js";

/** @typedef {import("../counter/shift.js").Shift & { user: string | null, device: string | null }} ShiftRow */

learn(floor);
learn(counter);

/** @returns {import("../filters.js").Filter[]} */
const filters = () => [
  {
    name: "status",
    label: t("bookings.state"),
    kind: "chips",
    options: [
      { value: "", label: t("bookings.any") },
      { value: "open", label: t("shifts.open") },
      { value: "closed", label: t("shifts.closed") },
    ],
  },
];

/** @type {() => import("../table.js").Column<ShiftRow>[]} */
const columns = () => [
  {
    key: "id",
    name: t("shifts.number"),
    isHead: true,
    sort: (shift) => Number(shift.id),
    cell: (shift) => shift.id,
  },
  {
    key: "whose",
    name: t("shifts.whose"),
    sort: whose,
    cell: whose,
  },
  {
    key: "opened",
    name: t("shifts.opened"),
    sort: (shift) => shift.opened_at,
    cell: (shift) => at(shift.opened_at),
  },
  {
    key: "closed",
    name: t("shifts.until"),
    sort: (shift) => shift.closed_at,
    cell: (shift) =>
      shift.closed_at
        ? at(shift.closed_at)
        : html`<span class="tag" data-tone="good">${t("shifts.open")}</span>`,
  },
  {
    key: "sold",
    name: t("shift.line.sold"),
    isNumber: true,
    csv: (shift) => told(shift, "sold"),
    cell: (shift) => told(shift, "sold"),
  },
  {
    key: "out",
    name: t("shift.line.out"),
    isNumber: true,
    csv: (shift) => told(shift, "paid_out"),
    cell: (shift) => told(shift, "paid_out"),
  },
  {
    key: "difference",
    name: t("shifts.difference"),
    isNumber: true,
    csv: (shift) => told(shift, "difference"),
    cell: (shift) =>
      html`<span class="difference" data-tone=${shift.closed_at ? (isEven(shift) ? "good" : "bad") : null}>${told(shift, "difference") || "–"}</span>`,
  },
  {
    key: "file",
    name: t("shifts.lines"),
    cell: (shift) =>
      html`<button type="button" class="button small quiet" aria-label=${t("shifts.file", { id: shift.id })} onClick=${() => save(shift.id)}><${Icon} name="download" />CSV</button>`,
  },
];

export default function Shifts() {
  const { status } = valuesOf(filters());
  /** @type {import("../load.js").Pages<ShiftRow>} */
  const pages = usePages("/admin/shifts", { status, operator: operator.value, limit: "50" });
  useEffect(() => {
    learnNames((pages.items ?? []).map(({ user }) => user));
  }, [pages.items]);
  return html`
    <${Head} title=${t("admin.nav.shifts")} sub=${t("shifts.hint")} />
    <${FilterBar} filters=${filters()} />
    <${DataTable} caption=${t("admin.nav.shifts")} file="shifts" columns=${columns()} pages=${pages} keyOf=${(/** @type {ShiftRow} */ shift) => shift.id}
      empty=${{ icon: "wallet", title: t("shifts.none"), body: t("shifts.none.body") }} />`;
}

/** @param {ShiftRow} shift */
const whose = ({ user, device }) =>
  user
    ? (names.value[user] ?? t("shifts.user", { id: user }))
    : t("shifts.device", { id: device ?? "" });

/** @param {string} moment */
const at = (moment) => `${day(moment, clockZone())} ${time(moment, clockZone())}`;

/** @param {ShiftRow} shift */
const isEven = ({ balances }) => balances.every(({ difference }) => !difference);

/** @param {ShiftRow} shift @param {"sold" | "paid_out" | "difference"} figure */
const told = ({ balances }, figure) =>
  balances
    .flatMap((each) => {
      const amount = each[figure];
      return amount === null ? [] : [money({ amount, currency: each.currency })];
    })
    .join(" + ");

/** @param {string} id */
async function save(id) {
  try {
    const response = await send("GET", `/admin/shifts/${id}?format=csv`);
    downloadBlob(`shift-${id}.csv`, await response.blob());
  } catch (error) {
    tell(error);
  }
}
