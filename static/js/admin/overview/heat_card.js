// The buses of a day with what is sold of each, as a heat map or a table.
import { get } from "../../core/api.js";
import { html, Icon } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { heatRows } from "../figures.js";
import { everyPage, Shown, useLoaded } from "../load.js";
import { changeQuery } from "../paths.js";
import { query, setQuery } from "../place.js";
import { AsSwitch, isTableShown } from "./as.js";
import { Heatmap } from "./heatmap.js";

const PAGES_MAX = 10;

/** @param {{ day: string, whose: string | null, beat: number }} props */
export function HeatCard({ day, whose, beat }) {
  const route = query.value.get("route") ?? "";
  const loaded = useLoaded(
    async () => {
      const [buses, sales] = await Promise.all([
        everyPage("/admin/buses", { date: day, operator: whose }, PAGES_MAX),
        get(
          `/admin/sales${changeQuery("", { from: day, to: day, group: "bus", operator: whose })}`,
        ),
      ]);
      return heatRows(
        buses.filter(({ status }) => status !== "DRAFT"),
        sales.items,
      );
    },
    [day, whose],
    beat,
  );
  const narrow = (/** @type {string | null} */ wanted) => setQuery({ route: wanted });
  return html`
    <section class="card heat-card" aria-labelledby="heat-title">
      <div class="part-head"><h2 id="heat-title"><${Icon} name="layout-grid" />${t("overview.heat")}</h2><${AsSwitch} /></div>
      <${Shown} of=${loaded} lines=${4}>${(
        /** @type {import("../figures.js").HeatRow[]} */ rows,
      ) =>
        rows.length
          ? html`<${Heatmap} rows=${rows.filter((row) => !route || row.route === route)} isTable=${isTableShown()} file=${`occupancy-${day}`} onRoute=${narrow} route=${route} />`
          : html`<p class="hint">${t("overview.heat.none")}</p>`}</${Shown}>
    </section>`;
}
