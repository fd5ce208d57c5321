// `/checkout/{hold}`: who travels, how to reach them, and paying.

import words from "messages/ticket";
import { chooseOthers } from "../booking/again.js";
import { claimHold } from "../booking/claim.js";
import { draftFor, draftOf, keepDraft } from "../booking/draft.js";
import { CheckoutForm } from "../booking/form.js";
import { busOf, Journey, tripOn } from "../booking/journey.js";
import { Pay } from "../booking/pay.js";
import { refundText } from "../booking/terms.js";
import { ApiError, call, get, keepKey, newKey, post } from "../core/api.js";
import { html, Icon, remember, session, signal, useEffect } from "../core/dom.js";
import { mount } from "../core/shell.js";
import { language, learn, list, money, t } from "../core/text.js";
import { announce, Failure, limitAction, limitText, Notice, Skeleton, toast } from "../core/ui.js";
import { HoldClock } from "../seatmap/countdown.js";

/** @typedef {import("../api.d.ts").Booking} Booking */
/** @typedef {import("../api.d.ts").Bus} Bus */
/** @typedef {import("../api.d.ts").Hold} Hold */
/** @typedef {import("../booking/draft.js").Draft} Draft */

learn(words);
const hold = signal(/** @type {Hold | null} */ (null));
const bus = signal(/** @type {Bus | null} */ (null));
const draft = signal(/** @type {Draft | null} */ (null));
const booking = signal(/** @type {Booking | null} */ (null));
const failure = signal(/** @type {ApiError | null} */ (null));
/** Why there are no seats any more, while the form stays as it is. */
const ended = signal(/** @type {null | "over" | "declined"} */ (null));
/** Why seats cannot be had again, and what can be had in their place. */
const others = signal(
  /** @type {null | (import("../booking/again.js").Others & { why: string })} */ (null),
);
const isBusy = signal(false);
/** The key belongs to what is sent: the same again is the same purchase, anything else is another. */
let sent = { body: "", key: "" };

async function load() {
  const id = location.pathname.split("/")[2];
  failure.value = null;
  const kept = draftOf(id);
  if (kept?.ref) return location.replace(`/bookings/${kept.ref}`);
  try {
    await claimHold(id);
    const found = await get(`/holds/${id}`);
    bus.value = await busOf(found.bus_id);
    await adopt(found);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (kept && error.code.startsWith("hold_")) {
      bus.value = await busOf(kept.bus);
      draft.value = kept;
      ended.value = "over";
    } else failure.value = error;
  }
  return undefined;
}

/** Paying begins here, and here a hold gets the one extension that it has coming, unless it was asked for before.
 * @param {Hold} found */
async function adopt(found) {
  hold.value = found;
  draft.value = draftFor(found);
  ended.value = null;
  others.value = null;
  keepDraft(draft.value);
  remember(session, `omnibus.hold.${found.bus_id}`, {
    id: found.id,
    expires_at: found.expires_at,
  });
  if (found.extended) return;
  const until = await extend();
  if (until && until !== found.expires_at) announce(t("clock.kept"));
}

/** @param {Partial<Draft>} change */
function edit(change) {
  if (!draft.peek()) return;
  draft.value = /** @type {Draft} */ ({ ...draft.peek(), ...change });
  keepDraft(draft.value);
}

async function extend() {
  const id = hold.peek()?.id;
  try {
    hold.value = await call("POST", `/holds/${id}/extend`, { key: newKey() });
  } catch (error) {
    refuse(error);
  }
  return hold.peek()?.expires_at;
}

function over() {
  hold.value = null;
  ended.value = "over";
}

/** The same seats again; for those that went to others meanwhile, the next best are offered, and nothing is typed twice.
 * @param {string[]} [seats] */
