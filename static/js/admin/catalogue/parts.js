// What the views of the catalogue share: their words, heads, forms in dialogs, lists to choose from, saving with care.
import { ApiError, call, get, newKey } from "../../core/api.js";
import { html, Icon, useState } from "../../core/dom.js";
import { day, t, time } from "../../core/text.js";
import { Dialog, toast } from "../../core/ui.js";
import { confirm } from "../dialog.js";
import { FormFault, Submit } from "../form.js";
import { everyPage, useLoaded } from "../load.js";
import { tell } from "../parts.js";
import { changeQuery } from "../paths.js";
import { isOneOf, isPlatform, MANAGERS, operator, operatorShown, operators } from "../staff.js";

/** @typedef {import("../form.js").Form<any>} Form */

const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Whether somebody may change what the catalogue shows. */
export const mayEdit = () => isOneOf(MANAGERS);

/** The head of a view: what it is, and what can be done.
 * @param {{ title: any, sub?: any, children?: any, back?: { href: string, label: string } }} props */
export function Head({ title, sub, children, back }) {
  return html`
    <header class="floor-head">
      <div>
        ${back && html`<a class="back-link" href=${back.href}><${Icon} name="arrow-left" class="flip" />${back.label}</a>`}
        <h1>${title}</h1>${sub && html`<p>${sub}</p>`}
      </div>
      ${children && html`<div class="floor-actions">${children}</div>`}
    </header>`;
}

/** @param {{ tone?: string, children?: any }} props */
export const Tag = ({ tone, children }) =>
  html`<span class="tag" data-tone=${tone}>${children}</span>`;

/** A small button of a row; its name says whose it is, as there are many.
 * @param {{ icon: string, label: string, of: string, run: () => unknown, tone?: string }} props */
export function RowButton({ icon, label, of, run, tone = "quiet" }) {
  return html`<button type="button" class=${`button small ${tone}`} aria-label=${`${label}: ${of}`} title=${label} onClick=${run}><${Icon} name=${icon} /><span class="row-word">${label}</span></button>`;
}

/** A form that is asked in a dialog.
 * @param {{ title: string, form: Form, action: string, onClose: () => void, children?: any, tone?: "primary" | "danger" }} props */
export function FormDialog({ title, form, action, onClose, children, tone }) {
  const close = async () => {
    if (!form.isChanged || (await mayDiscard())) onClose();
  };
  return html`
    <${Dialog} title=${title} onClose=${close}>
      <form class="form" onSubmit=${form.submit} novalidate>
        <${FormFault} form=${form} />
        ${children}
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${close}>${t("cancel")}</button>
          <${Submit} form=${form} tone=${tone}>${action}</${Submit}>
        </div>
      </form>
    </${Dialog}>`;
}

/** Ask before what was typed is lost. */
export const mayDiscard = () =>
  confirm({
    title: t("cat.discard"),
    body: t("cat.discard.body"),
    action: t("cat.discard.go"),
    keep: t("cat.discard.keep"),
    isDanger: true,
  });

/** Whose it shall be, for the house; nothing for everybody else: it is their own.
 * @param {Record<string, unknown>} body */
export const owned = (body) =>
  isPlatform.value && operator.value ? { ...body, operator: operator.value } : body;

/** The house has to choose an operator before it adds something; says so once. */
export function canAdd() {
  if (!isPlatform.value || operator.value) return true;
  toast(t("cat.operator.first"), { icon: "info" });
  /** @type {HTMLElement | null} */ (document.querySelector(".whose-choice"))?.focus();
  return false;
}

/** The clock that times are shown by: that of the operator whose things they are.
 * @param {string | null} [id] */
export const zoneOf = (id) =>
  operators.value.find((each) => each.id === (id ?? operator.value))?.time_zone ??
  operatorShown.value?.time_zone ??
  HERE;

/** @param {string | null | undefined} moment @param {string} [zone] */
export const stamp = (moment, zone = zoneOf()) =>
  moment ? `${day(moment, zone)} ${time(moment, zone)}` : "";

