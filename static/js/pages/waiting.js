// `/waiting/{room}`: a place in the line, kept over reloads and without network, until it is one's turn.
import waiting from "messages/waiting";
import { ApiError, get, post } from "../core/api.js";
import { computed, html, Icon, now, signal, tick, useEffect } from "../core/dom.js";
import { mount, setTitle } from "../core/shell.js";
import { clock, count, day, learn, t, time, zoneName } from "../core/text.js";
import { announce, Failure, Notice, Skeleton } from "../core/ui.js";
import { rejoice } from "../kiosk/sound.js";
import { keepAdmission } from "../seatmap/hold.js";
import {
  aheadOf,
  estimate,
  furthest,
  lookAgainIn,
  lookAtOpeningIn,
  shareDone,
} from "../waiting/line.js";
import { keepPlace, placeIn } from "../waiting/place.js";

learn(waiting);

/** @typedef {import("../api.d.ts").Room} Room */
/** @typedef {import("../api.d.ts").RoomPlace} Place */
/** @typedef {import("../api.d.ts").Admission} Admission */

const LEAD_MS = 4000;
const id = location.pathname.split("/").at(-1) ?? "";
const query = new URLSearchParams(location.search);
const room = signal(/** @type {Room | null} */ (null));
const place = signal(/** @type {Place | null} */ (null));
const admission = signal(/** @type {Admission | null} */ (null));
const failure = signal(/** @type {ApiError | null} */ (null));
const isLost = signal(false);
const wasOver = signal(false);
const hasSound = signal(false);
const ahead = computed(() =>
  room.value && place.value?.number ? aheadOf(room.value, place.value.number) : null,
);
/** @type {ReturnType<typeof setTimeout> | undefined} */
let later;

/** Where whoever came in goes: to the bus they came from, with their leg. */
function onward() {
  const bus = room.peek()?.scope === "bus" ? room.peek()?.subject : query.get("bus");
  if (!bus || !/^\d+$/.test(bus)) return "/";
  const leg = new URLSearchParams([...query].filter(([name]) => name === "from" || name === "to"));
  return `/buses/${bus}${leg.size ? `?${leg}` : ""}`;
}

async function look() {
  clearTimeout(later);
  try {
    await step();
    isLost.value = false;
    failure.value = null;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // With a place in hand nothing is lost by a network that is: the place waits where it is.
    isLost.value = place.peek() !== null || placeIn(id) !== null;
    if (!isLost.peek() || error.status === 404) failure.value = error;
  }
  if (!admission.peek() && room.peek()?.status !== "closed" && failure.peek()?.status !== 404)
    later = setTimeout(look, pause());
}

function pause() {
  const shown = room.peek();
  if (!shown) return 3000;
  if (shown.status === "soon") return lookAtOpeningIn(Date.parse(shown.opens_at) - now());
  return lookAgainIn(ahead.peek(), shown.pace);
}

async function step() {
  room.value = furthest(await get(`/rooms/${id}`, { guest: true }), room.peek());
  const shown = /** @type {Room} */ (room.peek());
  if (shown.status === "closed") return;
  if (!place.peek() || (shown.status === "open" && place.peek()?.number === null)) await join();
  const number = place.peek()?.number;
  if (number && number <= shown.now_serving) await enter();
  else tell();
}

async function join() {
  const kept = placeIn(id);
  const body = kept ? { token: kept.token } : {};
  const taken = await post(`/rooms/${id}/places`, body);
  place.value = taken;
  keepPlace(id, { token: taken.token, first: kept?.first ?? ahead.peek() });
}

async function enter() {
  try {
    const entered = await post(`/rooms/${id}/entry`, { token: place.peek()?.token });
    const bus = onward().match(/\/buses\/(\d+)/)?.[1];
    if (bus) keepAdmission(bus, entered);
    admission.value = entered;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // A process that has not heard yet how far the counter is: one's turn has come all the same, and is asked for again.
    if (error.code === "not_your_turn") return tell();
    if (error.code !== "waiting_room") throw error;
    // Used before, by whoever else shares this browser, or long ago: another place, at the end. Or only its token is old.
    const before = place.peek();
    if (before) keepPlace(id, { token: before.token, first: null });
    place.value = null;
    await join();
    wasOver.value = place.peek()?.place !== before?.place;
    return;
  }
  setTitle(t("waiting.turn"));
  announce(t("waiting.turn"));
  if (hasSound.peek()) rejoice();
  lead();
}

/** Go on by oneself, but not behind the back of somebody who looks at something else. */
function lead() {
  const go = () => {
    if (document.visibilityState === "visible")
      setTimeout(() => location.assign(onward()), LEAD_MS);
    else document.addEventListener("visibilitychange", go, { once: true });
  };
  go();
}

let said = "";
function tell() {
  const before = ahead.peek();
  setTitle(before === null ? t("waiting.title") : t("waiting.tab", { count: before }));
  // A number that changes every few seconds is noise; the estimate is news.
  const news = before === null ? t("waiting.soon.sub") : waitText(before);
  if (news !== said) announce(news);
  said = news;
}

/** @param {number} before */
function waitText(before) {
  const told = estimate(before, room.peek()?.pace ?? 0);
  if (told.kind === "range") return t("waiting.range", { low: told.low, high: told.high });
  return t(told.kind === "soon" ? "waiting.minute" : "waiting.long");
}

