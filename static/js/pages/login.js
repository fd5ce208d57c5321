// `/login`: into an account, or a new one; and what mailed links lead to.
import { emailFault, Fault, PasswordField, passwordFault, useAttempt } from "../account/attempt.js";
import { ForgotForm, ResetForm, Verification } from "../account/recovery.js";
import { ApiError, post, signedIn } from "../core/api.js";
import { html, useEffect, useState } from "../core/dom.js";
import { mount } from "../core/shell.js";
import { t } from "../core/text.js";
import { Field } from "../core/ui.js";

/** Back to where one came from: only ever to a page of ours.
 * @returns {string} */
function next() {
  const wanted = new URLSearchParams(location.search).get("next") ?? "/my";
  const url = new URL(wanted, location.origin);
  return url.origin === location.origin ? url.pathname + url.search : "/my";
}

const query = new URLSearchParams(location.search);
const mailed = { verify: query.get("verify"), reset: query.get("reset") };
// A token in the address would stay in the history, and go along when the address is shared.
if (mailed.verify || mailed.reset) history.replaceState(null, "", location.pathname);

function LoginPage() {
  const [shown, show] = useState(mailed.reset ? "reset" : mailed.verify ? "verify" : "login");
  const [email, setEmail] = useState("");
  const back = () => show("login");
  if (shown === "verify") return html`<${Verification} token=${mailed.verify} />`;
  if (shown === "reset") return html`<${ResetForm} token=${mailed.reset} onDone=${back} />`;
  if (shown === "forgot") return html`<${ForgotForm} email=${email} onBack=${back} />`;
  const forget = (/** @type {string} */ typed) => {
    setEmail(typed);
    show("forgot");
  };
  return html`<${LoginForm} onForgotten=${forget} />`;
}

/** @param {{ onForgotten: (email: string) => void }} props */
function LoginForm({ onForgotten }) {
  const [isNew, setNew] = useState(location.hash === "#register");
  const [values, setValues] = useState({ name: "", email: "", password: "", totp: "" });
  const [asksCode, setAsksCode] = useState(false);
  const [faults, setFaults] = useState(/** @type {Record<string, string>} */ ({}));
  const { fault, isBusy, attempt, setFault } = useAttempt(
    asksCode ? { unauthenticated: "login.wrong.code" } : {},
  );
  useEffect(() => {
    if (asksCode) document.getElementById("totp")?.focus();
  }, [asksCode]);
  const set = (/** @type {Partial<typeof values>} */ change) => setValues({ ...values, ...change });

  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const found = faultsOf(values, isNew);
    setFaults(found);
    setFault("");
    const first = Object.keys(found)[0];
    if (first) return document.getElementById(first)?.focus();
    const { name, email, password, totp } = values;
    return attempt(async () => {
      const known = asksCode ? { email, password, totp: totp.trim() } : { email, password };
      const body = isNew ? { name, email, password } : known;
      try {
        signedIn(await post(isNew ? "/auth/register" : "/auth/login", body, { guest: true }));
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== "totp_required") throw error;
        setAsksCode(true);
        return;
      }
      location.assign(next());
    });
  };
  const turn = (/** @type {boolean} */ wanted) => {
    setNew(wanted);
    setFaults({});
    setFault("");
    setAsksCode(false);
  };
  return html`
    <form class="card narrow login" novalidate onSubmit=${submit}>
      <h1>${t(isNew ? "login.register" : "login.title")}</h1>
      <p class="hint">${t("login.sub")}</p>
      <div class="switch" role="group" aria-label=${t("login.title")}>
        <button type="button" aria-pressed=${!isNew} onClick=${() => turn(false)}>${t("login.title")}</button>
        <button type="button" aria-pressed=${isNew} onClick=${() => turn(true)}>${t("login.register")}</button>
      </div>
      <${Fault} text=${fault} />
      ${isNew && html`<${Field} label=${t("login.name")} name="name" autocomplete="name" maxlength="120" value=${values.name} error=${faults.name} onValue=${(/** @type {string} */ name) => set({ name })} />`}
      <${Field} label=${t("login.email")} name="email" type="email" autocomplete="username" value=${values.email} error=${faults.email} onValue=${(/** @type {string} */ email) => set({ email })} />
      <${PasswordField} label=${t("login.password")} name="password" isNew=${isNew} value=${values.password} error=${faults.password} onValue=${(/** @type {string} */ password) => set({ password })} />
      ${asksCode && html`<${Field} label=${t("login.code")} name="totp" autocomplete="one-time-code" hint=${t("login.code.hint")} value=${values.totp} onValue=${(/** @type {string} */ totp) => set({ totp })} />`}
      <button class="button primary wide" aria-disabled=${isBusy}>${t(isNew ? "login.make" : "login.go")}</button>
      ${!isNew && html`<button type="button" class="button quiet wide" onClick=${() => onForgotten(values.email)}>${t("login.forgot")}</button>`}
    </form>`;
}

/** @param {{ name: string, email: string, password: string }} values @param {boolean} isNew */
function faultsOf({ name, email, password }, isNew) {
  /** @type {Record<string, string>} */
  const faults = {};
  if (isNew && !name.trim()) faults.name = t("login.needed");
  const wrong = emailFault(email);
  if (wrong) faults.email = wrong;
  if (!password) faults.password = t("login.needed");
  else if (isNew && passwordFault(password)) faults.password = passwordFault(password);
  return faults;
}

mount(LoginPage, t("login.title"));
