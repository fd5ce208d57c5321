// `/board/{stop}`: what leaves a stop next, for a screen on a wall and for everybody's pocket.
import words from "messages/board";
import { linesOf, newsOf, pageAt, shiftAt } from "../board/model.js";
import { beat, kept } from "../core/device.js";
import {
  effect,
  html,
  Icon,
  media,
  signal,
  tick,
  useEffect,
  useLayoutEffect,
  useRef,
} from "../core/dom.js";
import { BUILD, lookAtServer, stayAwake } from "../core/renew.js";
import { Mark, mountAlone, setTitle } from "../core/shell.js";
import { day, isoDay, learn, longDay, t, time, zoneName } from "../core/text.js";
import { LiveTopic } from "../core/topic.js";
import { announce, Notice, Skeleton } from "../core/ui.js";

learn(words);

/** @typedef {import("../api.d.ts").Board} Board */
/** @typedef {import("../board/model.js").Line} Line */

const RENEW_MS = 5 * 60_000;
const STATE_ICONS = {
  cancelled: "ban",
  left: "check",
  now: "bus",
  late: "clock",
  early: "clock",
  closed: "lock",
  ontime: "check",
};
const stop = location.pathname.split("/")[2];
const isDevice = () => kept.peek()?.kind === "board";
const live = new LiveTopic(`board:${stop}`, () => (isDevice() ? (kept.peek()?.key ?? null) : null));
// A wall shows pages of as many lines as fit; in a hand the list is as long as it is.
const isWall = media("(min-width: 48rem)");
const perPage = signal(8);
/** When paging began, or where it was stopped. */
const paging = signal({ since: performance.now(), at: /** @type {number | null} */ (null) });

function turnPaging() {
  const { since, at } = paging.peek();
  paging.value =
    at === null
      ? { since, at: performance.now() - since }
      : { since: performance.now() - at, at: null };
}

function BoardPage() {
  const board = live.told.value;
  if (live.news.value === "missing")
    return html`<main id="main" class="board-gone" tabindex="-1"><${Notice} isPage icon="map-pin" title=${t("board.missing")}>
      <p>${t("board.missing.body")}</p><a class="button" href="/">${t("nav.search")}</a></${Notice}></main>`;
  if (!board)
    return html`<main id="main" class="board" tabindex="-1"><h1 class="visually-hidden">${t("board.title")}</h1>
      <${News} /><${Skeleton} lines=${8} /></main>`;
  return html`<${Departures} board=${board} />`;
}

/** @param {{ board: Board }} props */
function Departures({ board }) {
  const lines = linesOf(board.departures, tick.value);
  const { since, at } = paging.value;
  const passed = at ?? performance.now() - since;
  const { page, pages } = isWall.value
    ? pageAt(lines.length, perPage.value, passed)
    : { page: 0, pages: 1 };
  const shown = pages === 1 ? lines : lines.slice(page * perPage.value, (page + 1) * perPage.value);
  const { x, y } = shiftAt(tick.value);
  return html`
    <main id="main" class="board" tabindex="-1" style=${{ "--shift-x": `${x}px`, "--shift-y": `${y}px` }}>
      <header class="board-head">
        <span class="board-mark"><${Mark} /></span>
        <h1><small>${t("board.title")}</small> ${board.name}</h1>
        <${Clock} zone=${board.time_zone} />
      </header>
      <${News} />
      ${lines.length ? html`<${Table} board=${board} lines=${shown} />` : html`<${Nothing} />`}
      <footer class="board-foot">
        <p>${t("board.zone", { zone: zoneName(board.at, board.time_zone) ?? board.time_zone })}</p>
        ${pages > 1 && html`<${Pager} page=${page} pages=${pages} isStopped=${at !== null} />`}
      </footer>
    </main>`;
}

/** @param {{ zone: string }} props */
function Clock({ zone }) {
  const moment = new Date(tick.value).toISOString();
  const [hours, minutes] = time(moment, zone).split(":");
  return html`<p class="board-clock"><time dateTime=${moment}>${minutes === undefined ? hours : html`${hours}<i>:</i>${minutes}`}</time>
    <small>${longDay(moment, zone)}</small></p>`;
}

function News() {
  const news = live.news.value;
  const since = useRef("");
  useEffect(() => {
    if (news !== "live") announce(t(`board.${news}`));
  }, [news]);
  if (news === "live" || news === "missing") return null;
  const board = live.told.value;
  if (board) since.current = time(board.at, board.time_zone);
  return html`<div class="banner" data-tone="bad"><${Icon} name="wifi-off" />
    <span>${t(`board.${news}`)} ${board && t("board.asof", { time: since.current })}</span></div>`;
}

