// The account on `/my`: who one is, how to change it, what is held, and the way out.
import { call, get, post, send, setUser, signedOut, user } from "../core/api.js";
import { html, Icon, useEffect, useState } from "../core/dom.js";
import { t } from "../core/text.js";
import { Dialog, Field, toast } from "../core/ui.js";
import { emailFault, Fault, PasswordField, passwordFault, useAttempt } from "./attempt.js";

/** @typedef {"name" | "email" | "password" | "erase"} Asked */

export function AccountSection() {
  const [asked, ask] = useState(/** @type {Asked | null} */ (null));
  const { fault, isBusy, attempt } = useAttempt();
  useEffect(() => {
    // What this browser remembers may be older than a link that was followed elsewhere.
    if (user.peek()) attempt(async () => setUser(await get("/auth/me")));
  }, []);
  const who = user.value;
  if (!who) return null;
  const resend = () =>
    attempt(async () => {
      await post("/auth/verify/resend", undefined);
      toast(t("account.resent", { email: who.email }), { icon: "mail", tone: "good" });
    });
  const close = () => ask(null);
  const DialogOf = asked && DIALOGS[asked];
  return html`
    <section class="card account" aria-labelledby="account-title">
      <h2 id="account-title"><${Icon} name="user" />${t("account.title")}</h2>
      <${Fault} text=${fault} />
      <ul class="account-facts">
        <li><small>${t("login.name")}</small><strong><bdi>${who.name}</bdi></strong>
          <button type="button" class="button small" aria-label=${t("account.name")} onClick=${() => ask("name")}>${t("account.change")}</button></li>
        <li><small>${t("login.email")}</small><strong><bdi>${who.email}</bdi> <${Proof} isVerified=${who.email_verified} /></strong>
          <button type="button" class="button small" aria-label=${t("account.email")} onClick=${() => ask("email")}>${t("account.change")}</button></li>
        <li><small>${t("login.password")}</small><strong aria-hidden="true">••••••••</strong>
          <button type="button" class="button small" aria-label=${t("account.password")} onClick=${() => ask("password")}>${t("account.change")}</button></li>
      </ul>
      ${
        who.email_verified === false &&
        html`<p class="account-hint"><span>${t("account.unverified")}</span>
          <button type="button" class="button small" aria-disabled=${isBusy} onClick=${resend}><${Icon} name="mail" />${t("account.resend")}</button></p>`
      }
      <p class="account-ways">
        <button type="button" class="button small" onClick=${() => attempt(save)}><${Icon} name="copy" />${t("account.export")}</button>
        <button type="button" class="button small danger" onClick=${() => ask("erase")}><${Icon} name="trash-2" />${t("account.erase")}</button>
      </p>
      ${DialogOf && html`<${DialogOf} onClose=${close} />`}
    </section>`;
}

/** @param {{ isVerified?: boolean }} props */
function Proof({ isVerified }) {
  if (isVerified === undefined) return null;
  return html`<span class="proof" data-on=${isVerified}><${Icon} name=${isVerified ? "circle-check" : "clock"} />${t(isVerified ? "account.verified" : "account.waiting")}</span>`;
}

/** Hand over everything that is held, as a file. The address needs a token, so a link alone will not do. */
async function save() {
  const response = await send("GET", "/auth/me/export");
  const address = URL.createObjectURL(await response.blob());
  Object.assign(document.createElement("a"), {
    href: address,
    download: "omnibus-account.json",
  }).click();
  URL.revokeObjectURL(address);
}

/** A question with a form in it: fields, what was wrong, one thing to do.
 * @param {{ title: string, go: string, tone?: string, isBusy: boolean, fault: string, onSubmit: () => void, onClose: () => void, children?: any }} props */
