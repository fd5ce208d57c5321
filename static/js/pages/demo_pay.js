// `/pay/demo/{payment}`: the page of the demo provider, as a real one has its own. The shop hears of what is chosen here
// by webhooks only, and its payer says how those misbehave.
import demoPay from "messages/demo_pay";
import { ApiError, get, post } from "../core/api.js";
import { html, Icon, signal, useState } from "../core/dom.js";
import { mount } from "../core/shell.js";
import { learn, money, t } from "../core/text.js";
import { Failure, Notice, Skeleton, toast } from "../core/ui.js";

learn(demoPay);

/** @typedef {import("../api.d.ts").DemoPayment} DemoPayment */
/** @typedef {{ delay_seconds: number, copies: number, is_reordered: boolean, is_lost: boolean }} Telling */

const path = `/demo/payments/${encodeURIComponent(location.pathname.split("/")[3])}`;
const payment = signal(/** @type {DemoPayment | null} */ (null));
const failure = signal(/** @type {ApiError | null} */ (null));
const isBusy = signal(false);
const ENDS = /** @type {Record<string, string>} */ ({
  succeeded: "circle-check",
  declined: "circle-x",
  cancelled: "timer",
});

async function load() {
  failure.value = null;
  try {
    payment.value = await get(path);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    failure.value = error;
  }
}

/** @param {"approve" | "decline" | "challenge"} step @param {Telling} telling */
async function go(step, telling) {
  if (isBusy.peek()) return;
  isBusy.value = true;
  try {
    payment.value = await post(path, { step, webhooks: telling });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast(error.code === "offline" ? t("failure.offline") : error.message, {
      icon: "circle-alert",
      tone: "bad",
    });
    // What it is by now, whoever made it that.
    load();
  } finally {
    isBusy.value = false;
  }
}

function DemoPayPage() {
  if (failure.value?.status === 404)
    return html`<${Notice} isPage icon="credit-card" title=${t("demopay.missing")}><p>${t("demopay.missing.body")}</p><a class="button" href="/">${t("nav.search")}</a></${Notice}>`;
  if (failure.value) return html`<${Failure} isPage error=${failure.value} retry=${load} />`;
  if (!payment.value) return html`<${Skeleton} lines=${4} />`;
  return html`<${Bank} payment=${payment.value} />`;
}

/** @param {{ payment: DemoPayment }} props */
function Bank({ payment: shown }) {
  const [telling, setTelling] = useState({
    delay_seconds: 0,
    copies: 1,
    is_reordered: false,
    is_lost: false,
  });
  const { status } = shown;
  return html`
    <section class="card bank" data-status=${status} aria-labelledby="bank-title">
      <h1 id="bank-title"><${Icon} name="credit-card" />${t("demopay.title")}</h1>
      <p class="hint">${t("demopay.sub")}</p>
      <dl class="bank-facts">
        <div><dt>${t("demopay.for")}</dt><dd>${shown.description}</dd></div>
        <div><dt>${t("demopay.reference")}</dt><dd>${shown.reference}</dd></div>
      </dl>
      <p class="bank-amount">${money(shown.amount)}</p>
      ${
        status in ENDS
          ? html`<${End} payment=${shown} />`
          : html`<${Ways} payment=${shown} telling=${telling} />
            <${Misbehave} telling=${telling} onTelling=${setTelling} />`
      }
    </section>`;
}

/** @param {{ payment: DemoPayment, telling: Telling }} props */
function Ways({ payment: shown, telling }) {
  const way = (
    /** @type {"approve" | "decline" | "challenge"} */ step,
    /** @type {string} */ icon,
    /** @type {string} */ text,
    isFirst = false,
  ) =>
    html`<button type="button" class=${isFirst ? "button primary" : "button"} aria-disabled=${isBusy.value} onClick=${() => go(step, telling)}><${Icon} name=${icon} />${text}</button>`;
  if (shown.status === "challenged")
    return html`<div class="bank-ways">
      <h2>${t("demopay.challenge.title")}</h2><p>${t("demopay.challenge.body")}</p>
      ${way("approve", "shield-check", t("demopay.challenge.pass"), true)}
      ${way("decline", "x", t("demopay.challenge.fail"))}
    </div>`;
  return html`<div class="bank-ways">
    ${way("approve", "check", t("demopay.approve", { amount: money(shown.amount) }), true)}
    ${way("challenge", "shield-check", t("demopay.challenge"))}
    ${way("decline", "x", t("demopay.decline"))}
  </div>`;
}

/** @param {{ telling: Telling, onTelling: (telling: Telling) => void }} props */
function Misbehave({ telling, onTelling }) {
  const choose = (
    /** @type {"delay_seconds" | "copies"} */ name,
    /** @type {string} */ label,
    /** @type {[number, string][]} */ choices,
  ) =>
    html`<label>${label}<select value=${telling[name]} onChange=${(/** @type {any} */ event) => onTelling({ ...telling, [name]: Number(event.target.value) })}>
      ${choices.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select></label>`;
  const check = (/** @type {"is_reordered" | "is_lost"} */ name, /** @type {string} */ label) =>
    html`<label class="check"><input type="checkbox" checked=${telling[name]} onChange=${(/** @type {any} */ event) => onTelling({ ...telling, [name]: event.target.checked })} />${label}</label>`;
  return html`
    <fieldset class="bank-telling">
      <legend>${t("demopay.webhooks")}</legend>
      <p class="hint">${t("demopay.webhooks.body")}</p>
      ${choose("delay_seconds", t("demopay.delay"), [
        [0, t("demopay.delay.0")],
        [10, t("demopay.delay.10")],
        [150, t("demopay.delay.150")],
      ])}
      ${choose("copies", t("demopay.copies"), [
        [1, t("demopay.copies.1")],
        [3, t("demopay.copies.3")],
        [20, t("demopay.copies.20")],
      ])}
      ${check("is_reordered", t("demopay.reordered"))}
      ${check("is_lost", t("demopay.lost"))}
    </fieldset>`;
}

/** @param {{ payment: DemoPayment }} props */
function End({ payment: shown }) {
  const word = /** @type {"demopay.succeeded" | "demopay.declined" | "demopay.cancelled"} */ (
    `demopay.${shown.status}`
  );
  // By its path alone: the key of a guest's booking is kept for the address in which this page was reached.
  const back = `${new URL(shown.return_url, location.href).pathname}?paid`;
  return html`<div class="bank-end" role="status">
    <h2><${Icon} name=${ENDS[shown.status]} /> ${t(word)}</h2>
    <p>${t(`${word}.body`)}</p>
    <a class="button primary" href=${back}>${t("demopay.back")}</a>
  </div>`;
}

mount(DemoPayPage, t("demopay.title"));
load();
