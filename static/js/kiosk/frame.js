// What stands around every screen of the kiosk: where it stands, the time, larger letters, stronger contrast, help; the
// five steps; a word when the network is gone; and the question whether anybody is still there.
import { about, isOnline } from "../core/device.js";
import {
  effect,
  html,
  Icon,
  tick,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "../core/dom.js";
import { Mark } from "../core/shell.js";
import { t, time } from "../core/text.js";
import { announce, Dialog } from "../core/ui.js";
import { soundAt, stageOf } from "./idle.js";
import { looks, STEPS, step, stepAt } from "./journey.js";
import { tock, warn } from "./sound.js";

const root = document.documentElement;
let touchedAt = performance.now();
const touch = () => {
  touchedAt = performance.now();
};
for (const name of ["pointerdown", "keydown", "wheel", "input"])
  document.addEventListener(name, touch, { capture: true, passive: true });

effect(() => {
  root.dataset.text = looks.value.isLarge ? "large" : "plain";
  root.dataset.contrast = looks.value.isStrong ? "strong" : "plain";
});

/** @param {{ children?: any, leave: () => void, isWaiting: boolean }} props `isWaiting` while somebody pays elsewhere */
export function KioskFrame({ children, leave, isWaiting }) {
  const isBegun = step.value !== "attract";
  return html`
    <div class="kiosk" data-step=${step.value}>
      <${TopBar} leave=${leave} />
      ${stepAt(step.value) >= 0 && html`<${Steps} />`}
      <${Offline} />
      ${children}
      ${isBegun && html`<${IdleGuard} leave=${leave} isWaiting=${isWaiting} />`}
    </div>`;
}

/** @param {{ leave: () => void }} props */
function TopBar({ leave }) {
  const [isHelping, setHelping] = useState(false);
  const place = about.value?.stop;
  const turn = (/** @type {"isLarge" | "isStrong"} */ name) => () => {
    looks.value = { ...looks.peek(), [name]: !looks.peek()[name] };
  };
  const { isLarge, isStrong } = looks.value;
  return html`
    <header class="kiosk-top">
      <span class="kiosk-place"><${Mark} /><span><strong>${about.value?.operator.name ?? "Omnibus"}</strong>${place && html`<small>${place.name}</small>`}</span></span>
      ${place && html`<time class="kiosk-time" dateTime=${new Date(tick.value).toISOString()}>${time(new Date(tick.value).toISOString(), place.time_zone)}</time>`}
      <div class="kiosk-aids" role="group" aria-label=${t("kiosk.aids")}>
        ${step.value !== "attract" && html`<button type="button" class="aid" onClick=${leave}><${Icon} name="x" /><span>${t("kiosk.leave")}</span></button>`}
        <button type="button" class="aid" aria-pressed=${isLarge} onClick=${turn("isLarge")}><b aria-hidden="true">A<small>A</small></b><span>${t("kiosk.large")}</span></button>
        <button type="button" class="aid" aria-pressed=${isStrong} onClick=${turn("isStrong")}><i class="half" aria-hidden="true"></i><span>${t("kiosk.strong")}</span></button>
        <button type="button" class="aid" onClick=${() => setHelping(true)}><${Icon} name="life-buoy" /><span>${t("kiosk.help")}</span></button>
      </div>
      ${isHelping && html`<${Help} onClose=${() => setHelping(false)} />`}
    </header>`;
}

/** @param {{ onClose: () => void }} props */
function Help({ onClose }) {
  const actions = html`<button type="button" class="button primary" autofocus onClick=${onClose}>${t("kiosk.help.close")}</button>`;
  return html`<${Dialog} title=${t("kiosk.help.title")} onClose=${onClose} actions=${actions}>
    <p>${t(`kiosk.help.${step.value}`)}</p>
    <p>${t("kiosk.help.keys")}</p>
    <p>${t("kiosk.help.staff", { operator: about.value?.operator.name ?? "", name: about.value?.name ?? "" })}</p>
  </${Dialog}>`;
}

function Steps() {
  const at = stepAt(step.value);
  return html`<ol class="kiosk-steps" aria-label=${t("checkout.steps")}>${STEPS.map(
    (
      each,
      index,
    ) => html`<li key=${each} aria-current=${index === at ? "step" : null} data-done=${index < at ? "" : null}>
      <span class="step-mark">${index < at ? html`<${Icon} name="check" />` : index + 1}</span><span>${t(`kiosk.step.${each}`)}</span></li>`,
  )}</ol>`;
}

function Offline() {
  const isGone = !isOnline.value;
  useEffect(() => {
    if (isGone) announce(t("kiosk.offline"));
  }, [isGone]);
  if (!isGone) return null;
  return html`<div class="banner" data-tone="bad"><${Icon} name="wifi-off" /><span>${t("kiosk.offline")}</span></div>`;
}

/** @param {{ leave: () => void, isWaiting: boolean }} props */
function IdleGuard({ leave, isWaiting }) {
  const heard = useRef(Number.POSITIVE_INFINITY);
  // Who has just paid elsewhere was busy until now; the first look must know that, or they are gone before their ticket.
  const waited = useRef(/** @type {boolean | null} */ (null));
  if (waited.current !== isWaiting) {
    waited.current = isWaiting;
    touch();
  }
  // Read every second: nothing else tells that nothing has happened.
  const { stage, left } = tick.value && !isWaiting ? stageOf(performance.now() - touchedAt) : BUSY;
  useEffect(() => {
    if (stage === "gone") leave();
    if (stage !== "warned" || heard.current === left) {
      if (stage === "busy") heard.current = Number.POSITIVE_INFINITY;
      return;
    }
    const sound = heard.current === Number.POSITIVE_INFINITY ? "warn" : soundAt(left);
    if (sound === "warn") warn();
    if (sound === "tock") tock();
    if (sound === "warn") announce(t("kiosk.idle.left", { count: left }));
    heard.current = left;
  });
  const stay = () => {
    touch();
    tick.value = tick.peek() + 1;
  };
  if (stage !== "warned") return null;
  const actions = html`
    <button type="button" class="button" onClick=${leave}>${t("kiosk.idle.leave")}</button>
    <button type="button" class="button primary" autofocus onClick=${stay}><${Icon} name="timer" />${t("kiosk.idle.stay")}</button>`;
  return html`<${Dialog} title=${t("kiosk.idle.title")} onClose=${stay} actions=${actions} tone="warn">
    <p class="kiosk-left" role="timer">${left}</p>
    <p>${t("kiosk.idle.body", { count: left })}</p>
  </${Dialog}>`;
}
const BUSY = /** @type {const} */ ({ stage: "busy", left: 0 });

/** The way back and the way on, where a hand finds them.
 * @param {{ back?: () => void, backText?: string, next?: () => void, nextText?: string, isReady?: boolean, children?: any }} props */
export function Foot({ back, backText, next, nextText, isReady = true, children }) {
  return html`<footer class="kiosk-foot">
    ${back && html`<button type="button" class="button" onClick=${back}><${Icon} name="arrow-left" class="flip" />${backText ?? t("back")}</button>`}
    <div class="kiosk-foot-middle">${children}</div>
    ${next && html`<button type="button" class="button primary" aria-disabled=${!isReady} onClick=${() => isReady && next()}>${nextText ?? t("summary.go")}<${Icon} name="arrow-right" class="flip" /></button>`}
  </footer>`;
}

/** A screen begins with its question, and so does who listens to it.
 * @param {{ text: string, children?: any }} props */
export function Question({ text, children }) {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => ref.current?.focus({ preventScroll: true }), [text]);
  return html`<div class="kiosk-question"><h1 tabindex="-1" ref=${ref}>${text}</h1>${children}</div>`;
}
