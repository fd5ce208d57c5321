// Reading codes by the camera. Where there is none, a scanner that types and the list do as well.
import {
  html,
  Icon,
  local,
  recall,
  remember,
  signal,
  useEffect,
  useRef,
  useState,
} from "../core/dom.js";
import { t } from "../core/text.js";
import { announce } from "../core/ui.js";
import { canRead, makeDetector, ReaderMissing } from "./detector.js";

/** @typedef {"off" | "asking" | "denied" | "missing" | "unloaded" | "unreadable"} State */

const PLACE = "omnibus.camera";

const LOOK_MS = 120;
/** A code that stays in view is one scan, until it has been out of view for so long. */
const AWAY_MS = 1_800;
const SIZE = { width: { ideal: 1280 }, height: { ideal: 720 } };

/** Whether somebody has started the camera here: it goes on by itself behind lists and verdicts. */
const isWanted = signal(false);

/** Which camera somebody has chosen; without that the one at the back. */
const chosen = signal(recall(local, PLACE, ""));

/** @param {{ onCode: (text: string) => void, isPaused: boolean }} props */
export function Camera({ onCode, isPaused }) {
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  const pause = useRef(isPaused);
  pause.current = isPaused;
  const [state, setState] = useState(/** @type {State} */ ("off"));
  const [track, setTrack] = useState(/** @type {MediaStreamTrack | null} */ (null));
  useEffect(() => {
    canRead().then((can) => {
      if (!can) setState("unreadable");
    });
  }, []);
  useEffect(() => {
    if (!isWanted.value) return undefined;
    const end = new AbortController();
    setState("asking");
    watch(
      () => video.current,
      onCode,
      () => pause.current,
      end.signal,
      setTrack,
    ).then(
      () => setState("off"),
      (error) => {
        isWanted.value = false;
        const told = stateOf(error);
        setState(told);
        announce(t(`scan.camera.${told}`));
      },
    );
    return () => {
      end.abort();
      setTrack(null);
    };
  }, [isWanted.value, chosen.value]);
  const turn = () => {
    isWanted.value = !isWanted.peek();
  };
  const isOn = track !== null;
  if (state === "unreadable")
    return html`<div class="scan-hint"><${Icon} name="smartphone" /><p><strong>${t("scan.camera.unreadable")}</strong> ${t("scan.camera.instead")}</p></div>`;
  return html`
    <div class="scan-camera" data-on=${isOn ? "" : null}>
      <video ref=${video} muted playsinline aria-hidden="true" hidden=${!isOn}></video>
      ${isOn && html`<span class="scan-aim" aria-hidden="true"></span>`}
      ${
        !isOn &&
        html`<div class="scan-start">
        ${isFault(state) && html`<p class="field-error"><${Icon} name="circle-alert" />${t(`scan.camera.${state}`)}</p>`}
        <button type="button" class="button primary scan-big" aria-disabled=${state === "asking"} onClick=${turn}><${Icon} name="camera" />${t(state === "asking" ? "scan.camera.asking" : "scan.camera.start")}</button>
      </div>`
      }
      ${
        isOn &&
        html`<div class="scan-camera-tools">
        <${Torch} track=${track} key=${track.id} />
        <${Other} track=${track} />
        <button type="button" class="button" onClick=${turn}><${Icon} name="x" />${t("scan.camera.stop")}</button>
      </div>`
      }
    </div>`;
}

/** @param {State} state */
const isFault = (state) => state === "denied" || state === "missing" || state === "unloaded";

/** @param {unknown} error @returns {"denied" | "missing" | "unloaded"} */
function stateOf(error) {
  if (error instanceof ReaderMissing) return "unloaded";
  const name = error instanceof DOMException ? error.name : "";
  return name === "NotAllowedError" || name === "SecurityError" ? "denied" : "missing";
}

/** Look through the camera until that is ended. Raises DOMException if there is none, or none for us, ReaderMissing if
 * nothing here could read.
 * @param {() => HTMLVideoElement | null} place @param {(text: string) => void} onCode @param {() => boolean} isPaused
 * @param {AbortSignal} end @param {(track: MediaStreamTrack) => void} onTrack */
async function watch(place, onCode, isPaused, end, onTrack) {
  const detector = await makeDetector(end);
  const which = chosen.peek() ? { deviceId: chosen.peek() } : { facingMode: "environment" };
  const stream = await navigator.mediaDevices.getUserMedia({ video: { ...which, ...SIZE } });
  const stop = () => {
    for (const each of stream.getTracks()) each.stop();
  };
  const video = place();
  if (end.aborted || !video) return stop();
  end.addEventListener("abort", stop);
  video.srcObject = stream;
  await video.play().catch(() => {});
  onTrack(stream.getVideoTracks()[0]);
  // Gone is what was looked for in vain, and how long ago: a slow device looks seldom, and sees the same ticket again.
  let last = "";
  let goneAt = Number.POSITIVE_INFINITY;
  while (!end.aborted) {
    await new Promise((resume) => setTimeout(resume, LOOK_MS));
    if (document.visibilityState !== "visible") continue;
    const [code] = await detector.detect(video).catch(() => []);
    if (end.aborted) break;
    const at = performance.now();
    if (code?.rawValue !== last) goneAt = Math.min(goneAt, at);
    if (!code) continue;
    const isNew = code.rawValue !== last || at - goneAt > AWAY_MS;
    // What is in view behind a verdict has been seen, and is no other scan when that goes.
    if (isNew && isPaused()) continue;
    last = code.rawValue;
    goneAt = Number.POSITIVE_INFINITY;
    if (isNew) onCode(last);
  }
  return undefined;
}

/** The phone's light, if this camera has one.
 * @param {{ track: MediaStreamTrack }} props */
function Torch({ track }) {
  const [isLit, setLit] = useState(false);
  const can = /** @type {any} */ (track.getCapabilities?.())?.torch;
  if (!can) return null;
  const turn = async () => {
    const wish = /** @type {any} */ ({ advanced: [{ torch: !isLit }] });
    await track.applyConstraints(wish).then(
      () => setLit(!isLit),
      () => {},
    );
  };
  return html`<button type="button" class="button" aria-pressed=${isLit} onClick=${turn}><${Icon} name="flashlight" />${t("scan.torch")}</button>`;
}

/** The next of several cameras: a phone has one for each side, a counter may have one that looks down.
 * @param {{ track: MediaStreamTrack }} props */
function Other({ track }) {
  const [ids, setIds] = useState(/** @type {string[]} */ ([]));
  useEffect(() => {
    navigator.mediaDevices.enumerateDevices?.().then(
      (all) =>
        setIds(all.filter(({ kind }) => kind === "videoinput").map(({ deviceId }) => deviceId)),
      () => {},
    );
  }, []);
  if (ids.length < 2) return null;
  const turn = () => {
    const now = ids.indexOf(track.getSettings().deviceId ?? "");
    chosen.value = ids[(now + 1) % ids.length];
    remember(local, PLACE, chosen.peek());
  };
  return html`<button type="button" class="button" onClick=${turn}><${Icon} name="refresh-cw" />${t("scan.camera.other")}</button>`;
}
