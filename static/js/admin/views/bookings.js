// `/admin/bookings`: found by code, name, contact, day, bus or state.
import floor from "messages/floor";
import { html } from "../../core/dom.js";
import { day, learn, list, money, t, term, time } from "../../core/text.js";
import { Head } from "../catalogue/parts.js";
import { moneyCell } from "../csv.js";
import { FilterBar, valuesOf } from "../filters.js";
import { usePages } from "../load.js";
import { clockZone, dayFromNow, State } from "../parts.js";
import { operator } from "../staff.js";
import { DataTable } from "../table.js";

/** @typedef {import("../../api.d.ts").FoundBooking} FoundBooking */

learn(floor);

const STATES = /** @type {const} */ ([
  "CONFIRMED",
  "PENDING",
  "PARTIALLY_CANCELLED",
  "CANCELLED",
  "EXPIRED",
  "FAILED",
]);
// Somebody who asks at the counter mostly means a trip of these days.
const DAYS_BACK = 7;
const DAYS_AHEAD = 80;

/** @returns {import("../filters.js").Filter[]} */
const filters = () => [
  { name: "q", label: t("bookings.search"), kind: "search" },
  { name: "from", label: t("bookings.from"), kind: "date" },
  { name: "to", label: t("bookings.to"), kind: "date" },
  {
    name: "status",
    label: t("bookings.state"),
    kind: "choice",
    options: [
      { value: "", label: t("bookings.any") },
      ...STATES.map((value) => ({ value, label: term("booking", value) })),
    ],
  },
];

/** @type {() => import("../table.js").Column<FoundBooking>[]} */
const columns = () => [
  {
    key: "ref",
    name: t("booking.ref"),
    isHead: true,
    sort: (each) => each.ref,
    cell: (each) => html`<a href=${`/admin/bookings/${each.ref}`}>${each.ref}</a>`,
  },
  {
    key: "names",
    name: t("booking.passengers"),
    sort: (each) => each.names[0] ?? "",
    csv: (each) => each.names.join("; "),
    cell: (each) =>
      html`${list(each.names)}<small class="cell-more">${each.email ?? each.phone ?? ""}</small>`,
  },
  {
    key: "contact",
    name: t("booking.contact"),
    csv: (each) => [each.email, each.phone].filter(Boolean).join(" "),
    isHidden: true,
    cell: () => null,
  },
  {
    key: "departs",
    name: t("bookings.departs"),
    sort: (each) => each.departs_at,
    cell: (each) =>
      `${day(each.departs_at, each.time_zone)} ${time(each.departs_at, each.time_zone)}`,
  },
  {
    key: "bus",
    name: t("bookings.bus"),
    sort: (each) => each.bus_name,
    cell: (each) =>
      html`<a href=${`/admin/buses/${each.bus_id}`}>${each.bus_name}</a><small class="cell-more">${each.from_stop_name} – ${each.to_stop_name}</small>`,
  },
  {
    key: "seats",
    name: t("bookings.seats"),
    sort: (each) => each.seats.join(" "),
    cell: (each) => each.seats.join(", "),
  },
  {
    key: "total",
    name: t("bookings.total"),
    isNumber: true,
    sort: (each) => each.total.amount,
    csv: (each) => moneyCell(each.total),
    cell: (each) => money(each.total),
  },
  {
    key: "made",
    name: t("bookings.made"),
    sort: (each) => each.created_at,
    cell: (each) =>
      html`${day(each.created_at, clockZone())} ${time(each.created_at, clockZone())}<small class="cell-more">${t(each.at_counter ? "bookings.counter" : "bookings.online")} · ${term("method", each.method)}</small>`,
  },
  {
    key: "state",
    name: t("bookings.state"),
    sort: (each) => each.status,
    cell: (each) => html`<${State} group="booking" word=${each.status} />`,
  },
];

/** @param {import("../nav.js").ViewProps} props */
export default function Bookings({ query }) {
  const { q, from, to, status } = valuesOf(filters());
  const bus = query.get("bus");
  const days =
    from || to || !q || bus
      ? { from, to }
      : { from: dayFromNow(-DAYS_BACK), to: dayFromNow(DAYS_AHEAD) };
  const pages = usePages("/admin/bookings", {
    q,
    ...days,
    status,
    bus,
    operator: operator.value,
    limit: "50",
  });
  const isAnything = q || from || to || bus || status;
  return html`
    <${Head} title=${t("admin.nav.bookings")} sub=${t(isAnything ? "bookings.hint" : "bookings.lately")} />
    <${FilterBar} filters=${filters()} />
    <${DataTable} caption=${t("admin.nav.bookings")} file="bookings" columns=${columns()} pages=${pages} keyOf=${(/** @type {FoundBooking} */ each) => each.ref}
      empty=${{ icon: "ticket", title: t("bookings.none"), body: t("bookings.none.body") }} />`;
}
