// The seat map: a grid for each deck, every seat a button that is drawn once and then kept as its seat stands.
import {
  computed,
  effect,
  html,
  Icon,
  signal,
  useLayoutEffect,
  useMemo,
  useRef,
} from "../core/dom.js";
import { statusOn } from "../core/seats.js";
import { figure, money, t, term } from "../core/text.js";
import { decksOf, firstFocus, seatAfter, seatTyped, viewsOf } from "./plan.js";

/** @typedef {import("../api.d.ts").Seat} Seat */
/** @typedef {import("./plan.js").View} View */
/** @typedef {import("./plan.js").Views} Views */
/** @typedef {import("@preact/signals").ReadonlySignal<Views>} ShownViews */
/** @typedef {{ seats: Seat[], views: ShownViews, toggle: (seat: string) => void, best: () => void,
 *   leave: () => void, isWide: boolean, deckNames: (deck: number) => string, isOpen?: boolean }} MapProps
 * `isOpen`: every seat can be chosen, whatever it is */

const WORDS = {
  available: t("view.available"),
  mine: t("view.mine"),
  pending: t("view.pending"),
  held: t("view.held"),
  booked: t("view.booked"),
  blocked: t("view.blocked"),
};
const FADES_AT_ONCE = 5;
const FADE_MS = 500;
/** @param {Element} element */
const isRtl = (element) => getComputedStyle(element).direction === "rtl";

/** How the seats of one bus look to somebody, as one value: what a change costs is one look at each seat. */
export class SeatViews {
  /** @param {import("../core/live.js").LiveSeats} live
   * @param {import("@preact/signals").Signal<{ start: number, end: number } | null>} leg
   * @param {() => Views} ours how those look that are somebody's who looks here */
  constructor(live, leg, ours) {
    this.live = live;
    this.leg = leg;
    /** @type {ShownViews} */
    this.all = computed(() => viewsOf(live.known.value?.seats, leg.value, ours()));
  }

  /** The worst state of a seat on the leg.
   * @param {string} seat */
  letterOf(seat) {
    const states = this.live.known.value?.seats.get(seat);
    const at = this.leg.value;
    return states && at ? statusOn(states, at.start, at.end) : "X";
  }
}

/** What the decks of a bus are called.
 * @param {import("../api.d.ts").Bus} bus */
export const deckNamesOf = (bus) => (/** @type {number} */ deck) =>
  bus.layout.decks === 1 ? t("deck.only") : t(deck === 1 ? "deck.lower" : "deck.upper");

/** @param {MapProps} props */
export function SeatMap(props) {
  const { seats, views, toggle, isWide, deckNames, isOpen = false } = props;
  const decks = useMemo(() => decksOf(seats), [seats]);
  const shown = useMemo(() => signal(decks[0]?.deck ?? 1), [decks]);
  // Looked at without listening: else the first change of any seat would draw all of them anew.
  const focused = useMemo(() => signal(firstFocus(decks, views.peek())), [decks]);
  const typed = useRef({ text: "", at: 0 });
  const map = useRef(/** @type {any} */ (null));
  const tabs = decks.length > 1 && !isWide;
  useLayoutEffect(() => {
    const nameOf = (/** @type {number} */ deck) => (decks.length > 1 ? deckNames(deck) : "");
    const faces = facesIn(map.current, seats, nameOf);
    showViews(faces, views.peek(), isOpen);
    // What nobody sees or hears of, on a deck behind a tab, is written when the tab is opened.
    const onDeck = new Map(
      decks.map(({ deck }) => [deck, faces.filter(({ seat }) => seat.deck === deck)]),
    );
    const stopViews = effect(() => {
      const seen = tabs ? onDeck.get(shown.value) : faces;
      showViews(seen ?? [], views.value, isOpen);
    });
    const stopFocus = effect(() => showFocus(faces, focused.value));
    return () => {
      stopViews();
      stopFocus();
    };
  }, [decks, views, isOpen, tabs]);

  /** @param {import("./plan.js").LayoutSeat} seat */
  const go = (seat) => {
    shown.value = seat.deck;
    focused.value = { ...focused.peek(), [seat.deck]: seat.seat };
    const focus = () => document.getElementById(`seat-${seat.seat}`)?.focus();
    focus();
    // The other deck's tab has to open before its seats can take the focus.
    if (document.activeElement?.id !== `seat-${seat.seat}`) requestAnimationFrame(focus);
  };
  const at = (/** @type {any} */ event) => {
    const label = event.target.closest("[data-seat]")?.dataset.seat;
    return seats.find((seat) => seat.seat === label);
  };
  const onClick = (/** @type {any} */ event) => {
    const pressed = at(event);
    if (pressed) toggle(pressed.seat);
  };
  const onFocusIn = (/** @type {any} */ event) => {
    const reached = at(event);
    if (!reached || focused.peek()[reached.deck] === reached.seat) return;
    focused.value = { ...focused.peek(), [reached.deck]: reached.seat };
  };
  const onKeyDown = (/** @type {any} */ event) => {
    const from = at(event);
    if (!from || event.altKey || event.metaKey) return;
    // Keys follow the eye: they ask how the plan runs, which is not as the page's text does.
    const next =
      seatAfter(decks, from, event, isRtl(event.target)) ?? seatTyped(seats, event, typed.current);
    if (next) {
      event.preventDefault();
      go(next);
    } else if (event.key === "Escape") props.leave();
    else if (event.key === "b" && !event.ctrlKey) props.best();
  };
  const isWhole = seats.every((seat) => seat.price.amount % 100 === 0);
  return html`
    <div class="decks" ref=${map} onKeyDown=${onKeyDown} onClick=${onClick} onFocusIn=${onFocusIn}>
      ${tabs && html`<${DeckTabs} decks=${decks} shown=${shown} deckNames=${deckNames} />`}
      <div class="deck-row">
        ${decks.map(
          (deck) => html`
          <${Deck} key=${deck.deck} deck=${deck} count=${decks.length} deckNames=${deckNames} isWhole=${isWhole}
            isHidden=${tabs && shown.value !== deck.deck} isTabbed=${tabs} />`,
        )}
      </div>
    </div>`;
}

