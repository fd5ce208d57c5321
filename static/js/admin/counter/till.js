// Who travels and how they pay. Enter sells: names first, then the money.
import { ApiError, newKey, post } from "../../core/api.js";
import { html, Icon, useEffect, useRef, useState } from "../../core/dom.js";
import { money, t } from "../../core/text.js";
import { Field } from "../../core/ui.js";
import { minorUnits } from "../amounts.js";
import { faultsOf } from "../form.js";

/** @typedef {import("../../api.d.ts").Hold} Hold */
/** @typedef {import("../../api.d.ts").Booking} Booking */
/** @typedef {"cash" | "demo"} Method */

const CATEGORIES = /** @type {const} */ (["adult", "child", "senior", "student"]);
const METHODS = /** @type {Method[]} */ (["cash", "demo"]);
const NOBODY = { name: "", category: "adult" };
const ICONS = { cash: "banknote", demo: "credit-card" };

/** @param {{ hold: Hold, isSettled: boolean, hasShift: boolean, sell: () => Promise<Hold | null>, onSold: (booking: Booking, given: number | null) => void }} props */
export function Till({ hold, isSettled, hasShift, sell, onSold }) {
  const [people, setPeople] = useState(
    /** @type {Record<number, { name: string, category: string }>} */ ({}),
  );
  const [contact, setContact] = useState({ email: "", phone: "" });
  const [method, setMethod] = useState(/** @type {Method} */ ("cash"));
  const [given, setGiven] = useState("");
  const [faults, setFaults] = useState(/** @type {Record<string, string>} */ ({}));
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const key = useRef({ of: "", key: "" });
  useEffect(() => document.getElementById("name-0")?.focus(), [hold.id]);

  const { currency, amount } = hold.total;
  const handed = given.trim() ? minorUnits(given, currency) : null;
  const nameOf = (/** @type {number} */ index) => people[index]?.name.trim() ?? "";
  const set = (
    /** @type {number} */ index,
    /** @type {Partial<{ name: string, category: string }>} */ change,
  ) => setPeople({ ...people, [index]: { ...(people[index] ?? NOBODY), ...change } });
  const faultsNow = () => {
    /** @type {Record<string, string>} */
    const found = {};
    for (const index of hold.seats.keys())
      if (!nameOf(index)) found[`name-${index}`] = t("login.needed");
    if (method === "cash" && given.trim() && (handed === null || handed < amount))
      found.given = t("counter.given.less");
    return found;
  };

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy) return;
    const found = faultsNow();
    setFaults(found);
    setFault("");
    const [first] = Object.keys(found);
    if (first) {
      document.getElementById(first)?.focus();
      return;
    }
    setBusy(true);
    try {
      const held = await sell();
      if (held) onSold(await book(held), method === "cash" ? handed : null);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const { fields, rest } = faultsOf(error, ["contact/email", "contact/phone"]);
      setFaults({ email: fields["contact/email"], phone: fields["contact/phone"] });
      setFault(error.code === "no_open_shift" ? t("counter.noshift") : rest);
    }
    setBusy(false);
  };
  /** @param {Hold} held @returns {Promise<Booking>} */
  const book = async (held) => {
    const body = {
      hold_id: held.id,
      passengers: held.seats.map((seat, index) => ({
        seat,
        name: nameOf(index),
        category: people[index]?.category ?? "adult",
      })),
      contact: Object.fromEntries(Object.entries(contact).filter(([, value]) => value.trim())),
      payment_method: method,
    };
    // The same sale sent twice is one sale; another one has a key of its own.
    const of = JSON.stringify(body);
    if (key.current.of !== of) key.current = { of, key: newKey() };
    /** @type {Booking} */
    const booking = await post("/bookings", body, { key: key.current.key });
    if (method === "cash") return booking;
    return post(
      `/payments/${booking.payment.id}/demo`,
      { outcome: "succeeded" },
      { key: newKey() },
    );
  };

  return html`
    <form class="card till" novalidate aria-labelledby="till-title" onSubmit=${submit}>
      <h2 id="till-title"><${Icon} name="users" />${t("checkout.who")}</h2>
      ${hold.seats.map(
        (seat, index) => html`
        <div class="person" role="group" aria-label=${t("checkout.seat", { seat })} key=${index}><span class="seat-tag" aria-hidden="true">${seat}</span>
          <${Field} label=${t("checkout.name")} name=${`name-${index}`} autocomplete="off" maxlength="120" value=${people[index]?.name ?? ""} error=${faults[`name-${index}`]} onValue=${(/** @type {string} */ name) => set(index, { name })} />
          <${Field} label=${t("checkout.category")} name=${`category-${index}`}>
            <select id=${`category-${index}`} value=${people[index]?.category ?? "adult"} onChange=${(/** @type {any} */ event) => set(index, { category: event.target.value })}>
              ${CATEGORIES.map((each) => html`<option key=${each} value=${each}>${t(`category.${each}`)}</option>`)}
            </select></${Field}>
        </div>`,
      )}
      <div class="form-row">
        <${Field} label=${t("counter.email")} name="email" type="email" autocomplete="off" value=${contact.email} error=${faults.email} onValue=${(/** @type {string} */ email) => setContact({ ...contact, email })} />
        <${Field} label=${t("checkout.phone")} name="phone" type="tel" autocomplete="off" value=${contact.phone} error=${faults.phone} onValue=${(/** @type {string} */ phone) => setContact({ ...contact, phone })} />
      </div>
      <div class="pay-row">
        <div class="switch" role="group" aria-label=${t("bookings.method")}>
          ${METHODS.map((each) => html`<button key=${each} type="button" aria-pressed=${method === each} onClick=${() => setMethod(each)}><${Icon} name=${ICONS[each]} />${t(`counter.pay.${each}`)}</button>`)}
        </div>
        ${method === "cash" && html`<${Field} label=${t("counter.given", { currency })} name="given" inputmode="decimal" autocomplete="off" value=${given} error=${faults.given} onValue=${setGiven} />`}
        <p class="change" role="status">${handed !== null && handed >= amount && method === "cash" ? t("counter.change", { amount: money({ amount: handed - amount, currency }) }) : ""}</p>
      </div>
      ${method === "cash" && !hasShift && html`<p class="hint">${t("counter.shiftless")}</p>`}
      ${fault && html`<p class="field-error" role="alert"><${Icon} name="circle-alert" />${fault}</p>`}
      <button class="button primary wide sell" aria-disabled=${isBusy || !isSettled}>${isBusy ? t("admin.busy") : t("counter.sell", { amount: money(hold.total) })}</button>
    </form>`;
}
