// What the legs of a bus cost: a matrix of pairs of stops. Segments are along its edge; every other pair costs their sum
// unless it has a fare of its own.
import { ApiError, call, get } from "../../core/api.js";
import { html, Icon, useEffect, useState } from "../../core/dom.js";
import { money, t } from "../../core/text.js";
import { announce, toast } from "../../core/ui.js";
import { minorUnits, typedAmount } from "../amounts.js";
import {
  legOf,
  oddLegs,
  readFares,
  setLeg,
  shareOut,
  sumOf,
  writeFares,
} from "../catalogue/fares.js";
import { Head, mayDiscard, mayEdit, save, stamp, useAll, zoneOf } from "../catalogue/parts.js";
import { Shown, useLoaded } from "../load.js";
import { tell } from "../parts.js";
import { query, setQuery } from "../place.js";
import { operator } from "../staff.js";

/** @typedef {import("../catalogue/api.d.ts").AdminBus} AdminBus */
/** @typedef {import("../catalogue/api.d.ts").BusFares} BusFares */
/** @typedef {import("../catalogue/api.d.ts").BusLine} BusLine */
/** @typedef {import("../catalogue/fares.js").Fares} Fares */

/** @param {import("../nav.js").ViewProps} props */
export default function FaresView({ query }) {
  const bus = query.get("bus");
  return html`
    <${Head} title=${t("admin.nav.fares")} sub=${t("cat.fares.sub")} />
    <${Chooser} bus=${bus} route=${query.get("route") ?? ""} />
    ${bus && html`<${OfBus} key=${bus} id=${bus} />`}`;
}

/** Which bus: by its route, of those that have not arrived.
 * @param {{ bus: string | null, route: string }} props */
function Chooser({ bus, route }) {
  const routes = useAll("/admin/routes", { operator: operator.value });
  const buses = useAll(route ? "/admin/buses" : null, { operator: operator.value, route });
  const take = (/** @type {string} */ name) => (/** @type {any} */ event) =>
    setQuery(
      name === "route" ? { route: event.target.value, bus: null } : { bus: event.target.value },
    );
  return html`
    <div class="filters">
      <div class="field"><label for="fares-route">${t("cat.route")}</label>
        <select id="fares-route" value=${route} onChange=${take("route")}>
          <option value="">${t("cat.choose")}</option>
          ${routes.data?.map((/** @type {any} */ each) => html`<option key=${each.id} value=${each.id}>${each.name}</option>`)}
        </select></div>
      ${
        route &&
        html`<div class="field"><label for="fares-bus">${t("cat.bus")}</label>
        <select id="fares-bus" value=${bus ?? ""} onChange=${take("bus")}>
          <option value="">${buses.data?.length === 0 ? t("cat.fares.no.bus") : t("cat.choose")}</option>
          ${buses.data?.map((/** @type {BusLine} */ each) => html`<option key=${each.id} value=${each.id}>${stamp(each.departs_at, zoneOf(each.operator.id))} · ${each.name}</option>`)}
        </select></div>`
      }
    </div>
    ${!bus && !route && html`<p class="hint">${t("cat.fares.choose")}</p>`}`;
}

/** @param {{ id: string }} props */
function OfBus({ id }) {
  const loaded = useLoaded(async () => {
    const [bus, fares] = await Promise.all([
      get(`/admin/buses/${id}`),
      get(`/admin/buses/${id}/fares`),
    ]);
    return { bus, fares };
  }, [id]);
  const route = loaded.data?.bus.route?.id;
  // Who comes by a bus sees it among those of its route.
  useEffect(() => {
    if (route && !query.peek().get("route")) setQuery({ route });
  }, [route]);
  return html`<${Shown} of=${loaded}>${(
    /** @type {{ bus: AdminBus, fares: BusFares }} */ { bus, fares },
  ) =>
    html`<${Editor} key=${fares.version} bus=${bus} told=${fares} reload=${loaded.reload} />`}</${Shown}>`;
}

