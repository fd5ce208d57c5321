// `/buses/{id}`: choose seats on a live map.
import { html, Icon, media, useMemo, useRef, useState } from "../core/dom.js";
import { mount, setTitle } from "../core/shell.js";
import { t, term } from "../core/text.js";
import { Failure, Notice, Skeleton, toast } from "../core/ui.js";
import { SeatChoice } from "../seatmap/choice.js";
import { deckNamesOf, SeatMap } from "../seatmap/grid.js";
import {
  BestSeatsPanel,
  foundText,
  Legend,
  LegPicker,
  News,
  Summary,
  Trip,
} from "../seatmap/panel.js";

/** @typedef {import("../api.d.ts").Bus} Bus */

const UNDO_SECONDS = 5;
const id = location.pathname.split("/").at(-1) ?? "";
const query = new URLSearchParams(location.search);
const isWide = media("(min-width: 900px)");

/** How the buyer goes on from here; where the map is part of another page, that page decides. */
export const onward = { go: (/** @type {string} */ path) => location.assign(path) };

class PageChoice extends SeatChoice {
  /** @param {number} start @param {number} end */
  changeLeg(start, end) {
    const changed = super.changeLeg(start, end);
    history.replaceState(null, "", `?${new URLSearchParams(this.stops())}`);
    return changed;
  }

  /** @param {import("../seatmap/choice.js").Found} best @param {string[]} before */
  found(best, before) {
    return toast(foundText(best), {
      icon: "sparkles",
      tone: "good",
      seconds: UNDO_SECONDS,
      action: { label: t("undo"), run: () => this.client.want(before) },
    });
  }

  /** There may be a waiting room before this bus: the place in it is found at its page, and it leads back here.
   * @param {import("../core/api.js").ApiError} error @param {() => void} retry */
  refused(error, retry) {
    const { room } = error.problem;
    if (!room) return super.refused(error, retry);
    return onward.go(`${room.page}?${new URLSearchParams({ bus: id, ...this.stops() })}`);
  }
}

const choice = new PageChoice(id, { from: query.get("from"), to: query.get("to") });
/** What is shown and chosen, for a page around this one. */
export const { live, client, leg } = choice;

async function load() {
  await choice.load();
  const bus = choice.bus.peek();
  if (bus) setTitle(t("bus.title", { name: bus.name }));
}

async function proceed() {
  const hold = await choice.settle();
  if (hold) onward.go(`/checkout/${hold.id}`);
}

function BusPage() {
  const failure = choice.failure.value;
  const bus = choice.bus.value;
  const at = leg.value;
  if (failure?.status === 404)
    return html`<${Notice} isPage icon="bus" title=${t("bus.none")}><p>${t("bus.none.body")}</p><a class="button" href="/">${t("nav.search")}</a></${Notice}>`;
  if (failure) return html`<${Failure} isPage error=${failure} retry=${load} />`;
  if (!bus || !at) return html`<${Skeleton} lines=${8} />`;
  return html`<${Chooser} bus=${bus} at=${at} />`;
}

/** @param {{ bus: Bus, at: { start: number, end: number } }} props */
function Chooser({ bus, at }) {
  const [wish, setWish] = useState({ count: 2, prefer: /** @type {string[]} */ ([]) });
  const [isBusy, setBusy] = useState(false);
  const [List, setList] = useState(/** @type {any} */ (null));
  const { views, toggle } = choice;
  const seats = choice.seats.value;
  const isOnSale = bus.status === "SCHEDULED";

  const find = async (count = wish.count, prefer = wish.prefer) => {
    if (isBusy) return;
    setBusy(true);
    await choice.findBest(count, prefer).finally(() => setBusy(false));
  };
  const showList = async () => {
    const { SeatList } = await import("../seatmap/list.js");
    setList(() => SeatList);
  };
  const finding = useRef(find);
  finding.current = find;
  // Each seat draws itself anew when its own state changes; nothing else here is a reason to draw them all.
  const drawn = useMemo(() => {
    const leave = () => document.getElementById("list-switch")?.focus();
    const deckNames = deckNamesOf(bus);
    const shared = { seats, views, toggle, deckNames, isWide: isWide.value, leave };
    return List
      ? html`<${List} ...${shared} />`
      : html`<${SeatMap} ...${shared} best=${() => finding.current()} />`;
  }, [List, bus, seats, isWide.value]);
  return html`
    <${News} live=${live} />
    <${Trip} bus=${bus} at=${at} />
    ${!isOnSale && html`<${Notice} icon="info" title=${term("status", bus.status.toLowerCase())}><p>${t("bus.closed")}</p></${Notice}>`}
    <div class="chooser">
      <section class="card map" aria-labelledby="map-title">
        <div class="map-head">
          <h2 id="map-title">${t("map.title")}</h2>
          <div class="switch" role="group" aria-label=${t("map.switch")}>
            <button type="button" aria-pressed=${!List} onClick=${() => setList(null)}><${Icon} name="layout-grid" />${t("map.map")}</button>
            <button type="button" id="list-switch" aria-pressed=${Boolean(List)} onClick=${showList}><${Icon} name="list" />${t("map.list")}</button>
          </div>
        </div>
        ${drawn}
        <p class="keys">${t("map.keys")}</p>
      </section>
      <div class="side">
        <${LegPicker} bus=${bus} start=${at.start} end=${at.end} change=${(/** @type {number} */ start, /** @type {number} */ end) => choice.changeLeg(start, end)} />
        ${isOnSale && html`<${BestSeatsPanel} bus=${bus} isBusy=${isBusy} find=${find} wish=${wish} onWish=${setWish} />`}
        <${Legend} seats=${seats} views=${views} />
      </div>
    </div>
    <${Summary} choice=${choice} rules=${bus.rules} isOnSale=${isOnSale} go=${proceed} />`;
}

mount(BusPage, t("bus.loading"));
load();
// Back from checkout: what was held may be bought by now.
addEventListener("pageshow", (event) => event.persisted && client.restore());
