// One route: its stops in order, with times after the start. A pattern that buses have gone by stays as it is.
import { get } from "../../core/api.js";
import { StopInput } from "../../core/combobox.js";
import { html, Icon, useState } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { announce, toast } from "../../core/ui.js";
import { add, canAdd, Head, mayDiscard, mayEdit, owned, save } from "../catalogue/parts.js";
import { secondsOf, spanOf } from "../catalogue/zone.js";
import { FormFault, Input, Submit, useForm } from "../form.js";
import { Shown, useLoaded } from "../load.js";
import { go } from "../place.js";

/** @typedef {import("../catalogue/api.d.ts").Route} Route */
/** @typedef {{ key: number, stop: { id: string, name: string } | null, arrives: string, departs: string }} Line as it is typed */

let lineCount = 0;

/** @param {import("../nav.js").ViewProps} props */
export default function RouteView({ params, query }) {
  const copied = query.get("from");
  const source = params.id === "new" ? copied : params.id;
  const loaded = useLoaded(
    () => (source ? get(`/admin/routes/${source}`) : Promise.resolve({ stops: [], name: "" })),
    [source],
  );
  return html`<${Shown} isPage of=${loaded}>${(/** @type {Route} */ route) => html`<${Editor} key=${`${params.id}-${route.version}`} route=${route} isNew=${params.id === "new"} reload=${loaded.reload} />`}</${Shown}>`;
}

/** @param {{ route: Route, isNew: boolean, reload: () => void }} props */
function Editor({ route, isNew, reload }) {
  const [before] = useState(() => linesOf(route, isNew));
  const form = useForm(
    {
      name: isNew && route.name ? t("cat.copy.of", { name: route.name }) : route.name,
      stops: before,
    },
    async (values, key) => {
      const stops = values.stops.map(patternOf);
      if (isNew) {
        if (!canAdd()) return;
        const added = await add("/admin/routes", owned({ name: values.name, stops }), key);
        toast(t("cat.added", { name: added.name }), { icon: "circle-check", tone: "good" });
        return go(`/admin/routes/${added.id}`, { replace: true });
      }
      await change(
        route,
        values.name,
        stops,
        JSON.stringify(values.stops) !== JSON.stringify(before),
      );
      reload();
    },
    { check: faults },
  );
  const set = (/** @type {Line[]} */ stops) => form.set({ stops });
  const copy = async () => {
    if (!form.isChanged || (await mayDiscard())) go(`/admin/routes/new?from=${route.id}`);
  };
  const hint = isNew ? t("cat.route.new.hint") : t("cat.route.hint");
  return html`
    <${Head} title=${isNew ? t("cat.routes.add") : route.name} back=${{ href: "/admin/routes", label: t("admin.nav.routes") }} sub=${hint}>
      ${!isNew && html`<a class="button" href=${`/admin/buses?route=${route.id}`}><${Icon} name="calendar-days" />${t("cat.routes.buses")}</a>`}
      ${!isNew && mayEdit() && html`<button type="button" class="button" onClick=${copy}><${Icon} name="copy" />${t("cat.copy")}</button>`}
    </${Head}>
    <form class="form" onSubmit=${form.submit} novalidate>
      <${FormFault} form=${form} />
      <${Input} form=${form} name="name" label=${t("cat.name")} required maxlength="120" />
      <${Lines} lines=${form.values.stops} set=${set} error=${form.errors.stops} />
      ${mayEdit() && html`<div class="floor-actions"><${Submit} form=${form} icon="check">${t("cat.save")}</${Submit}></div>`}
    </form>`;
}

/** The name and the pattern are changed apart, as the API has it; each by its own version.
 * @param {Route} route @param {string} name @param {object[]} stops @param {boolean} isOtherPattern */
async function change(route, name, stops, isOtherPattern) {
  const path = `/admin/routes/${route.id}`;
  let { version } = route;
  if (name.trim() !== route.name) {
    const mine = { ...route, name };
    const { saved, isMine } = await save({ path, body: { name }, version, show, mine });
    if (!isMine) return;
    version = saved.version;
  }
  if (isOtherPattern)
    await save({
      path: `${path}/stops`,
      method: "PUT",
      body: { stops },
      version,
      read: path,
      show,
      mine: { ...route, name },
    });
  toast(t("cat.saved", { name }), { icon: "circle-check", tone: "good" });
}

/** @param {Route} route @returns {[string, string][]} */
const show = ({ name, stops }) => [
  [t("cat.name"), name],
  [t("cat.routes.stops"), stops.map(({ stop }) => stop.name).join(", ")],
];

/** The stops of the way, in a table that is typed into.
 * @param {{ lines: Line[], set: (lines: Line[]) => void, error?: string }} props */
