// What every page says and asks with: toasts, one quiet live region, dialogs, fields, banners.
import { html, Icon, signal, useEffect, useLayoutEffect, useRef, useState } from "./dom.js";
import { clock, list, t } from "./text.js";

/** @typedef {import("./api.js").ApiError} ApiError */
/** @typedef {import("../api.d.ts").Bus["rules"]} Rules */
/** @typedef {{ label: string, run: () => void }} Action */
/** @typedef {{ id: number, text: string, icon: string, tone: string, action?: Action, seconds: number }} Toast */

const SAY_EVERY_MS = 3000;
const toasts = signal(/** @type {Toast[]} */ ([]));
let toastCount = 0;

/** Tell a screen reader, at most once in three seconds; of what waits, only the latest is said.
 * @param {string} text */
export function announce(text) {
  waiting = text;
  const due = saidAt + SAY_EVERY_MS - performance.now();
  clearTimeout(sayLater);
  if (due <= 0) say();
  else sayLater = setTimeout(say, due);
}
let waiting = "";
let saidAt = Number.NEGATIVE_INFINITY;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let sayLater;
const said = signal("");

function say() {
  saidAt = performance.now();
  // The same sentence twice is no change to a live region: a space makes it one.
  said.value = waiting === said.peek() ? `${waiting} ` : waiting;
}

/** Show a line at the foot of the page, with at most one thing to do about it.
 * @param {string} text
 * @param {{ icon?: string, tone?: "info" | "good" | "bad", action?: Action, seconds?: number }} [more] */
export function toast(text, { icon = "info", tone = "info", action, seconds = 6 } = {}) {
  toastCount += 1;
  const shown = { id: toastCount, text, icon, tone, action, seconds };
  toasts.value = [...toasts.peek().slice(-2), shown];
  announce(action ? `${text} ${action.label}` : text);
  return () => dismiss(shown.id);
}

/** @param {number} id */
const dismiss = (id) => {
  toasts.value = toasts.peek().filter((each) => each.id !== id);
};

export function Messages() {
  return html`
    <div class="visually-hidden" role="status" aria-live="polite">${said}</div>
    <div class="toasts" role="region" aria-label=${t("toasts.label")}>
      ${toasts.value.map((each) => html`<${ToastLine} key=${each.id} ...${each} />`)}
    </div>`;
}

/** @param {Toast} props */
function ToastLine({ id, text, icon, tone, action, seconds }) {
  const timer = useRef(/** @type {any} */ (0));
  const resume = () => {
    timer.current = setTimeout(() => dismiss(id), seconds * 1000);
  };
  const pause = () => clearTimeout(timer.current);
  useEffect(() => {
    resume();
    return pause;
  }, []);
  const act = () => {
    dismiss(id);
    action?.run();
    // The button is gone with its toast; the focus must not fall off the page with it.
    document.getElementById("main")?.focus({ preventScroll: true });
  };
  return html`
    <div class="toast" data-tone=${tone} onMouseEnter=${pause} onMouseLeave=${resume} onFocusIn=${pause} onFocusOut=${resume}>
      <${Icon} name=${icon} />
      <span>${text}</span>
      ${action && html`<button type="button" class="toast-action" onClick=${act}>${action.label}</button>`}
      <button type="button" class="icon-button" aria-label=${t("close")} onClick=${() => dismiss(id)}><${Icon} name="x" /></button>
    </div>`;
}

/** A modal question. The platform keeps the focus in it and gives it back.
 * @param {{ title: string, onClose: () => void, children?: any, actions?: any, tone?: string }} props */
