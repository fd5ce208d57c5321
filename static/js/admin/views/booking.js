// `/admin/bookings/{ref}`: one booking behind the counter: who travels, what was paid, what happened, what can be done.
import floor from "messages/floor";
import { cancellable } from "../../booking/cancel.js";
import { Journey, tripOf } from "../../booking/journey.js";
import { ApiError, get, isDecided, newKey, post, user } from "../../core/api.js";
import { html, Icon, useState } from "../../core/dom.js";
import { day, learn, money, t, term, time } from "../../core/text.js";
import { toast } from "../../core/ui.js";
import { RefundDialog } from "../bookings/refund.js";
import { printTickets } from "../bookings/tickets.js";
import { confirm } from "../dialog.js";
import { useKeys } from "../keys.js";
import { Shown, useLoaded } from "../load.js";
import { State, tell } from "../parts.js";
import { CLERKS, isOneOf, STAFF } from "../staff.js";

/** @typedef {import("../../api.d.ts").Booking} Booking */
/** @typedef {import("../../api.d.ts").Money} Money */
/** @typedef {{ at: string, kind: string, word: string, amount: Money | null, seats: string[], user: string | null }} Incident */
/** @typedef {{ id: string, amount: Money, method: string, created_at: string, waits_at_counter: boolean, paid_out_at: string | null }} Refund */
/** @typedef {{ booking: Booking, history: Incident[], refunds: Refund[] }} Data */

learn(floor);

// Support looks, and changes nothing.
const SELLERS = STAFF.filter((each) => each !== "support");

/** @param {import("../nav.js").ViewProps} props */
export default function BookingView({ params }) {
  const { ref } = params;
  const loaded = useLoaded(async () => {
    const [booking, history, refunds] = await Promise.all([
      get(`/bookings/${ref}`),
      get(`/admin/bookings/${ref}/history`),
      get(`/admin/refunds?booking=${encodeURIComponent(ref)}`),
    ]);
    return { booking, history: history.items, refunds: refunds.items };
  }, [ref]);
  return html`<${Shown} isPage of=${loaded} lines=${6}>${(/** @type {Data} */ data) => html`<${Page} data=${data} reload=${loaded.reload} />`}</${Shown}>`;
}

/** @param {{ data: Data, reload: () => Promise<void> }} props */
function Page({ data: { booking, history, refunds }, reload }) {
  const [isCancelling, setCancelling] = useState(false);
  const canCancel =
    isOneOf(SELLERS) &&
    cancellable(booking).length > 0 &&
    ["PENDING", "CONFIRMED", "PARTIALLY_CANCELLED"].includes(booking.status);
  const canTake =
    isOneOf(SELLERS) && booking.status === "PENDING" && booking.payment.method === "cash";
  const hasTickets = booking.passengers.some(({ ticket }) => ticket);
  const canMail = isOneOf(SELLERS) && hasTickets && Boolean(booking.contact.email);
  useKeys(
    {
      m: { name: t("mail.again"), run: () => canMail && mailAgain(booking, reload) },
      p: { name: t("bookings.print"), run: () => hasTickets && printTickets(booking.ref) },
      c: { name: t("refund.open"), run: () => canCancel && setCancelling(true) },
    },
    [booking.ref, canCancel, canMail, hasTickets],
  );
  const done = async () => {
    setCancelling(false);
    await reload();
  };
  return html`
    <div class="floor-head">
      <div><h1>${t("booking.title", { ref: booking.ref })} <${State} group="booking" word=${booking.status} /></h1>
        <p>${[booking.contact.email, booking.contact.phone].filter(Boolean).join(" · ") || t("bookings.nocontact")}</p></div>
      <div class="floor-actions">
        ${hasTickets && html`<button type="button" class="button" onClick=${() => printTickets(booking.ref)}><${Icon} name="printer" />${t("bookings.print")}</button>`}
        ${canMail && html`<button type="button" class="button" onClick=${() => mailAgain(booking, reload)}><${Icon} name="mail" />${t("mail.again")}</button>`}
        <a class="button" href=${`/admin/buses/${booking.bus_id}`}><${Icon} name="bus" />${booking.bus_name}</a>
        ${canTake && html`<button type="button" class="button primary" onClick=${() => takeCash(booking, reload)}><${Icon} name="banknote" />${t("bookings.cash", { amount: money(booking.total) })}</button>`}
        ${canCancel && html`<button type="button" class="button danger" onClick=${() => setCancelling(true)}><${Icon} name="undo-2" />${t("refund.open")}</button>`}
      </div>
    </div>
    <div class="booking-parts">
      <div class="booking-column">
        <section class="card"><${Journey} trip=${tripOf(booking)} /></section>
        <${HistoryPart} history=${history} zone=${booking.from_time_zone} />
      </div>
      <div class="booking-column">
      <section class="card" aria-labelledby="people-title">
        <h2 id="people-title"><${Icon} name="users" />${t("booking.passengers")}</h2>
        <ul class="blocks">${booking.passengers.map(
          (
            each,
          ) => html`<li key=${each.seat}><span><strong>${each.seat}</strong> ${each.name}<small>${t(/** @type {any} */ (`category.${each.category}`))}</small></span>
            <span>${money(each.price)} ${each.status && html`<span class="tag" data-tone=${each.status === "VALID" ? "good" : "bad"}>${term("ticket", each.status)}</span>`}</span></li>`,
        )}</ul>
        <dl class="sums">
          <div><dt>${t("bookings.total")}</dt><dd>${money(booking.total)}</dd></div>
          <div><dt>${t("bookings.method")}</dt><dd>${term("method", booking.payment.method)} · ${term("payment", booking.payment.status)}</dd></div>
          ${booking.refunded && html`<div><dt>${t("booking.refunded")}</dt><dd>${money(booking.refunded)}</dd></div>`}
        </dl>
      </section>
      ${refunds.length > 0 && html`<${Refunds} refunds=${refunds} reload=${reload} />`}
      </div>
    </div>
    ${isCancelling && html`<${RefundDialog} booking=${booking} onClose=${() => setCancelling(false)} onDone=${done} />`}`;
}

