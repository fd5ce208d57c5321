// `/buses/{id}`: choose seats on a live map.
import { ApiError, get, post } from "../core/api.js";
import { computed, html, Icon, media, signal, useMemo, useRef, useState } from "../core/dom.js";
import { LiveSeats } from "../core/live.js";
import { statusOn } from "../core/seats.js";
import { mount, setTitle } from "../core/shell.js";
import { list, t, term } from "../core/text.js";
import { announce, Failure, limitAction, limitText, Notice, Skeleton, toast } from "../core/ui.js";
import { SeatMap } from "../seatmap/grid.js";
import { HoldClient } from "../seatmap/hold.js";
import {
  BestSeatsPanel,
  foundText,
  Legend,
  LegPicker,
  News,
  Summary,
  Trip,
} from "../seatmap/panel.js";
import { seatNear } from "../seatmap/plan.js";

/** @typedef {import("../api.d.ts").Bus} Bus */
/** @typedef {import("../api.d.ts").Seat} Seat */
/** @typedef {import("../seatmap/grid.js").View} View */

const VIEWS = /** @type {Record<string, View>} */ ({
  A: "available",
  L: "held",
  B: "booked",
  X: "blocked",
});
const UNDO_SECONDS = 5;
const id = location.pathname.split("/").at(-1) ?? "";
const query = new URLSearchParams(location.search);
const isWide = media("(min-width: 900px)");

const bus = signal(/** @type {Bus | null} */ (null));
const seats = signal(/** @type {Seat[]} */ ([]));
const failure = signal(/** @type {ApiError | null} */ (null));
// The leg as indexes of the bus's stops; until the bus is known, what the address says.
export const leg = signal(/** @type {{ start: number, end: number } | null} */ (null));

const stops = () => {
  const calls = bus.peek()?.stops;
  const at = leg.peek();
  if (calls && at) return { from: calls[at.start].stop.id, to: calls[at.end].stop.id };
  return { from: query.get("from") ?? "", to: query.get("to") ?? "" };
};
const legQuery = () => {
  const { from, to } = stops();
  const named = new URLSearchParams(
    Object.entries({ from_stop: from, to_stop: to }).filter(([, stop]) => stop),
  );
  return named.size ? `?${named}` : "";
};
export const live = new LiveSeats(
  id,
  legQuery,
  (map) => {
    seats.value = map.seats;
  },
  (status) => {
    const before = bus.peek();
    // A bus that has left stays so, whatever it was when it did.
    if (before && before.status !== "DEPARTED" && before.status !== status)
      bus.value = { ...before, status };
  },
);
export const client = new HoldClient(id, stops, { taken, refused, expired });

/** How the buyer goes on from here; where the map is part of another page, that page decides. */
export const onward = { go: (/** @type {string} */ path) => location.assign(path) };

/** @type {Map<string, import("@preact/signals").ReadonlySignal<View>>} */
const views = new Map();

/** How a seat looks to this buyer. One signal a seat: a change redraws that seat alone.
 * @param {string} seat */
function viewOf(seat) {
  let view = views.get(seat);
  if (!view) {
    view = computed(() => {
      const isHeld = client.hold.value?.seats.includes(seat) ?? false;
      if (client.wanted.value.includes(seat)) return isHeld ? "mine" : "pending";
      if (isHeld) return "pending";
      const at = leg.value;
      const states = live.known.value?.seats.get(seat);
      return VIEWS[states && at ? statusOn(states, at.start, at.end) : "X"];
    });
    views.set(seat, view);
  }
  return view.value;
}

async function load() {
  failure.value = null;
  try {
    const [loaded] = await Promise.all([get(`/buses/${id}`, { guest: true }), live.refresh()]);
    leg.value = legOf(loaded);
    bus.value = loaded;
    setTitle(t("bus.title", { name: loaded.name }));
    live.start();
    await adoptHold(loaded);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    failure.value = error;
  }
}

/** A hold from before a reload decides the leg; its seats can be had on no other.
 * @param {Bus} loaded */
async function adoptHold(loaded) {
  const hold = await client.restore();
  if (!hold) return;
  const held = legOf(loaded, hold.from_stop, hold.to_stop);
  if (held.start !== leg.peek()?.start || held.end !== leg.peek()?.end) {
    leg.value = held;
    await live.changeLeg();
  }
}

/** @param {Bus} loaded */
function legOf({ stops: calls }, from = query.get("from"), to = query.get("to")) {
  const isAt = (/** @type {string | null} */ stop) => (/** @type {any} */ call) =>
    stop === call.stop.id || (stop !== null && stop === call.stop.station);
  const start = Math.max(0, calls.findIndex(isAt(from)));
  const end = calls.findIndex((call, index) => index > start && isAt(to)(call));
  return { start, end: end < 0 ? calls.length - 1 : end };
}

/** @param {number} start @param {number} end */
async function changeLeg(start, end) {
  leg.value = { start, end };
  const { from, to } = stops();
  history.replaceState(null, "", `?${new URLSearchParams({ from, to })}`);
  await Promise.all([live.changeLeg(), client.move()]).catch((error) => {
    if (!(error instanceof ApiError)) throw error;
    refused(error, () => changeLeg(start, end));
  });
}

