// The one place that knows how the pages are drawn: Preact, bound to tagged templates, with signals.
import { effect, signal } from "@preact/signals";
import htm from "htm";
import { h, render } from "preact";

export { batch, computed, effect, signal, untracked } from "@preact/signals";
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { render };

export const html = htm.bind(h);

/** A picture of the sprite; it says nothing to a screen reader, the words beside it do.
 * @param {{ name: string, class?: string }} props */
export function Icon({ name, class: classes = "" }) {
  return html`<svg class=${`icon ${classes}`} aria-hidden="true"><use href=${iconUrl(name)}></use></svg>`;
}

/** @param {string} name */
const iconUrl = (name) => `${SPRITE}#${name}`;

const SPRITE = new URL("../../vendor/lucide/icons.svg", import.meta.url).pathname;

/** The server's clock at the last full second that this page drew; whatever counts down reads it. */
export const tick = signal(Date.now());
// Counted on the clock that nobody sets: a corrected device must not end somebody's hold.
let origin = Date.now() - performance.now();
let isTimeKnown = false;
setInterval(() => {
  tick.value = now();
}, 1000);

export function now() {
  return performance.now() + origin;
}

/** Learn the server's time from anything that carries it. A message on its way only grows older, so the latest time
 * heard of, seen from here, is the nearest to the truth.
 * @param {string | null | undefined} moment */
export function learnTime(moment) {
  const heard = moment ? Date.parse(moment) - performance.now() : Number.NaN;
  if (Number.isNaN(heard)) return;
  origin = isTimeKnown ? Math.max(origin, heard) : heard;
  isTimeKnown = true;
  tick.value = now();
}

/** Whether a media query holds, as it changes.
 * @param {string} query */
export function media(query) {
  const list = matchMedia(query);
  const holds = signal(list.matches);
  list.addEventListener("change", () => {
    holds.value = list.matches;
  });
  return holds;
}

/** What this browser keeps, and what this tab does. A frame of another site may be denied both: then things are kept for
 * as long as the page lives. */
export const local = storageOf("localStorage");
export const session = storageOf("sessionStorage");

/** @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} Kept */

/** @param {"localStorage" | "sessionStorage"} name @returns {Kept} */
function storageOf(name) {
  try {
    return globalThis[name];
  } catch {
    /** @type {Kept & ThisType<Record<string, string>>} */
    const memory = {
      getItem(key) {
        return this[key] ?? null;
      },
      setItem(key, value) {
        this[key] = value;
      },
      removeItem(key) {
        delete this[key];
      },
    };
    // What is kept are its own keys, as the browser's own storage has them.
    return Object.create(memory);
  }
}

/** A signal kept in localStorage, shared by all tabs of this browser.
 * @template T @param {string} name @param {T} otherwise */
export function stored(name, otherwise) {
  const kept = signal(recall(local, name, otherwise));
  addEventListener("storage", (event) => {
    if (event.key === name) kept.value = recall(local, name, otherwise);
  });
  effect(() => remember(local, name, kept.value));
  return kept;
}

/** @template T @param {Pick<Storage, "getItem">} storage @param {string} name @param {T} otherwise @returns {T} */
export function recall(storage, name, otherwise) {
  try {
    const text = storage.getItem(name);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/** Storage may be full or forbidden; nothing that matters depends on it.
 * @param {Pick<Storage, "setItem" | "removeItem">} storage @param {string} name @param {unknown} value */
export function remember(storage, name, value) {
  try {
    if (value === undefined || value === null) storage.removeItem(name);
    else storage.setItem(name, JSON.stringify(value));
  } catch {
    // Private windows of some browsers.
  }
}
