// Step 1 and 2: where to, and with which bus.
import { ApiError, get } from "../core/api.js";
import { about, isLost, isOnline } from "../core/device.js";
import { html, Icon, now, signal, useEffect, useState } from "../core/dom.js";
import { day, duration, isoDay, money, nights, t, time } from "../core/text.js";
import { announce, Failure, Skeleton } from "../core/ui.js";
import { destinations, learnDestinations } from "./destinations.js";
import { Foot, Question } from "./frame.js";
import { goal, goBack } from "./journey.js";

/** @typedef {import("../api.d.ts").Departure} Departure */
/** @typedef {import("../api.d.ts").Stop} Stop */

const MANY = 12;
const POPULAR = 6;
const DAYS = 7;
const DAY_MS = 86_400_000;
const AGAIN_MS = 15_000;
const failure = signal(/** @type {ApiError | null} */ (null));

/** Know where one can go before anybody asks. */
export async function prepare() {
  const { stop, operator } = about.peek() ?? {};
  if (!stop || !operator) return;
  try {
    await learnDestinations(stop.id, operator.id);
    failure.value = null;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    isLost(error);
    failure.value = error;
  }
}

/** @param {{ choose: (stop: Stop) => void, leave: () => void }} props */
export function Where({ choose, leave }) {
  const [letter, setLetter] = useState("");
  useEffect(() => void prepare(), [isOnline.value]);
  const all = destinations.value;
  const initials = [...new Set((all ?? []).map(({ stop }) => initialOf(stop)))];
  const popular =
    all && all.length > MANY ? [...all].sort((a, b) => b.buses - a.buses).slice(0, POPULAR) : [];
  const shown = (all ?? []).filter(({ stop }) => !letter || initialOf(stop) === letter);
  const tiles = (/** @type {typeof shown} */ some) =>
    html`<ul class="tiles">${some.map(({ stop }) => html`<li key=${stop.id}><button type="button" class="tile" aria-pressed=${goal.value?.id === stop.id} onClick=${() => choose(stop)}><${Icon} name="map-pin" /><span>${stop.name}</span></button></li>`)}</ul>`;
  return html`
    <main id="main" class="kiosk-main" tabindex="-1">
      <${Question} text=${t("kiosk.where")} />
      ${failure.value && !all && html`<${Failure} error=${failure.value} retry=${prepare} />`}
      ${!all && !failure.value && html`<${Skeleton} lines=${4} />`}
      ${all?.length === 0 && html`<p class="attract-none">${t("board.none")}</p>`}
      ${popular.length > 0 && !letter && html`<section aria-labelledby="popular"><h2 id="popular">${t("kiosk.popular")}</h2>${tiles(popular)}</section>`}
      ${
        popular.length > 0 &&
        html`<div class="letters" role="group" aria-label=${t("kiosk.letters")}>
          <button type="button" class="key" aria-pressed=${!letter} onClick=${() => setLetter("")}>${t("kiosk.all")}</button>
          ${initials.map((each) => html`<button type="button" class="key" key=${each} aria-pressed=${each === letter} onClick=${() => setLetter(each)}>${each}</button>`)}
        </div>`
      }
      ${tiles(shown)}
    </main>
    <${Foot} back=${leave} backText=${t("kiosk.leave")} />`;
}

/** @param {Stop} stop */
const initialOf = ({ name }) => ([...name][0] ?? "").toUpperCase();

/** @param {{ choose: (bus: Departure) => void }} props */
export function Departures({ choose }) {
  const zone = about.value?.stop?.time_zone ?? "UTC";
  const today = isoDay(now(), zone);
  const [date, setDate] = useState(today);
  const [buses, setBuses] = useState(/** @type {Departure[] | null} */ (null));
  const [fault, setFault] = useState(/** @type {ApiError | null} */ (null));
  const [tries, setTries] = useState(0);
  const to = goal.value;
  useEffect(() => {
    let isWanted = true;
    const ask = async () => {
      try {
        const found = await search(to, date === today ? "" : date);
        if (!isWanted) return;
        setFault(null);
        setBuses(found.filter((each) => isoDay(each.departs_at, zone) === date));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        isLost(error);
        if (isWanted) setFault(error);
      }
    };
    ask();
    const timer = setInterval(ask, AGAIN_MS);
    return () => {
      isWanted = false;
      clearInterval(timer);
    };
  }, [date, to?.id, tries, isOnline.value]);
  useEffect(() => {
    if (buses) announce(t("search.results", { count: buses.length }));
  }, [buses?.length]);
  const pick = (/** @type {string} */ other) => {
    if (other === date) return;
    setBuses(null);
    setDate(other);
  };
  return html`
    <main id="main" class="kiosk-main" tabindex="-1">
      <${Question} text=${t("kiosk.bus", { to: to?.name ?? "" })} />
      <div class="kiosk-days" role="group" aria-label=${t("search.date")}>
        ${Array.from({ length: DAYS }, (_, index) =>
          isoDay(Date.parse(today) + index * DAY_MS, "UTC"),
        ).map(
          (
            each,
            index,
          ) => html`<button type="button" key=${each} class="button" aria-pressed=${each === date} onClick=${() => pick(each)}>
            ${index === 0 ? t("kiosk.today") : index === 1 ? t("kiosk.tomorrow") : day(each, "UTC")}</button>`,
        )}
      </div>
      ${fault && !buses && html`<${Failure} error=${fault} retry=${() => setTries(tries + 1)} />`}
      ${!buses && !fault && html`<${Skeleton} lines=${4} />`}
      ${buses?.length === 0 && html`<p class="attract-none">${t("search.none")}</p>`}
      <ul class="rides">${buses?.map((bus) => html`<${RideLine} key=${bus.id} bus=${bus} choose=${choose} />`)}</ul>
    </main>
    <${Foot} back=${goBack} />`;
}

/** @param {Stop | null} to @param {string} date @returns {Promise<Departure[]>} */
async function search(to, date) {
  const { stop, operator } = about.peek() ?? {};
  if (!stop || !operator || !to) return [];
  const asked = { from: stop.id, to: to.id, operator: operator.id, limit: "50" };
  const query = new URLSearchParams(date ? { ...asked, date } : asked);
  return (await get(`/buses?${query}`, { guest: true })).items;
}

/** @param {{ bus: Departure, choose: (bus: Departure) => void }} props */
function RideLine({ bus, choose }) {
  const { from_stop: from, to_stop: to, seats_available: left } = bus;
  const later = nights(bus.departs_at, from.time_zone, bus.arrives_at, to.time_zone);
  const isOver = left === 0 || bus.status !== "SCHEDULED";
  return html`
    <li><button type="button" class="ride" data-bus=${bus.id} aria-disabled=${isOver} onClick=${() => !isOver && choose(bus)}>
      <span class="ride-times"><time dateTime=${bus.departs_at}>${time(bus.departs_at, from.time_zone)}</time>
        <${Icon} name="arrow-right" class="flip" /><span class="visually-hidden">${t("result.arrives")}</span>
        <time dateTime=${bus.arrives_at}>${time(bus.arrives_at, to.time_zone)}${later > 0 && html`<sup>+${later}</sup>`}</time></span>
      <span class="ride-facts">${bus.name} · ${duration(bus.departs_at, bus.arrives_at)}<small data-few=${left > 0 && left < 6 ? "" : null}>${left ? t("result.left", { count: left }) : t("result.full")}</small></span>
      <strong class="ride-price">${money(bus.price)}</strong>
    </button></li>`;
}
