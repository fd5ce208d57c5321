// The seat map: a grid for each deck, every seat a button that redraws alone when its own state changes.
import {
  computed,
  effect,
  html,
  Icon,
  signal,
  untracked,
  useLayoutEffect,
  useMemo,
  useRef,
} from "../core/dom.js";
import { statusOn } from "../core/seats.js";
import { figure, money, t, term } from "../core/text.js";
import { decksOf, seatAfter, seatLike } from "./plan.js";

/** @typedef {import("../api.d.ts").Seat} Seat */
/** @typedef {"available" | "mine" | "pending" | "held" | "booked" | "blocked"} View */
/** @typedef {{ seats: Seat[], viewOf: (seat: string) => View, toggle: (seat: string) => void, best: () => void,
 *   leave: () => void, isWide: boolean, deckNames: (deck: number) => string, isOpen?: boolean }} MapProps
 * `isOpen`: every seat can be chosen, whatever it is */

const VIEWS = /** @type {Record<import("../core/seats.js").Letter, View>} */ ({
  A: "available",
  L: "held",
  B: "booked",
  X: "blocked",
});
const TYPING_MS = 900;
const FADES_AT_ONCE = 5;
const FADE_MS = 500;
/** @param {Element} element */
const isRtl = (element) => getComputedStyle(element).direction === "rtl";

/** How the seats of one bus look. Each seat hears of its own state, so that a change costs those that it changes. */
export class SeatViews {
  /** @param {import("../core/live.js").LiveSeats} live
   * @param {import("@preact/signals").Signal<{ start: number, end: number } | null>} leg
   * @param {(seat: string) => View | null} ours how a seat looks that is somebody's who looks here */
  constructor(live, leg, ours) {
    this.live = live;
    this.leg = leg;
    this.ours = ours;
    /** @type {Map<string, import("@preact/signals").Signal<string | undefined>>} */
    this.states = new Map();
    /** @type {Map<string, import("@preact/signals").ReadonlySignal<View>>} */
    this.views = new Map();
    effect(() => {
      const seats = live.known.value?.seats;
      for (const [seat, states] of this.states) states.value = seats?.get(seat);
    });
  }

  /** The worst state of a seat on the leg.
   * @param {string} seat @returns {import("../core/seats.js").Letter} */
  letterOf(seat) {
    let states = this.states.get(seat);
    if (!states) {
      states = signal(this.live.known.peek()?.seats.get(seat));
      this.states.set(seat, states);
    }
    const at = this.leg.value;
    return states.value && at ? statusOn(states.value, at.start, at.end) : "X";
  }

  /** @param {string} seat */
  viewOf(seat) {
    let view = this.views.get(seat);
    if (!view) {
      view = computed(() => this.ours(seat) ?? VIEWS[this.letterOf(seat)]);
      this.views.set(seat, view);
    }
    return view.value;
  }
}

/** What the decks of a bus are called.
 * @param {import("../api.d.ts").Bus} bus */
export const deckNamesOf = (bus) => (/** @type {number} */ deck) =>
  bus.layout.decks === 1 ? t("deck.only") : t(deck === 1 ? "deck.lower" : "deck.upper");

/** @param {MapProps} props */
export function SeatMap(props) {
  const { seats, isWide, deckNames } = props;
  const decks = useMemo(() => decksOf(seats), [seats]);
  const shown = useMemo(() => signal(decks[0]?.deck ?? 1), [decks]);
  // Looked at without listening: else the first change of any seat would draw all of them anew.
  const focused = useMemo(() => signal(untracked(() => firstFocus(decks, props.viewOf))), [decks]);
  const typed = useRef({ text: "", at: 0 });

  /** @param {import("./plan.js").LayoutSeat} seat */
  const go = (seat) => {
    shown.value = seat.deck;
    focused.value = { ...focused.peek(), [seat.deck]: seat.seat };
    const focus = () => document.getElementById(`seat-${seat.seat}`)?.focus();
    focus();
    // The other deck's tab has to open before its seats can take the focus.
    if (document.activeElement?.id !== `seat-${seat.seat}`) requestAnimationFrame(focus);
  };
  const onKeyDown = (/** @type {any} */ event) => {
    const from = seats.find((seat) => seat.seat === event.target.dataset?.seat);
    if (!from || event.altKey || event.metaKey) return;
    // Keys follow the eye: they ask how the plan runs, which is not as the page's text does.
    const next =
      seatAfter(decks, from, event, isRtl(event.target)) ?? byTyping(event, typed.current, seats);
    if (next) {
      event.preventDefault();
      go(next);
    } else if (event.key === "Escape") props.leave();
    else if (event.key === "b" && !event.ctrlKey) props.best();
  };
  const tabs = decks.length > 1 && !isWide;
  const isWhole = seats.every((seat) => seat.price.amount % 100 === 0);
  return html`
    <div class="decks" onKeyDown=${onKeyDown}>
      ${tabs && html`<${DeckTabs} decks=${decks} shown=${shown} deckNames=${deckNames} />`}
      <div class="deck-row">
        ${decks.map(
          (deck) => html`
          <${Deck} key=${deck.deck} ...${props} deck=${deck} count=${decks.length} focused=${focused} isWhole=${isWhole}
            isHidden=${tabs && shown.value !== deck.deck} isTabbed=${tabs} />`,
        )}
      </div>
    </div>`;
}

/** @param {import("./plan.js").Deck[]} decks @param {(seat: string) => View} viewOf
 * @returns {Record<number, string>} */