function WaitingPage() {
  if (failure.value?.status === 404)
    return html`<${Notice} isPage icon="hourglass" title=${t("waiting.none")}><p>${t("waiting.none.body")}</p><a class="button" href=${onward()}>${t("waiting.on")}</a></${Notice}>`;
  if (failure.value && !room.value)
    return html`<${Failure} isPage error=${failure.value} retry=${look} />`;
  if (!room.value) return html`<${Skeleton} lines=${5} />`;
  const shown = room.value;
  if (shown.status === "closed")
    return html`<${Notice} isPage icon="circle-check" title=${t("waiting.closed")}><p>${t("waiting.closed.body")}</p><a class="button primary" href=${onward()}>${t("waiting.on")}</a></${Notice}>`;
  if (failure.value && !place.value)
    return html`<${Failure} isPage error=${failure.value} retry=${look} />`;
  return html`
    ${isLost.value && html`<div class="banner"><${Icon} name="wifi-off" /><span>${t("waiting.lost")}</span></div>`}
    <section class="card wait" data-phase=${admission.value ? "turn" : shown.status} aria-labelledby="wait-title">
      <p class="wait-name"><${Icon} name="bus" />${shown.name}</p>
      ${admission.value ? html`<${Turn} />` : shown.status === "soon" ? html`<${Soon} room=${shown} />` : html`<${Line} room=${shown} />`}
    </section>
    ${!admission.value && html`<${Fairness} room=${shown} />`}`;
}

/** @param {{ room: Room }} props */
function Soon({ room: shown }) {
  const left = Math.max(0, Date.parse(shown.opens_at) - Math.max(tick.value, now()));
  const days = Math.floor(left / 86_400_000);
  // A room may stand before buses of many zones, so this is the reader's own.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return html`
    <h1 id="wait-title">${t("waiting.soon")}</h1>
    <p class="wait-figure" role="timer">${days ? t("waiting.days", { count: days }) : longClock(left)}</p>
    <p class="wait-time"><${Icon} name="calendar-days" />${day(shown.opens_at, zone)}, ${time(shown.opens_at, zone)} ${zoneName(shown.opens_at, zone)}</p>
    <p>${t("waiting.soon.sub")}</p>`;
}

/** @param {number} left */
const longClock = (left) =>
  left >= 3_600_000
    ? `${Math.floor(left / 3_600_000)}:${clock(left % 3_600_000).padStart(5, "0")}`
    : clock(left);

/** @param {{ room: Room }} props */
function Line({ room: shown }) {
  const before = ahead.value;
  if (before === null)
    return html`<h1 id="wait-title">${t("waiting.drawing")}</h1><${Skeleton} lines=${2} />`;
  const first = Math.max(placeIn(id)?.first ?? before, before);
  return html`
    <h1 id="wait-title">${t("waiting.title")}</h1>
    <p class="wait-figure">${before ? t("waiting.ahead", { count: before, shown: count(before) }) : t("waiting.next")}</p>
    <progress class="wait-bar" max="1" value=${shareDone(before, first)} aria-label=${t("waiting.progress")}></progress>
    <p class="wait-time"><${Icon} name="clock" />${waitText(before)}</p>
    <dl class="wait-facts">
      <div><dt>${t("waiting.number")}</dt><dd>${count(place.value?.number ?? 0)}</dd></div>
      <div><dt>${t("waiting.serving")}</dt><dd>${count(shown.now_serving)}</dd></div>
      <div><dt>${t("waiting.pace")}</dt><dd>${count(Math.round(shown.pace))}</dd></div>
    </dl>
    ${shown.sold_out && html`<p class="wait-note" data-tone="bad"><${Icon} name="info" />${t("waiting.sold")}</p>`}
    ${wasOver.value && html`<p class="wait-note"><${Icon} name="info" />${t("waiting.over")}</p>`}`;
}

function Turn() {
  const until = admission.value?.expires_at ?? "";
  const left = Math.max(0, Date.parse(until) - Math.max(tick.value, now()));
  useEffect(() => document.getElementById("wait-go")?.focus({ preventScroll: true }), []);
  return html`
    <h1 id="wait-title"><${Icon} name="circle-check" /> ${t("waiting.turn")}</h1>
    <p>${t("waiting.turn.body", { time: clock(left) })}</p>
    <a id="wait-go" class="button primary" href=${onward()}><${Icon} name="armchair" />${t("waiting.go")}</a>`;
}

/** @param {{ room: Room }} props */
function Fairness({ room: shown }) {
  const choose = (/** @type {any} */ event) => {
    hasSound.value = event.target.checked;
    if (hasSound.value) rejoice();
  };
  return html`
    <section class="wait-more">
      <label class="check"><input type="checkbox" checked=${hasSound.value} onChange=${choose} />${t("waiting.sound")}</label>
      <p class="hint">${t("waiting.keep")}</p>
      <details>
        <summary>${t("waiting.fair")}</summary>
        <p class="hint">${t("waiting.fair.body")}</p>
        <dl class="wait-proof">
          <div><dt>${t("waiting.place")}</dt><dd><code>${place.value?.place ?? "–"}</code></dd></div>
          <div><dt>${t("waiting.commitment")}</dt><dd><code>${shown.commitment}</code></dd></div>
          ${shown.seed && html`<div><dt>${t("waiting.seed")}</dt><dd><code>${shown.seed}</code></dd></div>`}
        </dl>
        ${shown.seed && html`<a href=${`/api/v1/rooms/${id}/draw`}>${t("waiting.draw")}</a>`}
      </details>
    </section>`;
}

addEventListener("online", look);
mount(WaitingPage, t("waiting.title"));
look();
