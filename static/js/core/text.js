// Words, money and times as a reader expects them. Every sentence is in static/i18n, one file a language.
import messages from "messages";

/** @typedef {keyof typeof messages | keyof typeof import("messages/account").default | keyof typeof import("messages/admin").default | keyof typeof import("messages/board").default | keyof typeof import("messages/catalogue").default | keyof typeof import("messages/counter").default | keyof typeof import("messages/demo_pay").default | keyof typeof import("messages/floor").default | keyof typeof import("messages/house").default | keyof typeof import("messages/kiosk").default | keyof typeof import("messages/layouts").default | keyof typeof import("messages/offline").default | keyof typeof import("messages/scan").default | keyof typeof import("messages/search").default | keyof typeof import("messages/styleguide").default | keyof typeof import("messages/ticket").default | keyof typeof import("messages/waiting").default} Key */
/** @typedef {Record<string, string | number>} Values */

const root = globalThis.document?.documentElement;
export const language = root?.lang || "en";
const isRtl = root?.dir === "rtl";
// "en" alone would mean American dates, which the rest of the world misreads; "ar" alone would mean other digits than
// tickets, mails and seats have.
const LOCALES = /** @type {Record<string, string>} */ ({ en: "en-GB", ar: "ar-u-nu-latn" });
const locale = LOCALES[language] ?? language;
const plurals = new Intl.PluralRules(locale);

/** @type {Record<string, string | Record<string, string>>} */
const words = { ...messages };

/** Add the sentences of a few pages, which the others need not load.
 * @param {Record<string, string | Record<string, string>>} more */
export const learn = (more) => Object.assign(words, more);

/** Say something in the reader's language. A message with forms is chosen by `count`.
 * @param {Key} key @param {Values} [values] */
export function t(key, values = {}) {
  const message = words[key] ?? key;
  const form =
    typeof message === "string"
      ? message
      : (message[plurals.select(Number(values.count))] ?? message.other);
  // Most words have no gaps, and sixty seats say theirs in one picture.
  if (!form.includes("{")) return form;
  return form.replace(/\{(\w+)\}/g, (_, name) => apart(String(values[name] ?? "")));
}

/** Keep words that come from elsewhere from turning those around them about: in Arabic, "1A" beside another number
 * would be read with it.
 * @param {string} value */
const apart = (value) => (isRtl && value ? `\u2068${value}\u2069` : value);

/** Say a word that the data names ("berth"), if there is one for it.
 * @param {string} group @param {string} word */
export function told(group, word) {
  const key = /** @type {Key} */ (`${group}.${word}`);
  return key in words ? t(key) : undefined;
}

/** The same, or else the data's own word.
 * @param {string} group @param {string} word */
export const term = (group, word) => told(group, word) ?? word.replaceAll("_", " ");

const numbers = new Intl.NumberFormat(locale);
/** A number as it is read: 12,345.
 * @param {number} value */
export const count = (value) => numbers.format(value);

/** @param {string[]} parts */
export const list = (parts) =>
  new Intl.ListFormat(locale, { type: "conjunction" }).format(parts.map(apart));

/** Making a format costs a hundred times what using it does, and a map full of seats uses it a hundred times.
 * @type {Map<string, { format: Intl.NumberFormat, digits: number }>} */
const currencies = new Map();

/** @param {string} currency */
function formatOf(currency) {
  let known = currencies.get(currency);
  if (!known) {
    const format = new Intl.NumberFormat(locale, { style: "currency", currency });
    known = { format, digits: format.resolvedOptions().maximumFractionDigits ?? 2 };
    currencies.set(currency, known);
  }
  return known;
}

/** @param {import("../api.d.ts").Money} value */
export function money({ amount, currency }) {
  const { format, digits } = formatOf(currency);
  return format.format(amount / 10 ** digits);
}

/** @param {number} share of a hundred */
export const percent = (share) =>
  new Intl.NumberFormat(locale, { style: "percent" }).format(share / 100);

const figures = /** @type {Map<number, Intl.NumberFormat>} */ (new Map());

/** The figure alone, for places too small for a currency sign; whole ones without decimals.
 * @param {import("../api.d.ts").Money} value @param {boolean} isWhole */
export function figure({ amount, currency }, isWhole) {
  const { digits } = formatOf(currency);
  const shown = isWhole ? 0 : digits;
  let format = figures.get(shown);
  if (!format) {
    format = new Intl.NumberFormat(locale, { minimumFractionDigits: shown });
    figures.set(shown, format);
  }
  return format.format(amount / 10 ** digits);
}

/** What the clock at the stop shows, of 24 hours in every language, as boards, tickets and mails have it.
 * @param {string} moment @param {string} zone */
export const time = (moment, zone) =>
  new Date(moment).toLocaleTimeString(locale, {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZone: zone,
  });

/** @param {string} moment @param {string} zone */
export const day = (moment, zone) =>
  new Date(moment).toLocaleDateString(locale, {
    weekday: "short",
    day: "numeric",
    month: "short",
    timeZone: zone,
  });

/** @param {string} moment @param {string} zone */
export const longDay = (moment, zone) =>
  new Date(moment).toLocaleDateString(locale, {
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
    timeZone: zone,
  });

/** The name of a date's day, short; and its day and month.
 * @param {string} date */
export const weekday = (date) =>
  new Date(date).toLocaleDateString(locale, { weekday: "short", timeZone: "UTC" });
/** @param {string} date */
export const dayOfMonth = (date) =>
  new Date(date).toLocaleDateString(locale, { day: "numeric", month: "short", timeZone: "UTC" });

/** The date (2026-12-24) of a moment in a zone, as the API and `<input type=date>` write it.
 * @param {number | string} moment @param {string} [zone] */
export const isoDay = (moment, zone) =>
  new Date(moment).toLocaleDateString("sv-SE", zone ? { timeZone: zone } : {});

/** @param {string} moment @param {string} zone */
export function zoneName(moment, zone) {
  const parts = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: "short" });
  return parts.formatToParts(new Date(moment)).find((part) => part.type === "timeZoneName")?.value;
}

/** @param {string} from @param {string} to */
export function duration(from, to) {
  const minutes = Math.round((Date.parse(to) - Date.parse(from)) / 60_000);
  const hours = Math.floor(minutes / 60);
  if (!hours) return t("duration.minutes", { minutes });
  return minutes % 60
    ? t("duration.both", { hours, minutes: String(minutes % 60).padStart(2, "0") })
    : t("duration.hours", { hours });
}

/** How many midnights lie between two moments, each read in its own zone: the +1 of a night bus.
 * @param {string} from @param {string} fromZone @param {string} to @param {string} toZone */
export function nights(from, fromZone, to, toZone) {
  const days = Date.parse(isoDay(to, toZone)) - Date.parse(isoDay(from, fromZone));
  return Math.round(days / 86_400_000);
}

/** @param {number} milliseconds */
export function clock(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