function firstFocus(decks, viewOf) {
  return Object.fromEntries(
    decks.map(({ deck, rows }) => {
      const here = rows.flatMap((row) => row.cells).filter((seat) => seat !== null);
      const free = here.find((seat) => viewOf(seat.seat) === "available");
      return [deck, (free ?? here[0])?.seat ?? ""];
    }),
  );
}

/** "1", "2", "A": letters and digits typed quickly are a seat's label. A lone `b` is the key for best seats.
 * @param {any} event @param {{ text: string, at: number }} typed @param {Seat[]} seats */
function byTyping(event, typed, seats) {
  if (!/^[a-z0-9]$/i.test(event.key) || event.ctrlKey) return null;
  const isGoingOn = event.timeStamp - typed.at < TYPING_MS;
  if (event.key === "b" && !isGoingOn) return null;
  typed.text = isGoingOn ? typed.text + event.key : event.key;
  typed.at = event.timeStamp;
  return seatLike(seats, typed.text);
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

/** @param {MapProps & { deck: import("./plan.js").Deck, count: number, focused: any, isHidden: boolean, isTabbed: boolean, isWhole: boolean }} props */
function Deck(props) {
  const { deck, count, deckNames, isHidden, isTabbed } = props;
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
          ${deck.rows.map((row, index) => html`<${Row} key=${row.row} ...${props} row=${row} index=${index} />`)}
        </div>
      </div>
    </section>`;
}

/** @param {any} props */
function Row({ row, index, ...props }) {
  return html`
    <div role="row" class="seat-row" aria-rowindex=${index + 1}>
      ${row.cells.map(
        (/** @type {Seat | null} */ seat, /** @type {number} */ column) =>
          seat &&
          html`<div role="gridcell" aria-colindex=${column + 1} key=${seat.seat} style=${{ "grid-column": column + 1 }}>
            <${SeatButton} ...${props} seat=${seat} /></div>`,
      )}
    </div>`;
}

/** A seat is drawn once. How it stands and whether the keys are at it is written to the button past the drawing, so that
 * a delta of sixty seats compares nothing and costs what it changes.
 * @param {{ seat: Seat, viewOf: (seat: string) => View, toggle: (seat: string) => void, focused: any, deckNames: (deck: number) => string, count: number, isWhole: boolean, isOpen?: boolean }} props */
function SeatButton({ seat, viewOf, toggle, focused, deckNames, count, isWhole, isOpen = false }) {
  const button = useRef(/** @type {any} */ (null));
  const deckName = count > 1 ? deckNames(seat.deck) : "";
  useLayoutEffect(() => {
    const { current } = button;
    const view = () => viewOf(seat.seat);
    const stopViews = showView(current, view, factsOf(seat, deckName), isOpen);
    const stopFocus = effect(() => {
      const index = focused.value[seat.deck] === seat.seat ? 0 : -1;
      if (current.tabIndex !== index) current.tabIndex = index;
    });
    return () => {
      stopViews();
      stopFocus();
    };
  }, [seat, focused, deckName, isOpen]);
  const onFocus = () => {
    if (focused.peek()[seat.deck] === seat.seat) return;
    focused.value = { ...focused.peek(), [seat.deck]: seat.seat };
  };
  return html`
    <button type="button" class="seat" ref=${button} id=${`seat-${seat.seat}`} data-seat=${seat.seat} data-class=${seat.seat_class}
      tabindex="-1" onClick=${() => toggle(seat.seat)} onFocus=${onFocus}>
      <span class="seat-label">${seat.seat}</span>
      <span class="seat-price">${figure(seat.price, isWhole)}</span>
      ${seat.attributes.includes("accessible") && html`<${Icon} name="accessibility" class="seat-badge" />`}
    </button>`;
}

/** When others' last changes came. */
const lately = /** @type {number[]} */ ([]);

/** Whether a change may fade in. Where many come at once nobody's eyes follow one, and each would be painted anew in
 * every frame. */
function mayFade() {
  const at = performance.now();
  const isCalm = lately.length < FADES_AT_ONCE || at - (lately[0] ?? 0) > FADE_MS;
  lately.push(at);
  if (lately.length > FADES_AT_ONCE) lately.shift();
  return isCalm;
}

/** Keep a button as its seat stands: to look at (the style sheet has the marks), to press, and by name.
 * @param {HTMLElement} button @param {() => View} view @param {string} facts
 * @param {boolean} isOpen whether taken seats may be pressed, too @returns {() => void} what ends it */
function showView(button, view, facts, isOpen) {
  let before = /** @type {View | null} */ (null);
  const written = /** @type {Record<string, string | null>} */ ({ class: "seat" });
  // What stays is not written, nor asked of the browser: it would look for what it changes.
  const write = (/** @type {string} */ name, /** @type {string | null} */ value) => {
    if (written[name] === value) return;
    written[name] = value;
    if (value === null) button.removeAttribute(name);
    else button.setAttribute(name, value);
  };
  return effect(() => {
    const now = view();
    const isMine = now === "mine" || now === "pending";
    const isShut = !isMine && !isOpen && now !== "available";
    write("data-view", now);
    write("aria-label", `${facts}, ${t(`view.${now}`)}`);
    write("aria-pressed", String(isMine));
    write("aria-disabled", isShut ? "true" : null);
    // Others' changes fade in; one's own are there at once.
    const isNews = before && (now === "booked" || now === "held") && mayFade();
    write("class", isNews ? "seat is-news" : "seat");
    before = now;
  });
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
