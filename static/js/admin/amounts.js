// Amounts of money as people type them and as files have them, between which and minor units there are digits. Pure.

/** How many minor units a typed amount is ("19.90" of EUR: 1990), or null if it is none.
 * @param {string} typed @param {string} currency */
export function minorUnits(typed, currency) {
  const digits = digitsOf(currency);
  const text = typed.trim().replace(",", ".");
  const pattern = digits ? new RegExp(`^\\d{1,9}(\\.\\d{1,${digits}})?$`) : /^\d{1,9}$/;
  return pattern.test(text) ? Math.round(Number(text) * 10 ** digits) : null;
}

/** An amount as one types it: without its currency.
 * @param {number} amount in minor units @param {string} currency */
export const typedAmount = (amount, currency) =>
  inUnits(amount, currency).toFixed(digitsOf(currency));

/** An amount of minor units in the currency's own, to be reckoned with: 1990 of EUR is 19.9.
 * @param {number} amount @param {string} currency */
export const inUnits = (amount, currency) => amount / 10 ** digitsOf(currency);

/** @param {string} currency */
const digitsOf = (currency) =>
  new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions()
    .maximumFractionDigits ?? 2;
