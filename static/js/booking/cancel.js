// Giving seats back: what comes back is shown before anything is decided.
import { ApiError, newKey, post, withKey } from "../core/api.js";
import { html, Icon, useEffect, useRef, useState } from "../core/dom.js";
import { money, t } from "../core/text.js";
import { Dialog, toast } from "../core/ui.js";

/** @typedef {import("../api.d.ts").Booking} Booking */
/** @typedef {import("../api.d.ts").Quote} Quote */

/** The seats that can still be given back. Before payment that is all of them or none.
 * @param {Booking} booking */
export const cancellable = (booking) =>
  booking.status === "PENDING"
    ? booking.seats
    : booking.passengers.filter(({ status }) => status === "VALID").map(({ seat }) => seat);

/** @param {{ booking: Booking, onClose: () => void, onBooking: (booking: Booking) => void }} props */
export function CancelDialog({ booking, onClose, onBooking }) {
  const offered = cancellable(booking);
  const [chosen, setChosen] = useState(offered);
  const [quote, setQuote] = useState(/** @type {Quote | null} */ (null));
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const key = useRef({ quote: "", key: "" });
  const isWhole = booking.status === "PENDING";
  const path = `/bookings/${booking.ref}`;

  useEffect(() => {
    setQuote(null);
    setFault("");
    if (!chosen.length) return undefined;
    let isWanted = true;
    post(`${path}/refund-quote`, { seats: chosen }, withKey(booking.ref))
      .then((told) => isWanted && setQuote(told))
      .catch((error) => {
        if (!(error instanceof ApiError)) throw error;
        if (isWanted) setFault(error.message);
      });
    return () => {
      isWanted = false;
    };
  }, [chosen.join()]);

  const turn = (/** @type {string} */ seat) =>
    setChosen(chosen.includes(seat) ? chosen.filter((each) => each !== seat) : [...chosen, seat]);
  const go = async () => {
    if (!quote || isBusy) return;
    setBusy(true);
    if (key.current.quote !== quote.quote_id)
      key.current = { quote: quote.quote_id, key: newKey() };
    try {
      const done = await post(
        `${path}/cancel`,
        { seats: chosen, quote_id: quote.quote_id },
        { ...withKey(booking.ref), key: key.current.key },
      );
      const amount = money(quote.refund);
      toast(quote.refund.amount ? t("cancel.done", { amount }) : t("cancel.free"), {
        icon: "check",
        tone: "good",
      });
      onBooking(done);
      onClose();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // Shown again as it is by now: nobody gives seats back for less than they saw.
      if (error.problem.quote) setQuote(error.problem.quote);
      setFault(error.code === "offline" ? t("failure.offline") : error.message);
      setBusy(false);
    }
  };
  const actions = html`
    <button type="button" class="button" autofocus onClick=${onClose}>${t("cancel.keep")}</button>
    <button type="button" class="button danger" aria-disabled=${!quote || isBusy} onClick=${go}>
      <${Icon} name="trash-2" />${t("cancel.go", { count: chosen.length })}</button>`;
  return html`
    <${Dialog} title=${t("cancel.title")} onClose=${onClose} actions=${actions}>
      ${
        !isWhole &&
        offered.length > 1 &&
        html`<fieldset><legend>${t("cancel.which")}</legend>${booking.passengers
          .filter(({ seat }) => offered.includes(seat))
          .map(
            ({ seat, name }) =>
              html`<label class="check" key=${seat}><input type="checkbox" checked=${chosen.includes(seat)} onChange=${() => turn(seat)} />${t("cancel.person", { seat, name })}</label>`,
          )}</fieldset>`
      }
      <p class="quote" role="status"><span>${t("cancel.quote")}</span><strong>${quote ? money(quote.refund) : "…"}</strong></p>
      ${(fault || !chosen.length) && html`<p class="field-error" role="alert"><${Icon} name="circle-alert" />${fault || t("cancel.none")}</p>`}
    </${Dialog}>`;
}
