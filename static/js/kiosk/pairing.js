// A browser that is nothing yet becomes a kiosk, a board or a scanner: by the six digits that staff were shown.
import { ApiError } from "../core/api.js";
import { pair } from "../core/device.js";
import { html, Icon, signal, useEffect, useState } from "../core/dom.js";
import { clock, t } from "../core/text.js";
import { announce, Field } from "../core/ui.js";
import { setPin } from "./cash.js";
import { NumberPad } from "./keyboard.js";

const DIGITS = 6;
const PIN_DIGITS = 4;
/** Whether a kiosk that was paired just now asks for the PIN of staff. */
export const isNew = signal(false);

export function Pairing() {
  const [code, setCode] = useState("");
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  useEffect(() => document.getElementById("code")?.focus(), []);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (code.length !== DIGITS || isBusy) return;
    setBusy(true);
    setFault("");
    try {
      isNew.value = true;
      const { kind, stop } = await pair(code);
      if (kind === "board" && stop) location.replace(`/board/${stop}`);
      else if (kind === "scanner") location.replace("/scan");
    } catch (error) {
      isNew.value = false;
      if (!(error instanceof ApiError)) throw error;
      const text = faultOf(error);
      setFault(text);
      setCode("");
      announce(text);
    } finally {
      setBusy(false);
    }
  };
  return html`
    <main id="main" class="kiosk-pair" tabindex="-1">
      <form onSubmit=${submit}>
        <h1><${Icon} name="link" />${t("pair.title")}</h1>
        <p>${t("pair.body")}</p>
        <${Field} label=${t("pair.code")} name="code" inputmode="none" autocomplete="off" maxlength=${DIGITS} class="digits"
          value=${code} error=${fault} onValue=${(/** @type {string} */ typed) => setCode(typed.replace(/\D/g, ""))} />
        <${NumberPad} field="code" />
        <button class="button primary wide" aria-disabled=${code.length !== DIGITS || isBusy}>${t("pair.go")}</button>
        <p class="hint">${t("pair.hint")}</p>
      </form>
    </main>`;
}

/** @param {ApiError} error */
function faultOf(error) {
  if (error.code === "offline") return t("failure.offline");
  if (error.status === 429)
    return t("pair.later", { time: clock((error.problem.retry_after ?? 60) * 1000) });
  return error.status === 404 ? t("pair.wrong") : error.message;
}

/** Cash is only taken where staff say that they have it: here they choose what they say it with, or that there is none. */
export function PinSetting() {
  const [pin, setTyped] = useState("");
  useEffect(() => document.getElementById("pin")?.focus(), []);
  const end = () => {
    isNew.value = false;
  };
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (pin.length < PIN_DIGITS) return;
    await setPin(pin);
    end();
  };
  return html`
    <main id="main" class="kiosk-pair" tabindex="-1">
      <form onSubmit=${submit}>
        <h1><${Icon} name="lock" />${t("pin.title")}</h1>
        <p>${t("pin.body")}</p>
        <${Field} label=${t("pin.label")} name="pin" type="password" inputmode="none" autocomplete="off" maxlength="8" class="digits"
          value=${pin} onValue=${(/** @type {string} */ typed) => setTyped(typed.replace(/\D/g, ""))} />
        <${NumberPad} field="pin" />
        <div class="kiosk-pair-ways">
          <button type="button" class="button" onClick=${end}>${t("pin.none")}</button>
          <button class="button primary" aria-disabled=${pin.length < PIN_DIGITS}>${t("pin.set")}</button>
        </div>
      </form>
    </main>`;
}
