// Layouts: seat plans. One never changes once made; what shall be otherwise is a copy.
import { html, Icon } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { canAdd, Head, mayEdit, operatorName, RowButton, remove } from "../catalogue/parts.js";
import { useKeys } from "../keys.js";
import { usePages } from "../load.js";
import { go } from "../place.js";
import { isPlatform, operator } from "../staff.js";
import { DataTable } from "../table.js";

/** @typedef {import("../catalogue/api.d.ts").LayoutLine} Layout */

export default function Layouts() {
  const pages = usePages("/admin/layouts", { operator: operator.value, limit: "100" });
  const begin = () => canAdd() && go("/admin/layouts/new");
  useKeys(mayEdit() ? { n: { name: t("cat.layouts.add"), run: begin } } : {}, []);
  const drop = async (/** @type {Layout} */ layout) => {
    const path = `/admin/layouts/${layout.id}`;
    if (await remove(layout.name, path, null, t("cat.layouts.remove"))) pages.reload();
  };
  return html`
    <${Head} title=${t("admin.nav.layouts")} sub=${t("cat.layouts.sub")}>
      ${mayEdit() && html`<button type="button" class="button primary" onClick=${begin}><${Icon} name="plus" />${t("cat.layouts.add")}</button>`}
    </${Head}>
    <${DataTable} caption=${t("admin.nav.layouts")} file="layouts" pages=${pages} keyOf=${(/** @type {Layout} */ each) => each.id} columns=${columns(drop)}
      empty=${{ icon: "layout-grid", title: t("cat.layouts.empty"), body: t("cat.layouts.empty.body") }} />`;
}

/** @param {(layout: Layout) => void} drop */
const columns = (drop) => [
  {
    key: "name",
    name: t("cat.name"),
    isHead: true,
    cell: (/** @type {Layout} */ each) =>
      html`<a href=${`/admin/layouts/${each.id}`}>${each.name}</a>`,
    sort: (/** @type {Layout} */ each) => each.name,
  },
  {
    key: "seats",
    name: t("cat.seats"),
    isNumber: true,
    cell: (/** @type {Layout} */ each) => each.seats_total,
    sort: (/** @type {Layout} */ each) => each.seats_total,
  },
  ...(isPlatform.value
    ? [
        {
          key: "whose",
          name: t("cat.whose"),
          cell: (/** @type {Layout} */ each) => operatorName(each.operator),
          sort: (/** @type {Layout} */ each) => operatorName(each.operator),
        },
      ]
    : []),
  {
    key: "do",
    name: t("cat.do"),
    cell: (/** @type {Layout} */ each) =>
      mayEdit() &&
      html`<span class="row-buttons">
        <${RowButton} icon="copy" label=${t("cat.layouts.copy")} of=${each.name} run=${() => go(`/admin/layouts/new?from=${each.id}`)} />
        <${RowButton} icon="trash-2" label=${t("cat.remove")} of=${each.name} run=${() => drop(each)} /></span>`,
  },
];
