// Routes: patterns of stops that buses are made from.
import { html, Icon } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { narrowed } from "../answers.js";
import { canAdd, Head, mayEdit, RowButton, remove } from "../catalogue/parts.js";
import { spanOf } from "../catalogue/zone.js";
import { FilterBar, valuesOf } from "../filters.js";
import { useKeys } from "../keys.js";
import { usePages } from "../load.js";
import { go } from "../place.js";
import { operator } from "../staff.js";
import { DataTable } from "../table.js";

/** @typedef {import("../catalogue/api.d.ts").Route} Route */

const filters = () => [
  { name: "q", label: t("cat.routes.q"), kind: /** @type {const} */ ("search") },
];

export default function Routes() {
  const wanted = valuesOf(filters());
  // The API gives routes in the order they came; what is typed narrows those that are here.
  const pages = narrowed(
    usePages("/admin/routes", { operator: operator.value, limit: "100" }),
    matches(wanted.q),
  );
  const begin = () => canAdd() && go("/admin/routes/new");
  useKeys(mayEdit() ? { n: { name: t("cat.routes.add"), run: begin } } : {}, []);
  const drop = async (/** @type {Route} */ route) => {
    const path = `/admin/routes/${route.id}`;
    if (await remove(route.name, path, route.version, t("cat.routes.remove"))) pages.reload();
  };
  return html`
    <${Head} title=${t("admin.nav.routes")} sub=${t("cat.routes.sub")}>
      ${mayEdit() && html`<button type="button" class="button primary" onClick=${begin}><${Icon} name="plus" />${t("cat.routes.add")}</button>`}
    </${Head}>
    <${FilterBar} filters=${filters()} />
    <${DataTable} caption=${t("admin.nav.routes")} file="routes" pages=${pages} keyOf=${(/** @type {Route} */ each) => each.id}
      columns=${columns(drop)} empty=${{
        icon: "route",
        title: t(wanted.q ? "cat.routes.none" : "cat.routes.empty"),
        body: t(wanted.q ? "cat.routes.none.body" : "cat.routes.empty.body"),
      }} />`;
}

/** @param {string} typed @returns {(route: Route) => boolean} */
function matches(typed) {
  const text = typed.toLowerCase();
  return ({ name, stops }) =>
    [name, ...stops.map(({ stop }) => stop.name)].some((each) => each.toLowerCase().includes(text));
}

/** @param {(route: Route) => void} drop */
const columns = (drop) => [
  {
    key: "name",
    name: t("cat.name"),
    isHead: true,
    cell: (/** @type {Route} */ route) =>
      html`<a href=${`/admin/routes/${route.id}`}>${route.name}</a>`,
    sort: (/** @type {Route} */ route) => route.name,
  },
  {
    key: "ends",
    name: t("cat.routes.ends"),
    cell: (/** @type {Route} */ route) => ends(route),
    sort: (/** @type {Route} */ route) => ends(route),
  },
  {
    key: "stops",
    name: t("cat.routes.stops"),
    isNumber: true,
    cell: (/** @type {Route} */ route) => route.stops.length,
    sort: (/** @type {Route} */ route) => route.stops.length,
  },
  {
    key: "takes",
    name: t("cat.routes.takes"),
    isNumber: true,
    cell: (/** @type {Route} */ route) => spanOf(lasts(route)),
    sort: lasts,
    csv: (/** @type {Route} */ route) => spanOf(lasts(route)),
  },
  {
    key: "do",
    name: t("cat.do"),
    cell: (/** @type {Route} */ route) =>
      html`<span class="row-buttons"><${RowButton} icon="calendar-days" label=${t("cat.routes.buses")} of=${route.name} run=${() => go(`/admin/buses?route=${route.id}`)} />
        ${mayEdit() && html`<${RowButton} icon="trash-2" label=${t("cat.remove")} of=${route.name} run=${() => drop(route)} />`}</span>`,
  },
];

/** @param {Route} route */
const ends = ({ stops }) => `${stops[0].stop.name} – ${stops[stops.length - 1].stop.name}`;
/** @param {Route} route */
const lasts = ({ stops }) => stops[stops.length - 1].arrival_seconds;
