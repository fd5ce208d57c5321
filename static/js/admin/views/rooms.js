// Waiting rooms: opened before a sale, watched while it runs, closed when nobody has to wait any more.
import waiting from "messages/waiting";
import { post } from "../../core/api.js";
import { html, Icon, useEffect } from "../../core/dom.js";
import { count, learn, t } from "../../core/text.js";
import { Failure } from "../../core/ui.js";
import { act, Head, mayEdit, RowButton, stamp, Tag, useAll, zoneOf } from "../catalogue/parts.js";
import { Choice, FormFault, Input, Submit, useForm } from "../form.js";
import { usePages } from "../load.js";
import { dayFromNow } from "../parts.js";
import { operator } from "../staff.js";
import { DataTable } from "../table.js";

learn(waiting);

/** @typedef {import("../catalogue/api.d.ts").WatchedRoom} WatchedRoom */
/** @typedef {"soon" | "open" | "closed"} Status */

const LOOK_MS = 3000;
const SCOPES = /** @type {const} */ (["bus", "route", "operator"]);
const TONES = { soon: "soft", open: "good", closed: "soft" };

export default function Rooms() {
  const pages = usePages("/admin/rooms", { operator: operator.value, limit: "50" });
  const isAnyOpen = pages.items?.some(({ status }) => status !== "closed") ?? false;
  useEffect(() => {
    if (!isAnyOpen) return;
    const timer = setInterval(pages.reload, LOOK_MS);
    return () => clearInterval(timer);
  }, [isAnyOpen, operator.value]);
  const close = async (/** @type {WatchedRoom} */ room) => {
    const ask = {
      title: t("rooms.close.ask", { name: room.name }),
      body: t("rooms.close.body"),
      action: t("rooms.close"),
    };
    const run = () => post(`/admin/rooms/${room.id}/close`, undefined);
    if (await act({ ask, run, done: t("rooms.closed") })) pages.reload();
  };
  return html`
    <${Head} title=${t("admin.nav.rooms")} sub=${t("rooms.sub")} />
    ${mayEdit() && html`<${NewRoom} key=${operator.value} onOpened=${pages.reload} />`}
    <${DataTable} caption=${t("admin.nav.rooms")} file="rooms" pages=${pages} keyOf=${(/** @type {WatchedRoom} */ room) => room.id} columns=${columns(close)}
      empty=${{ icon: "hourglass", title: t("rooms.empty"), body: t("rooms.empty.body") }} />`;
}

const EMPTY = { route: "", bus: "", opens_at: "", per_minute: "" };

/** Keyed by the operator: what was chosen of one is nothing to open a room before at another.
 * @param {{ onOpened: () => void }} props */
function NewRoom({ onOpened }) {
  const form = useForm(
    { scope: "bus", date: dayFromNow(1), ...EMPTY },
    async ({ scope, route, bus, opens_at, per_minute }) => {
      const body = {
        [scope]: { bus, route, operator: operator.value }[scope],
        ...(opens_at && { opens_at: new Date(opens_at).toISOString() }),
        ...(per_minute && { per_minute: Number(per_minute) }),
      };
      const run = () => post("/admin/rooms", body);
      if (await act({ run, done: t("rooms.opened") })) {
        form.set(EMPTY);
        onOpened();
      }
    },
    {
      check: ({ scope, route, bus, per_minute }) => ({
        ...(scope === "operator" && !operator.value && { scope: t("rooms.needed") }),
        ...(scope === "route" && !isAmong(routes.data, route) && { route: t("rooms.needed") }),
        ...(scope === "bus" && !isAmong(leavers, bus) && { bus: t("rooms.needed") }),
        ...(per_minute &&
          !(
            /^\d{1,5}$/.test(per_minute) &&
            Number(per_minute) >= 1 &&
            Number(per_minute) <= 60000
          ) && {
            per_minute: t("rooms.number"),
          }),
      }),
    },
  );
  const { scope, date, route } = form.values;
  const routes = useAll("/admin/routes", { operator: operator.value });
  const buses = usePages("/admin/buses", { date, route, operator: operator.value, limit: "100" });
  // Those of another day or route are nothing to choose from.
  /** @type {import("../catalogue/api.d.ts").BusLine[] | null} */
  const leavers = buses.isLoading ? null : buses.items;
  const dated = { ...form, set: (/** @type {any} */ change) => form.set({ bus: "", ...change }) };
  const scopes = SCOPES.map((value) => ({ value, label: t(`rooms.scope.${value}`) }));
  return html`
    <section class="card" aria-labelledby="room-new">
      <h2 id="room-new"><${Icon} name="hourglass" />${t("rooms.new")}</h2>
      <form class="form" onSubmit=${form.submit} novalidate>
        <${FormFault} form=${form} />
        <div class="form-row">
          <${Choice} form=${form} name="scope" label=${t("rooms.scope")} options=${scopes} />
          ${
            scope === "bus" &&
            html`<${Input} form=${dated} name="date" label=${t("cat.buses.date")} type="date" />
            <${Choice} form=${dated} name="route" label=${t("cat.route")} options=${toChoose(routes.data, ({ name }) => name, t("cat.routes.all"))} />
            <${Choice} form=${form} name="bus" label=${t("cat.bus")} options=${toChoose(leavers, leaving, t(leavers?.length === 0 ? "cat.buses.none" : "cat.choose"))} />`
          }
          ${scope === "route" && html`<${Choice} form=${form} name="route" label=${t("cat.route")} options=${toChoose(routes.data, ({ name }) => name)} />`}
        </div>
        ${scope === "bus" && buses.error && html`<${Failure} error=${buses.error} retry=${buses.retry} />`}
        ${scope === "bus" && buses.hasMore && html`<div class="floor-actions"><button type="button" class="button small" aria-disabled=${buses.isLoading} onClick=${buses.more}>${t(buses.isLoading ? "loading" : "rooms.more")}</button></div>`}
        <div class="form-row">
          <${Input} form=${form} name="opens_at" label=${t("rooms.opens")} hint=${t("rooms.opens.hint")} type="datetime-local" />
          <${Input} form=${form} name="per_minute" label=${t("rooms.rate")} hint=${t("rooms.rate.hint")} inputmode="numeric" />
        </div>
        <div class="floor-actions"><${Submit} form=${form} icon="hourglass">${t("rooms.open")}</${Submit}></div>
      </form>
    </section>`;
}

