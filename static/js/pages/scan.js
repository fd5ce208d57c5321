// `/scan`: at the door of a bus, on a driver's phone or a scanner with keys: who may board, with or without a network.
import words from "messages/scan";
import { beat, kept } from "../core/device.js";
import { effect, html, Icon, signal, useEffect, useState } from "../core/dom.js";
import { stayAwake } from "../core/renew.js";
import { enlist, mountAlone, ThemeButton } from "../core/shell.js";
import { learn, t, time } from "../core/text.js";
import { announce, Field } from "../core/ui.js";
import { Camera } from "../scan/camera.js";
import { counts, isJudging, scan, shown, start, work } from "../scan/desk.js";
import { filesToRead } from "../scan/detector.js";
import { named } from "../scan/door.js";
import { Choice, Entrance } from "../scan/entrance.js";
import { forgetManifests } from "../scan/keep.js";
import { Conflicts, Last, List, wanted } from "../scan/list.js";
import { conflicts, waiting } from "../scan/outbox.js";
import { door, fault, isConnected, leaveBus, mayScan, standAt, stopAt } from "../scan/place.js";
import { proceed, VerdictPlace } from "../scan/verdict.js";
import { NOTHING, press } from "../scan/wedge.js";
import { zone } from "../scan/zone.js";

learn(words);

/** @typedef {"scan" | "list"} Tab */
const TABS = /** @type {[Tab, string][]} */ ([
  ["scan", "scan-line"],
  ["list", "list"],
]);
const tab = signal(/** @type {Tab} */ ("scan"));
const isStarted = signal(false);

function ScanPage() {
  if (!isStarted.value) return null;
  if (!mayScan.value) return html`<${Entrance} />`;
  if (!door.value) return html`<${Choice} />`;
  return html`<div class="scan" inert=${shown.value !== null}>
      <${TopBar} />
      <main id="main" class="scan-main" tabindex="-1">
        <${Conflicts} />
        ${tab.value === "list" ? html`<${List} />` : html`<${Scanning} />`}
      </main>
      <${Tabs} />
    </div>
    <${VerdictPlace} />`;
}

function TopBar() {
  const at = door.value;
  if (!at) return null;
  const here = at.stops[stopAt.value];
  const onChange = (/** @type {any} */ event) => standAt(Number(event.target.value));
  return html`<header class="scan-top">
    <button type="button" class="icon-button" aria-label=${t("scan.other.bus")} onClick=${leaveBus}><${Icon} name="arrow-left" class="flip" /></button>
    <h1>${at.bus_name}<small>${at.status === "CANCELLED" ? t("scan.bus.cancelled") : t("scan.leaves", { time: time(here.departs_at, zone()) })}</small></h1>
    <${ThemeButton} />
    <div class="scan-where"><label for="scan-stop"><${Icon} name="map-pin" /><span class="visually-hidden">${t("scan.stop")}</span></label>
      <select id="scan-stop" class="control" value=${String(stopAt.value)} onChange=${onChange}>${at.stops
        .slice(0, -1)
        .map(
          (each, index) =>
            html`<option key=${each.departs_at} value=${String(index)} selected=${index === stopAt.value}>${time(each.departs_at, zone())} ${each.stop.name}</option>`,
        )}</select></div>
    <${Connection} />
  </header>`;
}

/** Whether the server hears us, and what it has not heard yet. */
function Connection() {
  const isGone = !isConnected.value;
  const count = waiting.value;
  const isSaid = isGone || count > 0;
  useEffect(() => {
    if (isGone) announce(t("scan.offline"));
  }, [isGone]);
  const text = [
    (isGone || !count) && t(isGone ? "scan.offline.short" : "scan.online"),
    count && t("scan.unsent", { count }),
  ]
    .filter(Boolean)
    .join(" · ");
  return html`<p class="scan-state" data-state=${isGone ? "gone" : isSaid ? "sending" : "live"}>
      <${Icon} name=${isGone ? "wifi-off" : isSaid ? "clock" : "check"} /><span>${text}</span></p>
    ${
      fault.value &&
      !isGone &&
      html`<p class="banner scan-fault" data-tone="bad"><${Icon} name="circle-alert" /><span>${fault.value.message}</span>
      <button type="button" class="button small" onClick=${work}>${t("retry")}</button></p>`
    }`;
}