/** @param {string | null} id */
export const operatorName = (id) =>
  id === null ? t("cat.platform") : (operators.value.find((each) => each.id === id)?.name ?? id);

/** Everything of a list, to choose from.
 * @template T @param {string | null} path null for nothing yet
 * @param {Record<string, string | null | undefined>} [wanted] @returns {import("../load.js").Loaded<T[]>} */
export function useAll(path, wanted = {}) {
  const asked = changeQuery("", wanted);
  return useLoaded(() => (path ? everyPage(path, wanted) : Promise.resolve([])), [path, asked]);
}

/**
 * Change something that others may be changing, too. When somebody was quicker, both are shown, and one is chosen.
 * @template {{ version: number }} T
 * @param {{ path: string, method?: string, body: Record<string, unknown>, version: number, read?: string,
 *   show: (thing: any) => [label: string, value: string][], mine: any }} change
 *   `mine` is the thing as it would be, `read` where it is found if not at `path`
 * @returns {Promise<{ saved: T, isMine: boolean }>} */
export async function save({ path, method = "PATCH", body, version, read = path, show, mine }) {
  let expected = version;
  for (;;) {
    try {
      const headers = { "if-match": `"${expected}"` };
      return { saved: await call(method, path, { body, headers }), isMine: true };
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 412) throw error;
      const theirs = await get(read);
      if (!(await prefersMine(show(theirs), show(mine)))) return { saved: theirs, isMine: false };
      expected = theirs.version;
    }
  }
}

/** @param {[string, string][]} theirs @param {[string, string][]} mine */
function prefersMine(theirs, mine) {
  const body = html`
    <p>${t("cat.conflict.body")}</p>
    <div class="table-box"><table class="table">
      <thead><tr><th scope="col">${t("cat.conflict.field")}</th><th scope="col">${t("cat.conflict.theirs")}</th><th scope="col">${t("cat.conflict.mine")}</th></tr></thead>
      <tbody>${theirs.map(([label, value], at) => html`<tr key=${label} data-tone=${value === mine[at][1] ? null : "bad"}><th scope="row">${label}</th><td>${value}</td><td>${mine[at][1]}</td></tr>`)}</tbody>
    </table></div>`;
  return confirm({
    title: t("cat.conflict"),
    body,
    action: t("cat.conflict.keep.mine"),
    keep: t("cat.conflict.keep.theirs"),
    isDanger: true,
  });
}

/** Do something after a question; tells how it went. Returns whether it was done.
 * @param {{ ask?: import("../dialog.js").Question, run: () => Promise<unknown>, done: string }} deed */
export async function act({ ask, run, done }) {
  if (ask && !(await confirm(ask))) return false;
  try {
    await run();
    toast(done, { icon: "circle-check", tone: "good" });
    return true;
  } catch (error) {
    tell(error);
    return false;
  }
}

/** Take something away for good, in the version that is shown.
 * @param {string} name @param {string} path @param {number | null} version @param {string} body */
export const remove = (name, path, version, body) =>
  act({
    ask: { title: t("cat.remove.ask", { name }), body, action: t("cat.remove"), isDanger: true },
    run: () =>
      call("DELETE", path, version === null ? {} : { headers: { "if-match": `"${version}"` } }),
    done: t("cat.removed", { name }),
  });

/** @param {string} path @param {unknown} [body] @param {string} [key] */
export const add = (path, body, key = newKey()) => call("POST", path, { body, key });

/** Something that is told once: to be copied, and never shown again.
 * @param {{ label: string, secret: string, big?: boolean }} props */
export function Secret({ label, secret, big = false }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(secret).catch(() => {});
    setCopied(true);
  };
  return html`
    <div class="secret" data-big=${big ? "" : null}>
      <p class="secret-label">${label}</p>
      <output class="secret-text" tabindex="0">${secret}</output>
      <button type="button" class="button small" onClick=${copy}><${Icon} name=${isCopied ? "check" : "copy"} />${t(isCopied ? "cat.copied" : "cat.copy")}</button>
    </div>`;
}
