// Step 3: seats on the live map.
import { isOnline } from "../core/device.js";
import { html, Icon, media, useEffect, useState } from "../core/dom.js";
import { list, money, t, term } from "../core/text.js";
import { announce, Failure, Notice, Skeleton } from "../core/ui.js";
import { HoldClock } from "../seatmap/countdown.js";
import { deckNamesOf, SeatMap } from "../seatmap/grid.js";
import { Legend, Trip } from "../seatmap/panel.js";
import { Foot, Question } from "./frame.js";

/** @typedef {import("./choice.js").KioskChoice} KioskChoice */

const PARTY_MAX = 6;
// In a hand the decks take turns.
const isWide = media("(min-width: 45rem)");

/** @param {{ choice: KioskChoice, back: () => void, next: () => void }} props */
export function Seats({ choice, back, next }) {
  const [isGoing, setGoing] = useState(false);
  const { client, live } = choice;
  const bus = choice.bus.value;
  const at = choice.leg.value;
  if (choice.failure.value || !bus || !at)
    return html`<main id="main" class="kiosk-main" tabindex="-1"><${Question} text=${t("kiosk.seats")} />
      ${choice.failure.value ? html`<${Failure} error=${choice.failure.value} retry=${() => choice.load()} />` : html`<${Skeleton} lines=${5} />`}</main>
      <${Foot} back=${back} />`;
  const wanted = client.wanted.value;
  const isOnSale = bus.status === "SCHEDULED";
  const canGo = wanted.length > 0 && isOnSale && isOnline.value && !isGoing;
  const proceed = async () => {
    setGoing(true);
    const hold = await choice.settle();
    setGoing(false);
    if (hold) next();
  };
  const map = {
    seats: choice.seats.value,
    views: choice.views,
    toggle: choice.toggle,
    best: () => choice.findBest(Math.max(1, wanted.length)),
    leave: () => document.querySelector(".kiosk-foot .button")?.closest("button")?.focus(),
    isWide: isWide.value,
    deckNames: deckNamesOf(bus),
  };
  return html`
    <main id="main" class="kiosk-main kiosk-seats" tabindex="-1">
      <${Question} text=${t("kiosk.seats")}><${Party} bus=${bus} choice=${choice} isOpen=${isOnSale} /></${Question}>
      <${News} live=${live} />
      ${!isOnSale && html`<${Notice} icon="info" title=${term("status", bus.status.toLowerCase())}><p>${t("bus.closed")}</p></${Notice}>`}
      <div class="kiosk-map">
        <section class="card map" aria-label=${t("map.title")}><${SeatMap} ...${map} /></section>
        <div class="kiosk-side"><${Trip} bus=${bus} at=${at} /><${Legend} seats=${choice.seats.value} views=${choice.views} /></div>
      </div>
    </main>
    <${Foot} back=${back} next=${proceed} isReady=${canGo}><${Chosen} choice=${choice} /></${Foot}>`;
}

/** @param {{ bus: import("../api.d.ts").Bus, choice: KioskChoice, isOpen: boolean }} props */
function Party({ bus, choice, isOpen }) {
  const most = Math.min(PARTY_MAX, bus.rules.seats_per_buyer);
  if (!isOpen) return null;
  return html`<div class="party" role="group" aria-label=${t("kiosk.party")}>
    <span><${Icon} name="sparkles" />${t("kiosk.party")}</span>
    ${Array.from({ length: most }, (_, index) => html`<button type="button" key=${index} class="key" aria-label=${t("best.people", { count: index + 1 })} onClick=${() => choice.findBest(index + 1)}>${index + 1}</button>`)}
  </div>`;
}

/** What is chosen, what it costs, and how long it is kept; also on the screens that follow.
 * @param {{ choice: KioskChoice }} props */
export function Chosen({ choice }) {
  const { client } = choice;
  const wanted = client.wanted.value;
  const hold = client.hold.value;
  const bus = choice.bus.value;
  if (!wanted.length && client.lost.value.length)
    return html`<span>${t("hold.over")}</span>
      <button type="button" class="button" onClick=${() => client.want(client.lost.peek())}>${t("hold.again", { seats: list(client.lost.value) })}</button>`;
  if (!wanted.length) return html`<span class="hint">${t("kiosk.seats.hint")}</span>`;
  return html`
    <span class="chosen"><small>${t("summary.seats")}</small><strong>${wanted.join(", ")}</strong></span>
    ${choice.total && html`<span class="chosen"><small>${t("summary.total")}</small><strong>${money(choice.total)}</strong></span>`}
    ${hold && bus && html`<${HoldClock} hold=${hold} rules=${bus.rules} extend=${() => client.extend()} onOver=${() => client.expire()} />`}`;
}

/** @param {{ live: KioskChoice["live"] }} props */
function News({ live }) {
  const news = live.news.value;
  useEffect(() => {
    if (news !== "live") announce(t(`news.${news}`));
  }, [news]);
  if (news === "live" || !isOnline.value) return null;
  return html`<div class="banner" data-tone="bad"><${Icon} name="wifi-off" /><span>${t(`news.${news}`)}</span></div>`;
}