function Scanning() {
  const here = counts.value[stopAt.value];
  const missing = () => {
    wanted.value = "";
    tab.value = "list";
  };
  return html`
    <${Camera} onCode=${(/** @type {string} */ text) => scan({ ticket: text })} isPaused=${shown.value !== null || isJudging.value} />
    <button type="button" class="scan-count" onClick=${missing}>
      <span class="scan-figures"><strong>${here.boarded}</strong> <span>${t("scan.expected", { count: here.expected })}</span></span> <span>${here.missing ? t("scan.missing", { count: here.missing }) : t("scan.complete")}<${Icon} name="chevron-right" class="flip" /></span>
      <progress max=${Math.max(1, here.expected)} value=${here.boarded} aria-hidden="true"></progress>
    </button>
    <${Last} />
    <${ByHand} />`;
}

function ByHand() {
  const [typed, setTyped] = useState("");
  const [fault, setFault] = useState("");
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const at = door.peek();
    if (!at || !typed.trim()) return;
    const ticket = named(at, typed, stopAt.peek());
    if (ticket) {
      setTyped("");
      setFault("");
      scan(ticket);
    } else if (at.lines.some(({ ref, seat }) => [ref, seat].includes(typed.trim().toUpperCase()))) {
      // More than one of them: the list shows which.
      wanted.value = typed.trim();
      tab.value = "list";
    } else {
      setFault(t("scan.hand.none"));
      announce(t("scan.hand.none"));
    }
  };
  return html`<form class="scan-hand" onSubmit=${submit}>
    <${Field} label=${t("scan.hand")} name="scan-typed" autocomplete="off" autocapitalize="characters" spellcheck="false" enterkeyhint="go"
      hint=${t("scan.hand.hint")} error=${fault} value=${typed} onValue=${setTyped} />
    <button class="button primary" aria-disabled=${!typed.trim()}>${t("scan.hand.go")}</button>
  </form>`;
}

function Tabs() {
  return html`<nav class="scan-tabs" aria-label=${t("scan.tabs")}>${TABS.map(
    ([name, icon]) =>
      html`<button type="button" key=${name} aria-current=${tab.value === name ? "page" : null} onClick=${() => {
        tab.value = name;
        scrollTo(0, 0);
      }}><${Icon} name=${icon} />${t(`scan.tab.${name}`)}${name === "list" && conflicts.value.length > 0 && html`<b>${conflicts.value.length}</b>`}</button>`,
  )}</nav>`;
}

/** Hear a scanner that types. In a field somebody writes, and a scanner types there as they would. */
function listen() {
  let held = NOTHING;
  document.addEventListener(
    "keydown",
    (event) => {
      const { target, key } = event;
      const isField = target instanceof HTMLElement && target.matches("input, select, textarea");
      if (!door.peek() || isField || event.ctrlKey || event.metaKey || event.altKey) return;
      const heard = press(held, key, event.timeStamp);
      held = heard.held;
      if (heard.isTaken) {
        event.preventDefault();
        event.stopPropagation();
      }
      if (heard.text === null) return;
      const at = /** @type {import("../scan/door.js").Door} */ (door.peek());
      proceed();
      scan(named(at, heard.text, stopAt.peek()) ?? { ticket: heard.text });
    },
    { capture: true },
  );
}

/** The shell is kept as soon as there is a worker: the next time there may be no network. */
function keepPage() {
  enlist();
  navigator.serviceWorker?.ready.then(async ({ active }) => {
    active?.postMessage({ keep: "/scan", with: await filesToRead() });
  });
}

let wasAllowed = false;
effect(() => {
  // Shut out or signed out: who travels is nobody's business here any more. What waits to be sent names no one, and
  // goes when somebody is let in again.
  if (wasAllowed && !mayScan.value) {
    leaveBus();
    shown.value = null;
    forgetManifests();
  }
  wasAllowed = mayScan.value;
});
effect(() => {
  if (kept.value?.kind === "scanner") beat();
});

mountAlone(ScanPage, t("scan.title"));
listen();
stayAwake();
if (document.readyState === "complete") keepPage();
else addEventListener("load", keepPage);
start().finally(() => {
  isStarted.value = true;
});
