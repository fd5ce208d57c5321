// Choosing the language of the pages. Loaded when somebody wants to.
import { call, user } from "./api.js";
import { html, Icon, recall, remember, session, useState } from "./dom.js";
import { LANGUAGES } from "./languages.js";
import { language, t } from "./text.js";
import { Dialog } from "./ui.js";

const YEAR_SECONDS = 31_536_000;
const TYPED = "omnibus.typed";
const KEPT = "input:not([type=password], [type=file], [role=combobox]), select, textarea";

/** Show this page, and all others, in another language. What is typed is still there, and an account's mails follow.
 * @param {string} chosen */
export async function choose(chosen) {
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser yet
  document.cookie = `language=${chosen}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`;
  // Pages that keep more than their fields show put it where they find it again.
  dispatchEvent(new Event("languagechange"));
  remember(session, TYPED, { page: location.pathname, fields: typed() });
  if (user.peek()) await call("PATCH", "/auth/me", { body: { locale: chosen } }).catch(() => {});
  location.reload();
}

/** What stands in the fields of the page, passwords aside, by the fields' ids. */
function typed() {
  /** @type {Record<string, string | boolean>} */
  const fields = {};
  for (const field of document.querySelectorAll(`main :is(${KEPT})[id]`)) {
    const { id, type, value, checked } = /** @type {HTMLInputElement} */ (field);
    if (type === "checkbox" || type === "radio") fields[id] = checked;
    else if (value) fields[id] = value;
  }
  return fields;
}

/** Put back what was typed before the language was another one, into fields as they appear. */
export function restore() {
  const kept = recall(session, TYPED, /** @type {any} */ (null));
  remember(session, TYPED, null);
  if (kept?.page !== location.pathname) return;
  const fields = new Map(Object.entries(kept.fields));
  const fill = () => {
    for (const [id, value] of fields) {
      const field = /** @type {HTMLInputElement | null} */ (document.getElementById(id));
      if (!field) continue;
      fields.delete(id);
      if (typeof value === "boolean") {
        if (field.checked !== value) field.click();
      } else if (field.value !== value) {
        field.value = /** @type {string} */ (value);
        field.dispatchEvent(new Event("input", { bubbles: true }));
        field.dispatchEvent(new Event("change", { bubbles: true }));
      }
    }
    if (!fields.size) watch.disconnect();
  };
  const watch = new MutationObserver(fill);
  watch.observe(document.body, { childList: true, subtree: true });
  // Somebody who types now means what they type.
  addEventListener("keydown", () => watch.disconnect(), { once: true });
  fill();
}

/** @param {{ onClose: () => void }} props */
export function LanguageDialog({ onClose }) {
  const [going, go] = useState("");
  const turn = (/** @type {string} */ chosen) => {
    if (chosen === language) return onClose();
    go(chosen);
    return choose(chosen);
  };
  const actions = html`<button type="button" class="button quiet" onClick=${onClose}>${t("close")}</button>`;
  return html`
    <${Dialog} title=${t("language.title")} onClose=${onClose} actions=${actions}>
      <ul class="languages">${LANGUAGES.map(
        ([code, name]) => html`<li key=${code}>
          <button type="button" class="button wide" lang=${code} dir="auto" aria-current=${code === language ? "true" : null} aria-disabled=${going ? "true" : null} onClick=${() => turn(code)}>
            ${name}${code === (going || language) && html`<${Icon} name=${going ? "clock" : "check"} />`}</button></li>`,
      )}</ul>
    </${Dialog}>`;
}
