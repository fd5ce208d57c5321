// Step 5: paying, on one's own phone or in cash to staff who stand by.

import { tripOn } from "../booking/journey.js";
import { refundText, secondsToPay } from "../booking/terms.js";
import { ApiError, get, newKey, post } from "../core/api.js";
import { about, isLost, isOnline, noteSale } from "../core/device.js";
import { html, Icon, tick, useEffect, useRef, useState } from "../core/dom.js";
import { clock, list, money, t } from "../core/text.js";
import { announce, Dialog, Field, Notice, toast } from "../core/ui.js";
import { Countdown } from "../seatmap/countdown.js";
import { isCashTaken, isPin, learnCash } from "./cash.js";
import { Foot, Question } from "./frame.js";
import { giveUp } from "./give_up.js";
import { booking, go, people, phone, sale } from "./journey.js";
import { NumberPad } from "./keyboard.js";
import { Order } from "./order.js";
import { Chosen } from "./seats.js";

/** @typedef {import("../api.d.ts").Booking} Booking */
/** @typedef {import("../api.d.ts").PhoneCode} PhoneCode */
/** @typedef {import("./choice.js").KioskChoice} KioskChoice */

const AGAIN_MS = 2_000;
const DRAW_AGAIN_MS = 5_000;
const LEAST_MINUTES = 1;
const FULL = new Set(["too_many_seats", "too_many_holds"]);
const ENDS = new Set(["EXPIRED", "FAILED", "CANCELLED"]);

/** The booking that this kiosk made, as it is now. Raises ApiError.
 * @param {import("./journey.js").Sale} made @returns {Promise<Booking>} */
export const readSale = ({ ref, key }) =>
  get(`/bookings/${ref}`, { headers: { "x-booking-key": key } });

/** What the rider's phone shall open: the provider's page if it has one, else the booking with its ways to pay.
 * @param {Booking} made @param {string} key @returns {Promise<PhoneCode>} */
async function drawCode(made, key) {
  const headers = { "x-booking-key": key };
  const begun = await post(`/payments/${made.payment.id}/begin`, undefined, { headers });
  const own = `/bookings/${made.ref}#key=${encodeURIComponent(key)}`;
  const link = begun.kind === "redirect" && begun.url ? begun.url : own;
  return post("/devices/me/qr", { link });
}

