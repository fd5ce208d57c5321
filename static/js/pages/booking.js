// `/bookings/{ref}`: the ticket. A guest's key may come in the address after `#`, where no server and no log sees it;
// it moves into this browser's storage and out of the address at once.
import words from "messages/ticket";
import { CancelDialog, cancellable } from "../booking/cancel.js";
import { Journey, tripOf } from "../booking/journey.js";
import { keepTicket } from "../booking/kept.js";
import { Pay } from "../booking/pay.js";
import { TakeAlong, TicketCodes } from "../booking/takeaway.js";
import { ApiError, get, keepKey, keyOf, user, withKey } from "../core/api.js";
import { html, Icon, signal, useState } from "../core/dom.js";
import { mount } from "../core/shell.js";
import { learn, longDay, money, t, term, time } from "../core/text.js";
import { announce, Failure, Field, Skeleton, toast } from "../core/ui.js";

/** @typedef {import("../api.d.ts").Booking} Booking */

learn(words);
const STATUS_ICONS = /** @type {Record<string, string>} */ ({
  CONFIRMED: "circle-check",
  PENDING: "clock",
  PARTIALLY_CANCELLED: "circle-check",
});
const LIVING = new Set(["PENDING", "CONFIRMED", "PARTIALLY_CANCELLED"]);
const ref = location.pathname.split("/")[2].toUpperCase();
const booking = signal(/** @type {Booking | null} */ (null));
const failure = signal(/** @type {ApiError | null} */ (null));
const isCancelling = signal(false);
// Back from a provider's page: what came of it is heard of a moment later.
const isPaying = new URLSearchParams(location.search).has("paid");
const ASK_AGAIN_MS = 1500;

function takeKey() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!key) return;
  keepKey(ref, key);
  history.replaceState(null, "", location.pathname);
}

async function load() {
  failure.value = null;
  // Nobody is asked what nobody could answer.
  if (!keyOf(ref) && !user.peek()) {
    failure.value = new ApiError({ status: 401, code: "unauthenticated", title: "" });
    return;
  }
  try {
    const known = await get(`/bookings/${ref}`, withKey(ref));
    show(known);
    if (isPaying && known.status === "PENDING") setTimeout(load, ASK_AGAIN_MS);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // A ticket that is on the screen stays there: without a network is when it is needed.
    if (!booking.peek() || error.code !== "offline") failure.value = error;
  }
}

let isFollowed = false;

/** @param {Booking} known */
function show(known) {
  const before = booking.peek();
  booking.value = known;
  if (!known.kept_at) keepTicket(known).catch(() => {});
  if (before && before.status !== known.status)
    announce(t("booking.news", { status: term("booking", known.status) }));
  if (isFollowed || !LIVING.has(known.status)) return;
  isFollowed = true;
  // Nobody waits for it: the ticket is there, and what is to come of it may come a moment later.
  import("../booking/follow.js").then(({ follow }) => follow(known, load));
}

async function copyLink() {
  const key = keyOf(ref);
  const link = `${location.origin}/bookings/${ref}${key ? `#key=${encodeURIComponent(key)}` : ""}`;
  try {
    await navigator.clipboard.writeText(link);
    toast(t("booking.linked"), { icon: "link", tone: "good" });
  } catch {
    toast(link, { icon: "link", seconds: 20 });
  }
}

function BookingPage() {
  const status = failure.value?.status;
  if (status === 401 || status === 404) return html`<${KeyForm} isWrong=${status === 404} />`;
  if (failure.value) return html`<${Failure} isPage error=${failure.value} retry=${load} />`;
  if (!booking.value) return html`<${Skeleton} lines=${5} />`;
  return html`<${Ticket} booking=${booking.value} />`;
}

/** @param {{ isWrong: boolean }} props */
function KeyForm({ isWrong }) {
  const [key, setKey] = useState("");
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!key.trim()) return;
    keepKey(ref, key.trim());
    load();
  };
  return html`
    <form class="card narrow" onSubmit=${submit}>
      <h1>${t("booking.key.title", { ref })}</h1>
      <p class="hint">${t("booking.key.body")}</p>
      <${Field} label=${t("booking.key.label")} name="key" autocomplete="off" spellcheck="false" value=${key} onValue=${setKey} error=${isWrong ? t("booking.key.wrong") : ""} />
      <button class="button primary wide"><${Icon} name="lock" />${t("booking.key.go")}</button>
      ${!user.value && html`<a class="button quiet wide" href=${`/login?next=${encodeURIComponent(location.pathname)}`}>${t("nav.login")}</a>`}
    </form>`;
}

