// What lies beside the drawing board: brushes, how seats are called, what is wrong.
import { html, Icon, useState } from "../../core/dom.js";
import { t, term } from "../../core/text.js";
import { ATTRIBUTE_KEYS, CLASS_KEYS } from "./keys.js";
import { usualScheme } from "./numbering.js";

/** @typedef {import("./plan.js").Plan} Plan */
/** @typedef {import("./plan.js").Place} Place */
/** @typedef {import("./plan.js").Brush} Brush */
/** @typedef {import("./plan.js").Finding} Finding */

/** @param {Brush} a @param {Brush} b */
const isLike = (a, b) =>
  a.kind === b.kind &&
  (a.kind !== "seat" || b.kind !== "seat" || a.seat_class === b.seat_class) &&
  (a.kind !== "attribute" || b.kind !== "attribute" || a.attribute === b.attribute);

/** @param {{ brush: Brush, choose: (brush: Brush) => void }} props */
export function Brushes({ brush, choose }) {
  const isCustom =
    brush.kind === "seat" && !Object.values(CLASS_KEYS).some((each) => isLike(each, brush));
  const chip = (
    /** @type {string} */ key,
    /** @type {Brush} */ each,
    /** @type {string} */ name,
  ) => html`
    <button key=${key} type="button" class="chip brush" data-class=${each.kind === "seat" ? each.seat_class : null} aria-pressed=${isLike(each, brush)} onClick=${() => choose(each)}>
      ${each.kind === "seat" && html`<span class="swatch"></span>`}<span class="brush-name">${name}</span><kbd>${key}</kbd></button>`;
  const percent = (/** @type {any} */ event) =>
    brush.kind === "seat" && choose({ ...brush, price_percent: clamp(Number(event.target.value)) });
  const rename = (/** @type {any} */ event) => {
    const word = event.target.value
      .toLowerCase()
      .replace(/[^a-z_]/g, "_")
      .slice(0, 20);
    if (brush.kind === "seat" && word) choose({ ...brush, seat_class: word });
  };
  return html`
    <fieldset class="brushes">
      <legend>${t("cat.brush")}</legend>
      <div class="chips" role="group" aria-label=${t("cat.brush.seats")}>
        ${Object.entries(CLASS_KEYS).map(([key, each]) => chip(key, each, term("class", each.seat_class)))}
        ${chip("a", { kind: "aisle" }, t("cat.brush.aisle"))}
      </div>
      <p class="hint" id="brush-attributes">${t("cat.brush.attributes")}</p>
      <div class="chips" role="group" aria-labelledby="brush-attributes">
        ${Object.entries(ATTRIBUTE_KEYS).map(([key, attribute]) => chip(key, { kind: "attribute", attribute, isOn: true }, term("attribute", attribute)))}
      </div>
      ${
        brush.kind === "seat" &&
        html`<div class="form-row">
        <div class="field"><label for="brush-class">${t("cat.brush.class")}</label><input id="brush-class" value=${brush.seat_class} onChange=${rename} data-own=${isCustom ? "" : null} spellcheck="false" autocomplete="off" /></div>
        <div class="field"><label for="brush-percent">${t("cat.brush.percent")}</label><input id="brush-percent" type="number" min="0" max="1000" step="5" value=${brush.price_percent} onChange=${percent} /></div>
      </div>`
      }
    </fieldset>`;
}

/** @param {number} percent */
const clamp = (percent) => Math.min(1000, Math.max(0, Math.round(percent) || 0));

/** How seats are called.
 * @param {{ plan: Plan, onNumber: (scheme: import("./numbering.js").Scheme, isRest: boolean) => void }} props */
export function Numbering({ plan, onNumber }) {
  const [scheme, setScheme] = useState(() => usualScheme(plan));
  const prefixes = plan.decks.map(
    (_, deck) => scheme.prefixes[deck] ?? usualScheme(plan).prefixes[deck],
  );
  const set = (/** @type {Partial<typeof scheme>} */ change) =>
    setScheme({ ...scheme, prefixes, ...change });
  const whole = { ...scheme, prefixes };
  const styles = /** @type {const} */ (["row-letter", "letter-row", "running"]);
  return html`
    <fieldset class="numbering">
      <legend>${t("cat.number")}</legend>
      <div class="form-row">
        <div class="field"><label for="number-style">${t("cat.number.style")}</label>
          <select id="number-style" value=${scheme.style} onChange=${(/** @type {any} */ event) => set({ style: event.target.value })}>
            ${styles.map((each) => html`<option key=${each} value=${each}>${t(`cat.number.${each}`)}</option>`)}
          </select></div>
        <div class="field"><label for="number-start">${t("cat.number.start")}</label>
          <input id="number-start" type="number" min="0" max="99" value=${scheme.start} onChange=${(/** @type {any} */ event) => set({ start: Math.max(0, Number(event.target.value) || 0) })} /></div>
      </div>
      ${
        plan.decks.length > 1 &&
        html`<div class="form-row">${plan.decks.map(
          (
            _,
            deck,
          ) => html`<div class="field" key=${deck}><label for=${`prefix-${deck}`}>${t("cat.number.prefix", { deck: deck + 1 })}</label>
          <input id=${`prefix-${deck}`} maxlength="2" value=${prefixes[deck]} onChange=${(/** @type {any} */ event) => set({ prefixes: prefixes.with(deck, event.target.value.toUpperCase().replace(/[^A-Z]/g, "")) })} /></div>`,
        )}</div>`
      }
      <label class="check"><input type="checkbox" checked=${scheme.isFromRight} onChange=${() => set({ isFromRight: !scheme.isFromRight })} />${t("cat.number.right")}</label>
      <div class="floor-actions">
        <button type="button" class="button small" onClick=${() => onNumber(whole, false)}>${t("cat.number.all")}</button>
        <button type="button" class="button small quiet" onClick=${() => onNumber(whole, true)}>${t("cat.number.rest")}</button>
      </div>
    </fieldset>`;
}

/** What is wrong, and what may be; each leads to where it is.
 * @param {{ faults: Finding[], hints: Finding[], go: (place: Place) => void, count: number }} props */
export function Findings({ faults, hints, go, count }) {
  return html`
    <section class="findings" aria-labelledby="findings-title">
      <h2 id="findings-title">${t("cat.plan.seats", { count })}</h2>
      <div role="status"><ul>
        ${faults.map((each) => html`<${Line} key=${textOf(each)} finding=${each} icon="circle-alert" tone="bad" go=${go} />`)}
        ${hints.map((each) => html`<${Line} key=${textOf(each)} finding=${each} icon="info" tone="soft" go=${go} />`)}
        ${!faults.length && !hints.length && html`<li data-tone="good"><${Icon} name="circle-check" />${t("cat.plan.good")}</li>`}
      </ul></div>
    </section>`;
}

/** @param {Finding} finding */
export const textOf = ({ code, values }) =>
  t(/** @type {import("../../core/text.js").Key} */ (`cat.plan.${code}`), values);

/** @param {{ finding: Finding, icon: string, tone: string, go: (place: Place) => void }} props */
function Line({ finding, icon, tone, go }) {
  const [first] = finding.places ?? [];
  return html`<li data-tone=${tone}><${Icon} name=${icon} /><span>${textOf(finding)}</span>
    ${first && html`<button type="button" class="button small quiet" onClick=${() => go(first)}>${t("cat.plan.show")}</button>`}</li>`;
}
