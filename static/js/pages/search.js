// `/`: from where to where, and when. The address carries the question with its filters, so back, reload and a shared
// link ask it again.
import words from "messages/search";
import { ApiError, get } from "../core/api.js";
import { html, now, signal, stored, useEffect, useMemo, useState } from "../core/dom.js";
import { mount, setTitle } from "../core/shell.js";
import { isoDay, learn, longDay, money, t } from "../core/text.js";
import { announce, Failure, Notice, Skeleton, toast } from "../core/ui.js";
import { inView, isCounted, watchCounts } from "../search/counts.js";
import { DayStrip, nextDay } from "../search/days.js";
import {
  applyFilters,
  countFilters,
  NONE,
  offerOf,
  readFilters,
  writeFilters,
} from "../search/filters.js";
import { Recent, SearchForm } from "../search/form.js";
import { FilterPanel, SortSelect } from "../search/panel.js";
import { isFull, Result } from "../search/result.js";

/** @typedef {import("../api.d.ts").Departure} Departure */
/** @typedef {import("../api.d.ts").Stop} Stop */
/** @typedef {import("../search/filters.js").Filters} Filters */
/** @typedef {import("../search/form.js").Question} Question */

learn(words);
const AT_ONCE = 10;
// Filters and order are of what has been found: whoever asks for a way or a day gets most days whole.
const ASKED_AT_ONCE = 50;
const AGAIN_MS = 20_000;
const RECENT = 4;

const recent = stored("omnibus.recent", /** @type {Question[]} */ ([]));
const question = signal(/** @type {Question} */ ({ from: null, to: null, date: "" }));
const filters = signal(NONE);
const buses = signal(/** @type {Departure[] | null} */ (null));
const cursor = signal(/** @type {string | null} */ (null));
const failure = signal(/** @type {ApiError | null} */ (null));
let asked = 0;
/** The form is drawn anew for every question; a search that was asked for leads on to its answer. */
let isFocusDue = false;

const isAsked = () => Boolean(question.value.from || question.value.to || question.value.date);
const limit = () => String(isAsked() ? ASKED_AT_ONCE : AT_ONCE);

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
  filters.value = readFilters(query);
}

/** @param {Question} asked */
function addressOf(asked) {
  const names = { from_name: asked.from?.name ?? "", to_name: asked.to?.name ?? "" };
  const query = queryOf(asked, names);
  writeFilters(query, filters.value);
  return query.size ? `/?${query}` : "/";
}

/** What is typed is part of no question yet; the address takes it along into another language.
 * @param {Question} typed */
const keep = (typed) => history.replaceState(null, "", addressOf(typed));

/** @param {Question} next */
function go(next) {
  const isOther = (/** @type {Question} */ each) =>
    each.from?.id !== next.from?.id || each.to?.id !== next.to?.id;
  // Prices and operators are those of a way: filters stay on another day, not on another way.
  if (isOther(question.value)) filters.value = NONE;
  const address = addressOf(next);
  if (address !== location.pathname + location.search) history.pushState(null, "", address);
  question.value = next;
  isFocusDue = true;
  if (next.from || next.to) recent.value = [next, ...recent.value.filter(isOther)].slice(0, RECENT);
  ask();
}

function forget() {
  recent.value = [];
}

/** @param {Partial<Filters>} change */
function setFilters(change) {
  filters.value = { ...filters.value, ...change };
  const query = new URLSearchParams(location.search);
  writeFilters(query, filters.value);
  history.replaceState(null, "", query.size ? `/?${query}` : "/");
  const all = buses.peek() ?? [];
  const count = applyFilters(all, filters.value).length;
  announce(t("filter.fit", { count, all: all.length }));
}

