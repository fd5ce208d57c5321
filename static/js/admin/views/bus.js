// `/admin/buses/{id}`: one bus, live: its seats, what keeps them off sale, who travels, and what becomes of it.
import floor from "messages/floor";
import { ApiError, get } from "../../core/api.js";
import { html, Icon, signal, useEffect, useMemo, useState } from "../../core/dom.js";
import { LiveSeats } from "../../core/live.js";
import { setTitle } from "../../core/shell.js";
import { learn, longDay, t, term, time } from "../../core/text.js";
import { LegPicker, News } from "../../seatmap/panel.js";
import { Blocks } from "../bus/blocks.js";
import { ManifestPart } from "../bus/manifest.js";
import { Moves, RefundProgress } from "../bus/moves.js";
import { MoveButton, MovingPart } from "../bus/moving.js";
import { FloorMap, Floorplan } from "../bus/seats.js";
import { zoneOf } from "../catalogue/parts.js";
import { useKeys } from "../keys.js";
import { Shown, useLoaded } from "../load.js";
import { State } from "../parts.js";

/** @typedef {import("../../api.d.ts").AdminBus} AdminBus */
/** @typedef {import("../../api.d.ts").Bus} Bus */
/** @typedef {import("../../api.d.ts").Seat} Seat */

learn(floor);

// Many seats may change at once; lists are asked for again when it is quiet.
const QUIET_MS = 700;
const wide = matchMedia("(min-width: 900px)");

/** @param {import("../nav.js").ViewProps} props */
export default function BusView({ params }) {
  const loaded = useLoaded(async () => {
    const [admin, bus] = await Promise.all([get(`/admin/buses/${params.id}`), busOf(params.id)]);
    setTitle(admin.name);
    return { admin, bus };
  }, [params.id]);
  return html`<${Shown} isPage of=${loaded} lines=${6}>${(/** @type {{ admin: AdminBus, bus: Bus | null }} */ data) => html`<${Page} key=${data.admin.id} ...${data} reload=${loaded.reload} />`}</${Shown}>`;
}

/** A draft is on no map.
 * @param {string} id @returns {Promise<Bus | null>} */
async function busOf(id) {
  try {
    return await get(`/buses/${id}`);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

/** @param {{ admin: AdminBus, bus: Bus | null, reload: () => Promise<void> }} props */
function Page({ admin, bus, reload }) {
  const zone = bus?.stops[0].stop.time_zone ?? zoneOf(admin.operator.id);
  const { seats_booked, seats_locked, seats_blocked, seats_available } = admin.sales;
  return html`
    <div class="floor-head">
      <div><h1>${admin.name} <${State} group="state" word=${admin.status} /></h1>
        <p>${[admin.operator.name, admin.route?.name, `${longDay(admin.departs_at, zone)}, ${time(admin.departs_at, zone)}`, admin.vehicle?.name].filter(Boolean).join(" · ")}</p></div>
      <${Moves} admin=${admin} bus=${bus} reload=${reload} />
    </div>
    <${RefundProgress} admin=${admin} />
    <ul class="counts" aria-label=${t("floor.counts")}>
      ${[
        ["available", seats_available],
        ["held", seats_locked],
        ["booked", seats_booked],
        ["blocked", seats_blocked],
      ].map(
        ([view, count]) =>
          html`<li key=${view}><span class="seat mini" data-view=${view} aria-hidden="true"></span><strong>${count}</strong> ${term("floor.count", String(view))}</li>`,
      )}
    </ul>
    ${bus ? html`<${Live} admin=${admin} bus=${bus} reload=${reload} />` : html`<p class="hint">${t("floor.draft")}</p>`}`;
}

/** @param {{ admin: AdminBus, bus: Bus, reload: () => Promise<void> }} props */
function Live({ admin, bus, reload }) {
  const seats = useMemo(() => signal(/** @type {Seat[]} */ ([])), [bus.id]);
  const plan = useMemo(() => {
    const live = new LiveSeats(
      bus.id,
      () => "",
      (map) => {
        seats.value = map.seats;
      },
    );
    return new Floorplan(live, bus.stops.length - 1);
  }, [bus.id]);
  const [rev, setRev] = useState(0);
  const [isWide, setWide] = useState(wide.matches);
  useEffect(() => {
    const turn = () => setWide(wide.matches);
    wide.addEventListener("change", turn);
    plan.live.refresh().catch(() => {});
    plan.live.start();
    return () => {
      wide.removeEventListener("change", turn);
      plan.live.stop();
    };
  }, [plan]);
  const now = plan.live.known.value?.rev ?? 0;
  useEffect(() => {
    if (!now || now === rev) return undefined;
    const timer = setTimeout(
      () => {
        // The first word is what was asked for anyway; later ones change the counts, too.
        if (rev) reload();
        setRev(now);
      },
      rev ? QUIET_MS : 0,
    );
    return () => clearTimeout(timer);
  }, [now, rev]);
  useKeys({
    Escape: {
      name: t("floor.keys.clear"),
      run: () => plan.stay([]),
    },
  });
  const manifest = useLoaded(() => get(`/admin/buses/${bus.id}/manifest`), [bus.id], rev);
  const blocks = useLoaded(() => get(`/admin/blocks?bus=${bus.id}`), [bus.id], rev);
  const { start, end } = plan.leg.value;
  const change = (/** @type {number} */ from, /** @type {number} */ to) => {
    plan.leg.value = { start: from, end: to };
  };
  return html`
    <${News} live=${plan.live} />
    <div class="bus-parts">
      <section class="card map" aria-labelledby="map-title">
        <div class="map-head"><h2 id="map-title">${t("map.title")}</h2></div>
        <${FloorMap} bus=${bus} seats=${seats.value} plan=${plan} isWide=${isWide} />
      </section>
      <div class="bus-side">
        ${plan.moving.value ? html`<${MovingPart} plan=${plan} />` : html`<${LegPicker} bus=${bus} start=${start} end=${end} change=${change} />`}
        <${Chosen} bus=${bus} plan=${plan} manifest=${manifest.data} />
        <${Shown} of=${blocks} lines=${1}>${(/** @type {any} */ data) => html`<${Blocks} bus=${bus} plan=${plan} blocks=${data.items} reload=${blocks.reload} />`}</${Shown}>
      </div>
    </div>
    <${Shown} of=${manifest} lines=${3}>${(/** @type {any} */ data) => html`<${ManifestPart} bus=${bus} admin=${admin} manifest=${data} />`}</${Shown}>`;
}

/** Who sits on the seats that were chosen.
 * @param {{ bus: Bus, plan: Floorplan, manifest: import("../bus/manifest.js").Manifest | null }} props */
function Chosen({ bus, plan, manifest }) {
  const taken = plan.chosenThatAre("B");
  const people =
    manifest?.passengers.filter(({ seat, status }) => status === "VALID" && taken.includes(seat)) ??
    [];
  if (!people.length) return null;
  return html`
    <section class="card" aria-labelledby="who-title">
      <h2 id="who-title"><${Icon} name="user" />${t("floor.who")}</h2>
      <ul class="blocks">${people.map(
        (
          each,
        ) => html`<li key=${each.ticket}><span><strong>${each.seat}</strong> ${each.name}<small>${each.from_stop.name} – ${each.to_stop.name}</small></span>
          <span class="who-buttons"><${MoveButton} bus=${bus} plan=${plan} line=${each} /><a class="button small" href=${`/admin/bookings/${each.ref}`}>${each.ref}</a></span></li>`,
      )}</ul>
    </section>`;
}
