// The tickets as they were set for paper.
import { send } from "../../core/api.js";
import { downloadBlob } from "../csv.js";
import { tell } from "../parts.js";

/** Open a booking's tickets, to be printed from there.
 * @param {string} ref @param {"a4" | "80mm"} [paper] */
export async function printTickets(ref, paper = "a4") {
  try {
    const response = await send("GET", `/bookings/${ref}/ticket.pdf?paper=${paper}`);
    const file = await response.blob();
    const url = URL.createObjectURL(file);
    // A browser that opens no window for us gets the file instead.
    if (!open(url, "_blank")) downloadBlob(`tickets-${ref}.pdf`, file);
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    tell(error);
  }
}