/** @param {{ choice: KioskChoice, back: () => void }} props */
export function Pay({ choice, back }) {
  const [isBusy, setBusy] = useState(false);
  const [isCash, setCash] = useState(false);
  const sent = useRef({ body: "", key: "" });
  const bus = choice.bus.value;
  useEffect(() => void learnCash(), []);
  const buy = async (/** @type {string} */ method) => {
    const hold = choice.client.hold.peek();
    if (isBusy || !hold) return;
    setBusy(true);
    const passengers = people.peek().map((each) => ({ ...each, name: each.name.trim() }));
    const contact = phone.peek().trim() ? { phone: phone.peek().trim() } : {};
    const body = { hold_id: hold.id, passengers, contact, payment_method: method };
    const text = JSON.stringify(body);
    // The same again is the same purchase, however often its answer was lost.
    if (sent.current.body !== text) sent.current = { body: text, key: newKey() };
    try {
      /** @type {Booking} */
      const made = await post("/bookings", body, { key: sent.current.key });
      sale.value = { ref: made.ref, key: made.access_key ?? "" };
      booking.value = made;
      if (made.status === "CONFIRMED") finish();
      else if (method === "voucher") go("voucher");
    } catch (error) {
      // What was refused for others' seats may go well later, if it is asked anew.
      if (error instanceof ApiError && FULL.has(error.code)) sent.current = { body: "", key: "" };
      refuse(error, choice);
    } finally {
      setBusy(false);
      setCash(false);
    }
  };
  if (!bus) return null;
  const open = booking.value;
  if (open?.status === "PENDING") return html`<${OnPhone} booking=${open} choice=${choice} />`;
  if (open && ENDS.has(open.status)) return html`<${Ended} booking=${open} choice=${choice} />`;
  const method = bus.payment_methods.find((each) => each !== "cash");
  const trip = tripOn(bus, choice.ride.from, choice.ride.to);
  const untilGone = (Date.parse(trip.from.at) - tick.value) / 1000;
  const keptMinutes = Math.floor(
    Math.min(about.value?.settings.voucher_seconds ?? 0, untilGone) / 60,
  );
  const canBring = keptMinutes >= LEAST_MINUTES;
  const canPay = choice.client.hold.value !== null && isOnline.value && !isBusy;
  return html`
    <main id="main" class="kiosk-main" tabindex="-1">
      <${Question} text=${t("kiosk.pay")} />
      <div class="kiosk-order">
        <${Order} choice=${choice}><p class="hint"><${Icon} name="shield-check" />${t("checkout.refund", { what: refundText(bus.rules) })}</p></${Order}>
        <div class="ways">
          ${method && html`<button type="button" class="button primary way-to-pay" aria-disabled=${!canPay} onClick=${() => canPay && buy(method)}><${Icon} name="smartphone" /><span>${t("pay.phone")}<small>${t("pay.phone.body")}</small></span></button>`}
          ${isCashTaken.value && html`<button type="button" class="button way-to-pay" aria-disabled=${!canPay} onClick=${() => canPay && setCash(true)}><${Icon} name="user" /><span>${t("pay.cash")}<small>${t("pay.cash.body")}</small></span></button>`}
          ${canBring && html`<button type="button" class="button way-to-pay" aria-disabled=${!canPay} onClick=${() => canPay && buy("voucher")}><${Icon} name="ticket" /><span>${t("pay.voucher")}<small>${t("pay.voucher.body", { count: keptMinutes })}</small></span></button>`}
          ${!method && !isCashTaken.value && !canBring && html`<${Notice} icon="info" title=${t("pay.none")}><p>${t("pay.none.body")}</p></${Notice}>`}
        </div>
      </div>
    </main>
    <${Foot} back=${back}><${Chosen} choice=${choice} /></${Foot}>
    ${isCash && choice.total && html`<${CashDialog} amount=${money(choice.total)} onClose=${() => setCash(false)} onPaid=${() => buy("cash")} />`}`;
}

function finish() {
  noteSale();
  go("ticket");
}

/** @param {unknown} error @param {KioskChoice} choice */
function refuse(error, choice) {
  if (!(error instanceof ApiError)) throw error;
  if (error.code.startsWith("hold_")) return choice.client.expire();
  const text = isLost(error)
    ? t("kiosk.offline")
    : FULL.has(error.code)
      ? fullText(error)
      : error.message;
  return toast(text, { icon: "circle-alert", tone: "bad", seconds: 10 });
}

/** @param {ApiError} error */
function fullText({ problem: { retry_after: wait } }) {
  const later = wait === undefined ? "" : ` ${t("limit.later", { time: clock(wait * 1000) })}`;
  return t("pay.voucher.full") + later;
}

