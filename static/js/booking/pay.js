// Paying for what is booked: at the demo's till, where the buyer decides how it ends and no money moves, or at that of a
// provider, which is loaded only where there is one.
import { ApiError, newKey, post, withKey } from "../core/api.js";
import { html, Icon, useEffect, useRef, useState } from "../core/dom.js";
import { money, t } from "../core/text.js";
import { Skeleton, toast } from "../core/ui.js";
import { Countdown } from "../seatmap/countdown.js";
import { secondsToPay } from "./terms.js";

/** @typedef {import("../api.d.ts").Booking} Booking */

/** @param {{ booking: Booking, onBooking: (booking: Booking) => void, onOver: () => void }} props */
export function Pay(props) {
  const [Till, setTill] = useState(/** @type {any} */ (null));
  const isDemo = props.booking.payment.method === "demo";
  useEffect(() => {
    if (!isDemo) import("./till.js").then((till) => setTill(() => till.Till));
  }, [isDemo]);
  if (isDemo) return html`<${DemoPay} ...${props} />`;
  return Till ? html`<${Till} ...${props} />` : html`<${Skeleton} lines=${2} />`;
}

/** @param {{ booking: Booking, onBooking: (booking: Booking) => void, onOver: () => void }} props */
function DemoPay({ booking, onBooking, onOver }) {
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
  const goThere = async () => {
    if (isBusy) return;
    setBusy(true);
    try {
      const begun = await post(
        `/payments/${booking.payment.id}/begin`,
        undefined,
        withKey(booking.ref),
      );
      location.assign(begun.url);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "hold_expired") onOver();
      else toast(error.message, { icon: "circle-alert", tone: "bad" });
    } finally {
      setBusy(false);
    }
  };
  const amount = money(booking.payment.amount);
  return html`
    <section class="card pay no-print" aria-labelledby="pay-title">
      <div class="pay-head"><h2 id="pay-title" tabindex="-1"><${Icon} name="credit-card" />${t("pay.title")}</h2>
        ${booking.expires_at && html`<${Countdown} until=${booking.expires_at} total=${secondsToPay(booking)} label=${t("pay.left")} onOver=${onOver} />`}</div>
      <p>${t("pay.body")}</p>
      <p class="pay-amount">${amount}</p>
      <div class="pay-actions">
        <button type="button" class="button primary" aria-disabled=${isBusy} onClick=${() => settle("succeeded")}><${Icon} name="check" />${t("pay.approve", { amount })}</button>
        <button type="button" class="button" aria-disabled=${isBusy} onClick=${() => settle("declined")}><${Icon} name="x" />${t("pay.decline")}</button>
        ${booking.payment.action?.begin_url && html`<button type="button" class="button quiet" aria-disabled=${isBusy} onClick=${goThere}><${Icon} name="credit-card" />${t("pay.page")}</button>`}
      </div>
    </section>`;
}
