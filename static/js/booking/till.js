// Paying at a provider that the operator has set up. Its own script draws what asks for cards, in a frame of its own, so
// that nothing of a card ever passes through this page; what came of it we hear from our server, never from the page.
import { ApiError, get, post, withKey } from "../core/api.js";
import { html, Icon, useEffect, useRef, useState } from "../core/dom.js";
import { money, t } from "../core/text.js";
import { Countdown } from "../seatmap/countdown.js";
import { secondsToPay } from "./terms.js";

/** @typedef {import("../api.d.ts").Booking} Booking */
/** @typedef {{ pay: () => Promise<string | null> }} Desk what is drawn; `pay` returns why it did not work */

const ASK_AGAIN_MS = 1500;
const SCRIPTS = /** @type {Record<string, { url: string, provider: string }>} */ ({
  client_secret: { url: "https://js.stripe.com/v3/", provider: "Stripe" },
  order: { url: "https://checkout.razorpay.com/v1/checkout.js", provider: "Razorpay" },
});

/** @param {{ booking: Booking, onBooking: (booking: Booking) => void, onOver: () => void }} props */
export function Till({ booking, onBooking, onOver }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const desk = useRef(/** @type {Desk | null} */ (null));
  const [isOpen, setOpen] = useState(false);
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [isWaiting, setWaiting] = useState(false);
  const [provider, setProvider] = useState("");
  const { payment, ref } = booking;

  const open = async () => {
    setFault("");
    try {
      const action =
        payment.action?.kind === "begin"
          ? await post(`/payments/${payment.id}/begin`, undefined, withKey(ref))
          : payment.action;
      if (action?.url && action.kind === "redirect") return location.assign(action.url);
      const script = SCRIPTS[action?.kind];
      setProvider(script.provider);
      await load(script.url).catch(() => {
        throw new ApiError({ status: 0, code: "blocked", title: t("till.blocked", script) });
      });
      const into = /** @type {HTMLElement} */ (place.current);
      const back = `${location.origin}/bookings/${ref}?paid`;
      desk.current =
        action.kind === "order"
          ? openRazorpay(action.details)
          : openStripe(action.details, into, back);
      setOpen(true);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "hold_expired") return onOver();
      setFault(error.code === "offline" ? t("failure.offline") : error.message);
    }
    return undefined;
  };
  useEffect(() => {
    open();
  }, [payment.id]);
  useEffect(() => (isWaiting ? waitFor(ref, onBooking) : undefined), [isWaiting]);

  const pay = async () => {
    if (isBusy || !desk.current) return;
    setBusy(true);
    setFault("");
    const why = await desk.current.pay();
    setBusy(false);
    if (why === null) setWaiting(true);
    else setFault(why);
  };
  const amount = money(payment.amount);
  return html`
    <section class="card pay till no-print" aria-labelledby="pay-title">
      <div class="pay-head"><h2 id="pay-title" tabindex="-1"><${Icon} name="credit-card" />${t("till.title")}</h2>
        ${booking.expires_at && html`<${Countdown} until=${booking.expires_at} total=${secondsToPay(booking)} label=${t("pay.left")} onOver=${onOver} />`}</div>
      <div ref=${place} hidden=${isWaiting}></div>
      ${!isOpen && !fault && html`<p class="hint" role="status">${t("till.loading")}</p>`}
      ${isWaiting && html`<p class="hint" role="status">${t("pay.waiting")}</p>`}
      ${fault && html`<p class="field-error" role="alert"><${Icon} name="circle-alert" />${fault}</p>`}
      ${
        !isWaiting &&
        html`<div class="pay-actions">${
          isOpen
            ? html`<button type="button" class="button primary" aria-disabled=${isBusy} onClick=${pay}><${Icon} name="lock" />${t("till.go", { amount })}</button>`
            : fault &&
              html`<button type="button" class="button" onClick=${open}><${Icon} name="refresh-cw" />${t("retry")}</button>`
        }</div>`
      }
      ${provider && html`<p class="hint"><${Icon} name="shield-check" />${t("till.private", { provider })}</p>`}
    </section>`;
}

/** Ask until the provider's word has come, which is what confirms a booking.
 * @param {string} ref @param {(booking: Booking) => void} onBooking */
function waitFor(ref, onBooking) {
  const timer = setInterval(async () => {
    try {
      const known = await get(`/bookings/${ref}`, withKey(ref));
      if (known.status !== "PENDING") onBooking(known);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }, ASK_AGAIN_MS);
  return () => clearInterval(timer);
}

/** @param {string} url */
function load(url) {
  if (document.querySelector(`script[src="${url}"]`)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = resolve;
    script.onerror = () => {
      script.remove();
      reject(new Error(url));
    };
    document.head.append(script);
  });
}

/** @param {any} details @param {HTMLElement} place @param {string} back @returns {Desk} */
function openStripe(details, place, back) {
  const stripe = /** @type {any} */ (globalThis).Stripe(details.publishable_key);
  const isDark = getComputedStyle(document.documentElement).colorScheme.startsWith("dark");
  const elements = stripe.elements({
    clientSecret: details.client_secret,
    appearance: { theme: isDark ? "night" : "stripe" },
  });
  elements.create("payment").mount(place);
  return {
    pay: async () => {
      const confirmParams = { return_url: back };
      const { error } = await stripe.confirmPayment({
        elements,
        confirmParams,
        redirect: "if_required",
      });
      return error ? error.message : null;
    },
  };
}

/** @param {any} details @returns {Desk} */
function openRazorpay({ key_id: key, order_id, amount, currency }) {
  const pay = () =>
    new Promise((/** @type {(why: string | null) => void} */ resolve) => {
      const checkout = new /** @type {any} */ (globalThis).Razorpay({
        key,
        order_id,
        amount,
        currency,
        name: "Omnibus",
        handler: () => resolve(null),
        modal: { ondismiss: () => resolve("") },
      });
      checkout.on("payment.failed", (/** @type {any} */ { error }) => resolve(error.description));
      checkout.open();
    });
  return { pay };
}