/** @param {{ bus: AdminBus, told: BusFares, reload: () => Promise<void> }} props */
function Editor({ bus, told, reload }) {
  const calls = bus.stops;
  const { currency } = bus.price;
  const [before] = useState(() => readFares(calls, told.fares));
  const [fares, setFares] = useState(before);
  const [isBusy, setBusy] = useState(false);
  const [isForOthers, setForOthers] = useState(false);
  const isChanged = fares !== before;
  const odd = oddLegs(fares);
  const path = `/admin/buses/${bus.id}/fares`;
  const keep = async () => {
    if (isBusy) return;
    setBusy(true);
    try {
      const mine = { version: told.version, fares };
      const shown = (/** @type {any} */ thing) => show(calls, currency, thing);
      const body = writeFares(calls, fares);
      const { isMine } = await save({
        path,
        method: "PUT",
        body,
        version: told.version,
        show: shown,
        mine,
      });
      if (isMine && isForOthers) await copyToOthers(bus, body);
      if (isMine)
        toast(t("cat.fares.saved", { name: bus.name }), { icon: "circle-check", tone: "good" });
      await reload();
    } catch (error) {
      tell(error);
    } finally {
      setBusy(false);
    }
  };
  const back = async () => {
    if (await mayDiscard()) setFares(before);
  };
  return html`
    <section class="card fares" aria-labelledby="fares-title">
      <h2 id="fares-title">${bus.name} · ${stamp(bus.departs_at, zoneOf(bus.operator.id))}</h2>
      <p class="hint">${t("cat.fares.how", { currency })}</p>
      ${mayEdit() && html`<${Total} fares=${fares} currency=${currency} setFares=${setFares} />`}
      <${Matrix} calls=${calls} fares=${fares} currency=${currency} setFares=${setFares} odd=${odd} />
      ${odd.length > 0 && html`<p class="hint warn-line" role="status"><${Icon} name="triangle-alert" />${t("cat.fares.odd", { count: odd.length })}</p>`}
      ${
        mayEdit() &&
        html`
        ${bus.route && html`<label class="check"><input type="checkbox" checked=${isForOthers} onChange=${() => setForOthers(!isForOthers)} />${t("cat.fares.others")}</label>`}
        <div class="floor-actions">
          <button type="button" class="button primary" aria-disabled=${isBusy || !(isChanged || isForOthers)} onClick=${() => (isChanged || isForOthers) && keep()}><${Icon} name="check" />${t(isBusy ? "admin.busy" : "cat.save")}</button>
          ${isChanged && html`<button type="button" class="button quiet" onClick=${back}>${t("cat.discard.go")}</button>`}
        </div>`
      }
    </section>`;
}

/** The fare of the whole way, shared out evenly.
 * @param {{ fares: Fares, currency: string, setFares: (fares: Fares) => void }} props */
function Total({ fares, currency, setFares }) {
  const whole = sumOf(fares, 0, fares.segments.length);
  const [typed, setTyped] = useState("");
  const amount = minorUnits(typed, currency);
  const share = () => {
    if (amount === null) return;
    setFares(shareOut(fares, amount));
    setTyped("");
    announce(t("cat.fares.shared"));
  };
  return html`
    <div class="fares-total">
      <div class="field"><label for="fares-total">${t("cat.fares.whole")}</label>
        <input id="fares-total" inputmode="decimal" placeholder=${typedAmount(whole, currency)} value=${typed} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} /></div>
      <button type="button" class="button" aria-disabled=${amount === null} onClick=${share}>${t("cat.fares.share")}</button>
    </div>`;
}

