// Ways in by mail: ask for a link, choose another password with it, confirm an address with it.
import { get, post, setUser, signedOut, user } from "../core/api.js";
import { html, useEffect, useState } from "../core/dom.js";
import { t } from "../core/text.js";
import { Field, Notice, Skeleton } from "../core/ui.js";
import { emailFault, Fault, PasswordField, passwordFault, useAttempt } from "./attempt.js";

/** Ask for a link; whether there is such an account is not said.
 * @param {{ email: string, onBack: () => void }} props */
export function ForgotForm({ email: known, onBack }) {
  const [email, setEmail] = useState(known);
  const [error, setError] = useState("");
  const [isAsked, setAsked] = useState(false);
  const { fault, isBusy, attempt } = useAttempt();
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const found = emailFault(email);
    setError(found);
    if (found) return document.getElementById("email")?.focus();
    return attempt(async () => {
      await post("/auth/password/forgot", { email }, { guest: true });
      setAsked(true);
    });
  };
  if (isAsked)
    return html`<${Notice} isPage icon="mail" title=${t("forgot.sent")}><p>${t("forgot.sent.body", { email })}</p>
      <button type="button" class="button" onClick=${onBack}>${t("forgot.back")}</button></${Notice}>`;
  return html`
    <form class="card narrow login" novalidate onSubmit=${submit}>
      <h1>${t("forgot.title")}</h1>
      <p class="hint">${t("forgot.sub")}</p>
      <${Fault} text=${fault} />
      <${Field} label=${t("login.email")} name="email" type="email" autocomplete="username" value=${email} error=${error} onValue=${setEmail} />
      <button class="button primary wide" aria-disabled=${isBusy}>${t("forgot.go")}</button>
      <button type="button" class="button quiet wide" onClick=${onBack}>${t("forgot.back")}</button>
    </form>`;
}

/** @param {{ token: string, onDone: () => void }} props */
export function ResetForm({ token, onDone }) {
  const [password, setPassword] = useState("");
  const [error, setError] = useState("");
  const [isReset, setReset] = useState(false);
  const { fault, isBusy, attempt } = useAttempt();
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const found = passwordFault(password);
    setError(found);
    if (found) return document.getElementById("password")?.focus();
    return attempt(async () => {
      await post("/auth/password/reset", { token, password }, { guest: true });
      // Every session has ended, also one that this browser had.
      signedOut();
      setReset(true);
    });
  };
  if (isReset)
    return html`<${Notice} isPage icon="circle-check" title=${t("reset.done")}><p>${t("reset.done.body")}</p>
      <button type="button" class="button primary" onClick=${onDone}>${t("login.go")}</button></${Notice}>`;
  return html`
    <form class="card narrow login" novalidate onSubmit=${submit}>
      <h1>${t("reset.title")}</h1>
      <p class="hint">${t("reset.sub")}</p>
      <${Fault} text=${fault} />
      <${PasswordField} label=${t("reset.password")} name="password" isNew value=${password} error=${error} onValue=${setPassword} />
      <button class="button primary wide" aria-disabled=${isBusy}>${t("reset.go")}</button>
    </form>`;
}

/** Confirm an address as soon as its link is followed.
 * @param {{ token: string }} props */
export function Verification({ token }) {
  const [isDone, setDone] = useState(false);
  const { fault, attempt } = useAttempt();
  useEffect(() => {
    attempt(async () => {
      await post("/auth/verify", { token }, { guest: true });
      setDone(true);
      if (user.peek()) setUser(await get("/auth/me"));
    });
  }, []);
  const next = html`<a class="button" href="/my">${t("nav.my")}</a>`;
  if (isDone)
    return html`<${Notice} isPage icon="circle-check" title=${t("verify.done")}><p>${t("verify.done.body")}</p>${next}</${Notice}>`;
  if (fault)
    return html`<${Notice} isPage icon="circle-alert" tone="bad" title=${t("verify.failed")}><p>${fault}</p>${next}</${Notice}>`;
  return html`<${Skeleton} lines=${1} />`;
}
