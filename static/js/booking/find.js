// A guest's booking, found again by what is on the ticket and the contact given with it.
import { ApiError, keepKey, post } from "../core/api.js";
import { html, Icon, useState } from "../core/dom.js";
import { clock, t } from "../core/text.js";
import { Field } from "../core/ui.js";

const REF = /^[A-HJ-NP-Z2-9]{6,8}$/;
const PHONE = /^\+?[0-9 ()./-]{4,32}$/;

export function FindForm() {
  const [ref, setRef] = useState("");
  const [contact, setContact] = useState("");
  const [faults, setFaults] = useState(/** @type {Record<string, string>} */ ({}));
  const [isBusy, setBusy] = useState(false);

  const submit = async (/** @type {any} */ event) => {
    event.preventDefault();
    const wanted = ref.trim().toUpperCase();
    const given = contact.trim();
    const isMail = given.includes("@");
    /** @type {Record<string, string>} */
    const found = {};
    if (!REF.test(wanted)) found["find-ref"] = t("find.ref.wrong");
    if (!isMail && !PHONE.test(given)) found["find-contact"] = t("find.contact.wrong");
    setFaults(found);
    const first = Object.keys(found)[0];
    if (first) return event.target.elements[first].focus();
    if (isBusy) return undefined;
    setBusy(true);
    try {
      const body = { ref: wanted, ...(isMail ? { email: given } : { phone: given }) };
      const answer = await post("/bookings/find", body, { guest: true });
      keepKey(answer.ref, answer.access_key);
      location.assign(`/bookings/${answer.ref}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFaults({ "find-contact": textOf(error) });
      setBusy(false);
    }
    return undefined;
  };
  return html`
    <form class="card find" novalidate onSubmit=${submit} aria-labelledby="find-title">
      <h2 id="find-title"><${Icon} name="ticket" />${t("find.title")}</h2>
      <p class="hint">${t("find.body")}</p>
      <div class="pair">
        <${Field} label=${t("find.ref")} name="find-ref" autocomplete="off" autocapitalize="characters" spellcheck="false" value=${ref} error=${faults["find-ref"]} onValue=${setRef} />
        <${Field} label=${t("find.contact")} name="find-contact" autocomplete="email" value=${contact} error=${faults["find-contact"]} onValue=${setContact} />
      </div>
      <button class="button" aria-disabled=${isBusy}><${Icon} name="search" />${t("find.go")}</button>
    </form>`;
}

/** @param {ApiError} error */
function textOf({ status, code, message, problem }) {
  if (code === "offline") return t("failure.offline");
  if (code === "rate_limited")
    return t("find.later", { time: clock((problem.retry_after ?? 60) * 1000) });
  return status === 404 ? t("find.none") : message;
}
