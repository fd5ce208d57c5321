// The link that a kiosk shows as a QR code: whoever opens it takes over the hold.
import { get, newKey, post } from "../core/api.js";

/** Take over the hold that this page's address is a link for, if it is one. The token stands in the fragment, which no
 * server sees and no log keeps, and leaves the address as soon as it has done its work.
 * @param {string} hold */
export async function claimHold(hold) {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("claim");
  if (!token) return;
  const bus = given.get("bus");
  // A browser that is new here gets its cookie first: what it takes over shall be its own, not its whole network's.
  if (bus) await get(`/buses/${encodeURIComponent(bus)}`);
  await post(`/holds/${hold}/claim`, { token }, { key: newKey() });
  history.replaceState(null, "", location.pathname);
}
