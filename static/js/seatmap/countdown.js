// The time a hold has left: a ring, spoken marks, and a question in time to answer it.
import { html, Icon, now, tick, useEffect, useRef, useState } from "../core/dom.js";
import { clock, t } from "../core/text.js";
import { announce, Dialog } from "../core/ui.js";

const SPOKEN_SECONDS = [120, 60, 30];
const ASK_SECONDS = 60;
const CIRCLE = 2 * Math.PI * 15;

/** @param {string} until */
const leftUntil = (until) => Math.max(0, Date.parse(until) - Math.max(tick.value, now()));

/** @param {{ until: string, total: number, label?: string, onOver: () => void }} props */
export function Countdown({ until, total, label = t("clock.label"), onOver }) {
  const left = Math.min(total * 1000, leftUntil(until));
  const before = useRef(Number.POSITIVE_INFINITY);
  useEffect(() => {
    const passed = (/** @type {number} */ seconds) =>
      before.current > seconds * 1000 && left <= seconds * 1000;
    // A page that opens with twenty seconds left says the time once, not every mark it missed.
    if (left > 0 && SPOKEN_SECONDS.some(passed)) announce(t("clock.left", { time: clock(left) }));
    if (passed(0)) {
      announce(t("clock.over"));
      onOver();
    }
    before.current = left;
  });
  const share = Math.min(1, left / (total * 1000));
  return html`
    <span class="countdown" data-tone=${left <= ASK_SECONDS * 1000 ? "bad" : null} role="timer" aria-label=${`${label} ${clock(left)}`}>
      <svg viewBox="0 0 36 36" aria-hidden="true">
        <circle class="ring-track" cx="18" cy="18" r="15" />
        <circle class="ring" cx="18" cy="18" r="15" stroke-dasharray=${CIRCLE} stroke-dashoffset=${CIRCLE * (1 - share)} />
      </svg>
      <span>${clock(left)}</span>
    </span>`;
}

/** The same for a hold, which can be kept longer once: a minute before the end the buyer is asked.
 * @param {{ hold: import("../api.d.ts").Hold, rules: import("../api.d.ts").Bus["rules"],
 *   extend: () => Promise<string | undefined>, onOver: () => void }} props */
export function HoldClock({ hold, rules, extend, onOver }) {
  // The deadline that the buyer has answered for; another deadline is another question.
  const [answered, answer] = useState("");
  const left = leftUntil(hold.expires_at);
  const total = rules.hold_seconds + (hold.extended ? rules.extension_seconds : 0);
  const isAsking =
    !hold.extended &&
    rules.extension_seconds > 0 &&
    left > 0 &&
    left <= ASK_SECONDS * 1000 &&
    answered !== hold.expires_at;
  const leave = () => answer(hold.expires_at);
  const keep = async () => {
    leave();
    const until = await extend();
    announce(t(until === hold.expires_at ? "clock.limit" : "clock.kept"));
  };
  return html`
    <${Countdown} until=${hold.expires_at} total=${total} onOver=${onOver} />
    ${
      isAsking &&
      html`<${Dialog} title=${t("clock.ask")} onClose=${leave} actions=${html`
        <button type="button" class="button quiet" onClick=${leave}>${t("clock.later")}</button>
        <button type="button" class="button primary" autofocus onClick=${keep}><${Icon} name="timer" />${t("clock.keep")}</button>`}>
        <p>${t("clock.ask.body", { time: clock(left) })}</p>
      </${Dialog}>`
    }`;
}