async function ask() {
  asked += 1;
  const mine = asked;
  buses.value = null;
  failure.value = null;
  const { from, to } = question.value;
  setTitle(from && to ? `${from.name} – ${to.name}` : t("search.title"));
  try {
    const page = await get(`/buses?${queryOf(question.value, { limit: limit() })}`, {
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
  const after = cursor.peek();
  if (!after) return;
  const mine = asked;
  const query = queryOf(question.value, { limit: limit(), cursor: after });
  try {
    const page = await get(`/buses?${query}`, { guest: true });
    // Another search by now, or pressed twice: these are here already.
    if (mine !== asked || after !== cursor.peek()) return;
    buses.value = [...(buses.value ?? []), ...page.items];
    cursor.value = page.next_cursor;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (mine !== asked) return;
    const text = error.code === "offline" ? t("failure.offline") : error.message;
    toast(text, { icon: "circle-alert", tone: "bad", action: { label: t("retry"), run: more } });
  }
}

/** Seats are sold while somebody reads: where nobody tells, bring the numbers up to date without moving anything. */
async function freshen() {
  const shown = buses.peek();
  if (!shown?.length || isCounted.peek() || document.visibilityState !== "visible") return;
  const mine = asked;
  const most = String(Math.min(100, shown.length));
  const page = await get(`/buses?${queryOf(question.peek(), { limit: most })}`, {
    guest: true,
  }).catch(() => null);
  if (!page || mine !== asked) return;
  const fresh = new Map(page.items.map((/** @type {Departure} */ bus) => [bus.id, bus]));
  buses.value = (buses.peek() ?? []).map((bus) => fresh.get(bus.id) ?? bus);
}

/** @param {import("../search/counts.js").Told} told */
function count({ seats, statuses }) {
  const isNews = (/** @type {Departure} */ bus) =>
    (seats.get(bus.id) ?? bus.seats_available) !== bus.seats_available ||
    (statuses.get(bus.id) ?? bus.status) !== bus.status;
  if (!buses.peek()?.some(isNews)) return;
  buses.value = (buses.peek() ?? []).map((bus) =>
    isNews(bus)
      ? {
          ...bus,
          seats_available: seats.get(bus.id) ?? bus.seats_available,
          status: statuses.get(bus.id) ?? bus.status,
        }
      : bus,
  );
}

function SearchPage() {
  return html`
    <div class="hero" data-asked=${isAsked() ? "" : null}>
      <h1>${t("search.lead")}</h1>
      <p>${t("search.sub")}</p>
      <${SearchForm} key=${JSON.stringify(question.value)} question=${question.value} go=${go} keep=${keep} />
    </div>
    ${!isAsked() && recent.value.length > 0 && html`<${Recent} recent=${recent.value} go=${go} clear=${forget} />`}
    <${Results} />`;
}

function Results() {
  const all = buses.value;
  const shown = useMemo(() => applyFilters(all ?? [], filters.value), [all, filters.value]);
  const offer = useMemo(() => offerOf(all ?? []), [all]);
  useEffect(() => watchView(shown), [shown]);
  if (failure.value) return html`<${Failure} error=${failure.value} retry=${ask} />`;
  const { from, to, date } = question.value;
  const days =
    isAsked() &&
    html`<${DayStrip} from=${from} to=${to} date=${date} go=${(/** @type {string} */ on) => go({ ...question.value, date: on })} />`;
  if (!all) return html`${days}<${Skeleton} lines=${4} />`;
  const isFiltered = countFilters(filters.value) > 0;
  const counted = isFiltered
    ? t("filter.fit", { count: shown.length, all: all.length })
    : t(cursor.value ? "search.many" : "search.results", { count: all.length });
  const panel =
    isAsked() &&
    all.length > 1 &&
    html`<${FilterPanel} offer=${offer} currency=${all[0].price.currency} filters=${filters.value} set=${setFilters} />`;
  return html`
    ${days}
    <section class="results" aria-labelledby="results-title" data-filters=${panel ? "" : null}>
      <div class="results-head">
        <h2 id="results-title" tabindex="-1" ref=${focusOnce}>${isAsked() ? counted : t("search.soon")}</h2>
        ${panel && html`<${SortSelect} filters=${filters.value} set=${setFilters} />`}
      </div>
      ${panel}
      <div class="results-body">
        ${all.every(isFull) && html`<${Nothing} isEmpty=${all.length === 0} />`}
        ${
          all.length > 0 &&
          shown.length === 0 &&
          html`<${Notice} icon="search" title=${t("filter.none")}><p>${t("filter.none.body")}</p>
            <button type="button" class="button" onClick=${() => setFilters({ ...NONE, sort: filters.value.sort })}>${t("filter.clear")}</button></${Notice}>`
        }
        <ol class="result-list">${shown.map((bus) => html`<${Result} key=${bus.id} bus=${bus} />`)}</ol>
        ${cursor.value && html`<button type="button" class="button wide" onClick=${more}>${t("search.more")}</button>`}
      </div>
    </section>`;
}

/** There is no seat: say so, and where the next ones are.
 * @param {{ isEmpty: boolean }} props */
function Nothing({ isEmpty }) {
  const [next, setNext] = useState(/** @type {import("../api.d.ts").Day | null} */ (null));
  const { from, to, date } = question.value;
  useEffect(() => {
    if (from) nextDay(from, to, date || isoDay(now())).then(setNext);
  }, []);
  const none = isEmpty ? (isAsked() ? "search.none" : "search.none.ever") : "search.full";
  const price = next?.price;
  return html`
    <${Notice} icon="calendar-days" title=${t(none)}><p>${t(`${none}.body`)}</p>
      ${
        next &&
        price &&
        html`<p>${t("search.full.next")}</p><button type="button" class="button primary" onClick=${() => go({ from, to, date: next.date })}>
        ${t("days.next", { day: longDay(next.date, "UTC"), price: money(price) })}</button>`
      }
    </${Notice}>`;
}

/** Keep what is in view counted.
 * @param {Departure[]} shown */
function watchView(shown) {
  const byId = new Map(shown.map((bus) => [bus.id, bus]));
  const seen = /** @type {Set<string>} */ (new Set());
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const id = /** @type {HTMLElement} */ (target).dataset.bus ?? "";
      if (isIntersecting) seen.add(id);
      else seen.delete(id);
    }
    inView.value = [...seen].map((id) => byId.get(id)).filter((bus) => bus !== undefined);
  });
  for (const line of document.querySelectorAll(".result")) observer.observe(line);
  return () => observer.disconnect();
}

/** @param {HTMLElement | null} heading */
function focusOnce(heading) {
  if (!heading || !isFocusDue) return;
  isFocusDue = false;
  heading.focus();
}

function Search() {
  useEffect(() => {
    addEventListener("popstate", () => {
      readAddress();
      ask();
    });
    watchCounts(count);
    const timer = setInterval(freshen, AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return html`<${SearchPage} />`;
}

readAddress();
mount(Search, t("search.title"));
ask();