/** @param {Booking} booking @param {() => Promise<void>} reload */
async function mailAgain({ ref, contact }, reload) {
  const isSure = await confirm({
    title: t("mail.again.title", { ref }),
    body: t("mail.again.body", { email: contact.email ?? "" }),
    action: t("mail.again.go"),
  });
  if (!isSure) return;
  try {
    const { to, left } = await post(`/admin/bookings/${ref}/mail`, undefined, { key: newKey() });
    toast(t("mail.again.done", { to, count: left }), { icon: "mail", tone: "good" });
  } catch (error) {
    tell(error);
  }
  await reload();
}

/** By booking, while no answer has come: to ask again is to ask the same.
 * @type {Map<string, string>} */
const keys = new Map();

/** @param {Booking} booking @param {() => Promise<void>} reload */
async function takeCash({ ref, total }, reload) {
  const amount = money(total);
  const isSure = await confirm({
    title: t("bookings.cash.title", { amount, ref }),
    body: t("bookings.cash.body"),
    action: t("bookings.cash.go", { amount }),
  });
  if (!isSure) return;
  const key = keys.get(ref) ?? newKey();
  keys.set(ref, key);
  try {
    await post(`/bookings/${ref}/cash`, undefined, { key });
    keys.delete(ref);
    toast(t("bookings.cash.done", { amount }), { icon: "banknote", tone: "good" });
  } catch (error) {
    if (error instanceof ApiError && isDecided(error)) keys.delete(ref);
    tellOfDrawer(error);
  }
  await reload();
}

/** @param {unknown} error */
function tellOfDrawer(error) {
  if (!(error instanceof ApiError)) throw error;
  const text = error.code === "no_open_shift" ? t("refund.noshift") : error.message;
  toast(text, { icon: "circle-alert", tone: "bad", seconds: 10 });
}

/** @param {{ refunds: Refund[], reload: () => Promise<void> }} props */
function Refunds({ refunds, reload }) {
  return html`
    <section class="card" aria-labelledby="money-title">
      <h2 id="money-title"><${Icon} name="hand-coins" />${t("refund.list")}</h2>
      <ul class="blocks">${refunds.map(
        (
          each,
        ) => html`<li key=${each.id}><span><strong>${money(each.amount)}</strong> ${term("method", each.method)}
            <small>${t(each.waits_at_counter ? "refund.waits" : each.paid_out_at ? "refund.paid" : "refund.way")}</small></span>
          ${each.waits_at_counter && isOneOf(CLERKS) && html`<button type="button" class="button small primary" onClick=${() => payOut(each, reload)}><${Icon} name="banknote" />${t("refund.pay")}</button>`}</li>`,
      )}</ul>
    </section>`;
}

/** @param {Refund} refund @param {() => Promise<void>} reload */
async function payOut(refund, reload) {
  const amount = money(refund.amount);
  const isSure = await confirm({
    title: t("refund.pay.title", { amount }),
    body: t("refund.pay.body"),
    action: t("refund.pay.go", { amount }),
  });
  if (!isSure) return;
  try {
    await post(`/admin/refunds/${refund.id}/pay-out`, undefined, { key: newKey() });
    toast(t("refund.pay.done", { amount }), { icon: "banknote", tone: "good" });
  } catch (error) {
    tellOfDrawer(error);
  }
  await reload();
}

/** @param {string | null} taker */
const takenBy = (taker) =>
  taker === null
    ? ""
    : ` · ${taker === user.value?.id ? t("bookings.taken.you") : t("bookings.taken", { id: taker })}`;

/** @param {{ history: Incident[], zone: string }} props */
function HistoryPart({ history, zone }) {
  return html`
    <section class="card" aria-labelledby="history-title">
      <h2 id="history-title"><${Icon} name="history" />${t("bookings.history")}</h2>
      <ol class="history">${history.map(
        (
          each,
          index,
        ) => html`<li key=${index}><time dateTime=${each.at}>${day(each.at, zone)} ${time(each.at, zone)}</time>
          <span>${term("history", `${each.kind}.${each.word}`)}${each.seats.length > 0 && ` · ${each.seats.join(each.word === "MOVED" ? " → " : ", ")}`}${takenBy(each.user)}</span>
          <strong>${each.amount ? money(each.amount) : ""}</strong></li>`,
      )}</ol>
    </section>`;
}