/** @param {{ board: Board, lines: Line[] }} props */
function Table({ board, lines }) {
  const frame = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => {
    const box = frame.current;
    if (!box) return undefined;
    const fit = () => {
      const row = box.querySelector("tbody tr");
      const head = box.querySelector("thead");
      if (!(row instanceof HTMLElement) || !(head instanceof HTMLElement)) return;
      const room = (box.clientHeight - head.offsetHeight) / row.offsetHeight;
      perPage.value = Math.max(1, Math.floor(room + 0.02));
    };
    const seen = new ResizeObserver(fit);
    seen.observe(box);
    return () => seen.disconnect();
  }, []);
  const hasBays = board.departures.some(({ bay }) => bay !== null);
  return html`
    <div class="board-lines" ref=${frame}>
      <table>
        <caption class="visually-hidden">${t("board.caption", { stop: board.name })}</caption>
        <thead><tr>
          <th scope="col">${t("board.time")}</th><th scope="col">${t("board.to")}</th>
          ${hasBays && html`<th scope="col" class="board-bay">${t("board.bay")}</th>`}
          <th scope="col" class="board-seats">${t("board.seats")}</th><th scope="col">${t("board.state")}</th>
        </tr></thead>
        <tbody>${lines.map((line) => html`<${Row} key=${line.bus} line=${line} zone=${board.time_zone} hasBays=${hasBays} />`)}</tbody>
      </table>
    </div>`;
}

/** @param {{ line: Line, zone: string, hasBays: boolean }} props */
function Row({ line, zone, hasBays }) {
  const planned = time(line.departs_at, zone);
  const isToday = isoDay(line.departs_at, zone) === isoDay(tick.value, zone);
  const isMoved = line.minutes !== 0 && line.state !== "cancelled";
  const via = [line.operator, line.name, line.route].filter(Boolean).join(" · ");
  return html`
    <tr data-state=${line.state} data-bus=${line.bus}>
      <td class="board-time">
        ${isMoved ? html`<s>${planned}</s> <strong><span class="visually-hidden">${t("board.now")} </span>${time(line.leavesAt, zone)}</strong>` : html`<strong>${planned}</strong>`}
        ${!isToday && html`<small>${day(line.departs_at, zone)}</small>`}
      </td>
      <th scope="row" class="board-to"><span>${line.destination}</span><small>${via}</small></th>
      ${hasBays && html`<td class="board-bay">${line.bay ? html`<span>${line.bay}</span>` : html`<span class="visually-hidden">${t("board.bay.none")}</span>`}</td>`}
      <td class="board-seats" data-room=${line.room}>${line.state === "cancelled" ? "–" : line.room === "none" ? t("board.full") : html`<strong key=${line.seats_left} class="flap">${line.seats_left}</strong><span class="board-unit"> ${t("board.unit", { count: line.seats_left })}</span>${line.room === "few" && html`<small>${t("board.few")}</small>`}`}</td>
      <td class="board-state"><span key=${line.state} class="flap"><${Icon} name=${STATE_ICONS[line.state]} />${stateText(line)}</span></td>
    </tr>`;
}

/** @param {Line} line */
const stateText = ({ state, minutes }) =>
  t(`board.is.${state}`, { count: Math.abs(minutes), minutes: Math.abs(minutes) });

function Nothing() {
  return html`<div class="board-none"><${Icon} name="moon" /><h2>${t("board.none")}</h2><p>${t("board.none.body")}</p></div>`;
}

/** @param {{ page: number, pages: number, isStopped: boolean }} props */
function Pager({ page, pages, isStopped }) {
  return html`<div class="board-pager">
    <span>${t("board.page", { page: page + 1, pages })}</span>
    <span class="board-dots" aria-hidden="true">${Array.from({ length: pages }, (_, index) => html`<i key=${index} data-on=${index === page ? "" : null}></i>`)}</span>
    <button type="button" class="button small" aria-pressed=${isStopped} onClick=${turnPaging}>${t("board.pause")}</button>
  </div>`;
}

/** Say aloud what has become worse; what is merely different is there to be read. */
function listen() {
  let before = live.told.peek();
  effect(() => {
    const board = live.told.value;
    if (board && before)
      for (const each of newsOf(before.departures, board.departures)) {
        const line = linesOf([each], 0)[0];
        announce(
          t("board.news", {
            time: time(each.departs_at, board.time_zone),
            to: each.destination,
            state: stateText(line),
          }),
        );
      }
    before = board;
    if (board) setTitle(t("board.of", { stop: board.name }));
  });
}

mountAlone(BoardPage, t("board.title"));
live.start();
listen();
if (isDevice()) beat();
if (isWall.peek()) {
  stayAwake();
  setInterval(async () => {
    if (BUILD && (await lookAtServer()) === "new") location.reload();
  }, RENEW_MS);
}
document.addEventListener("keydown", (event) => {
  const isOnButton = event.target instanceof HTMLButtonElement;
  if (event.key === " " && !isOnButton && isWall.peek()) {
    event.preventDefault();
    turnPaging();
  }
});
