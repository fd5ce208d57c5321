// The REST API: JSON in and out, problems as errors, retries only where they are safe, and who is signed in.
import { learnTime, local, recall, remember, session, signal } from "./dom.js";
import { language, told } from "./text.js";

/** @typedef {import("../api.d.ts").Problem} Problem */
/** @typedef {import("../api.d.ts").User} User */
/** @typedef {{ body?: unknown, key?: string, headers?: Record<string, string>, signal?: AbortSignal, guest?: boolean }} Options */

const ROOT = "/api/v1";
const TRIES = 3;
const BODILESS = new Set([202, 204]);
const RETRIED = new Set(["overloaded", "outcome_unknown", "request_in_progress", "offline"]);

export class ApiError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(told("failure", problem.code) ?? problem.detail ?? problem.title);
    this.code = problem.code;
    this.status = problem.status;
    this.problem = problem;
  }
}

/** Whether the server has decided; else what was asked for may have been done, and is asked again under its key.
 * @param {ApiError} error */
export const isDecided = ({ code, status }) => status < 500 && !RETRIED.has(code);

/** Ask, and return the answer's body. Raises ApiError; its code is "offline" when no answer came.
 * A request is sent again only when it changes nothing or carries an idempotency key.
 * @param {string} method @param {string} path @param {Options} [options] @returns {Promise<any>} */
export async function call(method, path, options = {}) {
  const isSafe = method === "GET" || options.key !== undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await send(method, path, options);
      return BODILESS.has(response.status) ? null : await response.json();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // Refused for its token, so nothing was done: once more, with a fresh one.
      if (error.status === 401 && attempt === 1 && !options.guest && dropToken()) continue;
      if (!isSafe || attempt === TRIES || !RETRIED.has(error.code)) throw error;
      const pause = error.problem.retry_after ?? 0.3 * 2 ** attempt;
      await new Promise((resume) => setTimeout(resume, pause * 1000 * (0.5 + Math.random() / 2)));
    }
  }
}

/** @param {string} path @param {Options} [options] */
export const get = (path, options) => call("GET", path, options);
/** @param {string} path @param {unknown} body @param {Options} [options] */
export const post = (path, body, options) => call("POST", path, { ...options, body });

export const newKey = () => crypto.randomUUID();

/** Send one request; the caller reads the response. Raises ApiError for anything above 399.
 * @param {string} method @param {string} path @param {Options} [options] */
export async function send(method, path, options = {}) {
  /** @type {Record<string, string>} */
  const headers = { accept: "application/json", "accept-language": language, ...options.headers };
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (options.key) headers["idempotency-key"] = options.key;
  const token = options.guest ? null : await accessToken();
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(ROOT + path, {
    method,
    headers,
    body: options.body === undefined ? undefined : JSON.stringify(options.body),
    signal: options.signal,
  }).catch((error) => {
    if (options.signal?.aborted) throw error;
    throw new ApiError({ status: 0, code: "offline", title: String(error) });
  });
  learnTime(response.headers.get("date")); // cut to the second: late, but never early
  if (response.ok || response.status === 304) return response;
  throw new ApiError(await problemOf(response));
}

/** @param {Response} response @returns {Promise<Problem>} */
async function problemOf(response) {
  const told = await response.json().catch(() => null);
  if (told?.code) return told;
  return { status: response.status, code: "unknown", title: response.statusText };
}

// Who is signed in. The refresh token is a cookie that no script sees; the access token lasts ten minutes and stays in
// this tab. The name is kept so that a page can greet, and so that a guest's page asks the server nothing.

/** @type {import("@preact/signals").Signal<User | null>} */
export const user = signal(recall(local, "omnibus.user", null));
const TOKEN = "omnibus.token";

/** @type {string | null} */
let deviceKey = null;

/** Speak as a paired device from now on, whoever is signed in here.
 * @param {string | null} key null to be a person's browser again */
export function speakAs(key) {
  deviceKey = key;
}

/** A token that is good for a while, for what is not asked over REST; null for guests.
 * @returns {Promise<string | null>} */
export async function accessToken() {
  if (deviceKey) return deviceKey;
  const held = recall(session, TOKEN, /** @type {any} */ (null));
  if (held && held.until > Date.now()) return held.token;
  if (!user.peek()) return null;
  // One tab at a time: a refresh token that is used twice looks stolen and ends the session everywhere.
  return navigator.locks.request("omnibus.refresh", async () => {
    try {
      return signedIn(await call("POST", "/auth/refresh", { guest: true })).access_token;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) signedOut();
      return null;
    }
  });
}

/** Forget the access token; returns whether there was one. */
function dropToken() {
  const had = recall(session, TOKEN, null) !== null;
  remember(session, TOKEN, null);
  return had;
}

/** @param {User} known */
export function setUser(known) {
  user.value = known;
  remember(local, "omnibus.user", known);
}

/** @param {import("../api.d.ts").SignedIn} answer */
export function signedIn(answer) {
  if (user.peek() && user.peek()?.id !== answer.user.id) signedOut();
  setUser(answer.user);
  const until = Date.now() + (answer.expires_in - 60) * 1000;
  remember(session, TOKEN, { token: answer.access_token, until });
  return answer;
}

export function signedOut() {
  user.value = null;
  remember(local, "omnibus.user", null);
  remember(session, TOKEN, null);
  // Nobody who comes after finds a ticket, or who travels: js/booking/kept.js and js/scan/keep.js keep them for where
  // there is no network.
  for (const name of ["omnibus.tickets", "omnibus.manifests"]) globalThis.caches?.delete(name);
}

// A guest's booking opens with its access key. Keys stay in this browser, by ref; in an address they may stand only in
// the fragment, which is never sent to a server or written to a log.

const KEYS = "omnibus.keys";

/** @param {string} ref @returns {string | undefined} */
export const keyOf = (ref) => recall(local, KEYS, /** @type {Record<string, string>} */ ({}))[ref];

/** @param {string} ref @param {string | null} key */
export function keepKey(ref, key) {
  const { [ref]: _, ...others } = recall(local, KEYS, /** @type {Record<string, string>} */ ({}));
  remember(local, KEYS, key ? { ...others, [ref]: key } : others);
}

export const keptRefs = () => Object.keys(recall(local, KEYS, {})).reverse();

/** @param {string} ref @returns {Options} */
export function withKey(ref) {
  const key = keyOf(ref);
  return key ? { headers: { "x-booking-key": key } } : {};
}
