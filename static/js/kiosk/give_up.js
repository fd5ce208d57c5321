// Giving back seats that nobody has paid for. What a kiosk knows of the payment is seconds old: the quote says that it was
// unpaid, and is refused if it no longer is.
import { newKey, post } from "../core/api.js";

/** @param {string} ref @param {string} key */
export async function giveUp(ref, key) {
  const headers = { "x-booking-key": key };
  const quote = await post(`/bookings/${ref}/refund-quote`, {}, { headers });
  if (quote.because !== "unpaid") return;
  await post(`/bookings/${ref}/cancel`, { quote_id: quote.quote_id }, { headers, key: newKey() });
}
