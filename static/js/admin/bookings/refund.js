// Cancelling for somebody: what goes back is shown passenger by passenger before anything is decided.

import { cancellable } from "../../booking/cancel.js";
import { ApiError, newKey, post } from "../../core/api.js";
import { html, Icon, useEffect, useRef, useState } from "../../core/dom.js";
import { money, t } from "../../core/text.js";
import { Dialog, toast } from "../../core/ui.js";

/** @typedef {import("../../api.d.ts").Booking} Booking */
/** @typedef {import("../../api.d.ts").Money} Money */
/** @typedef {import("../../api.d.ts").Quote} Quote */

const WHO = /** @type {const} */ (["passenger", "operator"]);

/** @param {{ booking: Booking, onClose: () => void, onDone: () => void }} props */
export function RefundDialog({ booking, onClose, onDone }) {
  const offered = cancellable(booking);
  const [chosen, setChosen] = useState(offered);
  const [initiator, setInitiator] = useState(/** @type {"passenger" | "operator"} */ ("passenger"));
  const [reason, setReason] = useState("");
  const [quote, setQuote] = useState(/** @type {Quote | null} */ (null));
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const key = useRef({ quote: "", key: "" });
  const path = `/bookings/${booking.ref}`;
  const needsReason = initiator === "operator";
  // Before payment, all seats are given back or none.
  const isWhole = booking.status === "PENDING";

  useEffect(() => {
    setQuote(null);
    setFault("");
    if (!chosen.length) return undefined;
    let isWanted = true;
    post(`${path}/refund-quote`, { seats: chosen, initiator })
      .then((told) => isWanted && setQuote(told))
      .catch((error) => {
        if (!(error instanceof ApiError)) throw error;
        if (isWanted) setFault(error.message);
      });
    return () => {
      isWanted = false;
    };
  }, [chosen.join(), initiator]);

  const turn = (/** @type {string} */ seat) =>
    setChosen(chosen.includes(seat) ? chosen.filter((each) => each !== seat) : [...chosen, seat]);
  const canGo = quote !== null && !isBusy && (!needsReason || Boolean(reason.trim()));
  const go = async () => {
    if (!quote || !canGo) return;
    setBusy(true);
    setFault("");
    if (key.current.quote !== quote.quote_id)
      key.current = { quote: quote.quote_id, key: newKey() };
    try {
      const body = {
        seats: chosen,
        quote_id: quote.quote_id,
        initiator,
        ...(needsReason && { reason: reason.trim() }),
      };
      await post(`${path}/cancel`, body, { key: key.current.key });
      toast(t("refund.done", { amount: money(quote.refund) }), { icon: "check", tone: "good" });
      onDone();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // Shown again as it is by now: nobody gives seats back for less than they saw.
      if (error.problem.quote) setQuote(error.problem.quote);
      setFault(error.message);
      setBusy(false);
    }
  };
  const actions = html`
    <button type="button" class="button" onClick=${onClose}>${t("refund.keep")}</button>
    <button type="button" class="button danger" aria-disabled=${!canGo} onClick=${go}>${t("cancel.go", { count: chosen.length })}</button>`;
  return html`
    <${Dialog} title=${t("refund.title", { ref: booking.ref })} onClose=${onClose} actions=${actions} tone="bad">
      <div class="switch" role="group" aria-label=${t("refund.who")}>
        ${WHO.map((who) => html`<button key=${who} type="button" aria-pressed=${initiator === who} onClick=${() => setInitiator(who)}>${t(`refund.who.${who}`)}</button>`)}
      </div>
      ${needsReason && html`<div class="field"><label for="refund-reason">${t("floor.reason")}</label><input id="refund-reason" maxlength="120" autocomplete="off" value=${reason} onInput=${(/** @type {any} */ event) => setReason(event.target.value)} /></div>`}
      <fieldset class="refund-lines">${!isWhole && html`<legend>${t("cancel.which")}</legend>`}
        ${booking.passengers
          .filter(({ seat }) => offered.includes(seat))
          .map((each) => {
            const line = quote?.passengers.find(({ seat }) => seat === each.seat);
            return html`<label class="check" key=${each.seat}>${!isWhole && html`<input type="checkbox" checked=${chosen.includes(each.seat)} onChange=${() => turn(each.seat)} />`}
              <span>${t("cancel.person", { seat: each.seat, name: each.name })}</span><strong>${line ? money(line.refund) : ""}</strong></label>`;
          })}
      </fieldset>
      <p class="quote" role="status">${t("refund.back")} <strong>${quote ? money(quote.refund) : "…"}</strong>
        ${quote && quote.fees.amount > 0 && html`<small>${t("refund.kept", { amount: money(quote.fees) })}</small>`}</p>
      ${fault && html`<p class="field-error" role="alert"><${Icon} name="circle-alert" />${fault}</p>`}
    </${Dialog}>`;
}
