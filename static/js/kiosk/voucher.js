// Seats that are kept until somebody has paid for them at the counter: a slip with the booking's code, of 80 mm. It is no
// ticket, and worth nothing to who finds it: whoever shows it pays.
import { ApiError } from "../core/api.js";
import { isLost } from "../core/device.js";
import { html, Icon, useEffect, useRef, useState } from "../core/dom.js";
import { longDay, money, t, time, zoneName } from "../core/text.js";
import { Failure, Skeleton, toast } from "../core/ui.js";
import { Foot, Question } from "./frame.js";
import { giveUp } from "./give_up.js";
import { booking, sale } from "./journey.js";
import { readSale } from "./pay.js";

/** @typedef {import("../api.d.ts").Booking} Booking */

/** Whether a booking waits for cash.
 * @param {Booking | null} made */
export const isVoucher = (made) => made?.status === "PENDING" && made.payment.method === "cash";

/** @param {{ leave: () => void }} props */
export function Voucher({ leave }) {
  const [fault, setFault] = useState(/** @type {ApiError | null} */ (null));
  const isPrinted = useRef(false);
  const made = booking.value;
  const load = async () => {
    const kept = sale.peek();
    if (!kept) return leave();
    try {
      setFault(null);
      booking.value = await readSale(kept);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      isLost(error);
      setFault(error);
    }
    return undefined;
  };
  useEffect(() => {
    if (!made) load();
    else if (!isVoucher(made)) leave();
    else if (!isPrinted.current) {
      isPrinted.current = true;
      print();
    }
  }, [made]);
  const back = async () => {
    const kept = sale.peek();
    try {
      if (kept) await giveUp(kept.ref, kept.key);
      leave();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(isLost(error) ? t("kiosk.offline") : error.message, { tone: "bad" });
    }
  };
  if (!made?.expires_at)
    return html`<main id="main" class="kiosk-main" tabindex="-1">${fault ? html`<${Failure} error=${fault} retry=${load} />` : html`<${Skeleton} lines=${3} />`}</main>`;
  const until = time(made.expires_at, made.from_time_zone);
  return html`
    <main id="main" class="kiosk-main kiosk-tickets" tabindex="-1">
      <${Question} text=${t("voucher.title", { time: until })}><p class="hint">${t("voucher.body")}</p></${Question}>
      <div class="slips"><${Slip} booking=${made} until=${until} /></div>
    </main>
    <${Foot} back=${back} backText=${t("voucher.back")} next=${leave} nextText=${t("kiosk.finish")}>
      <button type="button" class="button" onClick=${() => print()}><${Icon} name="printer" />${t("kiosk.print")}</button>
    </${Foot}>`;
}

/** @param {{ booking: Booking, until: string }} props */
function Slip({ booking: made, until }) {
  const { from_time_zone: zone } = made;
  return html`
    <article class="slip" aria-label=${t("voucher.slip")}>
      <header><strong>${made.operator.name}</strong><span>${made.bus_name}</span></header>
      <p class="slip-who">${t("voucher.not")}</p>
      <p class="slip-line"><small>${t("voucher.code")}</small><strong>${made.ref}</strong></p>
      <p class="slip-line"><small>${t("voucher.pay")}</small><strong>${money(made.total)}</strong></p>
      <p class="slip-line"><small>${t("voucher.until")}</small><strong>${until}</strong></p>
      <p class="slip-way">${made.from_stop_name} <${Icon} name="arrow-right" class="flip" /><span class="visually-hidden">${t("trip.to")}</span> ${made.to_stop_name}</p>
      <p class="slip-when"><strong>${time(made.departs_at, zone)}</strong> <abbr>${zoneName(made.departs_at, zone)}</abbr> <span>${longDay(made.departs_at, zone)}</span></p>
      <footer><span>${t("booking.seat")} <strong>${made.seats.join(", ")}</strong></span></footer>
    </article>`;
}