/** @param {{ decks: import("./plan.js").Deck[], shown: any, deckNames: (deck: number) => string }} props */
function DeckTabs({ decks, shown, deckNames }) {
  const turn = (/** @type {any} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[/** @type {string} */ (event.key)];
    if (!step) return;
    event.stopPropagation();
    const at = decks.findIndex((each) => each.deck === shown.value);
    const next =
      decks[(at + (isRtl(event.currentTarget) ? -step : step) + decks.length) % decks.length];
    shown.value = next.deck;
    event.currentTarget.querySelector(`#tab-${next.deck}`)?.focus();
  };
  return html`
    <div class="tabs" role="tablist" aria-label=${t("map.decks")} onKeyDown=${turn}>
      ${decks.map(
        ({ deck }) => html`
        <button type="button" role="tab" key=${deck} id=${`tab-${deck}`} aria-controls=${`deck-${deck}`}
          aria-selected=${shown.value === deck} tabindex=${shown.value === deck ? 0 : -1}
          onClick=${() => {
            shown.value = deck;
          }}>${deckNames(deck)}</button>`,
      )}
    </div>`;
}

/** @param {{ deck: import("./plan.js").Deck, count: number, deckNames: (deck: number) => string, isHidden: boolean,
 *   isTabbed: boolean, isWhole: boolean }} props */
function Deck({ deck, count, deckNames, isHidden, isTabbed, isWhole }) {
  const widths = Array.from({ length: deck.columns }, (_, index) =>
    deck.rows.some((row) => row.cells[index]) ? "var(--seat)" : "var(--aisle)",
  );
  const isBerths = deck.rows.some((row) => row.cells.some((seat) => seat?.seat_class === "berth"));
  const role = isTabbed ? { role: "tabpanel", "aria-labelledby": `tab-${deck.deck}` } : {};
  return html`
    <section class="deck" id=${`deck-${deck.deck}`} hidden=${isHidden} ...${role} data-berths=${isBerths ? "" : null}>
      ${count > 1 && !isTabbed && html`<h3>${deckNames(deck.deck)}</h3>`}
      <div class="coach" style=${{ "--columns": widths.join(" ") }}>
        <div class="coach-front" aria-hidden="true">
          ${deck.deck === 1 ? html`<span class="wheel"></span>` : html`<span></span>`}<span>${t("map.front")}</span>
        </div>
        <div role="grid" aria-label=${t("map.grid", { deck: deckNames(deck.deck) })} aria-rowcount=${deck.rows.length} aria-colcount=${deck.columns}>
          ${deck.rows.map((row, index) => html`<${Row} key=${row.row} row=${row} index=${index} isWhole=${isWhole} />`)}
        </div>
      </div>
    </section>`;
}

