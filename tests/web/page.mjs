// Lets Node run those modules of the pages that are not pure: names mean what the import map says, storage is denied as to
// a frame of another site, and a clock that ticks does not keep the process.
import { register } from "node:module";

const STATIC = new URL("../../static/", import.meta.url);
const MODULES = {
  preact: "vendor/preact/preact.mjs",
  "preact/hooks": "vendor/preact/hooks.mjs",
  htm: "vendor/htm/htm.mjs",
  "@preact/signals": "vendor/signals/signals.mjs",
  "@preact/signals-core": "vendor/signals-core/signals-core.mjs",
  messages: "i18n/en.js",
};

/** What Node asks when it meets an import. */
export function resolve(name, context, next) {
  return next(name in MODULES ? new URL(MODULES[name], STATIC).href : name, context);
}

/** Import a module of the pages. */
export async function moduleOf(path) {
  return await import(new URL(`js/${path}`, STATIC).href);
}

/** Before anything is loaded. */
export function bePage() {
  register(import.meta.url);
  const every = globalThis.setInterval;
  globalThis.setInterval = (...what) => every(...what).unref();
  for (const name of ["localStorage", "sessionStorage"])
    Object.defineProperty(globalThis, name, {
      get() {
        throw new DOMException("denied", "SecurityError");
      },
    });
}
