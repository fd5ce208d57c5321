// A stop, found by typing: the combobox pattern with a list below, for mouse, touch, keyboard and screen reader.
import { ApiError, get } from "./api.js";
import { html, Icon, useEffect, useRef, useState } from "./dom.js";
import { t } from "./text.js";
import { announce } from "./ui.js";

/** @typedef {import("../api.d.ts").Stop} Stop */

const PAUSE_MS = 150;
const SHOWN = 8;

/** @param {{ name: string, label: string, icon: string, stop: Stop | null, error?: string, onStop: (stop: Stop | null) => void }} props */
export function StopInput({ name, label, icon, stop, error, onStop }) {
  const [text, setText] = useState(stop?.name ?? "");
  const [found, setFound] = useState(/** @type {Stop[] | null} */ (null));
  const [at, setAt] = useState(-1);
  const asking = useRef(/** @type {AbortController | null} */ (null));
  const timer = useRef(/** @type {any} */ (0));
  const isOpen = found !== null;
  useEffect(() => setText(stop?.name ?? ""), [stop]);

  const ask = async (/** @type {string} */ typed) => {
    asking.current?.abort();
    const asked = new AbortController();
    asking.current = asked;
    try {
      const query = new URLSearchParams({ q: typed, limit: String(SHOWN) });
      const { items } = await get(`/stops?${query}`, { signal: asked.signal, guest: true });
      setFound(items);
      setAt(items.length && typed ? 0 : -1);
      announce(t("stops.found", { count: items.length }));
    } catch (failure) {
      // Asked again by now, or offline: the search itself will say so.
      if (!(failure instanceof ApiError) && !asked.signal.aborted) throw failure;
    }
  };
  const close = () => {
    asking.current?.abort();
    clearTimeout(timer.current);
    setFound(null);
    setAt(-1);
  };
  const choose = (/** @type {Stop} */ chosen) => {
    setText(chosen.name);
    onStop(chosen);
    close();
  };
  const onInput = (/** @type {any} */ event) => {
    const typed = event.target.value;
    setText(typed);
    if (stop) onStop(null);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => ask(typed.trim()), PAUSE_MS);
  };
  // Leaving the field takes what stands there, if only one stop can be meant.
  const onBlur = () => {
    const meant = found?.filter((each) => each.name.toLowerCase() === text.trim().toLowerCase());
    if (!stop && meant?.length === 1) onStop(meant[0]);
    close();
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && isOpen) {
      event.preventDefault();
      close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!found) ask(stop ? "" : text.trim());
      else if (found.length)
        setAt((at + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length);
    } else if (event.key === "Enter" && found?.[at]) {
      event.preventDefault();
      choose(found[at]);
    } else if (event.key === "Tab" && found?.[at] && text.trim()) choose(found[at]);
  };
  return html`
    <div class="stop-input field">
      <label for=${name}>${label}</label>
      <div class="stop-box">
        <${Icon} name=${icon} />
        <input id=${name} name=${name} type="text" autocomplete="off" spellcheck="false" enterkeyhint="next" role="combobox"
          aria-expanded=${isOpen} aria-controls=${`${name}-list`} aria-autocomplete="list"
          aria-activedescendant=${found?.[at] ? `${name}-${at}` : null} aria-invalid=${error ? "true" : null}
          aria-describedby=${error ? `${name}-error` : null} placeholder=${t("search.any")} value=${text}
          onInput=${onInput} onFocus=${(/** @type {any} */ event) => event.target.select()} onClick=${() => !isOpen && ask("")}
          onKeyDown=${onKeyDown} onBlur=${onBlur} />
      </div>
      <ul id=${`${name}-list`} role="listbox" aria-label=${label} hidden=${!isOpen}>
        ${found?.map(
          (each, index) => html`
          <li key=${each.id} id=${`${name}-${index}`} role="option" aria-selected=${index === at}
            onMouseDown=${(/** @type {Event} */ event) => event.preventDefault()} onClick=${() => choose(each)}>
            <${Icon} name="map-pin" />${each.name}<small>${each.time_zone.split("/").pop()?.replaceAll("_", " ")}</small></li>`,
        )}
        ${found?.length === 0 && html`<li role="option" aria-disabled="true" aria-selected="false">${t("stops.none")}</li>`}
      </ul>
      ${error && html`<p class="field-error" id=${`${name}-error`}><${Icon} name="circle-alert" />${error}</p>`}
    </div>`;
}
