// `/login`: into an account, or a new one.
import { ApiError, post, signedIn } from "../core/api.js";
import { html, Icon, useEffect, useRef, useState } from "../core/dom.js";
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

function LoginPage() {
  const [isNew, setNew] = useState(location.hash === "#register");
  const [values, setValues] = useState({ name: "", email: "", password: "", totp: "" });
  const [asksCode, setAsksCode] = useState(false);
  const [faults, setFaults] = useState(/** @type {Record<string, string>} */ ({}));
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [isShown, show] = useState(false);
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  useEffect(() => {
    if (asksCode) document.getElementById("totp")?.focus();
  }, [asksCode]);
  const set = (/** @type {Partial<typeof values>} */ change) => setValues({ ...values, ...change });

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const found = faultsOf(values, isNew);
    setFaults(found);
    setFault("");
    const first = Object.keys(found)[0];
    if (first) return document.getElementById(first)?.focus();
    if (isBusy) return undefined;
    setBusy(true);
    const { name, email, password, totp } = values;
    try {
      const known = asksCode ? { email, password, totp: totp.trim() } : { email, password };
      const body = isNew ? { name, email, password } : known;
      signedIn(await post(isNew ? "/auth/register" : "/auth/login", body, { guest: true }));
      location.assign(next());
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "totp_required") setAsksCode(true);
      else setFault(said(error, asksCode));
      setBusy(false);
    }
    return undefined;
  };
  const turn = (/** @type {boolean} */ wanted) => {
    setNew(wanted);
    setFaults({});
    setFault("");
    setAsksCode(false);
  };
  return html`
    <form class="card narrow login" novalidate onSubmit=${submit} ref=${form}>
      <h1>${t(isNew ? "login.register" : "login.title")}</h1>
      <p class="hint">${t("login.sub")}</p>
      <div class="switch" role="group" aria-label=${t("login.title")}>
        <button type="button" aria-pressed=${!isNew} onClick=${() => turn(false)}>${t("login.title")}</button>
        <button type="button" aria-pressed=${isNew} onClick=${() => turn(true)}>${t("login.register")}</button>
      </div>
      ${fault && html`<p class="field-error" role="alert"><${Icon} name="circle-alert" />${fault}</p>`}
      ${isNew && html`<${Field} label=${t("login.name")} name="name" autocomplete="name" maxlength="120" value=${values.name} error=${faults.name} onValue=${(/** @type {string} */ name) => set({ name })} />`}
      <${Field} label=${t("login.email")} name="email" type="email" autocomplete="username" value=${values.email} error=${faults.email} onValue=${(/** @type {string} */ email) => set({ email })} />
      <div class="password">
        <${Field} label=${t("login.password")} name="password" type=${isShown ? "text" : "password"} autocomplete=${isNew ? "new-password" : "current-password"} value=${values.password}
          hint=${isNew ? t("login.password.hint") : ""} error=${faults.password} onValue=${(/** @type {string} */ password) => set({ password })} />
        <button type="button" class="button small quiet" aria-pressed=${isShown} onClick=${() => show(!isShown)}>${t(isShown ? "login.hide" : "login.show")}</button>
      </div>
      ${asksCode && html`<${Field} label=${t("login.code")} name="totp" autocomplete="one-time-code" hint=${t("login.code.hint")} value=${values.totp} onValue=${(/** @type {string} */ totp) => set({ totp })} />`}
      <button class="button primary wide" aria-disabled=${isBusy}>${t(isNew ? "login.make" : "login.go")}</button>
    </form>`;
}

/** @param {{ name: string, email: string, password: string }} values @param {boolean} isNew */
function faultsOf({ name, email, password }, isNew) {
  /** @type {Record<string, string>} */
  const faults = {};
  if (isNew && !name.trim()) faults.name = t("login.needed");
  if (!/^[^@\s]{1,64}@[^@\s]+$/.test(email)) faults.email = t("checkout.email.wrong");
  if (!password) faults.password = t("login.needed");
  else if (isNew && password.length < 8) faults.password = t("login.password.hint");
  return faults;
}

/** @param {ApiError} error @param {boolean} asksCode */
function said(error, asksCode) {
  if (error.code === "unauthenticated") return t(asksCode ? "login.wrong.code" : "login.wrong");
  if (error.code === "already_exists") return t("login.taken");
  if (error.code === "offline") return t("failure.offline");
  return error.problem.errors?.[0]?.detail ?? error.message;
}

mount(LoginPage, t("login.title"));