async function holdAgain(seats = draft.peek()?.seats) {
  const wanted = draft.peek();
  if (!wanted || !seats) return;
  try {
    const body = { seats, from_stop: wanted.from, to_stop: wanted.to };
    const found = await post(`/buses/${wanted.bus}/holds`, body, { key: newKey() });
    booking.value = null;
    history.replaceState(null, "", `/checkout/${found.id}`);
    await adopt(found);
  } catch (error) {
    if (!(error instanceof ApiError && error.problem.seats && ended.peek())) return refuse(error);
    const lost = error.problem.seats.map(({ seat }) => seat);
    const rules = /** @type {Bus} */ (bus.peek()).rules;
    // Gone to somebody else, or let go by this very buyer a moment ago, which makes them others' first.
    const why =
      limitText(error, rules) ?? t("again.taken", { seats: list(lost), count: lost.length });
    const leg = new URLSearchParams({ from_stop: wanted.from, to_stop: wanted.to });
    const map = await get(`/buses/${wanted.bus}/seats?${leg}`, { guest: true }).catch(() => null);
    others.value = { ...chooseOthers(map?.seats ?? [], seats, lost), why };
    announce(why);
  }
  return undefined;
}

async function buy() {
  const wanted = draft.peek();
  if (!wanted || isBusy.peek()) return;
  isBusy.value = true;
  const contact = Object.fromEntries(
    Object.entries(wanted.contact).filter(([, value]) => value.trim()),
  );
  if (contact.email) contact.locale = language; // its mails come as this page does
  const passengers = wanted.people.map((person) => ({ ...person, name: person.name.trim() }));
  const body = { hold_id: wanted.hold, passengers, contact, payment_method: methodOf(wanted) };
  const text = JSON.stringify(body);
  if (sent.body !== text) sent = { body: text, key: newKey() };
  try {
    /** @type {Booking} */
    const made = await post("/bookings", body, { key: sent.key });
    if (made.access_key) keepKey(made.ref, made.access_key);
    edit({ ref: made.ref });
    remember(session, `omnibus.hold.${wanted.bus}`, null);
    settled(made);
  } catch (error) {
    refuse(error);
  } finally {
    isBusy.value = false;
  }
}

/** What can be paid by here; cash is for counters. */
const methods = () => (bus.peek()?.payment_methods ?? []).filter((each) => each !== "cash");

/** @param {Draft} draft */
const methodOf = ({ method }) =>
  methods().find((each) => each === method) ?? methods()[0] ?? "demo";

/** @param {Booking} known */
function settled(known) {
  booking.value = known;
  if (known.status === "CONFIRMED") {
    keepDraft(null);
    location.replace(`/bookings/${known.ref}`);
  } else if (known.status !== "PENDING") {
    hold.value = null;
    ended.value = "declined";
    edit({ ref: undefined });
  }
}

/** @param {unknown} error */
function refuse(error) {
  if (!(error instanceof ApiError)) throw error;
  if (error.code.startsWith("hold_")) return over();
  const taken = error.code === "seat_unavailable" && error.problem.seats?.map(({ seat }) => seat);
  const limit = bus.peek() && limitText(error, /** @type {Bus} */ (bus.peek()).rules);
  const isOffline = error.code === "offline";
  const text = taken
    ? t("checkout.taken", { seats: list(taken) })
    : isOffline
      ? t("failure.offline")
      : (limit ?? error.problem.errors?.[0]?.detail ?? error.message);
  const icon = isOffline ? "wifi-off" : limit ? "users" : "circle-alert";
  return toast(text, { icon, tone: "bad", seconds: limit ? 15 : 10, action: limitAction(error) });
}

const seatsUrl = (/** @type {Draft} */ { bus: id, from, to }) =>
  `/buses/${id}?${new URLSearchParams({ from, to })}`;

function CheckoutPage() {
  if (failure.value?.code.startsWith("hold_") || failure.value?.status === 404)
    return html`<${Notice} isPage icon="timer" title=${t("checkout.gone")}><p>${t("checkout.gone.body")}</p><a class="button" href="/">${t("nav.search")}</a></${Notice}>`;
  if (failure.value) return html`<${Failure} isPage error=${failure.value} retry=${load} />`;
  if (!bus.value || !draft.value) return html`<${Skeleton} lines=${6} />`;
  return html`<${Checkout} bus=${bus.value} draft=${draft.value} />`;
}

