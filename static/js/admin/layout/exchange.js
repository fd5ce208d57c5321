// Plans to and from files: pretix's seating plans.
import { html, Icon, useRef } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { toast } from "../../core/ui.js";
import { download } from "../csv.js";
import { fromPretix, toPretix } from "./pretix.js";
import { textOf } from "./tools.js";

/** @typedef {import("../catalogue/api.d.ts").PlanSeat} PlanSeat */

const BYTES_MAX = 2 * 1024 * 1024;

/** @param {{ name: string, seats: PlanSeat[] }} props */
export function ExportButton({ name, seats }) {
  const save = () => {
    const file = `${name.replace(/[^\p{L}\p{N}]+/gu, "-").toLowerCase() || "layout"}.json`;
    download(file, `${JSON.stringify(toPretix(name, seats), null, 2)}\n`, "application/json");
  };
  return html`<button type="button" class="button" aria-disabled=${!seats.length} onClick=${save}><${Icon} name="download" />${t("cat.pretix.out")}</button>`;
}

/** @param {{ onRead: (name: string, plan: import("./plan.js").Plan) => void }} props */
export function ImportButton({ onRead }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const take = async () => {
    const file = input.current?.files?.[0];
    if (!file) return;
    const { name, plan, faults, hints } = fromPretix(await parse(file));
    if (input.current) input.current.value = "";
    const said = [...faults, ...hints].map(textOf).join(" ");
    if (!plan) return void toast(said, { icon: "circle-alert", tone: "bad", seconds: 12 });
    onRead(name, plan);
    toast(said || t("cat.pretix.read", { name }), { icon: "circle-check", tone: "good" });
  };
  return html`
    <input ref=${input} class="visually-hidden" id="pretix-file" type="file" accept=".json,application/json" tabindex="-1" aria-label=${t("cat.pretix.in")} onChange=${take} />
    <button type="button" class="button" onClick=${() => input.current?.click()}><${Icon} name="upload" />${t("cat.pretix.in")}</button>`;
}

/** @param {File} file @returns {Promise<unknown>} null when it is no JSON */
async function parse(file) {
  if (file.size > BYTES_MAX) return null;
  try {
    return JSON.parse(await file.text());
  } catch {
    return null;
  }
}
