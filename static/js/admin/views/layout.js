// One layout as it is, deck by deck.
import { get } from "../../core/api.js";
import { html, Icon, useState } from "../../core/dom.js";
import { t, term } from "../../core/text.js";
import { Head, mayEdit } from "../catalogue/parts.js";
import { Board } from "../layout/board.js";
import { ExportButton } from "../layout/exchange.js";
import { onto } from "../layout/keys.js";
import { fromSeats } from "../layout/plan.js";
import { Shown, useLoaded } from "../load.js";
import { DeckTabs } from "./layout_new.js";

/** @typedef {import("../catalogue/api.d.ts").Layout} Layout */

/** @param {import("../nav.js").ViewProps} props */
export default function LayoutView({ params }) {
  const loaded = useLoaded(() => get(`/admin/layouts/${params.id}`), [params.id]);
  return html`<${Shown} isPage of=${loaded}>${(/** @type {Layout} */ layout) => html`<${Plan} layout=${layout} />`}</${Shown}>`;
}

/** @param {{ layout: Layout }} props */
function Plan({ layout }) {
  const plan = fromSeats(layout.seats);
  const [at, setAt] = useState({ deck: 0, row: 0, column: 0 });
  return html`
    <${Head} title=${layout.name} back=${{ href: "/admin/layouts", label: t("admin.nav.layouts") }} sub=${t("cat.layout.sub")}>
      <${ExportButton} name=${layout.name} seats=${layout.seats} />
      ${mayEdit() && html`<a class="button primary" href=${`/admin/layouts/new?from=${layout.id}`}><${Icon} name="copy" />${t("cat.layouts.copy")}</a>`}
    </${Head}>
    <div class="drawing">
      <section class="card">
        <${DeckTabs} plan=${plan} at=${at} go=${(/** @type {number} */ deck) => setAt(onto(plan, at, deck))} />
        <${Board} plan=${plan} at=${at} name=${t("cat.board.name", { deck: at.deck + 1 })} onFocus=${setAt} />
      </section>
      <aside class="card facts">
        <h2>${t("cat.plan.seats", { count: layout.seats_total })}</h2>
        <dl>${[...tally(layout)].map(([name, count]) => html`<div key=${name}><dt>${name}</dt><dd>${count}</dd></div>`)}</dl>
      </aside>
    </div>`;
}

/** How many seats are of which class, and what is said of how many.
 * @param {Layout} layout @returns {Map<string, number>} */
function tally({ seats }) {
  const counts = new Map();
  const count = (/** @type {string} */ name) => counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const { seat_class, price_percent } of seats)
    count(
      price_percent === 100
        ? term("class", seat_class)
        : `${term("class", seat_class)}, ${t("cat.board.percent", { percent: price_percent })}`,
    );
  for (const { attributes } of seats) for (const each of attributes) count(term("attribute", each));
  return counts;
}
