// Who finds the code in what a camera sees: the browser itself, or, where it cannot, a worker of ours, which is loaded then
// and not before.

/** @typedef {{ detect: (source: HTMLVideoElement) => Promise<{ rawValue: string }[]> }} Detector */

const READER = new URL("./reader.js", import.meta.url);
const LIBRARY = ["decode.js", "index.js"].map(
  (name) => new URL(`../../vendor/qr/${name}`, import.meta.url),
);
/** What the worker consists of, to be kept for where there is no network. */
const READER_FILES = [READER, ...LIBRARY].map(({ pathname }) => pathname);

/** @returns {Promise<Detector | null>} */
async function native() {
  const Made = /** @type {any} */ (globalThis).BarcodeDetector;
  const formats = (await Made?.getSupportedFormats().catch(() => [])) ?? [];
  return formats.includes("qr_code") ? new Made({ formats: ["qr_code"] }) : null;
}

/** Whether codes can be read here by camera at all. */
export const canRead = async () =>
  Boolean(navigator.mediaDevices) &&
  (Boolean(globalThis.Worker && globalThis.OffscreenCanvas) || (await native()) !== null);

/** The files that reading takes here: none where the browser does it by itself. */
export const filesToRead = async () => ((await native()) ? [] : READER_FILES);

/** A reader for as long as it is wanted. Raises ReaderMissing if it could not be loaded.
 * @param {AbortSignal} end @returns {Promise<Detector>} */
export const makeDetector = async (end) => (await native()) ?? hire(end);

export class ReaderMissing extends Error {}

/** @param {AbortSignal} end @returns {Promise<Detector>} */
async function hire(end) {
  const worker = new Worker(READER, { type: "module" });
  end.addEventListener("abort", () => worker.terminate());
  await heard(worker, end); // its first word says that it is there
  return {
    async detect(video) {
      const picture = await createImageBitmap(video);
      const answer = heard(worker, end);
      worker.postMessage(picture, [picture]);
      const text = await answer;
      return text === null ? [] : [{ rawValue: text }];
    },
  };
}

/** What the worker says next: one picture is looked at, at a time. Nothing more once it is not wanted.
 * @param {Worker} worker @param {AbortSignal} end @returns {Promise<string | null>} */
function heard(worker, end) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = () => reject(new ReaderMissing());
    end.addEventListener("abort", () => resolve(null), { once: true });
  });
}
