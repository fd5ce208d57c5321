// Small things that the views share: a state as a tag, sums of several currencies, a day of somebody's clock.
import { ApiError } from "../core/api.js";
import { html, now } from "../core/dom.js";
import { isoDay, language, money, t, term } from "../core/text.js";
import { toast } from "../core/ui.js";
import { inUnits } from "./amounts.js";
import { operatorShown } from "./staff.js";

/** @typedef {import("../api.d.ts").Money} Money */

const TONES = /** @type {Record<string, string>} */ ({
  CONFIRMED: "good",
  SCHEDULED: "good",
  PENDING: "warn",
  PARTIALLY_CANCELLED: "warn",
  CLOSED: "warn",
  CANCELLED: "bad",
  FAILED: "bad",
});

/** @param {{ group: string, word: string }} props a word of the data, in the reader's language */
export const State = ({ group, word }) =>
  html`<span class="tag" data-tone=${TONES[word] ?? null}>${term(group, word)}</span>`;

/** Several currencies are never added up.
 * @param {Money[]} amounts @param {string} [otherwise] the currency of nothing */
export const moneys = (amounts, otherwise = "EUR") =>
  amounts.length ? amounts.map(money).join(" + ") : money({ amount: 0, currency: otherwise });

/** Numbers as the page's language has them, in the digits of tickets and seats; making a format is dear, using it is not.
 * @param {Intl.NumberFormatOptions} options */
export const numbers = (options) =>
  new Intl.NumberFormat(language, { numberingSystem: "latn", ...options });

/** An amount where there is little room: 1.2K and the sign of its currency.
 * @param {number} amount @param {string} currency */
export function compactMoney(amount, currency) {
  const format = numbers({
    style: "currency",
    currency,
    notation: "compact",
    minimumFractionDigits: 0,
    maximumFractionDigits: 1,
  });
  return format.format(inUnits(amount, currency));
}

/** Say that something was refused, or reached nobody.
 * @param {unknown} error */
export function tell(error) {
  if (!(error instanceof ApiError)) throw error;
  const text = error.code === "offline" ? t("failure.offline.body") : error.message;
  toast(text, { icon: "circle-alert", tone: "bad" });
}

/** The clock that the shown operator goes by; the reader's own while there is no one operator. */
export const clockZone = () =>
  operatorShown.value?.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;

/** A date as the API writes it, so many days from today.
 * @param {number} [days] */
export function dayFromNow(days = 0) {
  const today = isoDay(now(), clockZone());
  return new Date(Date.parse(today) + days * 86_400_000).toISOString().slice(0, 10);
}
