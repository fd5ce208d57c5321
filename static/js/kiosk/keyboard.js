// The on-screen keyboard and the number pad. They type into the field that has, or last had, the focus; a real keyboard
// goes on working beside them, and so do arrows and Enter on the keys themselves.
import { html, Icon, useEffect, useRef, useState } from "../core/dom.js";
import { language, t } from "../core/text.js";
import { ACCENTS, erase, faceOf, isNameStart, keyAfter, LAYOUTS, layoutFor } from "./layouts.js";

/** @typedef {import("./layouts.js").Layout} Layout */

/** Type into a field as its own keyboard would.
 * @param {HTMLInputElement} input @param {string} text */
function type(input, text) {
  const { selectionStart, selectionEnd, value } = input;
  input.setRangeText(text, selectionStart ?? value.length, selectionEnd ?? value.length, "end");
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/** @param {HTMLInputElement} input */
function takeBack(input) {
  const end = input.selectionEnd ?? input.value.length;
  if ((input.selectionStart ?? end) !== end) return type(input, "");
  const { text, at } = erase(input.value, end);
  input.value = text;
  input.setSelectionRange(at, at);
  input.dispatchEvent(new Event("input", { bubbles: true }));
  return undefined;
}

/** One tab stop for all keys; arrows go from key to key.
 * @param {any} event */
function walk(event) {
  const box = event.currentTarget;
  const rows = [...box.querySelectorAll("[data-row]")].map((row) => [
    ...row.querySelectorAll("button"),
  ]);
  const row = rows.findIndex((keys) => keys.includes(event.target));
  if (row < 0) return;
  const from = { row, column: rows[row].indexOf(event.target) };
  const to = keyAfter(
    rows.map((keys) => keys.length),
    from,
    event.key,
    getComputedStyle(box).direction === "rtl",
  );
  if (!to) return;
  event.preventDefault();
  for (const key of rows.flat()) key.tabIndex = -1;
  const next = rows[to.row][to.column];
  next.tabIndex = 0;
  next.focus();
}

// The finger must not take the focus, and with it the cursor, out of the field.
const stay = (/** @type {Event} */ event) => event.preventDefault();

/** @param {{ field: string, onDone: () => void, doneText: string }} props the id of the field that is typed into */
export function Keyboard({ field, onDone, doneText }) {
  const [layout, setLayout] = useState(() => layoutFor(language));
  const [layer, setLayer] = useState(/** @type {"auto" | "plain" | "more" | "accents"} */ ("auto"));
  const [isStart, setStart] = useState(true);
  const input = () => /** @type {HTMLInputElement | null} */ (document.getElementById(field));
  const look = () => {
    const into = input();
    setStart(into === null || isNameStart(into.value, into.selectionEnd ?? 0));
  };
  useEffect(look, [field]);
  const isLatin = layout.script === "latin";
  const isMore = layer === "more" || (layer === "auto" && isLatin && isStart);
  const press = (/** @type {string} */ key) => {
    const into = input();
    if (into) type(into, key);
    if (layer === "more" && isLatin) setLayer("auto");
    look();
  };
  const keys = layer === "accents" ? accents(isStart) : isMore ? layout.more : layout.plain;
  return html`
    <div class="keyboard" role="group" aria-label=${t("keys.label")} lang=${layout.name} dir=${layout.script === "arabic" ? "rtl" : "ltr"} onKeyDown=${walk} onMouseDown=${stay}>
      ${keys.map(
        (row, at) => html`<div class="keyboard-row" data-row key=${at}>
        ${row.map((key, column) => html`<button type="button" class="key" key=${key} tabindex=${at === 0 && column === 0 ? 0 : -1} onClick=${() => press(key)}>${faceOf(key)}</button>`)}
        ${
          at === keys.length - 1 &&
          html`<button type="button" class="key key-wide" tabindex="-1" aria-label=${t("keys.erase")} onClick=${() => {
            const into = input();
            if (into) takeBack(into);
            look();
          }}><span aria-hidden="true">⌫</span></button>`
        }
      </div>`,
      )}
      <div class="keyboard-row" data-row>
        <button type="button" class="key key-wide" tabindex="-1" aria-pressed=${isMore} aria-label=${t(isLatin ? "keys.shift" : "keys.more")}
          onClick=${() => setLayer(isMore ? "plain" : "more")}><span aria-hidden="true">${isLatin ? "⇧" : "⋯"}</span></button>
        ${isLatin && html`<button type="button" class="key key-wide" tabindex="-1" aria-pressed=${layer === "accents"} aria-label=${t("keys.accents")} onClick=${() => setLayer(layer === "accents" ? "auto" : "accents")}><span aria-hidden="true">áñø</span></button>`}
        <button type="button" class="key key-wide" tabindex="-1" aria-label=${t("keys.script", { name: nameOf(nextOf(layout)) })} onClick=${() => {
          setLayout(nextOf(layout));
          setLayer("auto");
        }}><${Icon} name="keyboard" /><span aria-hidden="true">${nameOf(nextOf(layout))}</span></button>
        <button type="button" class="key key-space" tabindex="-1" aria-label=${t("keys.space")} onClick=${() => press(" ")}><span aria-hidden="true">␣</span></button>
        <button type="button" class="key key-done" tabindex="-1" onClick=${onDone}><${Icon} name="check" />${doneText}</button>
      </div>
    </div>`;
}

/** @param {boolean} isStart */
const accents = (isStart) =>
  isStart
    ? ACCENTS.map((row) => row.map((key) => (key === "ß" ? key : key.toUpperCase())))
    : ACCENTS;

/** One layout of each script is a step away; a Latin one follows the language.
 * @param {Layout} layout @returns {Layout} */
function nextOf(layout) {
  const scripts = [
    layoutFor(
      LAYOUTS.some(({ name, script }) => name === language && script === "latin") ? language : "en",
    ),
    layoutFor("ar"),
    layoutFor("hi"),
  ];
  const at = scripts.findIndex(({ script }) => script === layout.script);
  return scripts[(at + 1) % scripts.length];
}

/** @param {Layout} layout */
const nameOf = ({ script }) => ({ latin: "ABC", arabic: "ابت", devanagari: "कखग" })[script];

/** Digits, for codes and telephone numbers.
 * @param {{ field: string, hasPlus?: boolean }} props */
export function NumberPad({ field, hasPlus = false }) {
  const input = () => /** @type {HTMLInputElement | null} */ (document.getElementById(field));
  const first = useRef("1");
  const press = (/** @type {string} */ key) => {
    const into = input();
    if (!into) return;
    if (key === "⌫") takeBack(into);
    else if (into.maxLength < 0 || into.value.length < into.maxLength) type(into, key);
  };
  const rows = ["123", "456", "789", hasPlus ? "+0⌫" : " 0⌫"];
  return html`
    <div class="pad" role="group" aria-label=${t("keys.pad")} dir="ltr" onKeyDown=${walk} onMouseDown=${stay}>
      ${rows.map(
        (row) =>
          html`<div class="keyboard-row" data-row key=${row}>${[...row].map((key) =>
            key === " "
              ? html`<span class="key-none" key="none"></span>`
              : html`<button type="button" class="key" key=${key} tabindex=${key === first.current ? 0 : -1} aria-label=${key === "⌫" ? t("keys.erase") : null} onClick=${() => press(key)}>${key}</button>`,
          )}</div>`,
      )}
    </div>`;
}
