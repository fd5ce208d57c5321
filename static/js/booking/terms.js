// The terms of a booking: how long it waits to be paid, and what comes back of it, in the reader's words; the server says
// the latter in English (`rules.refund`).
import { list, money, percent, t } from "../core/text.js";

/** @typedef {import("../api.d.ts").Bus["rules"]} Rules */

const SIZES = /** @type {const} */ ([
  [1440, "refund.days"],
  [60, "refund.hours"],
  [1, "refund.minutes"],
]);

/** How long a booking waits from its making until it is paid: a setting of the server's.
 * @param {{ created_at: string, expires_at: string | null }} booking */
export const secondsToPay = ({ created_at: made, expires_at: end }) =>
  end ? Math.ceil((Date.parse(end) - Date.parse(made)) / 1000) : 0;

/** @param {Rules} rules */
export function refundText({ refund_terms: terms }) {
  const parts = terms.map(({ before_minutes: before, percent: share, fee }) =>
    t(fee.amount ? "refund.less" : "refund.term", {
      percent: percent(share),
      fee: money(fee),
      when: whenText(before),
    }),
  );
  return t("refund.later", { terms: list(parts) });
}

/** @param {number} minutes */
function whenText(minutes) {
  const found = SIZES.find(([size]) => minutes && minutes % size === 0);
  return found ? t(found[1], { count: minutes / found[0] }) : t("refund.departure");
}