function Lines({ lines, set, error }) {
  const change = (/** @type {number} */ at, /** @type {Partial<Line>} */ part) =>
    set(lines.with(at, { ...lines[at], ...part }));
  const move = (/** @type {number} */ at, /** @type {number} */ to) => {
    if (to < 0 || to >= lines.length) return;
    // Places change, times stay: they are those of the first, the second, the third stop.
    const [here, there] = [lines[at], lines[to]];
    set(lines.with(at, { ...here, stop: there.stop }).with(to, { ...there, stop: here.stop }));
    announce(t("cat.route.moved", { stop: here.stop?.name ?? "", place: to + 1 }));
  };
  const drop = (/** @type {number} */ at) => set(lines.toSpliced(at, 1));
  const grow = () => set([...lines, newLine(null)]);
  return html`
    <fieldset class="way-lines" aria-describedby=${error ? "stops-error" : null}>
      <legend>${t("cat.route.way")}</legend>
      <ol>
        ${lines.map(
          (line, at) => html`
          <li key=${line.key} class="way-line">
            <span class="way-number" aria-hidden="true">${at + 1}</span>
            <${StopInput} name=${`stop-${at}`} label=${t("cat.route.stop", { place: at + 1 })} icon="map-pin" stop=${line.stop} onStop=${(/** @type {any} */ stop) => change(at, { stop })} />
            <${Time} name=${`arrives-${at}`} label=${t("cat.route.arrives")} value=${line.arrives} isFixed=${at === 0} onValue=${(/** @type {string} */ arrives) => change(at, { arrives })} />
            <${Time} name=${`departs-${at}`} label=${t("cat.route.departs")} value=${line.departs} placeholder=${line.arrives} isFixed=${at === lines.length - 1} onValue=${(/** @type {string} */ departs) => change(at, { departs })} />
            <span class="way-buttons">
              <button type="button" class="icon-button" aria-label=${t("cat.route.up", { place: at + 1 })} aria-disabled=${at === 0} onClick=${() => move(at, at - 1)}><${Icon} name="chevron-up" /></button>
              <button type="button" class="icon-button" aria-label=${t("cat.route.down", { place: at + 1 })} aria-disabled=${at === lines.length - 1} onClick=${() => move(at, at + 1)}><${Icon} name="chevron-down" /></button>
              <button type="button" class="icon-button" aria-label=${t("cat.route.drop", { place: at + 1 })} aria-disabled=${lines.length <= 2} onClick=${() => lines.length > 2 && drop(at)}><${Icon} name="x" /></button>
            </span>
          </li>`,
        )}
      </ol>
      ${error && html`<p class="field-error" id="stops-error" role="alert"><${Icon} name="circle-alert" />${error}</p>`}
      <button type="button" class="button small" onClick=${grow}><${Icon} name="plus" />${t("cat.route.add")}</button>
    </fieldset>`;
}

/** @param {{ name: string, label: string, value: string, placeholder?: string, isFixed: boolean, onValue: (value: string) => void }} props */
const Time = ({ name, label, value, placeholder, isFixed, onValue }) => html`
  <div class="field way-time"><label for=${name}>${label}</label>
    <input id=${name} name=${name} inputmode="numeric" autocomplete="off" placeholder=${placeholder ?? "0:00"} readonly=${isFixed} value=${isFixed && !value ? "" : value} onInput=${(/** @type {any} */ event) => onValue(event.target.value)} /></div>`;

/** @param {Line["stop"]} stop @returns {Line} */
function newLine(stop, arrives = "", departs = "") {
  lineCount += 1;
  return { key: lineCount, stop, arrives, departs };
}

/** @param {Route} route @param {boolean} isNew @returns {Line[]} */
function linesOf(route, isNew) {
  if (isNew && !route.stops.length) return [newLine(null, "0:00"), newLine(null)];
  return route.stops.map(({ stop, arrival_seconds, departure_seconds }) =>
    newLine(
      stop,
      spanOf(arrival_seconds),
      departure_seconds === arrival_seconds ? "" : spanOf(departure_seconds),
    ),
  );
}

/** @param {Line} line */
function patternOf({ stop, arrives, departs }) {
  const arrival_seconds = secondsOf(arrives || "0");
  const waits = departs.trim() ? { departure_seconds: secondsOf(departs) } : {};
  return { stop: stop?.id ?? "", arrival_seconds, ...waits };
}

/** @param {{ name: string, stops: Line[] }} values */
function faults({ name, stops }) {
  /** @type {Record<string, string>} */
  const found = {};
  if (!name.trim()) found.name = t("cat.needed");
  let latest = 0;
  for (const [at, line] of stops.entries()) {
    const arrives = secondsOf(line.arrives || (at ? "" : "0"));
    const departs = line.departs.trim() ? secondsOf(line.departs) : arrives;
    const place = at + 1;
    if (!line.stop) found.stops ??= t("cat.route.no.stop", { place });
    else if (arrives === null || departs === null)
      found.stops ??= t("cat.route.no.time", { place });
    else if (arrives < latest || departs < arrives)
      found.stops ??= t("cat.route.backwards", { place });
    else latest = departs;
  }
  return found;
}
