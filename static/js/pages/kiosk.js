// `/kiosk`: a machine in a hall that sells the buses of its operator from the stop at which it stands.
import boardWords from "messages/board";
import words from "messages/kiosk";
import { seatPeople } from "../booking/draft.js";
import { about, beat, isOnline, kept } from "../core/device.js";
import { effect, html, signal, useEffect } from "../core/dom.js";
import { lookAtServer, stayAwake } from "../core/renew.js";
import { mountAlone } from "../core/shell.js";
import { learn, t } from "../core/text.js";
import { LiveTopic } from "../core/topic.js";
import { Failure, Notice, Skeleton } from "../core/ui.js";
import { Attract } from "../kiosk/attract.js";
import { forgetPin, nextInLine } from "../kiosk/cash.js";
import { KioskChoice } from "../kiosk/choice.js";
import { KioskFrame } from "../kiosk/frame.js";
import { giveUp } from "../kiosk/give_up.js";
import { booking, go, goal, goBack, people, ride, sale, step, wipe } from "../kiosk/journey.js";
import { unspeak } from "../kiosk/language.js";
import { isNew, Pairing, PinSetting } from "../kiosk/pairing.js";
import { Pay, readSale } from "../kiosk/pay.js";
import { People } from "../kiosk/people.js";
import { Seats } from "../kiosk/seats.js";
import { Tickets } from "../kiosk/ticket.js";
import { isVoucher, Voucher } from "../kiosk/voucher.js";
import { Departures, prepare, Where } from "../kiosk/where.js";

learn(boardWords);
learn(words);

const RENEW_MS = 10 * 60_000;
const choice = signal(/** @type {KioskChoice | null} */ (null));
const board = signal(/** @type {LiveTopic | null} */ (null));

/** @param {import("../kiosk/journey.js").Ride} next */
function openRide(next) {
  choice.peek()?.close();
  ride.value = next;
  const chosen = new KioskChoice(next);
  choice.value = chosen;
  return chosen.load();
}

/** Go on where a reload has broken in. */
async function resume() {
  const made = sale.peek();
  if (made) booking.value = await readSale(made).catch(() => null);
  if (step.peek() === "pay" && !booking.peek()) go("people");
  if (booking.peek()?.status === "CONFIRMED") return go("ticket");
  if (isVoucher(booking.peek())) return go("voucher");
  const begun = ride.peek();
  if (!begun || step.peek() === "where" || step.peek() === "bus") return undefined;
  await openRide(begun);
  if (step.peek() === "people") askNames();
  return undefined;
}

/** Whoever stood here has gone, or is done: give back what is held, forget them, and begin again as a new page, whose
 * memory has never known them. Without a network there is no page to be had, so this one goes on. */
async function leave() {
  const held = choice.peek();
  const open = booking.peek();
  // Who has a voucher takes it along.
  const made = open?.status === "PENDING" && !isVoucher(open) ? sale.peek() : null;
  const isSomebody = step.peek() !== "attract";
  choice.value = null;
  const isBack = held?.close();
  const isGivenUp = made && giveUp(made.ref, made.key).catch(() => {});
  wipe();
  nextInLine();
  scrollTo(0, 0);
  unspeak();
  isUsed = isUsed || isSomebody;
  // A page that goes takes its requests along, and what was just asked for would stay held.
  await Promise.all([isBack, isGivenUp]);
  if (isUsed) await renew();
}
/** Whether somebody has stood before this page, who is gone. */
let isUsed = false;

/** Load the page anew, if nobody stands before it: after somebody has, or for another edition of it. */
async function renew() {
  const found = await lookAtServer();
  const isDue = isUsed || found === "new";
  if (isDue && found !== "gone" && step.peek() === "attract") location.replace("/kiosk");
}

function askNames() {
  const hold = choice.peek()?.client.hold.peek();
  if (!hold) return go("seats");
  people.value = seatPeople(people.peek(), hold.seats);
  return go("people");
}

