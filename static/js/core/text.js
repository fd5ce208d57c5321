// Words, money and times as a reader expects them. Every sentence is in static/i18n, one file a language.
import messages from "messages";

/** @typedef {keyof typeof messages | keyof typeof import("messages/account").default} Key */
/** @typedef {Record<string, string | number>} Values */

export const language = globalThis.document?.documentElement.lang || "en";
// "en" alone would mean American dates and times, which the rest of the world misreads.
const locale = language === "en" ? "en-GB" : language;
const plurals = new Intl.PluralRules(locale);

/** @type {Record<string, string | Record<string, string>>} */
const words = { ...messages };

/** Add the sentences of a few pages, which the others need not load.
 * @param {Record<string, string | Record<string, string>>} more */
export const learn = (more) => Object.assign(words, more);

/** Say something in the reader's language. A message with forms is chosen by `count`.
 * @param {Key} key @param {Values} [values] */
export function t(key, values = {}) {
  const message = words[key];
  const form =
    typeof message === "string"
      ? message
      : (message[plurals.select(Number(values.count))] ?? message.other);
  return form.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** Say a word that the data names ("berth"), or the data's own word when the language has none for it.
 * @param {string} group @param {string} word */
export function term(group, word) {
  const key = /** @type {Key} */ (`${group}.${word}`);
  return key in words ? t(key) : word.replaceAll("_", " ");
}

/** @param {string[]} parts */
export const list = (parts) => new Intl.ListFormat(locale, { type: "conjunction" }).format(parts);

/** @param {import("../api.d.ts").Money} value */
export function money({ amount, currency }) {
  const format = new Intl.NumberFormat(locale, { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amount / 10 ** digits);
}

/** The figure alone, for places too small for a currency sign; whole ones without decimals.
 * @param {import("../api.d.ts").Money} value @param {boolean} isWhole */
export function figure({ amount, currency }, isWhole) {
  const format = new Intl.NumberFormat(locale, { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  const shown = isWhole ? 0 : digits;
  return new Intl.NumberFormat(locale, { minimumFractionDigits: shown }).format(
    amount / 10 ** digits,
  );
}

/** @param {string} moment @param {string} zone */
export const time = (moment, zone) =>
  new Date(moment).toLocaleTimeString(locale, {
    hour: "2-digit",
    minute: "2-digit",
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
