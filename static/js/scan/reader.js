// The reader of codes for browsers that have none of their own, as a worker: looking at a picture takes a slow phone longer
// than a frame lasts, and the page must not wait for it. Workers know no import map.
import decodeQR from "../../vendor/qr/decode.js";

/** More is no use for a code that fills a third of the picture, and costs time. */
const WIDEST = 1280;
/** For second looks, in shade or from the side; the page does not wait. */
const PATIENCE_MS = 50;
const canvas = new OffscreenCanvas(1, 1);
const paint = canvas.getContext("2d", { willReadFrequently: true });

/** @param {ImageBitmap} picture @returns {string | null} */
function read(picture) {
  const scale = Math.min(1, WIDEST / Math.max(picture.width, picture.height));
  const [width, height] = [picture.width, picture.height].map((each) => Math.round(each * scale));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  paint?.drawImage(picture, 0, 0, width, height);
  picture.close();
  const seen = paint?.getImageData(0, 0, width, height);
  try {
    return seen ? decodeQR(seen, { timeLimit: PATIENCE_MS }) : null;
  } catch {
    return null; // nothing in view, or nothing that can be made out
  }
}

addEventListener("message", ({ data }) => postMessage(read(data)));
postMessage(null);
