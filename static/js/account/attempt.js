// What the forms of an account share: one attempt at a time, what went wrong in words, a password that can be shown.
import account from "messages/account";
import { ApiError } from "../core/api.js";
import { html, Icon, useState } from "../core/dom.js";
import { learn, t } from "../core/text.js";
import { Field } from "../core/ui.js";

learn(account);

/** @typedef {import("../core/text.js").Key} Key */

/** @type {Record<string, Key>} */
const WORDS = {
  unauthenticated: "login.wrong",
  already_exists: "login.taken",
  wrong_password: "account.wrong",
  link_expired: "recovery.expired",
  rate_limited: "account.mails",
  trips_ahead: "account.ahead",
  offline: "failure.offline",
};

/** @param {ApiError} error @param {Record<string, Key>} own */
function said(error, own) {
  const word = own[error.code] ?? WORDS[error.code];
  return word ? t(word) : (error.problem.errors?.[0]?.detail ?? error.message);
}

/** Run one request at a time and keep what went wrong with it, in words of one's own where there are any.
 * @param {Record<string, Key>} own */
export function useAttempt(own = {}) {
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const attempt = async (/** @type {() => Promise<void>} */ run) => {
    if (isBusy) return;
    setBusy(true);
    setFault("");
    try {
      await run();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFault(said(error, own));
    }
    setBusy(false);
  };
  return { fault, isBusy, attempt, setFault };
}

/** @param {{ text: string }} props */
export function Fault({ text }) {
  return text
    ? html`<p class="field-error" role="alert"><${Icon} name="circle-alert" />${text}</p>`
    : null;
}

/** A password, hidden until its owner wants to see it.
 * @param {{ label: string, name: string, isNew?: boolean, value: string, error?: string, onValue: (value: string) => void }} props */
export function PasswordField({ label, name, isNew = false, ...more }) {
  const [isShown, show] = useState(false);
  return html`
    <div class="password">
      <${Field} label=${label} name=${name} type=${isShown ? "text" : "password"} autocomplete=${isNew ? "new-password" : "current-password"}
        maxlength="128" hint=${isNew ? t("login.password.hint") : ""} ...${more} />
      <button type="button" class="button small quiet" aria-pressed=${isShown} onClick=${() => show(!isShown)}>${t(isShown ? "login.hide" : "login.show")}</button>
    </div>`;
}

/** What is wrong with an address or a new password, before anybody is asked.
 * @param {string} email */
export const emailFault = (email) =>
  /^[^@\s]{1,64}@[^@\s]+$/.test(email) ? "" : t("checkout.email.wrong");
/** @param {string} password */
export const passwordFault = (password) => (password.length < 8 ? t("login.password.hint") : "");
