// The frame of the sales floor: menu, whose things are shown, who is at work; inside it the view of the address.
import admin from "messages/admin";
import { ApiError, call, signedOut, user } from "../core/api.js";
import { html, Icon, signal, useEffect, useState } from "../core/dom.js";
import { Mark, setTitle, ThemeButton } from "../core/shell.js";
import { learn, t } from "../core/text.js";
import { Failure, Messages, Notice, Skeleton } from "../core/ui.js";
import { Confirmation } from "./dialog.js";
import { KeyHelp, onKeyDown, showKeys } from "./keys.js";
import { find, GROUPS, home, menu } from "./nav.js";
import { tell } from "./parts.js";
import { followLink, go, leaveFreely, path, query } from "./place.js";
import {
  chooseOperator,
  isOneOf,
  isPlatform,
  learnOperators,
  operator,
  operators,
  role,
} from "./staff.js";

/** @typedef {import("./nav.js").Entry} Entry */

learn(admin);

const isMenuOpen = signal(false);
let hasArrived = false;

export function App() {
  const isIn = role.value !== null;
  useEffect(() => {
    document.addEventListener("keydown", onKeyDown);
    document.addEventListener("click", followLink);
    return () => {
      document.removeEventListener("keydown", onKeyDown);
      document.removeEventListener("click", followLink);
    };
  }, []);
  useEffect(() => {
    if (isIn) learnOperators().catch(tell);
  }, [isIn]);
  return html`
    <a class="skip" href="#main">${t("skip")}</a>
    <${TopBar} isIn=${isIn} />
    <div class="floor" data-menu=${isMenuOpen.value ? "open" : "closed"}>
      ${isIn && html`<${Menu} />`}
      <main id="main" class="floor-main" tabindex="-1"><${Outlet} isIn=${isIn} /></main>
    </div>
    <${Messages} />
    <${Confirmation} />
    <${KeyHelp} />`;
}

/** @param {{ isIn: boolean }} props */
function TopBar({ isIn }) {
  const turn = () => {
    isMenuOpen.value = !isMenuOpen.peek();
  };
  return html`
    <header class="top floor-top">
      <div class="top-inner">
        ${
          isIn &&
          html`<button type="button" class="icon-button menu-button" aria-expanded=${isMenuOpen.value} aria-controls="floor-menu"
          aria-label=${t("admin.menu")} onClick=${turn}><${Icon} name=${isMenuOpen.value ? "x" : "menu"} /></button>`
        }
        <a class="brand" href="/admin/"><${Mark} /><span>Omnibus</span></a>
        ${isIn && html`<${OperatorChoice} />`}
        <nav aria-label=${t("admin.tools")}>
          ${isIn && html`<button type="button" class="way way-icon keys-button" aria-label=${t("admin.keys.title")} title=${t("admin.keys.title")} onClick=${showKeys}><${Icon} name="keyboard" /></button>`}
          <${ThemeButton} />
          ${user.value && html`<${Account} />`}
        </nav>
      </div>
    </header>`;
}

/** The house chooses whose things it looks at; everybody else sees whose they are. */
function OperatorChoice() {
  if (!isPlatform.value) {
    const own = operators.value.find(({ id }) => id === operator.value);
    return own ? html`<span class="whose">${own.name}</span>` : null;
  }
  const choose = (/** @type {any} */ event) => chooseOperator(event.target.value);
  return html`
    <select class="control whose-choice" aria-label=${t("admin.operator")} value=${operator.value ?? ""} onChange=${choose}>
      <option value="">${t("admin.operator.all")}</option>
      ${operators.value.map(({ id, name }) => html`<option key=${id} value=${id}>${name}</option>`)}
    </select>`;
}

function Account() {
  const leave = async () => {
    await call("POST", "/auth/logout").catch(() => {});
    signedOut();
    leaveFreely();
    go("/admin/");
  };
  const known = /** @type {import("../api.d.ts").User} */ (user.value);
  return html`
    <span class="who" title=${known.email}><strong>${known.name}</strong>
      ${role.value && html`<small>${t(`admin.role.${role.value}`)}</small>`}</span>
    <button type="button" class="way" onClick=${leave}><${Icon} name="log-out" /><span>${t("nav.logout")}</span></button>`;
}

