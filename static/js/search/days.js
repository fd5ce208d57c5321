// A week of days, each with its lowest price: whoever can travel on another day sees at once what that is worth.
import { ApiError, get } from "../core/api.js";
import { html, Icon, now, signal, useEffect, useRef } from "../core/dom.js";
import { dayOfMonth, isoDay, longDay, money, t, weekday } from "../core/text.js";

/** @typedef {import("../api.d.ts").Day} Day */
/** @typedef {import("../api.d.ts").Stop} Stop */

const DAY_MS = 86_400_000;
const SHOWN = 7;
const AHEAD = 31;

/** @param {string} date @param {number} by */
export const dayAfter = (date, by) => isoDay(Date.parse(date) + by * DAY_MS, "UTC");

/** What each of some days costs. Without a place to begin at no day is of any place, and none has a price.
 * @param {Stop | null} from @param {Stop | null} to @param {string} first @param {number} days @returns {Promise<Day[]>} */
async function pricesOf(from, to, first, days) {
  if (!from) return [];
  const query = new URLSearchParams({ from: from.id, date: first, days: String(days) });
  if (to) query.set("to", to.id);
  try {
    return (await get(`/days?${query}`, { guest: true })).items;
  } catch (error) {
    // The days can be gone to without their prices.
    if (error instanceof ApiError) return [];
    throw error;
  }
}

/** The next day after this one on which a seat can be had.
 * @param {Stop | null} from @param {Stop | null} to @param {string} date */
export async function nextDay(from, to, date) {
  const days = await pricesOf(from, to, dayAfter(date, 1), AHEAD);
  return days.find((day) => day.buses > 0) ?? null;
}

const known = signal(/** @type {Map<string, Day>} */ (new Map()));
let asked = "";

/** @param {Stop | null} from @param {Stop | null} to @param {string} first */
async function learnPrices(from, to, first) {
  const question = `${from?.id} ${to?.id} ${first}`;
  if (question === asked) return;
  const isOtherWay = !asked.startsWith(`${from?.id} ${to?.id} `);
  asked = question;
  if (isOtherWay) known.value = new Map();
  const days = await pricesOf(from, to, first, SHOWN);
  if (question !== asked) return;
  known.value = new Map([
    ...known.peek(),
    ...days.map((day) => /** @type {const} */ ([day.date, day])),
  ]);
}

/** @param {{ from: Stop | null, to: Stop | null, date: string, go: (date: string) => void }} props */
export function DayStrip({ from, to, date, go }) {
  const today = isoDay(now());
  const [, first] = [today, dayAfter(date || today, -3)].sort();
  const days = Array.from({ length: SHOWN }, (_, index) => dayAfter(first, index));
  const chosen = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    learnPrices(from, to, first);
  }, [from?.id, to?.id, first]);
  useEffect(() => chosen.current?.scrollIntoView({ block: "nearest", inline: "center" }), [date]);
  const isFirst = !date || date <= today;
  const least = Math.min(
    ...days.map((each) => known.value.get(each)?.price?.amount ?? Number.POSITIVE_INFINITY),
  );
  return html`
    <nav class="days" aria-label=${t("days.label")}>
      <button type="button" class="icon-button" aria-label=${t("search.earlier")} aria-disabled=${isFirst} onClick=${() => !isFirst && go(dayAfter(date, -1))}><${Icon} name="chevron-left" class="flip" /></button>
      <ol>${days.map((each) => html`<li key=${each}><${DayButton} date=${each} day=${known.value.get(each)} least=${least} isChosen=${each === date} chosen=${chosen} go=${go} /></li>`)}</ol>
      <button type="button" class="icon-button" aria-label=${t("search.later")} onClick=${() => go(dayAfter(date || today, 1))}><${Icon} name="chevron-right" class="flip" /></button>
    </nav>`;
}

/** @param {{ date: string, day: Day | undefined, least: number, isChosen: boolean, chosen: any, go: (date: string) => void }} props */
function DayButton({ date, day, least, isChosen, chosen, go }) {
  const said = !day ? "" : day.price ? t("days.from", { price: money(day.price) }) : t("days.none");
  const isLeast = day?.price?.amount === least;
  return html`
    <button type="button" class="day" ref=${isChosen ? chosen : null} aria-current=${isChosen ? "date" : null} data-none=${day && !day.price ? "" : null}
      data-least=${isLeast ? "" : null} aria-label=${[longDay(date, "UTC"), said, isLeast && t("days.least")].filter(Boolean).join(", ")} onClick=${() => go(date)}>
      <span>${weekday(date)}</span><strong>${dayOfMonth(date)}</strong>
      <small>${day ? (day.price ? money(day.price) : "–") : "\u00a0"}</small>
    </button>`;
}
