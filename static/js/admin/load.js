// What a view shows comes from the API: asked for, waited for, failed, or here.
import { ApiError, get } from "../core/api.js";
import { html, Icon, useEffect, useRef, useState } from "../core/dom.js";
import { t } from "../core/text.js";
import { Failure, Skeleton } from "../core/ui.js";
import { appended, failed } from "./answers.js";
import { changeQuery } from "./paths.js";

/** @template T @typedef {{ data: T | null, error: ApiError | null, isLoading: boolean, reload: () => Promise<void>, change: (change: (data: T | null) => T | null) => void }} Loaded */
/** @template T @typedef {import("./answers.js").Answer<ApiError, T>} Answer */

const MOST_PAGES = 100;
const IDLE = { of: "", isLoading: false, error: /** @type {ApiError | null} */ (null) };

/** Ask at first and whenever something of `deps` changes; an answer that comes too late is dropped.
 * `beat` is for what is live: whenever it changes the same is asked for again, and should that fail, what is here stays.
 * @template T @param {() => Promise<T>} ask @param {unknown[]} deps @param {unknown} [beat] @returns {Loaded<T>} */
export function useLoaded(ask, deps, beat) {
  const [state, setState] = useState(
    /** @type {Answer<T>} */ ({ data: null, error: null, isLoading: true }),
  );
  const turn = useRef(0);
  const begun = useRef(beat);
  // Whether what is here is what is asked for, and not what was asked for before.
  const isHere = useRef(false);
  // Whoever reloads may have been drawn a while ago; asked for is what is asked for now.
  const question = useRef(ask);
  question.current = ask;
  const reload = async () => {
    turn.current += 1;
    const mine = turn.current;
    // A line that says something is old stays until it is known to be new.
    setState((before) => ({
      ...before,
      error: before.data === null ? null : before.error,
      isLoading: true,
    }));
    try {
      const data = await question.current();
      if (mine !== turn.current) return;
      isHere.current = true;
      setState({ data, error: null, isLoading: false });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (mine === turn.current) setState((before) => failed(before, error, isHere.current));
    }
  };
  useEffect(() => {
    begun.current = beat;
    isHere.current = false;
    reload();
    return () => {
      turn.current += 1;
    };
  }, deps);
  useEffect(() => {
    if (begun.current !== beat) reload();
    begun.current = beat;
  }, [beat]);
  const change = (/** @type {(data: T | null) => T | null} */ next) =>
    setState((before) => ({ ...before, data: next(before.data) }));
  return { ...state, reload, change };
}

/** Show what was asked for: skeletons before, what failed and a way to try again after. What is here stays in view, and in
 * the hands of whoever works with it, while it cannot be asked for again.
 * @param {{ of: Loaded<any>, lines?: number, isPage?: boolean, children: (data: any) => any }} props `isPage`: as of a Notice */
export function Shown({ of, lines = 4, isPage = false, children }) {
  if (of.data === null && of.error)
    return html`<${Failure} isPage=${isPage} error=${of.error} retry=${of.reload} />`;
  if (of.data === null) return html`<${Skeleton} lines=${lines} />`;
  return html`${of.error && html`<${Stale} error=${of.error} retry=${of.reload} />`}${children(of.data)}`;
}

/** What stands below it may have changed since.
 * @param {{ error: ApiError, retry: () => void }} props */
const Stale = ({ error, retry }) => html`
  <p class="hint warn-line" role="status"><${Icon} name="triangle-alert" /><span>${error.code === "offline" ? t("failure.offline") : error.message}</span>
    <button type="button" class="button small" onClick=${retry}>${t("retry")}</button></p>`;

/** @template T @typedef {{ items: T[] | null, error: ApiError | null, isLoading: boolean, hasMore: boolean,
 *   more: () => Promise<void>, reload: () => Promise<void>, retry: () => Promise<void>, all: () => Promise<T[]> }} Pages */

/** A list that the API gives page by page.
 * @template T @param {string} path @param {Record<string, string | null | undefined>} [wanted] the filters; empty ones are not sent
 * @returns {Pages<T>} */
export function usePages(path, wanted = {}) {
  const asked = changeQuery("", wanted);
  const list = path + asked;
  const latest = useRef(list);
  latest.current = list;
  const [asking, setAsking] = useState(IDLE);
  const first = useLoaded(() => page(path, asked, ""), [list]);
  // Of another list, it says nothing about this one.
  const more = asking.of === list ? asking : IDLE;
  const next = async () => {
    const cursor = first.data?.next_cursor;
    if (!cursor || more.isLoading) return;
    setAsking({ of: list, isLoading: true, error: null });
    try {
      const found = await page(path, asked, cursor);
      if (latest.current !== list) return;
      first.change((shown) => appended(shown, cursor, found));
      setAsking(IDLE);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (latest.current === list) setAsking({ of: list, isLoading: false, error });
    }
  };
  return {
    items: first.data?.items ?? null,
    error: first.error ?? more.error,
    isLoading: first.isLoading || more.isLoading,
    hasMore: Boolean(first.data?.next_cursor),
    more: next,
    reload: first.reload,
    retry: first.error ? first.reload : next,
    all: () => everyPage(path, Object.fromEntries(new URLSearchParams(asked))),
  };
}

/** Everything of a list that the API gives page by page, within reason.
 * @param {string} path @param {Record<string, string | null | undefined>} wanted @param {number} [pagesMax] @returns {Promise<any[]>} */
export async function everyPage(path, wanted, pagesMax = MOST_PAGES) {
  const asked = changeQuery("", { ...wanted, limit: "100" });
  const items = [];
  let cursor = "";
  for (let count = 0; count < pagesMax; count += 1) {
    const found = await page(path, asked, cursor);
    items.push(...found.items);
    cursor = found.next_cursor ?? "";
    if (!cursor) break;
  }
  return items;
}

/** @param {string} path @param {string} asked @param {string} cursor @returns {Promise<import("../api.d.ts").Page<any>>} */
function page(path, asked, cursor) {
  const query = new URLSearchParams(asked);
  if (cursor) query.set("cursor", cursor);
  return get(query.size ? `${path}?${query}` : path);
}
