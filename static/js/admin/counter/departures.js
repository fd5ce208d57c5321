// Which bus: type a part of its way or its time, arrows choose, Enter takes it.
import { html, useMemo, useState } from "../../core/dom.js";
import { day, money, t, time } from "../../core/text.js";

/** @typedef {import("../../api.d.ts").Departure} Departure */

/** It can be typed into before there is anything to choose from, so that no key is lost on the way.
 * @param {{ departures: Departure[] | null, chosen: string | null, onBus: (id: string) => void }} props */
export function Departures({ departures, chosen, onBus }) {
  const [typed, setTyped] = useState("");
  const [marked, mark] = useState(/** @type {string | null} */ (null));
  const found = useMemo(
    () => (departures ?? []).filter((each) => isMeant(each, typed)),
    [departures, typed],
  );
  // Of the bus, not of its place: the fourth of this day is not the fourth of another.
  const at = Math.max(
    0,
    found.findIndex(({ id }) => id === marked),
  );
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step && found.length) {
      event.preventDefault();
      const { id } = found[(at + step + found.length) % found.length];
      mark(id);
      document.getElementById(`departure-${id}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && found[at]) {
      event.preventDefault();
      onBus(found[at].id);
    }
  };
  const take = (/** @type {any} */ event) => {
    setTyped(event.target.value);
    mark(null);
  };
  return html`
    <div class="field">
      <label for="departure">${t("counter.bus")}</label>
      <input id="departure" type="text" role="combobox" autocomplete="off" spellcheck="false" aria-expanded="true" aria-controls="departures"
        aria-activedescendant=${found[at] ? `departure-${found[at].id}` : null} aria-autocomplete="list" placeholder=${t("counter.bus.hint")}
        value=${typed} onInput=${take} onKeyDown=${onKeyDown} />
    </div>
    <ul id="departures" class="departures" role="listbox" aria-label=${t("counter.departures")}>
      ${found.map((each, index) => html`<${Line} key=${each.id} departure=${each} isHere=${index === at} isChosen=${each.id === chosen} onBus=${onBus} />`)}
      ${departures && !found.length && html`<li class="hint" role="option" aria-disabled="true" aria-selected="false">${t("counter.bus.none")}</li>`}
    </ul>`;
}

/** @param {{ departure: Departure, isHere: boolean, isChosen: boolean, onBus: (id: string) => void }} props */
function Line({ departure, isHere, isChosen, onBus }) {
  const { id, name, from_stop, to_stop, departs_at, seats_available, price } = departure;
  const zone = from_stop.time_zone;
  return html`
    <li id=${`departure-${id}`} class="departure" role="option" aria-selected=${isChosen} data-here=${isHere ? "" : null} data-full=${seats_available ? null : ""} onClick=${() => onBus(id)}>
      <strong>${time(departs_at, zone)}</strong>
      <span>${from_stop.name} – ${to_stop.name}<small>${day(departs_at, zone)} · ${name}</small></span>
      <span class="departure-left">${seats_available ? t("result.left", { count: seats_available }) : t("result.full")}<small>${money(price)}</small></span>
    </li>`;
}

/** All that was typed has to be in it somewhere.
 * @param {Departure} departure @param {string} typed */
function isMeant({ name, from_stop, to_stop, departs_at }, typed) {
  const text =
    `${time(departs_at, from_stop.time_zone)} ${from_stop.name} ${to_stop.name} ${name}`.toLowerCase();
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
