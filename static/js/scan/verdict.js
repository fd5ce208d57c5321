// What a scan has come to, over the whole screen: by colour, by shape, by word, by sound and by touch. Whoever may board is
// shown for a moment; everything else stays until somebody has seen it.
import { html, Icon, useEffect, useLayoutEffect, useRef } from "../core/dom.js";
import { t, time } from "../core/text.js";
import { tone } from "../kiosk/sound.js";
import { shown } from "./desk.js";
import { buses } from "./place.js";
import { zone } from "./zone.js";

/** @typedef {import("./desk.js").Shown} Shown */
/** @typedef {"good" | "warn" | "bad"} Tone */

const GLANCE_MS = 1_500;
const WARNED = new Set(["already_boarded", "wrong_stop", "too_early", "too_late", "id_reused"]);
const ICONS = { good: "check", warn: null, bad: "x" };
/** One short and high; two in the middle; one long and low. */
const TONES = /** @type {Record<Tone, [number, number, number][]>} */ ({
  good: [[1320, 0.14, 0]],
  warn: [
    [520, 0.16, 0],
    [520, 0.16, 0.24],
  ],
  bad: [[170, 0.7, 0]],
});
const PULSES = { good: [60], warn: [90, 80, 90], bad: [400] };

/** @param {import("../api.d.ts").Verdict} verdict @returns {Tone} */
export const toneOf = (verdict) =>
  verdict === "ok" ? "good" : WARNED.has(verdict) ? "warn" : "bad";

export const proceed = () => {
  shown.value = null;
};

/** The region is always there, so that what comes into it is read out at once. */
export function VerdictPlace() {
  const verdict = shown.value;
  return html`<div role="alert">${verdict && html`<${Verdict} key=${verdict.id} told=${verdict} />`}</div>`;
}

/** @param {{ told: Shown }} props */
function Verdict({ told }) {
  const next = useRef(/** @type {HTMLElement | null} */ (null));
  const looks = toneOf(told.verdict);
  useLayoutEffect(() => {
    // At once, not after the next frame: whoever scans on before that would have heard nothing of this one.
    for (const [hertz, seconds, after] of TONES[looks]) tone(hertz, seconds, after);
    navigator.vibrate?.(PULSES[looks]);
    const before = document.activeElement;
    next.current?.focus({ preventScroll: true });
    return () => {
      // A frame later, for until then what lies behind takes no focus.
      requestAnimationFrame(() => {
        const back = before?.isConnected ? before : document.getElementById("main");
        if (back instanceof HTMLElement && !shown.peek()) back.focus({ preventScroll: true });
      });
    };
  }, []);
  useEffect(() => {
    if (told.verdict !== "ok") return undefined;
    const timer = setTimeout(() => {
      if (shown.peek()?.id === told.id) proceed();
    }, GLANCE_MS);
    return () => clearTimeout(timer);
  }, []);
  const who = whoOf(told);
  // A tap anywhere will do, for a thumb that does not look; the button is for keys, and for those who listen.
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && proceed();
  return html`
    <section class="verdict" data-tone=${looks} data-verdict=${told.verdict} onKeyDown=${onKeyDown} onClick=${proceed}>
      <span class="verdict-mark" aria-hidden="true">${ICONS[looks] ? html`<${Icon} name=${ICONS[looks]} />` : "!"}</span>
      <h2>${t(`scan.is.${told.verdict}`)}</h2>
      ${who.seat && html`<p class="verdict-seat">${t("scan.seat", { seat: who.seat })}</p>`}
      ${who.name && html`<p class="verdict-who">${who.name}${who.to && html`<small>${who.from} → ${who.to}</small>`}</p>`}
      <p class="verdict-why">${whyOf(told)}</p>
      ${told.isOffline && html`<p class="verdict-note"><${Icon} name="wifi-off" />${t(noteOf(told))}</p>`}
      <button type="button" class="button verdict-next" ref=${next}>${t("scan.next")}<${Icon} name="arrow-right" class="flip" /></button>
    </section>`;
}

/** @param {Shown} told */
function whoOf({ passenger, line }) {
  if (passenger) {
    const { name, seat, from_stop: from, to_stop: to } = passenger;
    return { name, seat, from, to };
  }
  return { name: line?.name, seat: line?.seat, from: line?.from_stop.name, to: line?.to_stop.name };
}

/** @param {Shown} told */
function whyOf({ verdict, boarded, where, right_bus, line }) {
  if (verdict === "already_boarded" && boarded?.at) {
    const at = time(boarded.at, zone());
    if (boarded.by && where)
      return t("scan.why.boarded.where", { time: at, by: boarded.by, where });
    return boarded.by
      ? t("scan.why.boarded.by", { time: at, by: boarded.by })
      : t("scan.why.boarded", { time: at });
  }
  if (verdict === "wrong_bus") {
    const bus = buses.peek().find(({ id }) => id === right_bus);
    if (bus)
      return t("scan.why.wrong_bus.of", { bus: bus.name, time: time(bus.departs_at, zone()) });
  }
  if (verdict === "wrong_stop" && line)
    return t("scan.why.wrong_stop.of", { stop: line.from_stop.name });
  return t(`scan.why.${verdict}`);
}

/** @param {Shown} told */
function noteOf({ isUnlisted, isUnchecked, verdict }) {
  if (verdict === "ok" && isUnlisted) return "scan.offline.unlisted";
  return isUnchecked ? "scan.offline.unchecked" : "scan.offline.judged";
}