/** @param {{ calls: AdminBus["stops"], fares: Fares, currency: string, setFares: (fares: Fares) => void, odd: [number, number][] }} props */
function Matrix({ calls, fares, currency, setFares, odd }) {
  const isOdd = new Set(odd.map(([from, to]) => `${from}-${to}`));
  return html`
    <div class="table-box" role="region" aria-label=${t("cat.fares.matrix")} tabindex="0">
      <table class="table matrix">
        <caption class="visually-hidden">${t("cat.fares.matrix")}</caption>
        <thead><tr><th scope="col">${t("cat.fares.from.to")}</th>${calls.slice(1).map((call) => html`<th key=${call.place} scope="col">${call.stop.name}</th>`)}</tr></thead>
        <tbody>${calls.slice(0, -1).map(
          (call, from) => html`
          <tr key=${call.place}><th scope="row">${call.stop.name}</th>
            ${calls.slice(1).map((other, at) =>
              at < from
                ? html`<td key=${other.place} class="none"></td>`
                : html`<td key=${other.place} data-odd=${isOdd.has(`${from}-${at + 1}`) ? "" : null}><${Fare} fares=${fares} from=${from} to=${at + 1} currency=${currency} setFares=${setFares}
                  name=${t("cat.fares.leg", { from: call.stop.name, to: other.stop.name })} /></td>`,
            )}</tr>`,
        )}</tbody>
      </table>
    </div>`;
}

/** One pair: what is typed is its own fare; an empty field gives it the sum of its segments again.
 * @param {{ fares: Fares, from: number, to: number, currency: string, setFares: (fares: Fares) => void, name: string }} props */
function Fare({ fares, from, to, currency, setFares, name }) {
  const { amount, isOwn } = legOf(fares, from, to);
  const isSegment = to === from + 1;
  const [typed, setTyped] = useState(/** @type {string | null} */ (null));
  const shown = typed ?? (isOwn || isSegment ? typedAmount(amount, currency) : "");
  const isWrong = typed !== null && typed.trim() !== "" && minorUnits(typed, currency) === null;
  const keep = () => {
    if (typed === null || isWrong) return;
    const value = typed.trim() === "" ? null : minorUnits(typed, currency);
    const isUsual = !isSegment && value === sumOf(fares, from, to);
    setFares(setLeg(fares, from, to, isUsual ? null : value));
    setTyped(null);
  };
  return html`<input class="fare" data-own=${isOwn ? "" : null} data-segment=${isSegment ? "" : null} aria-label=${name} inputmode="decimal"
    aria-invalid=${isWrong ? "true" : null} placeholder=${typedAmount(amount, currency)} value=${shown} readonly=${!mayEdit()}
    onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} onBlur=${keep} onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Enter" && keep()} />`;
}

/** @param {AdminBus["stops"]} calls @param {string} currency @param {any} thing @returns {[string, string][]} */
function show(calls, currency, thing) {
  const fares = Array.isArray(thing.fares) ? readFares(calls, thing.fares) : thing.fares;
  return calls.slice(1).map((call, at) => {
    const cost = { amount: legOf(fares, 0, at + 1).amount, currency };
    return [t("cat.fares.leg", { from: calls[0].stop.name, to: call.stop.name }), money(cost)];
  });
}

/** Set the same fares on the buses of the route that have not arrived; those that call elsewhere are left.
 * @param {AdminBus} bus @param {object} body */
async function copyToOthers(bus, body) {
  const query = new URLSearchParams({
    route: bus.route?.id ?? "",
    operator: bus.operator.id,
    limit: "100",
  });
  let [count, left, cursor] = [0, 0, ""];
  do {
    const page = await get(`/admin/buses?${query}${cursor && `&cursor=${cursor}`}`);
    for (const each of page.items) {
      if (each.id === bus.id || each.status === "CANCELLED") continue;
      try {
        await call("PUT", `/admin/buses/${each.id}/fares`, { body });
        count += 1;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        left += 1;
      }
    }
    cursor = page.next_cursor ?? "";
  } while (cursor);
  toast(t(left ? "cat.fares.others.some" : "cat.fares.others.done", { count, left }));
}
