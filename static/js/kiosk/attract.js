// The screen that waits: what leaves next, live, and "touch to start" in the language of whoever comes.
import { linesOf } from "../board/model.js";
import { about, isOnline } from "../core/device.js";
import { html, Icon, tick } from "../core/dom.js";
import { LANGUAGES } from "../core/languages.js";
import { day, isoDay, t, time } from "../core/text.js";
import { speak } from "./language.js";

const SHOWN = 8;

/** @param {{ live: import("../core/topic.js").LiveTopic | null, start: () => void }} props */
export function Attract({ live, start }) {
  const board = live?.told.value;
  const operator = about.value?.operator.name;
  const isStale = !isOnline.value || live?.news.value === "lost";
  const lines = linesOf(board?.departures ?? [], tick.value)
    .filter((line) => line.operator === operator)
    .slice(0, SHOWN);
  const begin = (/** @type {string} */ code) => speak(code, start);
  return html`
    <main id="main" class="attract" tabindex="-1">
      <div class="attract-hero">
        <h1>${t("attract.title")}</h1>
        <p>${t("attract.sub")}</p>
      </div>
      <section class="attract-next" aria-labelledby="attract-next">
        <h2 id="attract-next">${t("attract.next")}${isStale && board && html` <small>${t("board.asof", { time: time(board.at, board.time_zone) })}</small>`}</h2>
        ${
          board && lines.length
            ? html`<ul>${lines.map(
                (line) => html`<li key=${line.bus} data-state=${line.state} data-bus=${line.bus}>
              <span class="attract-time"><time dateTime=${line.leavesAt}>${time(line.leavesAt, board.time_zone)}</time>${isToday(line.leavesAt, board.time_zone) ? null : html`<small>${day(line.leavesAt, board.time_zone)}</small>`}</span>
              <span class="attract-to">${line.destination}${line.bay && html`<small>${t("board.bay")} ${line.bay}</small>`}</span>
              <span class="attract-state">${wordOf(line)}</span></li>`,
              )}</ul>`
            : html`<p class="attract-none">${t(board ? "board.none" : "loading")}</p>`
        }
      </section>
      <div class="attract-go">
        <button type="button" class="button primary attract-start" aria-disabled=${!isOnline.value} onClick=${() => isOnline.peek() && start()}>
          ${t("attract.start")}<${Icon} name="arrow-right" class="flip" /></button>
        <div class="attract-languages" role="group" aria-label=${t("attract.languages")}>
          ${LANGUAGES.map(([code, name]) => html`<button type="button" key=${code} class="button" lang=${code} dir="auto" onClick=${() => isOnline.peek() && begin(code)}>${name}</button>`)}
        </div>
      </div>
    </main>`;
}

/** @param {string} moment @param {string} zone */
const isToday = (moment, zone) => isoDay(moment, zone) === isoDay(tick.value, zone);

/** @param {import("../board/model.js").Line} line */
function wordOf({ state, minutes, seats_left: left, room }) {
  if (state === "ontime")
    return room === "none" ? t("board.full") : t("result.left", { count: left });
  return t(`board.is.${state}`, { count: Math.abs(minutes), minutes: Math.abs(minutes) });
}
