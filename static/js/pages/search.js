// `/`: from where to where, and when. The address carries the question, so back, reload and a shared link ask it again.
import { ApiError, get } from "../core/api.js";
import { StopInput } from "../core/combobox.js";
import { html, Icon, now, signal, stored, useEffect, useState } from "../core/dom.js";
import { mount, setTitle } from "../core/shell.js";
import { day, duration, isoDay, longDay, money, nights, t, time, zoneName } from "../core/text.js";
import { announce, Failure, Notice, Skeleton } from "../core/ui.js";

/** @typedef {import("../api.d.ts").Departure} Departure */
/** @typedef {import("../api.d.ts").Stop} Stop */
/** @typedef {{ from: Stop | null, to: Stop | null, date: string }} Question */

const AT_ONCE = 10;
const AGAIN_MS = 20_000;
const RECENT = 4;
const DAY_MS = 86_400_000;

const recent = stored("omnibus.recent", /** @type {Question[]} */ ([]));
const question = signal(/** @type {Question} */ ({ from: null, to: null, date: "" }));
const buses = signal(/** @type {Departure[] | null} */ (null));
const cursor = signal(/** @type {string | null} */ (null));
const failure = signal(/** @type {ApiError | null} */ (null));
let asked = 0;
/** The form is drawn anew for every question; a search that was asked for leads on to its answer. */
let isFocusDue = false;

const isAsked = () => Boolean(question.value.from || question.value.to || question.value.date);

/** @param {Question} asked @param {Record<string, string>} more */
function queryOf({ from, to, date }, more) {
  const given = { from: from?.id, to: to?.id, date, ...more };
  return new URLSearchParams(
    /** @type {[string, string][]} */ (Object.entries(given).filter(([, value]) => value)),
  );
}

/** Read the question from the address. Names are there for people; ids decide. */
function readAddress() {
  const query = new URLSearchParams(location.search);
  const stop = (/** @type {string} */ name) => {
    const id = query.get(name);
    return id
      ? /** @type {Stop} */ ({ id, name: query.get(`${name}_name`) ?? "", time_zone: "UTC" })
      : null;
  };
  question.value = { from: stop("from"), to: stop("to"), date: query.get("date") ?? "" };
}

/** @param {Question} next */
function go(next) {
  const names = { from_name: next.from?.name ?? "", to_name: next.to?.name ?? "" };
  const query = queryOf(next, names);
  const address = query.size ? `/?${query}` : "/";
  if (address !== location.pathname + location.search) history.pushState(null, "", address);
  question.value = next;
  isFocusDue = true;
  if (next.from || next.to) {
    const isOther = (/** @type {Question} */ each) =>
      each.from?.id !== next.from?.id || each.to?.id !== next.to?.id;
    recent.value = [next, ...recent.value.filter(isOther)].slice(0, RECENT);
  }
  ask();
}

async function ask() {
  asked += 1;
  const mine = asked;
  buses.value = null;
  failure.value = null;
  const { from, to } = question.value;
  setTitle(from && to ? `${from.name} – ${to.name}` : t("search.title"));
  try {
    const page = await get(`/buses?${queryOf(question.value, { limit: String(AT_ONCE) })}`, {
      guest: true,
    });
    if (mine !== asked) return;
    buses.value = page.items;
    cursor.value = page.next_cursor;
    if (isAsked()) announce(t("search.results", { count: page.items.length }));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (mine === asked) failure.value = error;
  }
}

async function more() {
  if (!cursor.value) return;
  const mine = asked;
  const query = queryOf(question.value, { limit: String(AT_ONCE), cursor: cursor.value });
  try {
    const page = await get(`/buses?${query}`, { guest: true });
    if (mine !== asked) return;
    buses.value = [...(buses.value ?? []), ...page.items];
    cursor.value = page.next_cursor;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    failure.value = error;
  }
}

/** Seats are sold while somebody reads: bring the numbers up to date without moving anything. */
async function freshen() {
  const shown = buses.peek();
  if (!shown?.length || document.visibilityState !== "visible") return;
  const mine = asked;
  const limit = String(Math.min(100, shown.length));
  const page = await get(`/buses?${queryOf(question.peek(), { limit })}`, { guest: true }).catch(
    () => null,
  );
  if (!page || mine !== asked) return;
  const fresh = new Map(page.items.map((/** @type {Departure} */ bus) => [bus.id, bus]));
  buses.value = (buses.peek() ?? []).map((bus) => fresh.get(bus.id) ?? bus);
}

function SearchPage() {
  return html`
    <div class="hero" data-asked=${isAsked() ? "" : null}>
      <h1>${t("search.lead")}</h1>
      <p>${t("search.sub")}</p>
      <${SearchForm} key=${JSON.stringify(question.value)} />
    </div>
    ${!isAsked() && recent.value.length > 0 && html`<${Recent} />`}
    <${Results} />`;
}

function SearchForm() {
  const [from, setFrom] = useState(question.value.from);
  const [to, setTo] = useState(question.value.to);
  const [date, setDate] = useState(question.value.date);
  const [faults, setFaults] = useState(/** @type {Record<string, string>} */ ({}));
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    const typed = (/** @type {string} */ name) => event.target.elements[name].value.trim();
    const found = {
      ...(typed("from") && !from ? { from: t("search.unknown") } : {}),
      ...(typed("to") && !to ? { to: t("search.unknown") } : {}),
    };
    setFaults(found);
    const first = Object.keys(found)[0];
    if (first) event.target.elements[first].focus();
    else go({ from, to, date });
  };
  const swap = () => {
    setFrom(to);
    setTo(from);
  };
  return html`
    <form class="search" role="search" onSubmit=${submit} novalidate>
      <${StopInput} name="from" label=${t("search.from")} icon="map-pin" stop=${from} error=${faults.from} onStop=${setFrom} />
      <button type="button" class="icon-button swap" aria-label=${t("search.swap")} onClick=${swap}><${Icon} name="arrow-left-right" /></button>
      <${StopInput} name="to" label=${t("search.to")} icon="map-pin" stop=${to} error=${faults.to} onStop=${setTo} />
      <div class="field"><label for="date">${t("search.date")}</label>
        <input id="date" name="date" type="date" min=${isoDay(now() - DAY_MS)} value=${date} onInput=${(/** @type {any} */ event) => setDate(event.target.value)} /></div>
      <button class="button primary"><${Icon} name="search" />${t("search.go")}</button>
    </form>`;
}

