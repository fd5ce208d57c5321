// The language of whoever stands there: a cookie that the server reads, and a page that is loaded anew with it. When they
// are gone the kiosk speaks its own again.
import { recall, remember, session } from "../core/dom.js";
import { language } from "../core/text.js";

const COOKIE = "language";
const ASKED = "omnibus.kiosk.language";

/** Go on in a language: at once if the page speaks it, else on a page that does, which begins where this one was told to.
 * @param {string} code @param {() => void} goOn */
export function speak(code, goOn) {
  goOn();
  if (code === language) return;
  remember(session, ASKED, code);
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser yet
  document.cookie = `${COOKIE}=${code}; path=/; samesite=lax`;
  location.reload();
}

/** Forget what the last one spoke. Returns whether the page has to be loaded anew for that. */
export function unspeak() {
  if (recall(session, ASKED, null) === null) return false;
  remember(session, ASKED, null);
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser yet
  document.cookie = `${COOKIE}=; path=/; max-age=0; samesite=lax`;
  return true;
}
