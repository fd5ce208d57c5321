// The end: tickets on the screen and on paper, a slip of 80 mm for each passenger, and to the phone if wanted.
import { ApiError, post, send } from "../core/api.js";
import { isLost, isOnline } from "../core/device.js";
import { html, Icon, useEffect, useRef, useState } from "../core/dom.js";
import { longDay, money, t, term, time, zoneName } from "../core/text.js";
import { Dialog, Failure, Skeleton, toast } from "../core/ui.js";
import { Foot, Question } from "./frame.js";
import { booking, sale } from "./journey.js";
import { readSale } from "./pay.js";
import { rejoice } from "./sound.js";

/** @typedef {import("../api.d.ts").Booking} Booking */
/** @typedef {import("../api.d.ts").PhoneCode} PhoneCode */

const asImage = (/** @type {string} */ svg) => `data:image/svg+xml,${encodeURIComponent(svg)}`;

/** @param {{ leave: () => void }} props */
export function Tickets({ leave }) {
  const [codes, setCodes] = useState(/** @type {Record<string, string> | null} */ (null));
  const [fault, setFault] = useState(/** @type {ApiError | null} */ (null));
  const [link, setLink] = useState(/** @type {PhoneCode | null} */ (null));
  const isPrinted = useRef(false);
  const slips = useRef(/** @type {HTMLElement | null} */ (null));
  const made = sale.value;
  const load = async () => {
    if (!made) return leave();
    try {
      setFault(null);
      const known = booking.peek()?.status === "CONFIRMED" ? booking.peek() : await readSale(made);
      booking.value = known;
      setCodes(await codesOf(/** @type {Booking} */ (known), made.key));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      isLost(error);
      setFault(error);
    }
    return undefined;
  };
  useEffect(() => {
    if (!codes && isOnline.value) load();
  }, [isOnline.value]);
  useEffect(() => {
    if (!codes || isPrinted.current) return;
    isPrinted.current = true;
    rejoice();
    printDrawn(slips.current);
  }, [codes]);
  const toPhone = async () => {
    if (!made) return;
    try {
      const own = `/bookings/${made.ref}#key=${encodeURIComponent(made.key)}`;
      setLink(await post("/devices/me/qr", { link: own }));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(isLost(error) ? t("failure.offline") : error.message, { tone: "bad" });
    }
  };
  const shown = booking.value;
  return html`
    <main id="main" class="kiosk-main kiosk-tickets" tabindex="-1">
      <${Question} text=${t("kiosk.done")}><p class="hint">${t("kiosk.done.body")}</p></${Question}>
      ${fault && html`<${Failure} error=${fault} retry=${load} />`}
      ${shown && codes ? html`<div class="slips" ref=${slips}>${shown.passengers.map((person) => html`<${Slip} key=${person.seat} booking=${shown} person=${person} code=${codes[person.seat]} />`)}</div>` : !fault && html`<${Skeleton} lines=${3} />`}
    </main>
    <${Foot} next=${leave} nextText=${t("kiosk.finish")}>
      <button type="button" class="button" aria-disabled=${!codes} onClick=${() => codes && print()}><${Icon} name="printer" />${t("kiosk.print")}</button>
      <button type="button" class="button" aria-disabled=${!codes} onClick=${toPhone}><${Icon} name="smartphone" />${t("kiosk.take")}</button>
    </${Foot}>
    ${
      link &&
      html`<${Dialog} title=${t("kiosk.take.title")} onClose=${() => setLink(null)} actions=${html`<button type="button" class="button primary" autofocus onClick=${() => setLink(null)}>${t("close")}</button>`}>
      <img class="phone-link" src=${asImage(link.svg)} alt=${t("kiosk.take.alt")} /><p>${t("kiosk.take.body")}</p></${Dialog}>`
    }`;
}

/** Print once every code is a picture: what is not in the page is not on paper. A frame is not waited for; a screen that
 * is dark has none, and a ticket that is paid comes all the same.
 * @param {HTMLElement | null} slips */
async function printDrawn(slips) {
  const codes = [...(slips?.querySelectorAll("img") ?? [])];
  await Promise.all(
    codes.map((code) => code.complete || new Promise((resolve) => settle(code, resolve))),
  );
  if (slips?.isConnected) print();
}

/** @param {HTMLImageElement} code @param {(event: Event) => void} run */
function settle(code, run) {
  for (const end of ["load", "error"]) code.addEventListener(end, run, { once: true });
}

/** The code of every ticket by seat, as a picture. Raises ApiError.
 * @param {Booking} shown @param {string} key @returns {Promise<Record<string, string>>} */
async function codesOf(shown, key) {
  const headers = { "x-booking-key": key, accept: "image/svg+xml" };
  const drawn = await Promise.all(
    shown.passengers.map(async ({ seat, ticket }) => {
      const response = await send("GET", `/tickets/${ticket}/qr.svg`, { headers });
      return [seat, await response.text()];
    }),
  );
  return Object.fromEntries(drawn);
}

/** @param {{ booking: Booking, person: import("../api.d.ts").Passenger, code: string }} props */
function Slip({ booking: shown, person, code }) {
  const { from_time_zone: zone } = shown;
  return html`
    <article class="slip" aria-label=${t("kiosk.slip", { seat: person.seat, name: person.name })}>
      <header><strong>${shown.operator.name}</strong><span>${shown.bus_name}</span></header>
      <p class="slip-way">${shown.from_stop_name} <${Icon} name="arrow-right" class="flip" /><span class="visually-hidden">${t("trip.to")}</span> ${shown.to_stop_name}</p>
      <p class="slip-when"><strong>${time(shown.departs_at, zone)}</strong> <abbr>${zoneName(shown.departs_at, zone)}</abbr> <span>${longDay(shown.departs_at, zone)}</span></p>
      <img src=${asImage(code)} alt=${t("kiosk.slip.code", { seat: person.seat })} />
      <p class="slip-seat"><small>${t("booking.seat")}</small><strong>${person.seat}</strong></p>
      <p class="slip-who">${person.name}<small>${term("category", person.category)} · ${money(person.price)}</small></p>
      <footer><span>${t("booking.ref")} <strong>${shown.ref}</strong></span><span>${t("booking.leave")} ${time(shown.arrives_at, shown.to_time_zone)}</span></footer>
    </article>`;
}
