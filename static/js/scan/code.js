// What the code of a ticket says, and whether one of our keys has signed it: all that a scanner without a network has to
// believe. The format is that of docs/tickets.md. Pure but for the browser's own verifier.

/** @typedef {{ number: number, key: string }} PublicKey */
/** @typedef {{ kind: "signed", bus: string, booking: string, seat: number, from: number, to: number, start: string,
 *   isChecked: boolean }} Signed */
/** @typedef {Signed | { kind: "ticket", bus: string, code: string } | { kind: "seat", ref: string, seat: string }
 *   | { kind: "bad" } | { kind: "none" }} Reading */
/** @typedef {(key: string, signature: Uint8Array<ArrayBuffer>, said: Uint8Array<ArrayBuffer>) => Promise<boolean | null>} Verify */

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const NARROW = /^[0-9A-Z $%*+\-./:]{120}$/;
const WIDE = /^_[A-Za-z0-9_-]{119}$/;
const TICKET = /^[A-Za-z0-9_-]{32}$/;
const NARROW_BYTES = 80;
const SIGNATURE_BYTES = 64;
const PURPOSE = new TextEncoder().encode("omnibus ticket\0");
const BAD = /** @type {const} */ ({ kind: "bad" });
const NONE = /** @type {const} */ ({ kind: "none" });

/** What was read; "bad" for what looks like a code of ours and is none.
 * @param {string} text @param {PublicKey[]} keys @param {Verify} [verify] @returns {Promise<Reading>} */
export async function read(text, keys, verify = verifyHere) {
  if (TICKET.test(text)) return readTicket(text);
  const raw = bytesOf(text);
  if (!raw) return NARROW.test(text) || WIDE.test(text) ? BAD : NONE;
  const said = raw.subarray(0, -SIGNATURE_BYTES);
  const key = keys.find(({ number }) => number === said[1]);
  const fields = key ? parse(said) : null;
  if (!key || !fields) return BAD;
  const whole = new Uint8Array([...PURPOSE, ...said]);
  const isGood = await verify(key.key, raw.slice(-SIGNATURE_BYTES), whole);
  return isGood === false ? BAD : { ...fields, isChecked: isGood === true };
}

/** A ticket's id, as manifests have it: its bus and its own code.
 * @param {string} text @returns {Reading} */
export function readTicket(text) {
  const raw = fromBase64(text);
  if (!raw) return NONE;
  const bus = new DataView(raw.buffer).getBigUint64(0).toString();
  return { kind: "ticket", bus, code: hex(raw.subarray(8)) };
}

/** @param {string} text */
function bytesOf(text) {
  if (NARROW.test(text)) return decode45(text);
  if (!WIDE.test(text)) return null;
  const raw = fromBase64(text.slice(1));
  // Two bits at the end say nothing; with them set it is another spelling, and none of ours.
  return raw && toBase64(raw) === text.slice(1) ? raw : null;
}

/** @param {Uint8Array<ArrayBuffer>} said @returns {Omit<Signed, "isChecked"> | null} */
function parse(said) {
  const view = new DataView(said.buffer, said.byteOffset, said.length);
  if (said[0] === 1 && said.length === NARROW_BYTES - SIGNATURE_BYTES) {
    const booking = view.getUint8(6) * 2 ** 32 + view.getUint32(7);
    return leg(said, 11, String(view.getUint32(2)), String(booking));
  }
  if (said[0] === 2 && said.length !== NARROW_BYTES - SIGNATURE_BYTES)
    return leg(said, 18, String(view.getBigUint64(2)), String(view.getBigUint64(10)));
  return null; // of a version to come
}

/** @param {Uint8Array} said @param {number} at @param {string} bus @param {string} booking
 * @returns {Omit<Signed, "isChecked">} */
const leg = (said, at, bus, booking) => ({
  kind: "signed",
  bus,
  booking,
  seat: said[at],
  from: said[at + 1],
  to: said[at + 2],
  start: hex(said.subarray(at + 3)),
});

/** @param {string} text */
function decode45(text) {
  const raw = new Uint8Array(NARROW_BYTES);
  for (let place = 0; place < text.length; place += 3) {
    const [a, b, c] = [...text.slice(place, place + 3)].map((each) => ALPHABET.indexOf(each));
    const number = a + b * 45 + c * 2025;
    if (number > 0xffff) return null;
    raw[(place / 3) * 2] = number >> 8;
    raw[(place / 3) * 2 + 1] = number & 0xff;
  }
  return raw;
}

/** @param {string} text @returns {Uint8Array<ArrayBuffer> | null} */
function fromBase64(text) {
  try {
    const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(plain, (each) => each.charCodeAt(0));
  } catch {
    return null;
  }
}

/** @param {Uint8Array} raw */
const toBase64 = (raw) =>
  btoa(String.fromCharCode(...raw))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** @param {Uint8Array} raw */
const hex = (raw) => [...raw].map((each) => each.toString(16).padStart(2, "0")).join("");

/** Whether a signature is good; null where the browser cannot tell: Ed25519 came late to some.
 * @type {Verify} */
async function verifyHere(key, signature, said) {
  const raw = fromBase64(key);
  if (!raw || !globalThis.crypto?.subtle) return null;
  try {
    const imported = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", imported, signature, said);
  } catch {
    return null;
  }
}