/** @param {string} seat */
function toggle(seat) {
  const most = bus.peek()?.rules.seats_per_buyer ?? 1;
  const wanted = client.wanted.peek();
  const view = viewOf(seat);
  if (live.news.peek() === "lost" && !wanted.includes(seat)) return announce(t("news.lost"));
  if (view === "held" || view === "booked" || view === "blocked")
    return announce(t("seat.not", { seat, why: t(`view.${view}`) }));
  if (!wanted.includes(seat) && wanted.length >= most)
    return toast(t("hold.most", { count: most }), { icon: "users", tone: "bad" });
  client.toggle(seat);
  return announce(t(wanted.includes(seat) ? "seat.dropped" : "seat.chosen", { seat }));
}

/** @param {string[]} lost */
function taken(lost) {
  const others = /** @type {string[]} */ ([]);
  for (const seat of lost) {
    const isFree = (/** @type {string} */ each) =>
      viewOf(each) === "available" && !others.includes(each) && !lost.includes(each);
    const near = seatNear(seats.peek(), seat, isFree);
    if (near) others.push(near.seat);
  }
  const take = () => client.want([...client.wanted.peek(), ...others]);
  toast(t("hold.taken", { seats: list(lost), count: lost.length }), {
    icon: "circle-alert",
    tone: "bad",
    seconds: 15,
    action: others.length
      ? { label: t("hold.take", { seats: list(others) }), run: take }
      : undefined,
  });
  if (live.news.peek() !== "live") live.refresh().catch(() => {});
}

/** @param {ApiError} error @param {() => void} retry */
function refused(error, retry) {
  if (error.problem.room) return wait(error.problem.room);
  const isOffline = error.code === "offline";
  const limit = bus.peek() ? limitText(error, /** @type {Bus} */ (bus.peek()).rules) : null;
  const text = isOffline
    ? t("failure.offline")
    : (limit ?? error.problem.errors?.[0]?.detail ?? error.message);
  toast(text, {
    icon: isOffline ? "wifi-off" : limit ? "users" : "circle-alert",
    tone: "bad",
    seconds: limit ? 15 : 10,
    action: limitAction(error) ?? { label: t("retry"), run: retry },
  });
}

/** There is a waiting room before this bus: the place in it is found at its page, and it leads back here.
 * @param {{ page: string }} room */
function wait({ page }) {
  const { from, to } = stops();
  onward.go(`${page}?${new URLSearchParams({ bus: id, from, to })}`);
}

function expired() {
  toast(t("hold.over"), { icon: "timer", tone: "bad" });
}

async function proceed() {
  await client.settle();
  const hold = client.hold.peek();
  if (hold && client.isSettled.peek()) onward.go(`/checkout/${hold.id}`);
}

function BusPage() {
  if (failure.value?.status === 404)
    return html`<${Notice} icon="bus" title=${t("bus.none")}><p>${t("bus.none.body")}</p><a class="button" href="/">${t("nav.search")}</a></${Notice}>`;
  if (failure.value) return html`<${Failure} error=${failure.value} retry=${load} />`;
  if (!bus.value || !leg.value) return html`<${Skeleton} lines=${8} />`;
  return html`<${Chooser} bus=${bus.value} at=${leg.value} />`;
}

/** @param {{ bus: Bus, at: { start: number, end: number } }} props */
function Chooser({ bus, at }) {
  const [wish, setWish] = useState({ count: 2, prefer: /** @type {string[]} */ ([]) });
  const [isBusy, setBusy] = useState(false);
  const [List, setList] = useState(/** @type {any} */ (null));
  const isOnSale = bus.status === "SCHEDULED";
  const deckNames = (/** @type {number} */ deck) =>
    bus.layout.decks === 1 ? t("deck.only") : t(deck === 1 ? "deck.lower" : "deck.upper");

  const find = async (count = wish.count, prefer = wish.prefer) => {
    if (isBusy) return;
    setBusy(true);
    const { from, to } = stops();
    const before = client.wanted.peek();
    try {
      const body = { count, prefer, from_stop: from, to_stop: to };
      /** @type {import("../api.d.ts").BestSeats} */
      const { items } = await post(`/buses/${id}/best-seats`, body);
      if (!items.length) toast(t("best.none", { count }), { tone: "bad" });
      else {
        client.want(items[0].seats);
        const undo = { label: t("undo"), run: () => client.want(before) };
        toast(foundText(items[0]), {
          icon: "sparkles",
          tone: "good",
          seconds: UNDO_SECONDS,
          action: undo,
        });
      }
    } catch (error) {
      if (error instanceof ApiError) refused(error, () => find(count, prefer));
      else throw error;
    } finally {
      setBusy(false);
    }
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
    const shared = { seats: seats.value, viewOf, toggle, deckNames, isWide: isWide.value, leave };
    return List
      ? html`<${List} ...${shared} />`
      : html`<${SeatMap} ...${shared} best=${() => finding.current()} />`;
  }, [List, bus, seats.value, isWide.value]);
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
        <${LegPicker} bus=${bus} start=${at.start} end=${at.end} change=${changeLeg} />
        ${isOnSale && html`<${BestSeatsPanel} bus=${bus} isBusy=${isBusy} find=${find} wish=${wish} onWish=${setWish} />`}
        <${Legend} seats=${seats.value} viewOf=${viewOf} />
      </div>
    </div>
    <${Summary} client=${client} live=${live} seats=${seats.value} rules=${bus.rules} isOnSale=${isOnSale} go=${proceed} />`;
}

mount(BusPage, t("bus.loading"));
load();
// Back from checkout: what was held may be bought by now.
addEventListener("pageshow", (event) => event.persisted && client.restore());