function Question({ title, go, tone = "primary", isBusy, fault, onSubmit, onClose, children }) {
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    onSubmit();
  };
  const actions = html`
    <button type="button" class="button" onClick=${onClose}>${t("back")}</button>
    <button form="account-form" class=${`button ${tone}`} aria-disabled=${isBusy}>${go}</button>`;
  return html`
    <${Dialog} title=${title} onClose=${onClose} actions=${actions}>
      <form id="account-form" class="account-form" novalidate onSubmit=${submit}><${Fault} text=${fault} />${children}</form>
    </${Dialog}>`;
}

/** @param {{ onClose: () => void }} props */
function NameDialog({ onClose }) {
  const [name, setName] = useState(user.peek()?.name ?? "");
  const { attempt, ...state } = useAttempt();
  const go = () => {
    if (!name.trim()) return state.setFault(t("login.needed"));
    return attempt(async () => {
      setUser(await call("PATCH", "/auth/me", { body: { name } }));
      onClose();
    });
  };
  return html`
    <${Question} title=${t("account.name")} go=${t("account.save")} onSubmit=${go} onClose=${onClose} ...${state}>
      <${Field} label=${t("login.name")} name="account-name" autocomplete="name" maxlength="120" value=${name} onValue=${setName} />
    </${Question}>`;
}

/** @param {{ onClose: () => void }} props */
function EmailDialog({ onClose }) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const { attempt, ...state } = useAttempt();
  const go = () => {
    const fault = emailFault(email);
    if (fault) return state.setFault(fault);
    return attempt(async () => {
      await call("PATCH", "/auth/me", { body: { email, password } });
      toast(t("account.confirm", { email }), { icon: "mail", tone: "good", seconds: 12 });
      onClose();
    });
  };
  return html`
    <${Question} title=${t("account.email")} go=${t("account.send")} onSubmit=${go} onClose=${onClose} ...${state}>
      <p class="hint">${t("account.email.body")}</p>
      <${Field} label=${t("account.email.new")} name="account-email" type="email" autocomplete="email" value=${email} onValue=${setEmail} />
      <${PasswordField} label=${t("account.password.now")} name="account-current" value=${password} onValue=${setPassword} />
    </${Question}>`;
}

/** @param {{ onClose: () => void }} props */
function PasswordDialog({ onClose }) {
  const [current, setCurrent] = useState("");
  const [wanted, setWanted] = useState("");
  const { attempt, ...state } = useAttempt();
  const go = () => {
    const fault = passwordFault(wanted);
    if (fault) return state.setFault(fault);
    return attempt(async () => {
      await post("/auth/password", { current, new: wanted });
      toast(t("account.password.done"), { icon: "circle-check", tone: "good" });
      onClose();
    });
  };
  return html`
    <${Question} title=${t("account.password")} go=${t("account.save")} onSubmit=${go} onClose=${onClose} ...${state}>
      <p class="hint">${t("account.password.body")}</p>
      <${PasswordField} label=${t("account.password.now")} name="account-current" value=${current} onValue=${setCurrent} />
      <${PasswordField} label=${t("reset.password")} name="account-new" isNew value=${wanted} onValue=${setWanted} />
    </${Question}>`;
}

/** @param {{ onClose: () => void }} props */
function EraseDialog({ onClose }) {
  const [password, setPassword] = useState("");
  const { attempt, ...state } = useAttempt();
  const go = () =>
    attempt(async () => {
      await call("DELETE", "/auth/me", { body: { password } });
      signedOut();
      location.assign("/");
    });
  return html`
    <${Question} title=${t("account.erase.title")} go=${t("account.erase")} tone="danger" onSubmit=${go} onClose=${onClose} ...${state}>
      <p>${t("account.erase.body")}</p>
      <${PasswordField} label=${t("account.password.now")} name="account-current" value=${password} onValue=${setPassword} />
    </${Question}>`;
}

const DIALOGS = {
  name: NameDialog,
  email: EmailDialog,
  password: PasswordDialog,
  erase: EraseDialog,
};