/** @param {{ bus: Bus, draft: Draft }} props */
function Checkout({ bus, draft }) {
  const open = booking.value?.status === "PENDING" ? booking.value : null;
  const prices = hold.value?.prices ?? booking.value?.passengers;
  useEffect(() => {
    if (open) document.getElementById("pay-title")?.focus();
  }, [open]);
  return html`
    <${Steps} at=${open ? 2 : 1} seatsUrl=${seatsUrl(draft)} />
    <div class="checkout-head"><h1>${t("checkout.title")}</h1>
      ${hold.value && !open && html`<${HoldClock} hold=${hold.value} rules=${bus.rules} extend=${extend} onOver=${over} />`}</div>
    ${ended.value && html`<${Ended} why=${ended.value} draft=${draft} />`}
    <div class="checkout">
      ${
        open
          ? html`<${Pay} booking=${open} onBooking=${settled} onOver=${over} />`
          : html`<${CheckoutForm} draft=${draft} edit=${edit} buy=${buy} isBusy=${isBusy.value} isOpen=${!ended.value} methods=${methods()} method=${methodOf(draft)} />`
      }
      <aside class="card order" aria-labelledby="order-title">
        <h2 id="order-title">${t("checkout.price")}</h2>
        <${Journey} trip=${tripOn(bus, draft.from, draft.to)} />
        <ul class="order-lines">${draft.seats.map((seat) => {
          const price = prices?.find((line) => line.seat === seat)?.price;
          return html`<li key=${seat}><span>${t("checkout.seat", { seat })}</span>${price && html`<span>${money(price)}</span>`}</li>`;
        })}</ul>
        ${(hold.value ?? booking.value) && html`<p class="order-total"><span>${t("checkout.total")}</span><strong>${money((hold.value ?? booking.value ?? { total: bus.price }).total)}</strong></p>`}
        ${!open && html`<a class="button small" href=${seatsUrl(draft)}>${t("checkout.change")}</a>`}
        <p class="hint"><${Icon} name="shield-check" />${t("checkout.refund", { what: refundText(bus.rules) })}</p>
      </aside>
    </div>`;
}

/** @param {{ at: number, seatsUrl: string }} props */
function Steps({ at, seatsUrl: url }) {
  const names = [t("step.seats"), t("step.details"), t("step.payment")];
  return html`<ol class="steps" aria-label=${t("checkout.steps")}>${names.map(
    (
      name,
      index,
    ) => html`<li key=${name} aria-current=${index === at ? "step" : null} data-done=${index < at ? "" : null}>
      <span class="step-mark">${index < at ? html`<${Icon} name="check" />` : index + 1}</span>${index === 0 && at === 1 ? html`<a href=${url}>${name}</a>` : name}</li>`,
  )}</ol>`;
}

/** @param {{ why: "over" | "declined", draft: Draft }} props */
function Ended({ why, draft }) {
  const says = why === "declined" ? "pay.declined" : "checkout.over";
  const other = others.value;
  return html`<div role="alert"><${Notice} icon=${why === "declined" ? "credit-card" : "timer"} tone="bad" title=${t(says)}>
    <p>${t(`${says}.body`)}</p>
    ${other && html`<p><strong>${other.why}</strong> ${other.found.length === 0 && t("again.none")}</p>`}
    <div class="chips">${
      other
        ? other.found.length > 0 &&
          html`<button type="button" class="button primary" onClick=${() => holdAgain(other.seats)}>${t("again.take", { seats: list(other.found) })}</button>`
        : html`<button type="button" class="button primary" onClick=${() => holdAgain()}>${t("hold.again", { seats: list(draft.seats) })}</button>`
    }
      <a class="button" href=${seatsUrl(draft)}>${t("checkout.change")}</a></div>
  </${Notice}></div>`;
}

mount(CheckoutPage, t("checkout.title"));
load();
// A page from the back-forward cache shows a hold as it was; what it is now must be asked.
addEventListener("pageshow", (event) => event.persisted && location.reload());
