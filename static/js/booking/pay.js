// The demo provider's till: the buyer decides how the payment ends, and no money moves.
import { ApiError, newKey, post, withKey } from "../core/api.js";
import { html, Icon, useRef, useState } from "../core/dom.js";
import { money, t } from "../core/text.js";
import { toast } from "../core/ui.js";
import { Countdown } from "../seatmap/countdown.js";

/** @typedef {import("../api.d.ts").Booking} Booking */

const PENDING_SECONDS = 120;

/** @param {{ booking: Booking, onBooking: (booking: Booking) => void, onOver: () => void }} props */
export function DemoPay({ booking, onBooking, onOver }) {
  const [isBusy, setBusy] = useState(false);
  // One key for each answer the buyer may give: a lost reply is asked for again, never paid twice.
  const keys = useRef({ succeeded: newKey(), declined: newKey() });
  const settle = async (/** @type {"succeeded" | "declined"} */ outcome) => {
    if (isBusy) return;
    setBusy(true);
    try {
      const options = { ...withKey(booking.ref), key: keys.current[outcome] };
      onBooking(await post(`/payments/${booking.payment.id}/demo`, { outcome }, options));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "hold_expired") onOver();
      else
        toast(error.code === "offline" ? t("failure.offline") : error.message, {
          icon: "circle-alert",
          tone: "bad",
        });
    } finally {
      setBusy(false);
    }
  };
  const amount = money(booking.payment.amount);
  return html`
    <section class="card pay no-print" aria-labelledby="pay-title">
      <div class="pay-head"><h2 id="pay-title" tabindex="-1"><${Icon} name="credit-card" />${t("pay.title")}</h2>
        ${booking.expires_at && html`<${Countdown} until=${booking.expires_at} total=${PENDING_SECONDS} label=${t("pay.left")} onOver=${onOver} />`}</div>
      <p>${t("pay.body")}</p>
      <p class="pay-amount">${amount}</p>
      <div class="pay-actions">
        <button type="button" class="button primary" aria-disabled=${isBusy} onClick=${() => settle("succeeded")}><${Icon} name="check" />${t("pay.approve", { amount })}</button>
        <button type="button" class="button" aria-disabled=${isBusy} onClick=${() => settle("declined")}><${Icon} name="x" />${t("pay.decline")}</button>
      </div>
    </section>`;
}
