// Who travels: found by seat, booking or name, boarded by hand, taken back; who is missing; what the server has decided
// otherwise; and, for staff, giving away the seats of those who have not come.
import { ApiError } from "../core/api.js";
import { html, Icon, now, signal, tick, useEffect, useState } from "../core/dom.js";
import { t, time } from "../core/text.js";
import { announce, Dialog, Field, toast } from "../core/ui.js";
import { boardings, counts, releaseNoShows, scan } from "./desk.js";
import { found, isAboard, keyOf, lineOf } from "./door.js";
import { change, conflicts, entries, undo } from "./outbox.js";
import { door, isConnected, isStaff, stopAt } from "./place.js";
import { isWaiting, wayBack } from "./queue.js";
import { zone } from "./zone.js";

/** @typedef {import("./door.js").Line} Line */
/** @typedef {import("./queue.js").Entry} Entry */
/** @typedef {"here" | "missing" | "all"} Part */

const PARTS = /** @type {Part[]} */ (["missing", "here", "all"]);
/** What somebody looks for, from the field below the camera, too. */
export const wanted = signal("");
const part = signal(/** @type {Part} */ ("missing"));

export function List() {
  const at = door.value;
  if (!at) return null;
  const here = stopAt.value;
  const all = found(at, wanted.value);
  const own = takenBack(at);
  const lines = wanted.value
    ? all
    : all.filter((line) => {
        const isHere = line.from === here;
        if (part.value === "all") return true;
        if (part.value === "here") return isHere;
        return isHere && line.status === "VALID" && !isAboard(line, boardings.value);
      });
  return html`
    <section class="scan-list" aria-label=${t("scan.list")}>
      <${Field} label=${t("scan.search")} name="scan-search" type="search" autocomplete="off" value=${wanted.value}
        onValue=${(/** @type {string} */ text) => {
          wanted.value = text;
        }} />
      <div class="switch" role="group" aria-label=${t("scan.part")}>${PARTS.map(
        (each) =>
          html`<button type="button" key=${each} aria-pressed=${part.value === each && !wanted.value} onClick=${() => {
            wanted.value = "";
            part.value = each;
          }}>${t(`scan.part.${each}`)}</button>`,
      )}</div>
      <${Stops} />
      ${lines.length ? html`<ul class="scan-people">${lines.map((line) => html`<${Person} key=${line.ticket} line=${line} own=${own.get(line.ticket)} />`)}</ul>` : html`<p class="scan-nobody"><${Icon} name="circle-check" />${t(wanted.value ? "scan.nobody.found" : part.value === "missing" ? "scan.nobody.missing" : "scan.nobody")}</p>`}
      ${isStaff.value && html`<${NoShows} />`}
    </section>`;
}

/** How many at each stop; where it stands stands out. */
function Stops() {
  const rows = counts.value.filter(({ expected }, index) => expected > 0 || index === stopAt.value);
  return html`<ul class="scan-stops" aria-label=${t("scan.stops")}>${rows.map((each) => {
    const isHere = each === counts.value[stopAt.value];
    return html`<li key=${each.departs_at} aria-current=${isHere ? "location" : null}>
      <span>${each.stop.name}<small>${time(each.departs_at, zone())}</small></span>
      <strong>${t("scan.of", { boarded: each.boarded, count: each.expected })}</strong></li>`;
  })}</ul>`;
}

/** Whose boardings may be taken back, by ticket.
 * @param {import("./door.js").Door} at @returns {Map<string, Entry>} */
function takenBack(at) {
  const ways = entries.value.filter((each) => each.bus === at.bus_id && wayBack(each, now()));
  return new Map(ways.map((each) => [keyOf(at, each.reading), each]));
}

/** @param {{ line: Line, own: Entry | undefined }} props */
function Person({ line, own }) {
  const isIn = isAboard(line, boardings.value);
  const isUnsent = boardings.value.get(line.ticket)?.isWaiting;
  const state = line.status !== "VALID" ? line.status : isIn ? "aboard" : "missing";
  const icon = { aboard: "circle-check", missing: "hourglass", CANCELLED: "ban", NO_SHOW: "ban" }[
    state
  ];
  return html`<li class="scan-person" data-state=${state}>
    <strong class="scan-person-seat">${line.seat}</strong>
    <span class="scan-person-who"><b class="scan-person-name">${line.name}</b><small>${line.ref} · ${line.from_stop.name} → ${line.to_stop.name}</small>
      <small class="scan-person-state"><${Icon} name=${icon} />${stateText(line, state)}${isUnsent && html` · <${Icon} name="clock" />${t("scan.unsent.one")}`}</small></span>
    ${state === "missing" && html`<button type="button" class="button primary" aria-label=${t("scan.board.who", { name: line.name, seat: line.seat })} onClick=${() => scan({ ref: line.ref, seat: line.seat })}>${t("scan.board")}</button>`}
    ${isIn && own && html`<button type="button" class="button" aria-label=${t("scan.undo.who", { name: line.name, seat: line.seat })} onClick=${() => undo(own)}><${Icon} name="undo-2" />${t("scan.undo")}</button>`}
  </li>`;
}