/** @param {{ booking: Booking }} props */
function Ticket({ booking: shown }) {
  const isPaid = ["CONFIRMED", "PARTIALLY_CANCELLED"].includes(shown.status);
  const isPending = shown.status === "PENDING";
  const { kept_at: kept, from_time_zone: zone } = shown;
  return html`
    ${kept && html`<p class="banner" role="status"><${Icon} name="wifi-off" /><span>${t("booking.kept", { when: `${longDay(kept, zone)}, ${time(kept, zone)}` })}</span></p>`}
    ${isPending && isPaying && html`<p class="hint" role="status">${t("pay.waiting")}</p>`}
    ${isPending && !isPaying && shown.payment.method !== "cash" && html`<${Pay} booking=${shown} onBooking=${show} onOver=${load} />`}
    <article class="ticket" data-status=${shown.status} aria-labelledby="ticket-title">
      <header>
        <div><p>${t("booking.ref")}</p><h1 id="ticket-title" dir="ltr" aria-label=${t("booking.title", { ref })}>${ref}</h1></div>
        <p class="status"><${Icon} name=${STATUS_ICONS[shown.status] ?? "circle-x"} />${term("booking", shown.status)}</p>
      </header>
      <div class="ticket-body">
        <${Journey} trip=${tripOf(shown)} />
        ${shown.status === "CONFIRMED" && html`<p class="cheer">${t("booking.done")}</p>`}
      </div>
      ${isPaid && html`<${TicketCodes} booking=${shown} />`}
      <section class="ticket-people" aria-labelledby="people-title">
        <h2 id="people-title" class="visually-hidden">${t("booking.passengers")}</h2>
        <ul>${shown.passengers.map(
          (
            person,
          ) => html`<li key=${person.seat} data-off=${person.status === "CANCELLED" ? "" : null}>
            <span class="seat-tag"><span class="visually-hidden">${t("booking.seat")} </span>${person.seat}</span>
            <span><strong><bdi>${person.name}</bdi></strong><small>${term("category", person.category)}${person.status === "CANCELLED" ? ` · ${t("booking.cancelled")}` : ""}</small></span>
            <span class="money">${money(person.price)}</span></li>`,
        )}</ul>
      </section>
      <dl class="ticket-facts">
        <div><dt>${t(isPaid || shown.refunded ? "booking.total" : "booking.due")}</dt><dd>${money(shown.total)}</dd></div>
        ${shown.refunded && html`<div><dt>${t("booking.refunded")}</dt><dd>${money(shown.refunded)}</dd></div>`}
        ${(shown.contact.email || shown.contact.phone) && html`<div><dt>${t("booking.contact")}</dt><dd><bdi dir="ltr">${[shown.contact.email, shown.contact.phone].filter(Boolean).join(", ")}</bdi></dd></div>`}
      </dl>
    </article>
    <div class="ticket-actions no-print">
      ${isPaid && html`<${TakeAlong} booking=${shown} />`}
      <button type="button" class="button" onClick=${() => print()}><${Icon} name="printer" />${t("booking.print")}</button>
      <button type="button" class="button" onClick=${copyLink}><${Icon} name="link" />${t("booking.link")}</button>
      ${
        cancellable(shown).length > 0
          ? html`<button type="button" class="button danger" onClick=${() => {
              isCancelling.value = true;
            }}><${Icon} name="trash-2" />${t("booking.cancel")}</button>`
          : html`<a class="button" href="/"><${Icon} name="search" />${t("booking.again")}</a>`
      }
    </div>
    ${
      isCancelling.value &&
      html`<${CancelDialog} booking=${shown} onBooking=${show} onClose=${() => {
        isCancelling.value = false;
      }} />`
    }`;
}

takeKey();
addEventListener("hashchange", () => {
  takeKey();
  load();
});
mount(BookingPage, t("booking.title", { ref }));
load();