function Screen() {
  const chosen = choice.value;
  const place = about.value?.stop;
  if (!place)
    return html`<main id="main" class="kiosk-main" tabindex="-1"><h1 class="visually-hidden">${t("kiosk.title")}</h1>
      ${about.value ? html`<${Notice} icon="map-pin" title=${t("kiosk.nowhere")}><p>${t("kiosk.nowhere.body")}</p></${Notice}>` : isOnline.value ? html`<${Skeleton} lines=${5} />` : html`<${Failure} error=${OFFLINE} retry=${beat} />`}</main>`;
  const backToBuses = () => {
    choice.peek()?.close();
    choice.value = null;
    go("bus");
  };
  switch (step.value) {
    case "attract":
      return html`<${Attract} live=${board.value} start=${() => go("where")} />`;
    case "where":
      return html`<${Where} leave=${leave} choose=${(
        /** @type {import("../api.d.ts").Stop} */ stop,
      ) => {
        goal.value = stop;
        go("bus");
      }} />`;
    case "bus":
      return html`<${Departures} choose=${(/** @type {import("../api.d.ts").Departure} */ bus) => {
        openRide({ bus: bus.id, from: bus.from_stop.id, to: bus.to_stop.id });
        go("seats");
      }} />`;
    case "voucher":
      return html`<${Voucher} leave=${leave} />`;
    case "ticket":
      return html`<${Tickets} leave=${leave} />`;
    default:
      break;
  }
  if (!chosen)
    return html`<main id="main" class="kiosk-main" tabindex="-1"><h1 class="visually-hidden">${t("kiosk.title")}</h1><${Skeleton} lines=${5} /></main>`;
  if (step.value === "seats")
    return html`<${Seats} choice=${chosen} back=${backToBuses} next=${askNames} />`;
  if (step.value === "people" && people.value.length)
    return html`<${People} choice=${chosen} back=${() => go("seats")} next=${() => go("pay")} />`;
  return html`<${Pay} choice=${chosen} back=${() => go("people")} />`;
}
const OFFLINE = { code: "offline", message: "" };

function KioskPage() {
  useEffect(() => {
    if (kept.value && !isNew.value) beat();
  }, [kept.value, isNew.value]);
  if (kept.value?.kind !== "kiosk") return html`<${Pairing} />`;
  if (isNew.value) return html`<${PinSetting} />`;
  const isWaiting = step.value === "pay" && booking.value?.status === "PENDING";
  return html`<${KioskFrame} leave=${leave} isWaiting=${isWaiting}><${Screen} /></${KioskFrame}>`;
}

/** A hall is no desk: nothing is selected, zoomed, dragged or looked up, and "back" is a step. */
function keepHandsOff() {
  for (const name of ["contextmenu", "dragstart", "selectstart"])
    document.addEventListener(name, (event) => {
      if (!(event.target instanceof HTMLInputElement)) event.preventDefault();
    });
  const still = (/** @type {WheelEvent} */ event) => event.ctrlKey && event.preventDefault();
  document.addEventListener("wheel", still, { passive: false });
  history.pushState(null, "");
  addEventListener("popstate", () => {
    history.pushState(null, "");
    if (!["attract", "pay", "voucher", "ticket"].includes(step.peek())) goBack();
  });
}

effect(() => {
  const stop = about.value?.stop?.id;
  if (!stop || board.peek()?.topic === `board:${stop}`) return;
  board.peek()?.stop();
  board.value = new LiveTopic(`board:${stop}`, () => kept.peek()?.key ?? null).start();
  prepare();
});
effect(() => {
  if (isOnline.value && isUsed && step.peek() === "attract") renew();
});
effect(() => {
  // Shut out: whoever pairs this anew is somebody else's kiosk.
  if (kept.value) return;
  wipe();
  forgetPin();
});

mountAlone(KioskPage, t("kiosk.title"));
keepHandsOff();
stayAwake();
if (kept.peek()) resume();
setInterval(() => step.peek() === "attract" && renew(), RENEW_MS);
