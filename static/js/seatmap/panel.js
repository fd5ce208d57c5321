// What stands around the map: the leg, best seats, the legend, and the bar with what has been chosen.
import {
  effect,
  html,
  Icon,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "../core/dom.js";
import { day, duration, list, money, nights, t, term, time, zoneName } from "../core/text.js";
import { announce } from "../core/ui.js";

/** @typedef {import("../api.d.ts").Bus} Bus */
/** @typedef {import("../api.d.ts").Money} Money */
/** @typedef {import("../api.d.ts").Seat} Seat */

const PREFERENCES = ["window", "aisle", "front", "lower_deck", "upper_deck", "accessible"];
const BEST_MAX = 8;

/** @param {{ bus: Bus, at: { start: number, end: number } }} props */
export function Trip({ bus, at }) {
  const from = bus.stops[at.start];
  const to = bus.stops[at.end];
  const later = nights(from.departs_at, from.stop.time_zone, to.arrives_at, to.stop.time_zone);
  const zones = [
    zoneName(from.departs_at, from.stop.time_zone),
    zoneName(to.arrives_at, to.stop.time_zone),
  ];
  return html`
    <div class="trip">
      <p class="trip-name"><bdi>${bus.operator.name}</bdi> · <bdi>${bus.name}</bdi></p>
      <h1><bdi>${from.stop.name}</bdi> <${Icon} name="arrow-right" class="flip" /><span class="visually-hidden">${t("trip.to")}</span> <bdi>${to.stop.name}</bdi></h1>
      <p class="trip-facts">
        <span><${Icon} name="calendar-days" />${day(from.departs_at, from.stop.time_zone)}</span>
        <span><${Icon} name="clock" />${time(from.departs_at, from.stop.time_zone)} – ${time(to.arrives_at, to.stop.time_zone)}${later > 0 && html`<sup>+${later}</sup>`}
          ${" "}<abbr title=${from.stop.time_zone}>${[...new Set(zones)].join(" – ")}</abbr></span>
        <span><${Icon} name="timer" />${duration(from.departs_at, to.arrives_at)}</span>
      </p>
    </div>`;
}

/** From where to where: only stops where the bus takes people in, then only later ones where it lets them out.
 * @param {{ bus: Bus, start: number, end: number, change: (start: number, end: number) => void }} props */
export function LegPicker({ bus, start, end, change }) {
  const stops = bus.stops.map((call, index) => ({ ...call, index }));
  const boarding = stops.slice(0, -1).filter((call) => call.can_board);
  const alighting = stops.filter((call) => call.index > start && call.can_alight);
  const board = (/** @type {number} */ from) => change(from, Math.max(end, from + 1));
  if (bus.stops.length < 3) return null;
  return html`
    <div class="leg">
      <${StopSelect} name="from" label=${t("leg.from")} calls=${boarding} at="departs_at" value=${start} onValue=${board} />
      <${Icon} name="arrow-right" class="flip" />
      <${StopSelect} name="to" label=${t("leg.to")} calls=${alighting} at="arrives_at" value=${end} onValue=${(/** @type {number} */ to) => change(start, to)} />
    </div>`;
}

/** @param {{ name: string, label: string, calls: any[], at: "departs_at" | "arrives_at", value: number, onValue: (index: number) => void }} props */
function StopSelect({ name, label, calls, at, value, onValue }) {
  return html`
    <div class="field"><label for=${name}>${label}</label>
      <select id=${name} value=${String(value)} onChange=${(/** @type {any} */ event) => onValue(Number(event.target.value))}>
        ${calls.map(
          (
            call,
          ) => html`<option key=${call.index} value=${String(call.index)} selected=${call.index === value}>
            ${call.stop.name} · ${time(call[at], call.stop.time_zone)}</option>`,
        )}
      </select></div>`;
}

/** @param {{ bus: Bus, isBusy: boolean, find: (count: number, prefer: string[]) => void,
 *   wish: { count: number, prefer: string[] }, onWish: (wish: { count: number, prefer: string[] }) => void }} props */
export function BestSeatsPanel({ bus, isBusy, find, wish, onWish }) {
  const { count, prefer } = wish;
  const most = Math.min(BEST_MAX, bus.rules.seats_per_buyer);
  const { decks, seats } = bus.layout;
  const isOffered = (/** @type {string} */ wish) =>
    wish.endsWith("deck") ? decks > 1 : seats.some((seat) => seat.attributes.includes(wish));
  const step = (/** @type {number} */ by) =>
    onWish({ count: Math.min(most, Math.max(1, count + by)), prefer });
  const turn = (/** @type {string} */ wanted) =>
    onWish({
      count,
      prefer: prefer.includes(wanted)
        ? prefer.filter((each) => each !== wanted)
        : [...prefer, wanted],
    });
  return html`
    <section class="card best" aria-labelledby="best-title">
      <h2 id="best-title"><${Icon} name="sparkles" />${t("best.title")}</h2>
      <div class="best-row">
        <div class="stepper" role="group" aria-label=${t("best.party")}>
          <button type="button" aria-label=${t("best.fewer")} aria-disabled=${count <= 1} onClick=${() => step(-1)}><${Icon} name="minus" /></button>
          <output aria-live="polite">${t("best.people", { count })}</output>
          <button type="button" aria-label=${t("best.more")} aria-disabled=${count >= most} onClick=${() => step(1)}><${Icon} name="plus" /></button>
        </div>
        <button type="button" class="button" aria-disabled=${isBusy} onClick=${() => find(count, prefer)}>${t("best.find")}</button>
      </div>
      <div class="chips" role="group" aria-label=${t("best.prefer")}>
        ${PREFERENCES.filter(isOffered).map(
          (each) =>
            html`<button type="button" key=${each} class="chip" aria-pressed=${prefer.includes(each)} onClick=${() => turn(each)}>${term("prefer", each)}</button>`,
        )}
      </div>
    </section>`;
}

/** What is said of the seats that were found; one alone sits beside nobody.
 * @param {{ seats: string[], together: boolean }} found */
export const foundText = ({ seats, together }) =>
  seats.length === 1
    ? t("seat.chosen", { seat: seats[0] })
    : t(together ? "best.together" : "best.apart", { seats: list(seats) });

/** What the shapes mean, and what each class costs on this leg.
 * @param {{ seats: Seat[], views: import("./grid.js").ShownViews }} props */
export function Legend({ seats, views }) {
  const list = useRef(/** @type {any} */ (null));
  const classes = useMemo(() => {
    const names = [...new Set(seats.map((seat) => seat.seat_class))];
    return names.map((name) => {
      const here = seats.filter((seat) => seat.seat_class === name);
      const sorted = here.map((seat) => seat.price).sort((a, b) => a.amount - b.amount);
      const ends = [sorted[0], sorted[sorted.length - 1]].map(money);
      return { name, here, prices: [...new Set(ends)].join(" – ") };
    });
  }, [seats]);
  // Counted anew with every change, and written where it stands; the legend itself stays as it is.
  useLayoutEffect(() => {
    const lines = [...list.current.querySelectorAll("small")].map((place, index) => {
      place.replaceChildren(new Text());
      return { text: place.firstChild, here: classes[index].here, count: -1 };
    });
    return effect(() => {
      const shown = views.value;
      for (const line of lines) {
        let count = 0;
        for (const { seat } of line.here) if (shown.get(seat) === "available") count += 1;
        if (count !== line.count) line.text.data = t("legend.free", { count });
        line.count = count;
      }
    });
  }, [classes, views]);
  return html`
    <section class="card legend" aria-labelledby="legend-title">
      <h2 id="legend-title">${t("legend.title")}</h2>
      <ul class="legend-classes" ref=${list}>
        ${classes.map(
          ({ name, prices }) => html`<li key=${name}><span class="swatch" data-class=${name}></span>
            <span>${term("class", name)}<small></small></span><strong>${prices}</strong></li>`,
        )}
      </ul>
      <ul class="legend-views">
        ${["available", "mine", "held", "booked", "blocked"].map(
          (view) =>
            html`<li key=${view}><span class="seat mini" data-view=${view} aria-hidden="true"></span>${term("legend", view)}</li>`,
        )}
      </ul>
    </section>`;
}

/** How fresh the map is, when it is not.
 * @param {{ live: import("../core/live.js").LiveSeats }} props */
export function News({ live }) {
  const news = live.news.value;
  useEffect(() => {
    if (news !== "live") announce(t(`news.${news}`));
  }, [news]);
  if (news === "live") return null;
  return html`<div class="banner" data-tone="bad"><${Icon} name="wifi-off" /><span>${t(`news.${news}`)}</span>
    <button type="button" class="button small" onClick=${() => live.resync()}>${t("retry")}</button></div>`;
}

/** What is chosen and what it costs; a choice draws this anew and no more.
 * @param {{ choice: import("./choice.js").SeatChoice, rules: Bus["rules"], isOnSale: boolean, go: () => Promise<void> }} props */
export function Summary({ choice, rules, isOnSale, go }) {
  const seats = choice.seats.value;
  const cheapest = useMemo(
    () => seats.map(({ price }) => price).reduce((a, b) => (b.amount < a.amount ? b : a)),
    [seats],
  );
  return html`
    <${SummaryBar} client=${choice.client} total=${choice.total} from=${cheapest} rules=${rules}
      canBuy=${isOnSale && choice.live.news.value !== "lost"} go=${go} />`;
}

/** @param {{ client: import("./hold.js").HoldClient, total: Money | null, from: Money, rules: Bus["rules"], canBuy: boolean, go: () => Promise<void> }} props */
function SummaryBar({ client, total, from, rules, canBuy, go }) {
  const [isGoing, setGoing] = useState(false);
  const wanted = client.wanted.value;
  const hold = client.hold.value;
  const lost = client.lost.value;
  const proceed = async () => {
    if (!canBuy || isGoing) return;
    setGoing(true);
    await go().finally(() => setGoing(false));
  };
  const again = () => client.want(lost);
  return html`
    <aside class="summary" aria-label=${t("summary.label")}>
      <div class="summary-inner">
        ${
          wanted.length
            ? html`<ul class="picked" aria-label=${t("summary.seats")}>${wanted.map(
                (
                  seat,
                ) => html`<li key=${seat}><button type="button" class="pick" data-pending=${hold?.seats.includes(seat) ? null : ""}
                  aria-label=${t("summary.remove", { seat })} onClick=${() => client.toggle(seat)}>${seat}<${Icon} name="x" /></button></li>`,
              )}</ul>`
            : html`<p class="summary-hint">${lost.length ? t("hold.over") : t("summary.empty", { price: money(from) })}</p>`
        }
        ${hold && wanted.length > 0 && html`<${Clock} hold=${hold} rules=${rules} extend=${() => client.extend()} onOver=${() => client.expire()} />`}
        ${total && wanted.length > 0 && html`<p class="total"><small>${t("summary.total")}</small><strong>${money(total)}</strong></p>`}
        ${
          !wanted.length && lost.length > 0
            ? html`<button type="button" class="button primary" onClick=${again}>${t("hold.again", { seats: list(lost) })}</button>`
            : html`<button type="button" class="button primary" aria-disabled=${!wanted.length || !canBuy || isGoing} onClick=${() => wanted.length && proceed()}>
                ${t("summary.go")}<${Icon} name="arrow-right" class="flip" /></button>`
        }
      </div>
    </aside>`;
}

/** Who only looks needs no clock: it is loaded with the first hold.
 * @param {{ hold: import("../api.d.ts").Hold, rules: Bus["rules"], extend: () => Promise<string | undefined>, onOver: () => void }} props */
function Clock(props) {
  const [HoldClock, setClock] = useState(/** @type {any} */ (null));
  useEffect(() => {
    import("./countdown.js").then((clock) => setClock(() => clock.HoldClock));
  }, []);
  return HoldClock && html`<${HoldClock} ...${props} />`;
}