/** @param {{ booking: Booking, choice: KioskChoice }} props */
function OnPhone({ booking: open, choice }) {
  const [code, setCode] = useState(/** @type {PhoneCode | null} */ (null));
  const key = sale.value?.key ?? "";
  const seen = choice.live.known.value;
  useEffect(() => {
    let isWanted = true;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    // A provider may be away for a moment, which is shorter than the time to pay.
    const draw = () =>
      drawCode(open, key)
        .then((drawn) => isWanted && setCode(drawn))
        .catch((error) => {
          if (!isLost(error)) refuse(error, choice);
          if (isWanted) timer = setTimeout(draw, DRAW_AGAIN_MS);
        });
    if (!code) draw();
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [open.ref, isOnline.value]);
  const look = async () => {
    try {
      const known = await readSale({ ref: open.ref, key });
      if (sale.peek()?.ref !== known.ref) return;
      if (known.status === "CONFIRMED") finish();
      if (known.status !== booking.peek()?.status || known.status === "CONFIRMED")
        booking.value = known;
    } catch (error) {
      if (!isLost(error) && !(error instanceof ApiError)) throw error;
    }
  };
  // The map is told first; whatever it says, and now and then without, the booking is what decides.
  useEffect(() => void look(), [seen]);
  useEffect(() => {
    const timer = setInterval(look, AGAIN_MS);
    return () => clearInterval(timer);
  }, [open.ref]);
  const stop = async () => {
    await giveUp(open.ref, key).catch(() => {});
    await look();
  };
  return html`
    <main id="main" class="kiosk-main kiosk-phone" tabindex="-1">
      <${Question} text=${t("pay.scan")} />
      <div class="phone-code">
        ${code ? html`<img src=${`data:image/svg+xml,${encodeURIComponent(code.svg)}`} alt=${t("pay.scan.alt")} />` : html`<div class="skeleton"></div>`}
        <ol><li>${t("pay.scan.1")}</li><li>${t("pay.scan.2")}</li><li>${t("pay.scan.3")}</li></ol>
      </div>
      <p class="pay-amount">${money(open.payment.amount)}</p>
      <p role="status" class="waiting"><${Icon} name="timer" />${t("pay.scan.wait")}</p>
    </main>
    <${Foot} back=${stop} backText=${t("cancel")}>
      ${open.expires_at && html`<span class="chosen"><small>${t("pay.left")}</small><${Countdown} until=${open.expires_at} total=${secondsToPay(open)} label=${t("pay.left")} onOver=${look} /></span>`}
    </${Foot}>`;
}

/** @param {{ booking: Booking, choice: KioskChoice }} props */
function Ended({ booking: over, choice }) {
  const again = async () => {
    booking.value = null;
    sale.value = null;
    await choice.client.restore(); // what was held is booked, or free again
    choice.client.want(over.seats);
    await choice.client.settle();
    if (!choice.client.hold.peek()) go("seats");
  };
  const isDeclined = over.status === "FAILED";
  useEffect(() => announce(t(isDeclined ? "pay.declined" : "booking.EXPIRED")), []);
  return html`
    <main id="main" class="kiosk-main" tabindex="-1">
      <${Question} text=${isDeclined ? t("pay.declined") : t(`booking.${/** @type {"EXPIRED"} */ (over.status)}`)} />
      <${Notice} icon="credit-card" tone="bad" title=${t("kiosk.unpaid")}><p>${t("pay.declined.body")}</p></${Notice}>
    </main>
    <${Foot} next=${again} nextText=${t("hold.again", { seats: list(over.seats) })} isReady=${isOnline.value} />`;
}

/** @param {{ amount: string, onClose: () => void, onPaid: () => void }} props */
function CashDialog({ amount, onClose, onPaid }) {
  const [pin, setTyped] = useState("");
  const [fault, setFault] = useState("");
  const check = async () => {
    if (await isPin(pin)) return onPaid();
    setTyped("");
    if (!isCashTaken.peek()) return onClose();
    return setFault(t("pay.cash.wrong"));
  };
  const actions = html`
    <button type="button" class="button" onClick=${onClose}>${t("cancel")}</button>
    <button type="button" class="button primary" aria-disabled=${pin.length < 4} onClick=${check}>${t("pay.cash.go", { amount })}</button>`;
  return html`<${Dialog} title=${t("pay.cash.title", { amount })} onClose=${onClose} actions=${actions}>
    <p>${t("pay.cash.ask")}</p>
    <${Field} label=${t("pin.label")} name="cash-pin" type="password" inputmode="none" autocomplete="off" maxlength="8" class="digits" value=${pin} error=${fault} onValue=${setTyped} />
    <${NumberPad} field="cash-pin" />
  </${Dialog}>`;
}