export function Dialog({ title, onClose, children, actions, tone }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [name] = useState(() => `dialog-${Math.random().toString(36).slice(2)}`);
  useLayoutEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal();
    return () => {
      ref.current?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const cancel = (/** @type {Event} */ event) => {
    event.preventDefault();
    onClose();
  };
  return html`
    <dialog ref=${ref} class="dialog" data-tone=${tone} aria-labelledby=${name} onCancel=${cancel}>
      <h2 id=${name}>${title}</h2>
      <div class="dialog-body">${children}</div>
      <div class="dialog-actions">${actions}</div>
    </dialog>`;
}

/** A labelled input with its error beside it.
 * @param {{ label: string, name: string, error?: string, hint?: string, children?: any, class?: string,
 *   value?: string, onValue?: (value: string) => void, [more: string]: any }} props */
export function Field({
  label,
  name,
  error,
  hint,
  children,
  class: classes = "",
  onValue,
  ...more
}) {
  const described = [hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(" ");
  const onInput = (/** @type {any} */ event) => onValue?.(event.target.value);
  return html`
    <div class=${`field ${classes}`}>
      <label for=${name}>${label}</label>
      ${children ?? html`<input id=${name} name=${name} aria-invalid=${error ? "true" : null} aria-describedby=${described || null} onInput=${onInput} ...${more} />`}
      ${hint && html`<p class="hint" id=${`${name}-hint`}>${hint}</p>`}
      ${error && html`<p class="field-error" id=${`${name}-error`}><${Icon} name="circle-alert" />${error}</p>`}
    </div>`;
}

/** `isPage`: there is nothing else on the page, so that this is its heading.
 * @param {{ icon: string, title: string, children?: any, tone?: string, isPage?: boolean }} props */
export function Notice({ icon, title, children, tone = "info", isPage = false }) {
  return html`
    <section class="notice" data-tone=${tone}>
      <span class="notice-mark"><${Icon} name=${icon} /></span>
      <div>${isPage ? html`<h1>${title}</h1>` : html`<h2>${title}</h2>`}${children}</div>
    </section>`;
}

/** Something went wrong and can be tried again.
 * @param {{ error: import("./api.js").ApiError, retry?: () => void, isPage?: boolean }} props */
export function Failure({ error, retry, isPage = false }) {
  const isOffline = error.code === "offline";
  return html`
    <${Notice} isPage=${isPage} icon=${isOffline ? "wifi-off" : "circle-alert"} tone="bad" title=${t(isOffline ? "failure.offline" : "failure.title")}>
      <p>${isOffline ? t("failure.offline.body") : error.message}</p>
      ${retry && html`<button type="button" class="button" onClick=${retry}><${Icon} name="refresh-cw" />${t("retry")}</button>`}
    </${Notice}>`;
}

/** @param {{ lines?: number }} props */
export function Skeleton({ lines = 3 }) {
  return html`<div class="skeletons" role="status" aria-label=${t("loading")}>
    ${Array.from({ length: lines }, (_, index) => html`<div class="skeleton" key=${index}></div>`)}
  </div>`;
}

/** Say which limit was met and when it may be tried again; nothing if it was none of them.
 * @param {ApiError} error @param {Rules} rules @returns {string | null} */
export function limitText({ code, problem }, rules) {
  const wait = problem.retry_after;
  const time = wait === undefined ? "" : clock(wait * 1000);
  const later = time && ` ${t("limit.later", { time })}`;
  switch (code) {
    case "too_many_seats":
      return t("limit.seats", { count: rules.seats_per_buyer }) + later;
    case "too_many_holds":
      return t("limit.holds", { count: rules.holds_per_buyer }) + later;
    case "address_limit":
      return t("limit.address", { count: rules.seats_per_address }) + later;
    case "seat_cooling_down": {
      const seats = (problem.seats ?? []).map(({ seat }) => seat);
      return t("limit.cooling", { seats: list(seats), time });
    }
    case "already_extended":
      return t("clock.limit");
    default:
      return null;
  }
}

/** The way out that needs no waiting, if there is one.
 * @param {ApiError} error */
export const limitAction = ({ code }) =>
  code === "address_limit"
    ? {
        label: t("nav.login"),
        run: () => location.assign(`/login?next=${encodeURIComponent(location.pathname)}`),
      }
    : undefined;
