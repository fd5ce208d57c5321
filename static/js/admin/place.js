// Where one is on the sales floor: the address as a signal. Links inside it change the view, not the page.
import { computed, signal } from "../core/dom.js";
import { changeQuery } from "./paths.js";

/** What stays while one walks around. */
const KEPT = ["operator"];

const address = signal(location.pathname + location.search);
/** @type {(() => Promise<boolean>) | null} */
let mayLeave = null;

export const path = computed(() => address.value.split("?")[0]);
export const query = computed(() => new URLSearchParams(address.value.split("?")[1] ?? ""));

addEventListener("popstate", async () => {
  const wanted = location.pathname + location.search;
  if (isElsewhere(wanted)) {
    // The browser went before it could be asked: the view stays where it is, and so does its address.
    history.pushState(null, "", address.peek());
    if (await isFree()) history.back();
  } else address.value = wanted;
});

/** Ask before this view is left for another, as long as something would be lost. Returns how to stop asking.
 * @param {() => Promise<boolean>} ask */
export function askBeforeLeaving(ask) {
  mayLeave = ask;
  return () => {
    if (mayLeave === ask) mayLeave = null;
  };
}

/** What might have been lost is saved, or nobody is there any more to ask. */
export const leaveFreely = () => {
  mayLeave = null;
};

/** @param {string} wanted */
const isElsewhere = (wanted) => wanted.split("?")[0] !== path.peek() && mayLeave !== null;

async function isFree() {
  const isSure = (await mayLeave?.()) ?? true;
  if (isSure) leaveFreely();
  return isSure;
}

/** Go somewhere else on the floor; what is kept goes along.
 * @param {string} href @param {{ replace?: boolean }} [how] */
export async function go(href, { replace = false } = {}) {
  const url = new URL(href, location.origin);
  for (const name of KEPT) {
    const value = query.peek().get(name);
    if (value && !url.searchParams.has(name)) url.searchParams.set(name, value);
  }
  const wanted = url.pathname + url.search;
  if (wanted === address.peek()) return;
  if (isElsewhere(wanted) && !(await isFree())) return;
  if (replace) history.replaceState(null, "", wanted);
  else history.pushState(null, "", wanted);
  address.value = wanted;
}

/** Change what stands after the question mark, without a step in the history.
 * @param {Record<string, string | null | undefined>} change empty ones are taken away */
export function setQuery(change) {
  const wanted = path.peek() + changeQuery(query.peek().toString(), change);
  history.replaceState(null, "", wanted);
  address.value = wanted;
}

/** Follow links to other views without loading the page again; everything else is the browser's.
 * @param {MouseEvent} event */
export function followLink(event) {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
  if (link.origin !== location.origin || !link.pathname.startsWith("/admin")) return;
  event.preventDefault();
  go(link.pathname + link.search);
}