function Recent() {
  return html`
    <section class="recent" aria-labelledby="recent-title"><h2 id="recent-title">${t("search.recent")}</h2>
      <div class="chips">${recent.value.map(
        (
          each,
          index,
        ) => html`<button type="button" class="chip" key=${index} onClick=${() => go({ ...each, date: each.date >= isoDay(now()) ? each.date : "" })}>
          <${Icon} name="history" />${each.from?.name ?? t("search.from.any")} – ${each.to?.name ?? t("search.to.any")}</button>`,
      )}</div></section>`;
}

function Results() {
  if (failure.value) return html`<${Failure} error=${failure.value} retry=${ask} />`;
  if (!buses.value) return html`<${Skeleton} lines=${4} />`;
  const { date } = question.value;
  const count = buses.value.length;
  const counted = t(cursor.value ? "search.many" : "search.results", { count });
  const title = isAsked() ? counted : t("search.soon");
  const isEmpty = buses.value.length === 0;
  const none = isAsked() ? "search.none" : "search.none.ever";
  return html`
    <section class="results" aria-labelledby="results-title">
      <div class="results-head">
        <h2 id="results-title" tabindex="-1" ref=${focusOnce}>${title}</h2>
        ${date && html`<${DayStrip} date=${date} />`}
      </div>
      ${
        isEmpty
          ? html`<${Notice} icon="calendar-days" title=${t(none)}><p>${t(`${none}.body`)}</p></${Notice}>`
          : html`<ol class="result-list">${buses.value.map((bus) => html`<${Result} key=${bus.id} bus=${bus} />`)}</ol>`
      }
      ${cursor.value && html`<button type="button" class="button wide" onClick=${more}>${t("search.more")}</button>`}
    </section>`;
}

/** @param {HTMLElement | null} heading */
function focusOnce(heading) {
  if (!heading || !isFocusDue) return;
  isFocusDue = false;
  heading.focus();
}

/** @param {{ date: string }} props */
function DayStrip({ date }) {
  const turn = (/** @type {number} */ by) =>
    go({ ...question.value, date: isoDay(Date.parse(date) + by * DAY_MS, "UTC") });
  const isFirst = Date.parse(date) <= now() - DAY_MS;
  return html`
    <div class="days">
      <button type="button" class="icon-button" aria-label=${t("search.earlier")} aria-disabled=${isFirst} onClick=${() => !isFirst && turn(-1)}><${Icon} name="chevron-left" class="flip" /></button>
      <span>${longDay(date, "UTC")}</span>
      <button type="button" class="icon-button" aria-label=${t("search.later")} onClick=${() => turn(1)}><${Icon} name="chevron-right" class="flip" /></button>
    </div>`;
}

/** @param {{ bus: Departure }} props */
function Result({ bus }) {
  const { from_stop: from, to_stop: to } = bus;
  const left = bus.seats_available;
  const later = nights(bus.departs_at, from.time_zone, bus.arrives_at, to.time_zone);
  const isFull = left === 0 || bus.status !== "SCHEDULED";
  const href = `/buses/${bus.id}?${new URLSearchParams({ from: from.id, to: to.id })}`;
  return html`
    <li class="result" data-full=${isFull ? "" : null}>
      <a href=${href}>
        <div class="result-line">
          <p class="end"><time dateTime=${bus.departs_at}><span class="visually-hidden">${t("result.departs")} </span>${time(bus.departs_at, from.time_zone)}</time>
            <small>${zoneName(bus.departs_at, from.time_zone)}</small><span>${from.name}</span></p>
          <p class="way-between"><span>${duration(bus.departs_at, bus.arrives_at)}</span></p>
          <p class="end"><time dateTime=${bus.arrives_at}><span class="visually-hidden">${t("result.arrives")} </span>${time(bus.arrives_at, to.time_zone)}${later > 0 && html`<sup title=${t("result.night", { count: later })}>+${later}</sup>`}</time>
            <small>${zoneName(bus.arrives_at, to.time_zone)}</small><span>${to.name}</span></p>
        </div>
        <p class="result-bus"><strong>${day(bus.departs_at, from.time_zone)}</strong> <${Icon} name="bus" />${bus.operator.name} · ${bus.name}</p>
        <div class="stub">
          <p class="price"><small>${t("result.from")}</small> <strong>${money(bus.price)}</strong></p>
          <p class="left" data-few=${left > 0 && left < 6 ? "" : null}>${left ? t("result.left", { count: left }) : t("result.full")}</p>
          <span class="go">${t("result.choose")}<${Icon} name="chevron-right" class="flip" /></span>
        </div>
      </a>
    </li>`;
}

function Search() {
  useEffect(() => {
    addEventListener("popstate", () => {
      readAddress();
      ask();
    });
    const timer = setInterval(freshen, AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return html`<${SearchPage} />`;
}

readAddress();
mount(Search, t("search.title"));
ask();
