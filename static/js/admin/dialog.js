// Questions before something that cannot be taken back: they name what will happen, in numbers.
import { html, signal, useState } from "../core/dom.js";
import { t } from "../core/text.js";
import { Dialog } from "../core/ui.js";

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {any} [body] sentences or nodes
 * @property {string} action what the button that does it says
 * @property {string} [keep] what the other one says
 * @property {boolean} [isDanger]
 * @property {string} [word] to be typed first, where a slip would be dear
 */

const asked = signal(/** @type {(Question & { answer: (is: boolean) => void }) | null} */ (null));

/** Ask, and wait for the answer. One question at a time: a second one answers the first with no.
 * @param {Question} question @returns {Promise<boolean>} */
export function confirm(question) {
  asked.peek()?.answer(false);
  return new Promise((resolve) => {
    asked.value = {
      ...question,
      answer: (is) => {
        asked.value = null;
        resolve(is);
      },
    };
  });
}

/** Where questions are shown; once in the frame. */
export function Confirmation() {
  const question = asked.value;
  return question && html`<${Ask} key=${question.title} ...${question} />`;
}

/** @param {Question & { answer: (is: boolean) => void }} props */
function Ask({ title, body, action, keep, isDanger, word, answer }) {
  const [typed, setTyped] = useState("");
  const isReady = !word || typed.trim().toLowerCase() === word.toLowerCase();
  const go = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isReady) answer(true);
  };
  const actions = html`
    <button type="button" class="button" onClick=${() => answer(false)}>${keep ?? t("cancel")}</button>
    <button type="submit" form="ask" class=${`button ${isDanger ? "danger" : "primary"}`} aria-disabled=${!isReady}>${action}</button>`;
  return html`
    <${Dialog} title=${title} onClose=${() => answer(false)} actions=${actions} tone=${isDanger ? "bad" : undefined}>
      <form id="ask" class="ask" onSubmit=${go}>
        ${typeof body === "string" ? html`<p>${body}</p>` : body}
        ${word && html`<div class="field"><label for="ask-word">${t("admin.ask.word", { word })}</label><input id="ask-word" autocomplete="off" value=${typed} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} /></div>`}
      </form>
    </${Dialog}>`;
}