/** @param {{ id: string }[] | null} things @param {string} id */
const isAmong = (things, id) => things?.some((each) => each.id === id) ?? false;

/** @param {any[] | null} things @param {(thing: any) => string} label @param {string} [none] what it says while none is chosen */
const toChoose = (things, label, none = t("cat.choose")) => [
  { value: "", label: none },
  ...(things ?? []).map((each) => ({ value: each.id, label: label(each) })),
];

/** @param {import("../catalogue/api.d.ts").BusLine} bus */
const leaving = ({ departs_at, name, operator: whose }) =>
  `${stamp(departs_at, zoneOf(whose.id))} · ${name}`;

/** @param {(room: WatchedRoom) => void} close */
const columns = (close) => [
  {
    key: "name",
    name: t("rooms.scope"),
    isHead: true,
    cell: (/** @type {WatchedRoom} */ room) =>
      html`<a href=${`/waiting/${room.id}`} title=${t("rooms.page")}>${room.name}</a> <small>${t(`rooms.scope.${room.scope}`)}</small>`,
    sort: (/** @type {WatchedRoom} */ room) => room.name,
  },
  {
    key: "status",
    name: t("cat.state"),
    cell: (/** @type {WatchedRoom} */ room) =>
      html`<${Tag} tone=${TONES[/** @type {Status} */ (room.status)]}>${t(`rooms.state.${/** @type {Status} */ (room.status)}`)}</${Tag}>${room.by_load && html` <small>${t("rooms.by_load")}</small>`}${room.sold_out && html` <${Tag} tone="warn">${t("rooms.sold")}</${Tag}>`}`,
    sort: (/** @type {WatchedRoom} */ room) => room.status,
  },
  {
    key: "opens",
    name: t("rooms.opens"),
    cell: (/** @type {WatchedRoom} */ room) => stamp(room.opens_at),
    sort: (/** @type {WatchedRoom} */ room) => room.opens_at,
  },
  ...figures(),
  {
    key: "pace",
    name: t("rooms.pace"),
    isNumber: true,
    cell: (/** @type {WatchedRoom} */ room) =>
      html`${count(Math.round(room.pace))}${room.per_minute === null && html` <small>${t("rooms.measured")}</small>`}`,
    sort: (/** @type {WatchedRoom} */ room) => room.pace,
  },
  {
    key: "do",
    name: t("cat.do"),
    cell: (/** @type {WatchedRoom} */ room) =>
      mayEdit() &&
      room.status !== "closed" &&
      html`<${RowButton} icon="x" label=${t("rooms.close")} of=${room.name} run=${() => close(room)} />`,
  },
];

const figures = () =>
  /** @type {const} */ ([
    ["waiting", "rooms.waiting"],
    ["now_serving", "rooms.serving"],
    ["entered", "rooms.entered"],
  ]).map(([key, name]) => ({
    key,
    name: t(name),
    isNumber: true,
    cell: (/** @type {WatchedRoom} */ room) => count(room[key]),
    sort: (/** @type {WatchedRoom} */ room) => room[key],
  }));
