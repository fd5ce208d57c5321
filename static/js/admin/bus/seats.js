// The live map of a bus as staff sees it: any seat can be chosen; what to do with the choice stands beside it.
import { html, Icon, signal } from "../../core/dom.js";
import { list, t } from "../../core/text.js";
import { deckNamesOf, SeatMap, SeatViews } from "../../seatmap/grid.js";
import { leave, moveTo } from "./moving.js";

/** @typedef {import("../../api.d.ts").Bus} Bus */
/** @typedef {import("../../api.d.ts").Seat} Seat */
/** @typedef {import("../../core/seats.js").Letter} Letter */

/** What is shown and chosen of one bus. */
export class Floorplan {
  /** @param {import("../../core/live.js").LiveSeats} live @param {number} segments */
  constructor(live, segments) {
    this.live = live;
    this.leg = signal({ start: 0, end: segments });
    this.chosen = signal(/** @type {string[]} */ ([]));
    /** Whoever is to get another seat; as long as there is somebody, what is chosen on the map is for them. */
    this.moving = signal(/** @type {import("./manifest.js").Line | null} */ (null));
    this.looked = this.leg.peek();
    this.views = new SeatViews(
      live,
      this.leg,
      () => new Map(this.mine.map((seat) => [seat, "mine"])),
    );
  }

  /** Whose seat is to change, or else what is chosen. */
  get mine() {
    const moving = this.moving.value;
    return moving ? [moving.seat] : this.chosen.value;
  }

  /** Choose for somebody, on the part of the way that is theirs.
   * @param {import("./manifest.js").Line} line @param {{ start: number, end: number }} leg */
  move(line, leg) {
    if (!this.moving.peek()) this.looked = this.leg.peek();
    this.moving.value = line;
    this.leg.value = leg;
    this.chosen.value = [];
  }

  /** Choose for nobody any more, and look at what was looked at before.
   * @param {string[]} chosen */
  stay(chosen) {
    if (this.moving.peek()) this.leg.value = this.looked;
    this.moving.value = null;
    this.chosen.value = chosen;
  }

  /** @param {string} seat */
  toggle(seat) {
    const chosen = this.chosen.peek();
    this.chosen.value = chosen.includes(seat)
      ? chosen.filter((each) => each !== seat)
      : [...chosen, seat];
  }

  /** The chosen seats that are in a state on the leg.
   * @param {Letter} letter */
  chosenThatAre(letter) {
    return this.chosen.value.filter((seat) => this.views.letterOf(seat) === letter);
  }
}

/** @param {{ bus: Bus, seats: Seat[], plan: Floorplan, isWide: boolean }} props */
export function FloorMap({ bus, seats, plan, isWide }) {
  const clear = () => plan.stay([]);
  const press = (/** @type {string} */ seat) =>
    plan.moving.peek() ? moveTo(plan, seats, seat) : plan.toggle(seat);
  const moving = plan.moving.value;
  if (!seats.length) return null;
  return html`
    <${SeatMap} seats=${seats} views=${plan.views.all} toggle=${press}
      best=${() => {}} leave=${clear} isWide=${isWide} deckNames=${deckNamesOf(bus)} isOpen=${true} />
    <p class="chosen-line" role="status">${
      moving
        ? html`${t("move.line", { name: moving.name, seat: moving.seat })}<button type="button" class="button small quiet" onClick=${() => leave(plan, moving)}><${Icon} name="x" />${t("move.keep")}</button>`
        : plan.chosen.value.length
          ? html`${t("floor.chosen", { seats: list(plan.chosen.value) })}<button type="button" class="button small quiet" onClick=${clear}><${Icon} name="x" />${t("floor.chosen.clear")}</button>`
          : t("floor.choose")
    }</p>`;
}