/** @param {{ row: import("./plan.js").PlanRow, index: number, isWhole: boolean }} props */
function Row({ row, index, isWhole }) {
  return html`
    <div role="row" class="seat-row" aria-rowindex=${index + 1}>
      ${row.cells.map(
        (seat, column) =>
          seat &&
          html`<div role="gridcell" aria-colindex=${column + 1} key=${seat.seat} style=${{ "grid-column": column + 1 }}>
            <${SeatButton} seat=${seat} isWhole=${isWhole} /></div>`,
      )}
    </div>`;
}

/** A seat is drawn once; how it stands, and whether the keys are at it, is written to its button past the drawing.
 * @param {{ seat: any, isWhole: boolean }} props */
function SeatButton({ seat, isWhole }) {
  return html`
    <button type="button" class="seat" id=${`seat-${seat.seat}`} data-seat=${seat.seat} data-class=${seat.seat_class} tabindex="-1">
      <span class="seat-label">${seat.seat}</span>
      <span class="seat-price">${figure(seat.price, isWhole)}</span>
      ${seat.attributes.includes("accessible") && html`<${Icon} name="accessibility" class="seat-badge" />`}
    </button>`;
}

/** @typedef {{ seat: Seat, button: HTMLElement, facts: string, view: View | null, isMine: boolean | null,
 *   isShut: boolean | null, isNews: boolean | null }} Face a button, and what was written to it; `null`: nothing yet */

/** @param {HTMLElement} map @param {Seat[]} seats @param {(deck: number) => string} deckName @returns {Face[]} */
function facesIn(map, seats, deckName) {
  const buttons = /** @type {HTMLElement[]} */ ([...map.querySelectorAll("[data-seat]")]);
  const drawn = new Map(buttons.map((button) => [button.dataset.seat, button]));
  return seats.flatMap((seat) => {
    const button = drawn.get(seat.seat);
    if (!button) return [];
    const facts = factsOf(seat, deckName(seat.deck));
    return [{ seat, button, facts, view: null, isMine: null, isShut: null, isNews: null }];
  });
}

/** When others' last changes came. */
const lately = /** @type {number[]} */ ([]);

/** Whether a change may fade in. Where many come at once nobody's eyes follow one, and each would be painted anew in
 * every frame.
 * @param {number} at */
function mayFade(at) {
  const isCalm = lately.length < FADES_AT_ONCE || at - (lately[0] ?? 0) > FADE_MS;
  lately.push(at);
  if (lately.length > FADES_AT_ONCE) lately.shift();
  return isCalm;
}

/** Bring all buttons to how their seats stand: to look at (the style sheet has the marks), to press, and by name. One look
 * at each; written is only what changes of it, for the browser looks for what a written word might change.
 * @param {Face[]} faces @param {Views} views @param {boolean} isOpen whether taken seats may be pressed, too */
function showViews(faces, views, isOpen) {
  const at = performance.now();
  for (const face of faces) {
    const view = views.get(face.seat.seat) ?? "blocked";
    if (view !== face.view) turn(face, view, isOpen, at);
  }
}

/** @param {Face} face @param {View} view @param {boolean} isOpen @param {number} at */
function turn(face, view, isOpen, at) {
  const { button } = face;
  const isMine = view === "mine" || view === "pending";
  const isShut = !isMine && !isOpen && view !== "available";
  // Others' changes fade in; one's own are there at once.
  const isNews = face.view !== null && (view === "booked" || view === "held") && mayFade(at);
  button.setAttribute("data-view", view);
  button.setAttribute("aria-label", `${face.facts}, ${WORDS[view]}`);
  if (isMine !== face.isMine) button.setAttribute("aria-pressed", String(isMine));
  if (isShut !== face.isShut) {
    if (isShut) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }
  if (isNews !== face.isNews) button.className = isNews ? "seat is-news" : "seat";
  face.view = view;
  face.isMine = isMine;
  face.isShut = isShut;
  face.isNews = isNews;
}

/** The keys are at one seat of each deck.
 * @param {Face[]} faces @param {Record<number, string>} focused */
function showFocus(faces, focused) {
  for (const { seat, button } of faces) {
    const index = focused[seat.deck] === seat.seat ? 0 : -1;
    if (button.tabIndex !== index) button.tabIndex = index;
  }
}

/** "Seat 12A, window, lower deck, comfort, €19.90"; how it stands comes behind.
 * @param {Seat} seat @param {string} deckName */
function factsOf(seat, deckName) {
  const parts = [
    t("seat.name", { seat: seat.seat }),
    ...seat.attributes.map((attribute) => term("attribute", attribute)),
    deckName,
    seat.seat_class === "standard" ? "" : term("class", seat.seat_class),
    money(seat.price),
  ];
  return parts.filter(Boolean).join(", ");
}