function Menu() {
  const here = find(path.value)?.entry;
  const lines = menu();
  return html`
    <nav id="floor-menu" class="floor-menu" aria-label=${t("admin.menu")}>
      ${GROUPS.map((group) => {
        const found = lines.filter((each) => each.group === group);
        return (
          found.length > 0 &&
          html`<section key=${group} aria-labelledby=${`menu-${group}`}>
            <h2 id=${`menu-${group}`}>${t(`admin.group.${group}`)}</h2>
            <ul>${found.map((each) => html`<${Line} key=${each.path} entry=${each} isHere=${isBelow(here, each)} />`)}</ul>
          </section>`
        );
      })}
    </nav>`;
}

/** @param {Entry | undefined} here @param {Entry} entry */
const isBelow = (here, entry) =>
  here === entry || (entry.path !== "/admin" && here?.path.startsWith(`${entry.path}/`));

/** @param {{ entry: Entry, isHere: boolean }} props */
function Line({ entry, isHere }) {
  const close = () => {
    isMenuOpen.value = false;
  };
  const href = entry.path === "/admin" ? "/admin/" : entry.path;
  return html`<li><a class="floor-way" href=${href} aria-current=${isHere ? "page" : null} onClick=${close}>
    <${Icon} name=${entry.icon} /><span>${t(entry.name)}</span></a></li>`;
}

/** @param {{ isIn: boolean }} props */
function Outlet({ isIn }) {
  if (!isIn) return html`<${Doorway} />`;
  const found = find(path.value);
  if (!found)
    return html`<${Notice} isPage icon="info" title=${t("admin.missing")}><p>${t("admin.missing.body")}</p><a class="button" href=${home()}>${t("admin.home")}</a></${Notice}>`;
  if (!isOneOf(found.entry.roles)) return html`<${Closed} />`;
  return html`<${View} key=${found.entry.path} entry=${found.entry} params=${found.params} />`;
}

/** Whoever cannot come in is told why, and where to go instead. */
function Doorway() {
  useEffect(() => setTitle(t("admin.title")), []);
  if (user.value)
    return html`
      <${Notice} isPage icon="lock" title=${t("admin.rider")}><p>${t("admin.rider.body", { email: user.value.email })}</p>
        <a class="button primary" href="/my">${t("nav.my")}</a><a class="button" href="/">${t("nav.search")}</a></${Notice}>`;
  const next = encodeURIComponent(location.pathname + location.search);
  return html`
    <${Notice} isPage icon="lock" title=${t("admin.door")}><p>${t("admin.door.body")}</p>
      <a class="button primary" href=${`/login?next=${next}`}>${t("nav.login")}</a></${Notice}>`;
}

/** A view that others may see; who starts at a closed one is led to an open one. */
function Closed() {
  const start = home();
  const isStart = path.value === "/admin" || path.value === "/admin/";
  useEffect(() => {
    if (isStart && start !== "/admin/") go(start, { replace: true });
  }, [isStart, start]);
  if (isStart && start !== "/admin/") return null;
  return html`<${Notice} isPage icon="lock" title=${t("admin.closed")}><p>${t("admin.closed.body")}</p><a class="button" href=${start}>${t("admin.home")}</a></${Notice}>`;
}

/** @param {{ entry: Entry, params: Record<string, string> }} props */
function View({ entry, params }) {
  const [loaded, setLoaded] = useState(/** @type {{ Shown: any } | null} */ (null));
  const [fault, setFault] = useState(/** @type {ApiError | null} */ (null));
  const load = async () => {
    setFault(null);
    try {
      const module = await entry.load();
      setLoaded({ Shown: module.default });
    } catch (error) {
      // A browser says the same of a lost network and of a file that is gone with an older edition.
      if (!(error instanceof TypeError)) throw error;
      setFault(new ApiError({ status: 0, code: "offline", title: String(error) }));
    }
  };
  useEffect(() => {
    setTitle(t(entry.name));
    // Another view is another page to a screen reader: it goes on reading at its beginning.
    if (hasArrived) document.getElementById("main")?.focus({ preventScroll: true });
    if (hasArrived) scrollTo(0, 0);
    hasArrived = true;
    load();
  }, [entry]);
  if (fault) return html`<${Failure} isPage error=${fault} retry=${load} />`;
  if (!loaded) return html`<${Skeleton} lines=${4} />`;
  return html`<${loaded.Shown} params=${params} query=${query.value} />`;
}
