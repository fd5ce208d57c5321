// The frame around every page: brand, ways around, theme, who is signed in.
import { call, signedOut, user } from "./api.js";
import { effect, html, Icon, recall, render, session, signal, useState } from "./dom.js";
import { language, t } from "./text.js";
import { Messages } from "./ui.js";

/** @typedef {"light" | "dark" | "auto"} Theme */

const THEMES = /** @type {Theme[]} */ (["auto", "light", "dark"]);
const THEME_ICONS = { auto: "monitor", light: "sun", dark: "moon" };
const YEAR_SECONDS = 31_536_000;
const root = document.documentElement;
const theme = signal(/** @type {Theme} */ (root.dataset.theme ?? "auto"));

// A cookie, because the server writes the theme into the page: no flash of the other one.
effect(() => {
  if (theme.value === (root.dataset.theme ?? "auto")) return;
  if (theme.value === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme.value;
  const age = theme.value === "auto" ? 0 : YEAR_SECONDS;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser yet
  document.cookie = `theme=${theme.value}; path=/; max-age=${age}; samesite=lax`;
});

/** Draw a page into its frame.
 * @param {(props: {}) => any} Page @param {string} title */
export function mount(Page, title) {
  setTitle(title);
  const app = /** @type {HTMLElement} */ (document.getElementById("app"));
  app.replaceChildren();
  render(html`<${Frame}><${Page} /></${Frame}>`, app);
  if (document.readyState === "complete") enlist();
  else addEventListener("load", enlist);
  if (recall(session, "omnibus.typed", null))
    import("./language.js").then(({ restore }) => restore());
}

/** Draw a page that is all there is on its screen: a kiosk's, a board's.
 * @param {(props: {}) => any} Page @param {string} title */
export function mountAlone(Page, title) {
  setTitle(title);
  const app = /** @type {HTMLElement} */ (document.getElementById("app"));
  app.replaceChildren();
  render(html`<${Page} /><${Messages} />`, app);
}

/** Have the worker that keeps tickets for where there is no network; not before the page itself is there. */
export function enlist() {
  navigator.serviceWorker?.register("/sw.js").catch(() => {});
}

/** @param {string} title */
export function setTitle(title) {
  document.title = title ? `${title} · Omnibus` : "Omnibus";
}

/** @param {{ children?: any }} props */
function Frame({ children }) {
  return html`
    <a class="skip" href="#main">${t("skip")}</a>
    <header class="top">
      <div class="top-inner">
        <a class="brand" href="/"><${Mark} /><span>Omnibus</span></a>
        <nav aria-label=${t("nav.label")}>
          <${Way} href="/" icon="search">${t("nav.search")}</${Way}>
          <${Way} href="/my" icon="ticket">${t("nav.my")}</${Way}>
          <${Account} />
          <${LanguageButton} />
          <${ThemeButton} />
        </nav>
      </div>
    </header>
    <main id="main" tabindex="-1">${children}</main>
    <footer class="foot">
      <p>${t("foot.promise")}</p>
      <p><a href="/my">${t("nav.my")}</a><a href="/docs">${t("foot.api")}</a></p>
    </footer>
    <${Messages} />`;
}

/** The sign of the house. */
export function Mark() {
  return html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
    <rect x="3" y="5" width="26" height="20" rx="6" class="mark-body" />
    <path d="M7 10h18v6H7z" class="mark-glass" />
    <circle cx="10" cy="25" r="3" class="mark-wheel" /><circle cx="22" cy="25" r="3" class="mark-wheel" />
  </svg>`;
}

/** @param {{ href: string, icon: string, children?: any }} props */
function Way({ href, icon, children }) {
  const isHere = location.pathname === href;
  return html`<a class="way" href=${href} aria-current=${isHere ? "page" : null}><${Icon} name=${icon} /><span>${children}</span></a>`;
}

function Account() {
  if (!user.value) return html`<${Way} href="/login" icon="user">${t("nav.login")}</${Way}>`;
  const leave = async () => {
    await call("POST", "/auth/logout").catch(() => {});
    signedOut();
    location.assign("/");
  };
  return html`<button type="button" class="way" onClick=${leave} title=${user.value.email}>
    <${Icon} name="log-out" class="flip" /><span>${t("nav.logout")}</span></button>`;
}

/** The dialog comes when it is asked for: most never ask. */
function LanguageButton() {
  const [Asked, ask] = useState(/** @type {any} */ (null));
  const open = async () => {
    const { LanguageDialog } = await import("./language.js");
    ask(() => LanguageDialog);
  };
  const name = new Intl.DisplayNames(language, { type: "language" }).of(language) ?? language;
  return html`<button type="button" class="way way-language" aria-haspopup="dialog" aria-label=${t("language.now", { name })} onClick=${open}>
      <${Icon} name="languages" /><span lang=${language}>${name}</span></button>
    ${Asked && html`<${Asked} onClose=${() => ask(null)} />`}`;
}

export function ThemeButton() {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length];
  return html`<button type="button" class="way way-icon" onClick=${() => {
    theme.value = next;
  }} aria-label=${t("theme.now", { theme: t(`theme.${theme.value}`), next: t(`theme.${next}`) })} title=${t(`theme.${theme.value}`)}>
    <${Icon} name=${THEME_ICONS[theme.value]} /></button>`;
}