/** @param {Line} line @param {string} state */
function stateText(line, state) {
  if (state === "CANCELLED") return t("scan.is.cancelled");
  if (state === "NO_SHOW") return t("scan.is.no_show");
  if (state === "missing") return t("scan.missing.one");
  const when = boardings.value.get(line.ticket)?.at ?? line.boarded_at;
  return when ? t("scan.aboard.at", { time: time(when, zone()) }) : t("scan.aboard");
}

/** What was told here and the server has decided otherwise: the driver knows who sits in the bus. */
export function Conflicts() {
  const at = door.value;
  const count = conflicts.value.length;
  useEffect(() => {
    if (count) announce(t("scan.conflicts"));
  }, [count]);
  if (!count || !at) return null;
  return html`<section class="scan-conflicts" aria-label=${t("scan.conflicts")}>
    <h2><${Icon} name="triangle-alert" />${t("scan.conflicts")}</h2>
    <ul>${conflicts.value.map((entry) => {
      const line = entry.bus === at.bus_id ? lineOf(at, entry.reading) : null;
      const who = line
        ? t("scan.conflict.who", { seat: line.seat, name: line.name })
        : t("scan.conflict.somebody");
      const ways = wayBack(entry, now());
      return html`<li key=${entry.id}><p><strong>${who}</strong> ${conflictText(entry)}</p><div>
        ${ways && html`<button type="button" class="button small" onClick=${() => undo(entry)}><${Icon} name="undo-2" />${t("scan.undo")}</button>`}
        <button type="button" class="button small" onClick=${() => change(entry.id, { isSeen: true })}><${Icon} name="check" />${t("scan.conflict.seen")}</button></div></li>`;
    })}</ul>
  </section>`;
}

/** @param {Entry} entry */
function conflictText({ at, answer, undo: taken }) {
  const when = time(at, zone());
  if (taken === "refused") return t("scan.conflict.undo", { time: when });
  if (answer?.verdict === "ok") return t("scan.conflict.in", { time: when });
  const by = answer?.boarded;
  if (answer?.verdict === "already_boarded" && by)
    return t("scan.conflict.boarded", {
      time: when,
      at: time(by.at, zone()),
      by: by.by ?? t("scan.staff.one"),
    });
  return t("scan.conflict.out", {
    time: when,
    verdict: t(`scan.is.${answer?.verdict ?? "unknown"}`),
  });
}

/** The last one that was let in here, to be taken back at once. */
export function Last() {
  const at = door.value;
  const last = entries.value.findLast((each) => each.bus === at?.bus_id && wayBack(each, now()));
  if (!last || !at) return null;
  const line = lineOf(at, last.reading);
  const who = line
    ? t("scan.conflict.who", { seat: line.seat, name: line.name })
    : t("scan.conflict.somebody");
  return html`<p class="scan-last"><${Icon} name=${isWaiting(last) ? "clock" : "circle-check"} /><span>${t("scan.last", { who, time: time(last.at, zone()) })}</span>
    <button type="button" class="button small" onClick=${() => undo(last)}><${Icon} name="undo-2" />${t("scan.undo")}</button></p>`;
}

/** Shown once the bus should have left this stop; how long people are waited for is the server's business. */
function NoShows() {
  const [isAsking, ask] = useState(false);
  const here = counts.value[stopAt.value];
  if (!here || here.missing === 0 || Date.parse(here.departs_at) > tick.value) return null;
  const release = async () => {
    ask(false);
    try {
      const count = await releaseNoShows();
      toast(t(count ? "scan.released" : "scan.released.none", { count }), {
        icon: count ? "circle-check" : "clock",
      });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(error.message, { icon: "circle-alert", tone: "bad" });
    }
  };
  const actions = html`
    <button type="button" class="button" onClick=${() => ask(false)}>${t("scan.release.not")}</button>
    <button type="button" class="button danger" onClick=${release}>${t("scan.release")}</button>`;
  return html`<button type="button" class="button danger wide scan-big" aria-disabled=${!isConnected.value} onClick=${() => isConnected.peek() && ask(true)}><${Icon} name="users" />${t("scan.release")}</button>
    ${!isConnected.value && html`<p class="hint">${t("scan.release.offline")}</p>`}
    ${isAsking && html`<${Dialog} title=${t("scan.release.title")} onClose=${() => ask(false)} actions=${actions}><p>${t("scan.release.body")}</p></${Dialog}>`}`;
}
