// The question: from where, to where, when; and those that were asked before.
import { StopInput } from "../core/combobox.js";
import { html, Icon, now, useEffect, useState } from "../core/dom.js";
import { isoDay, t } from "../core/text.js";

/** @typedef {import("../api.d.ts").Stop} Stop */
/** @typedef {{ from: Stop | null, to: Stop | null, date: string }} Question */

const DAY_MS = 86_400_000;

/** `keep` gets what is typed when the page is about to speak another language.
 * @param {{ question: Question, go: (next: Question) => void, keep: (typed: Question) => void }} props */
export function SearchForm({ question, go, keep }) {
  const [from, setFrom] = useState(question.from);
  const [to, setTo] = useState(question.to);
  const [date, setDate] = useState(question.date);
  const [faults, setFaults] = useState(/** @type {Record<string, string>} */ ({}));
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    const typed = (/** @type {string} */ name) => event.target.elements[name].value.trim();
    const found = {
      ...(typed("from") && !from ? { from: t("search.unknown") } : {}),
      ...(typed("to") && !to ? { to: t("search.unknown") } : {}),
    };
    setFaults(found);
    const first = Object.keys(found)[0];
    if (first) event.target.elements[first].focus();
    else go({ from, to, date });
  };
  useEffect(() => {
    const leave = () => keep({ from, to, date });
    addEventListener("languagechange", leave);
    return () => removeEventListener("languagechange", leave);
  }, [from, to, date]);
  const swap = () => {
    setFrom(to);
    setTo(from);
  };
  return html`
    <form class="search" role="search" onSubmit=${submit} novalidate>
      <${StopInput} name="from" label=${t("search.from")} icon="map-pin" stop=${from} error=${faults.from} onStop=${setFrom} />
      <button type="button" class="icon-button swap" aria-label=${t("search.swap")} onClick=${swap}><${Icon} name="arrow-left-right" /></button>
      <${StopInput} name="to" label=${t("search.to")} icon="map-pin" stop=${to} error=${faults.to} onStop=${setTo} />
      <div class="field"><label for="date">${t("search.date")}</label>
        <input id="date" name="date" type="date" min=${isoDay(now() - DAY_MS)} value=${date} onInput=${(/** @type {any} */ event) => setDate(event.target.value)} /></div>
      <button class="button primary"><${Icon} name="search" />${t("search.go")}</button>
    </form>`;
}

/** @param {{ recent: Question[], go: (next: Question) => void, clear: () => void }} props */
export function Recent({ recent, go, clear }) {
  const again = (/** @type {Question} */ each) =>
    go({ ...each, date: each.date >= isoDay(now()) ? each.date : "" });
  return html`
    <section class="recent" aria-labelledby="recent-title"><h2 id="recent-title">${t("search.recent")}</h2>
      <div class="chips">${recent.map(
        (
          each,
          index,
        ) => html`<button type="button" class="chip" key=${index} onClick=${() => again(each)}>
          <${Icon} name="history" /><bdi>${each.from?.name ?? t("search.from.any")}</bdi> – <bdi>${each.to?.name ?? t("search.to.any")}</bdi></button>`,
      )}
        <button type="button" class="chip quiet" onClick=${clear}>${t("recent.clear")}</button></div></section>`;
}
