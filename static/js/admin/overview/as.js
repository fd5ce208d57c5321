// Every picture is also a table: which of them is shown stands in the address.
import { html, Icon } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { query, setQuery } from "../place.js";

export const isTableShown = () => query.value.get("as") === "table";

/** @param {boolean} isTable */
export const showTable = (isTable) => setQuery({ as: isTable ? "table" : null });

export function AsSwitch() {
  const isTable = isTableShown();
  return html`
    <div class="switch" role="group" aria-label=${t("overview.as")}>
      <button type="button" aria-pressed=${!isTable} onClick=${() => showTable(false)}><${Icon} name="chart-line" />${t("overview.as.picture")}</button>
      <button type="button" aria-pressed=${isTable} onClick=${() => showTable(true)}><${Icon} name="table" />${t("overview.as.table")}</button>
    </div>`;
}
