// Keys without a modifier: one letter, or `g` and a letter. They can be switched off, as not everybody types on purpose.
import { html, signal, stored, useEffect } from "../core/dom.js";
import { t } from "../core/text.js";
import { Dialog } from "../core/ui.js";
import { menu } from "./nav.js";
import { go } from "./place.js";

/** @typedef {{ name: string, run: () => void }} Shortcut name is what it does, in the reader's words */

const SEQUENCE_MS = 1500;
const isOn = stored("omnibus.floor.keys", true);
/** What the view that is shown answers to. */
const own = signal(/** @type {Record<string, Shortcut>[]} */ ([]));
const isHelpOpen = signal(false);
let goingAt = Number.NEGATIVE_INFINITY;

/** Answer to keys as long as a view is shown.
 * @param {Record<string, Shortcut>} shortcuts by key, as `n` or `/`; made once @param {unknown[]} [deps] */
export function useKeys(shortcuts, deps = []) {
  useEffect(() => {
    own.value = [...own.peek(), shortcuts];
    return () => {
      own.value = own.peek().filter((each) => each !== shortcuts);
    };
  }, deps);
}

export const showKeys = () => {
  isHelpOpen.value = true;
};

/** @param {KeyboardEvent} event */
export function onKeyDown(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "?" && !isTyping(event.target)) {
    event.preventDefault();
    showKeys();
    return;
  }
  if (!isOn.peek() || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const found = meant(event.key);
  if (!found) return;
  event.preventDefault();
  found();
}

/** @param {string} key @returns {(() => void) | null} */
function meant(key) {
  const isGoing = performance.now() - goingAt < SEQUENCE_MS;
  goingAt = key === "g" && !isGoing ? performance.now() : Number.NEGATIVE_INFINITY;
  if (isGoing) {
    const entry = menu().find((each) => each.shortcut === key);
    return entry ? () => go(entry.path) : null;
  }
  // The view that came last answers first.
  return own.peek().findLast((shortcuts) => key in shortcuts)?.[key].run ?? null;
}

/** @param {EventTarget | null} target */
const isTyping = (target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    target.matches("input:not([type=checkbox], [type=radio]), textarea, select"));

export function KeyHelp() {
  if (!isHelpOpen.value) return null;
  const close = () => {
    isHelpOpen.value = false;
  };
  const actions = html`<button type="button" class="button primary" onClick=${close}>${t("close")}</button>`;
  const views = menu().filter((each) => each.shortcut);
  const here = own.value.flatMap((shortcuts) => Object.entries(shortcuts));
  return html`
    <${Dialog} title=${t("admin.keys.title")} onClose=${close} actions=${actions}>
      ${
        here.length > 0 &&
        html`<h3>${t("admin.keys.here")}</h3>
        <dl class="keys-list">${here.map(([key, { name }]) => html`<${Key} keys=${[key]} name=${name} />`)}</dl>`
      }
      <h3>${t("admin.keys.go")}</h3>
      <dl class="keys-list">${views.map((each) => html`<${Key} keys=${["g", each.shortcut]} name=${t(each.name)} />`)}
        <${Key} keys=${["?"]} name=${t("admin.keys.help")} /></dl>
      <label class="check"><input type="checkbox" checked=${isOn.value} onChange=${() => {
        isOn.value = !isOn.peek();
      }} />${t("admin.keys.on")}</label>
    </${Dialog}>`;
}

/** @param {{ keys: string[], name: string }} props */
function Key({ keys, name }) {
  return html`<div><dt>${keys.map((key) => html`<kbd>${key}</kbd>`)}</dt><dd>${name}</dd></div>`;
}
