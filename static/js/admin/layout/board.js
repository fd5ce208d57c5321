// The drawing board: a grid of cells, painted with the pointer or the keyboard.
import { html, Icon, useRef } from "../../core/dom.js";
import { t, term } from "../../core/text.js";
import { read } from "./keys.js";
import { cellAt } from "./plan.js";

/** @typedef {import("./plan.js").Plan} Plan */
/** @typedef {import("./plan.js").Place} Place */
/** @typedef {import("./plan.js").Cell} Cell */
/** @typedef {import("./keys.js").Deed} Deed */

/** @param {Place} place */
export const idOf = ({ deck, row, column }) => `cell-${deck}-${row}-${column}`;
/** @param {Place} a @param {Place} b */
const isSame = (a, b) => a.deck === b.deck && a.row === b.row && a.column === b.column;

/** Put the focus on a cell, once it is drawn.
 * @param {Place} place */
export const focusCell = (place) =>
  requestAnimationFrame(() => document.getElementById(idOf(place))?.focus());

/**
 * `onDeed` hears of keys; `onStroke` of the pointer: at first with `isNew`, then for every cell that it comes over.
 * Without `onDeed` the plan is only shown.
 * @param {{ plan: Plan, at: Place, marked?: Place[], name: string, onDeed?: (deed: Deed) => void,
 *   onStroke?: (place: Place, isNew: boolean) => void, onFocus?: (place: Place) => void }} props */
export function Board({ plan, at, marked = [], name, onDeed, onStroke, onFocus }) {
  const over = useRef(/** @type {Place | null} */ (null));
  const { columns, rows } = plan.decks[at.deck];
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    // A plan is drawn as the bus stands, also on pages that run from right to left: arrows go by how it is drawn.
    const board = /** @type {Element} */ (event.currentTarget);
    const isRtl = getComputedStyle(board).direction === "rtl";
    const deed = onDeed && read(event, plan, at, isRtl);
    if (!deed) return;
    event.preventDefault();
    // The floor's own single keys mean other things.
    event.stopPropagation();
    onDeed(deed);
  };
  const begin = (/** @type {PointerEvent} */ event) => {
    const place = event.button === 0 ? placeAt(event, at.deck) : null;
    if (!onStroke || !place) return;
    // Touch would keep all that follows for the cell where it began.
    const target = /** @type {Element} */ (event.target);
    if (target.hasPointerCapture(event.pointerId)) target.releasePointerCapture(event.pointerId);
    over.current = place;
    onStroke(place, true);
  };
  const goOn = (/** @type {PointerEvent} */ event) => {
    const place = over.current && placeAt(event, at.deck);
    if (!place || !over.current || isSame(place, over.current)) return;
    over.current = place;
    onStroke?.(place, false);
  };
  const end = () => {
    over.current = null;
  };
  return html`
    <div class="board" data-shown=${onDeed ? null : ""} onKeyDown=${onKeyDown} onPointerDown=${begin} onPointerMove=${goOn} onPointerUp=${end} onPointerCancel=${end} onPointerLeave=${end}>
      <p class="board-front" aria-hidden="true">${t("map.front")}</p>
      <div role="grid" aria-label=${name} aria-rowcount=${rows.length} aria-colcount=${columns} aria-readonly=${onDeed ? null : "true"} aria-describedby=${onDeed ? "board-keys" : null}>
        ${rows.map(
          (cells, row) => html`
          <div role="row" key=${row} aria-rowindex=${row + 1} class="board-row" style=${{ "--columns": columns }}>
            ${cells.map((cell, column) => {
              const place = { deck: at.deck, row, column };
              const isMarked = marked.some((each) => isSame(each, place));
              return html`<${BoardCell} key=${column} cell=${cell} place=${place} isHere=${isSame(place, at)} isMarked=${isMarked} onFocus=${onFocus} />`;
            })}
          </div>`,
        )}
      </div>
    </div>`;
}

/** @param {{ cell: Cell | null, place: Place, isHere: boolean, isMarked: boolean, onFocus?: (place: Place) => void }} props */
function BoardCell({ cell, place, isHere, isMarked, onFocus }) {
  const badge = cell && badgeOf(cell);
  return html`
    <div role="gridcell" id=${idOf(place)} class="cell" tabindex=${isHere ? 0 : -1} aria-colindex=${place.column + 1} aria-selected=${isHere}
      data-kind=${cell ? "seat" : "aisle"} data-class=${cell?.seat_class} data-marked=${isMarked ? "" : null} data-row=${place.row} data-column=${place.column}
      aria-label=${nameOf(cell, place)} onFocus=${() => onFocus?.(place)}>
      ${cell && html`<span class="cell-label">${cell.label || "?"}</span>`}
      ${badge && html`<${Icon} name=${badge} class="cell-badge" />`}
    </div>`;
}

/** @param {Cell} cell */
const badgeOf = ({ attributes }) => {
  if (attributes.includes("accessible") || attributes.includes("wheelchair"))
    return "accessibility";
  return attributes.includes("table") ? "table" : null;
};

/** "Row 3, column 4: seat 3C, comfort, window, 130 %"
 * @param {Cell | null} cell @param {Place} place */
export function nameOf(cell, { row, column }) {
  const where = t("cat.board.where", { row: row + 1, column: column + 1 });
  if (!cell) return t("cat.board.aisle", { where });
  const parts = [
    term("class", cell.seat_class),
    ...cell.attributes.map((each) => term("attribute", each)),
    cell.price_percent === 100 ? "" : t("cat.board.percent", { percent: cell.price_percent }),
  ];
  const what = parts.filter(Boolean).join(", ");
  return t("cat.board.seat", { where, seat: cell.label || t("cat.board.unnamed"), what });
}

/** @param {PointerEvent} event @param {number} deck @returns {Place | null} */
function placeAt(event, deck) {
  const cell = document.elementFromPoint(event.clientX, event.clientY)?.closest(".cell");
  if (!(cell instanceof HTMLElement)) return null;
  return { deck, row: Number(cell.dataset.row), column: Number(cell.dataset.column) };
}

/** @param {Plan} plan @param {Place} place */
export const describe = (plan, place) => nameOf(cellAt(plan, place), place);
