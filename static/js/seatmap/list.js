// The seats as a list: the same choice without a map, deck by deck and row by row.
import { computed, html, Icon, useMemo, useState } from "../core/dom.js";
import { money, t, term } from "../core/text.js";
import { decksOf } from "./plan.js";

/** @param {import("./grid.js").MapProps} props */
export function SeatList({ seats, views, toggle, deckNames }) {
  const decks = useMemo(() => decksOf(seats), [seats]);
  const [isAll, showAll] = useState(false);
  const shown = views.value;
  const isOffered = (/** @type {string} */ seat) =>
    isAll || ["available", "mine", "pending"].includes(shown.get(seat) ?? "blocked");
  return html`
    <div class="seat-list">
      <label class="check"><input type="checkbox" checked=${isAll} onChange=${() => showAll(!isAll)} />${t("list.all")}</label>
      ${decks.map(
        ({ deck, rows }) => html`
        <section key=${deck}>
          ${decks.length > 1 && html`<h3>${deckNames(deck)}</h3>`}
          ${rows.map(({ row, cells }) => {
            const here = cells.filter((seat) => seat && isOffered(seat.seat));
            return (
              here.length > 0 &&
              html`<fieldset key=${row}><legend>${t("list.row", { row })}</legend>
                ${here.map((seat) => html`<${Line} key=${seat?.seat} seat=${seat} views=${views} toggle=${toggle} />`)}
              </fieldset>`
            );
          })}
        </section>`,
      )}
    </div>`;
}

/** It hears of its own seat only.
 * @param {{ seat: import("../api.d.ts").Seat, views: import("./grid.js").ShownViews, toggle: (seat: string) => void }} props */
function Line({ seat, views, toggle }) {
  const own = useMemo(() => computed(() => views.value.get(seat.seat) ?? "blocked"), [seat, views]);
  const view = own.value;
  const isMine = view === "mine" || view === "pending";
  const facts = [
    ...seat.attributes.map((attribute) => term("attribute", attribute)),
    term("class", seat.seat_class),
  ];
  return html`
    <button type="button" class="seat-line" data-view=${view} aria-pressed=${isMine}
      aria-disabled=${isMine || view === "available" ? null : "true"} onClick=${() => toggle(seat.seat)}>
      <span class="box" aria-hidden="true">${isMine && html`<${Icon} name="check" />`}</span>
      <strong>${seat.seat}</strong>
      <span class="seat-facts">${facts.join(" · ")}</span>
      <span class="seat-state">${view === "available" ? money(seat.price) : t(`view.${view}`)}</span>
    </button>`;
}
