// Before anything is scanned: becoming a scanner, by six digits or by signing in, and choosing the bus.
import { ApiError, call, signedOut, user } from "../core/api.js";
import { about, kept, pair } from "../core/device.js";
import { html, Icon, tick, useEffect, useState } from "../core/dom.js";
import { Mark } from "../core/shell.js";
import { clock, isoDay, t, time } from "../core/text.js";
import { announce, Dialog, Failure, Field, Notice, Skeleton } from "../core/ui.js";
import { forgetAll } from "./desk.js";
import { waiting } from "./outbox.js";
import { buses, isConnected, isStaff, listBuses, open } from "./place.js";
import { zone } from "./zone.js";

/** @typedef {import("../api.d.ts").BusOfDay} BusOfDay */

const DIGITS = 6;
const DAY_MS = 86_400_000;
const DAYS = /** @type {["before" | "today" | "after", number][]} */ ([
  ["before", -1],
  ["today", 0],
  ["after", 1],
]);

export function Entrance() {
  const [code, setCode] = useState("");
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (code.length !== DIGITS || isBusy) return;
    setBusy(true);
    setFault("");
    try {
      const { kind, stop } = await pair(code);
      if (kind !== "scanner") location.replace(kind === "board" ? `/board/${stop}` : "/kiosk");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const text = faultOf(error);
      setFault(text);
      announce(text);
    } finally {
      setBusy(false);
    }
  };
  const other = kept.value && kept.value.kind !== "scanner" ? kept.value : null;
  return html`
    <main id="main" class="scan-entrance" tabindex="-1">
      <h1><${Mark} />${t("scan.title")}</h1>
      ${other && html`<p class="hint">${t("scan.other", { kind: t(other.kind === "board" ? "scan.kind.board" : "scan.kind.kiosk") })}</p>`}
      ${user.value && html`<${Notice} icon="user" title=${t("scan.role")}><p>${t("scan.role.body", { email: user.value.email })}</p></${Notice}>`}
      <form class="card" onSubmit=${submit}>
        <h2><${Icon} name="link" />${t("scan.pair")}</h2>
        <p>${t("scan.pair.body")}</p>
        <${Field} label=${t("scan.pair.code")} name="code" inputmode="numeric" autocomplete="one-time-code" maxlength=${DIGITS} class="scan-digits"
          value=${code} error=${fault} onValue=${(/** @type {string} */ typed) => setCode(typed.replace(/\D/g, ""))} />
        <button class="button primary wide scan-big" aria-disabled=${code.length !== DIGITS || isBusy}>${t("scan.pair.go")}</button>
      </form>
      <section class="card">
        <h2><${Icon} name="user" />${t("scan.staff")}</h2>
        <p>${t("scan.staff.body")}</p>
        <a class="button wide scan-big" href="/login?next=/scan">${t("nav.login")}</a>
      </section>
    </main>`;
}

/** @param {ApiError} error */
function faultOf(error) {
  if (error.code === "offline") return t("failure.offline");
  if (error.status === 429)
    return t("scan.pair.later", { time: clock((error.problem.retry_after ?? 60) * 1000) });
  return error.status === 404 ? t("scan.pair.wrong") : error.message;
}

/** Which bus: those of a day, the ones that have not gone first in sight. */
export function Choice() {
  const [day, setDay] = useState(0);
  const [state, setState] = useState(/** @type {"loading" | "here" | ApiError} */ ("loading"));
  const [going, go] = useState("");
  const load = async () => {
    setState("loading");
    try {
      // Today is what the operator's clock says; a scanner's own may stand in another zone.
      await listBuses(day ? isoDay(tick.peek() + day * DAY_MS, zone()) : null);
      setState("here");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setState(error);
    }
  };
  useEffect(() => {
    load();
  }, [day, isConnected.value]);
  const choose = async (/** @type {string} */ bus) => {
    go(bus);
    try {
      await open(bus, null);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setState(error);
    } finally {
      go("");
    }
  };
  return html`
    <main id="main" class="scan-choice" tabindex="-1">
      <header><h1>${t("scan.choose")}</h1><${Leave} /></header>
      <div class="switch" role="group" aria-label=${t("scan.day")}>${DAYS.map(
        ([name, each]) =>
          html`<button type="button" key=${name} aria-pressed=${day === each} onClick=${() => setDay(each)}>${t(`scan.day.${name}`)}</button>`,
      )}</div>
      ${!isConnected.value && html`<p class="banner" data-tone="bad"><${Icon} name="wifi-off" /><span>${t("scan.choose.offline")}</span></p>`}
      ${state === "loading" ? html`<${Skeleton} />` : state === "here" ? html`<${Buses} going=${going} choose=${choose} />` : html`<${Failure} error=${state} retry=${load} />`}
    </main>`;
}

/** @param {{ going: string, choose: (bus: string) => void }} props */
function Buses({ going, choose }) {
  if (!buses.value.length)
    return html`<${Notice} icon="bus" title=${t("scan.none")}><p>${t("scan.none.body")}</p></${Notice}>`;
  return html`<ul class="scan-buses">${buses.value.map((bus) => {
    const isGone = Date.parse(bus.arrives_at) < tick.value;
    return html`<li key=${bus.id}><button type="button" class="scan-bus" data-gone=${isGone ? "" : null} aria-busy=${going === bus.id} onClick=${() => choose(bus.id)}>
      <strong>${time(bus.departs_at, zone())}</strong>
      <span>${bus.name}<small>${bus.status === "CANCELLED" ? t("scan.bus.cancelled") : (bus.route ?? "")}</small></span>
      <span class="scan-bus-count">${t("scan.of", { boarded: bus.boarded, count: bus.tickets })}</span>
    </button></li>`;
  })}</ul>`;
}

/** Ceasing to be a scanner takes everything along, and what was not sent is lost. */
function Leave() {
  const [isAsking, ask] = useState(false);
  const leave = async () => {
    const wasStaff = isStaff.peek();
    if (wasStaff) await call("POST", "/auth/logout").catch(() => {});
    await forgetAll();
    if (wasStaff) signedOut();
  };
  const name = isStaff.value ? user.value?.email : about.value?.name;
  const actions = html`
    <button type="button" class="button" onClick=${() => ask(false)}>${t("scan.leave.not")}</button>
    <button type="button" class="button danger" onClick=${leave}>${t(isStaff.value ? "nav.logout" : "scan.leave")}</button>`;
  return html`<button type="button" class="button small" aria-haspopup="dialog" aria-label=${t("scan.leave.of", { name: name ?? "" })} onClick=${() => ask(true)}><${Icon} name="log-out" class="flip" />${name}</button>
    ${
      isAsking &&
      html`<${Dialog} title=${t("scan.leave.title")} onClose=${() => ask(false)} actions=${actions}>
      <p>${t(isStaff.value ? "scan.leave.staff" : "scan.leave.device")}</p>
      ${waiting.value > 0 && html`<p class="field-error"><${Icon} name="triangle-alert" />${t("scan.leave.unsent", { count: waiting.value })}</p>`}
    </${Dialog}>`
    }`;
}
