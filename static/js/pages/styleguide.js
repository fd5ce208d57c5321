// `/styleguide`: every component in every state, for those who build pages and those who judge them.
import guide from "messages/styleguide";
import { Journey } from "../booking/journey.js";
import { ApiError } from "../core/api.js";
import { html, Icon, now, signal, useState } from "../core/dom.js";
import { mount } from "../core/shell.js";
import { learn, money, t, term } from "../core/text.js";
import { Dialog, Failure, Field, Notice, Skeleton, toast } from "../core/ui.js";
import { Countdown } from "../seatmap/countdown.js";
import { SeatMap } from "../seatmap/grid.js";
import { SeatList } from "../seatmap/list.js";
import { Legend } from "../seatmap/panel.js";

learn(guide);

/** @typedef {import("../api.d.ts").Seat} Seat */
/** @typedef {import("../seatmap/grid.js").View} View */

const COLOURS =
  "paper surface raised sunken line edge ink ink-soft brand brand-strong brand-tint on-brand accent on-accent good good-tint bad bad-tint warn-tint class-standard class-comfort class-panorama class-berth".split(
    " ",
  );
const ICONS =
  "accessibility arrow-left arrow-right bed bus calendar-days check chevron-left circle-alert clock credit-card history info languages lock mail map-pin moon printer refresh-cw search shield-check sparkles sun ticket timer trash-2 undo-2 user users wifi-off x".split(
    " ",
  );
const VIEWS = /** @type {View[]} */ (["available", "mine", "pending", "held", "booked", "blocked"]);
const CLASSES = ["standard", "comfort", "panorama", "berth"];
const EURO = "EUR";
const MINUTE_MS = 60_000;

/** @type {Seat[]} */
const seats = CLASSES.flatMap((seat_class, row) =>
  VIEWS.map((_, index) => ({
    seat: `${row + 1}${"ABCDEF"[index]}`,
    // Berths are longer, and a deck has them or has none.
    deck: seat_class === "berth" ? 2 : 1,
    row: row + 1,
    column: index < 3 ? index + 1 : index + 2,
    seat_class,
    attributes: index === 0 ? ["window", "accessible"] : [],
    status: "AVAILABLE",
    states: "A",
    price: { amount: 1900 + 500 * row, currency: EURO },
  })),
);
const views = signal(new Map(seats.map(({ seat }, at) => [seat, VIEWS[at % VIEWS.length]])));
const toggle = (/** @type {string} */ seat) => {
  const is = views.peek().get(seat);
  if (is !== "available" && is !== "mine") return;
  views.value = new Map(views.value).set(seat, is === "mine" ? "available" : "mine");
};
const deckNames = (/** @type {number} */ deck) => t(deck === 1 ? "deck.lower" : "deck.upper");
const nothing = () => {};
const isWide = matchMedia("(min-width: 900px)").matches;

function GuidePage() {
  return html`
    <div class="guide">
      <div><h1>${t("guide.title")}</h1><p>${t("guide.lead")}</p></div>
      <${Part} name="colours"><ul class="guide-colours">${COLOURS.map((name) => html`<li key=${name}><span style=${{ "--shown": `var(--${name})` }}></span><code>${name}</code></li>`)}</ul></${Part}>
      <${Type} /><${Buttons} /><${Chips} /><${Fields} /><${Messages} /><${Dialogs} /><${Seats} /><${Cards} /><${Tables} />
      <${Part} name="icons"><ul class="guide-icons">${ICONS.map((name) => html`<li key=${name}><${Icon} name=${name} /><code>${name}</code></li>`)}</ul></${Part}>
    </div>`;
}

/** @param {{ name: string, children?: any }} props */
const Part = ({ name, children }) => html`
  <section id=${name} aria-labelledby=${`${name}-title`}><h2 id=${`${name}-title`}>${term("guide", name)}</h2>${children}</section>`;

function Type() {
  return html`
    <${Part} name="type"><div class="hero" data-asked><p class="trip-name">${t("result.departs")}</p><h3>${t("guide.type.hero")}</h3></div>
      <p>${t("guide.type.body")} <a href="#type">${t("guide.type.link")}</a></p>
      <p class="hint">${t("checkout.email.hint")}</p><p><code>GET /api/v1/buses</code></p></${Part}>`;
}

function Buttons() {
  const kinds = /** @type {const} */ (["", "primary", "danger", "quiet", "small"]);
  return html`
    <${Part} name="buttons">
      <div class="specimens">${kinds.map((kind) => html`<button type="button" key=${kind} class=${`button ${kind}`}>${t(kind ? `guide.button.${kind}` : "guide.button")}</button>`)}</div>
      <div class="specimens">${kinds.map((kind) => html`<button type="button" key=${kind} class=${`button ${kind}`} aria-disabled="true">${t("guide.button.off")}</button>`)}</div>
      <div class="specimens"><button type="button" class="button primary"><${Icon} name="search" />${t("search.go")}</button>
        <button type="button" class="button">${t("summary.go")}<${Icon} name="arrow-right" class="flip" /></button>
        <button type="button" class="icon-button" aria-label=${t("close")}><${Icon} name="x" /></button></div>
      <button type="button" class="button primary wide">${t("checkout.go")}</button>
    </${Part}>`;
}

function Chips() {
  const [at, turn] = useState(0);
  const names = [t("map.map"), t("map.list")];
  return html`
    <${Part} name="chips">
      <div class="chips"><button type="button" class="chip" aria-pressed="true">${t("guide.chip.on")}</button><button type="button" class="chip" aria-pressed="false">${t("guide.chip.off")}</button></div>
      <div class="specimens"><div class="switch" role="group" aria-label=${t("map.switch")}>${names.map((name, index) => html`<button type="button" key=${name} aria-pressed=${index === at} onClick=${() => turn(index)}>${name}</button>`)}</div></div>
      <div class="tabs" role="tablist" aria-label=${t("map.decks")}>${names.map((name, index) => html`<button type="button" role="tab" key=${name} aria-selected=${index === at} onClick=${() => turn(index)}>${name}</button>`)}</div>
    </${Part}>`;
}

function Fields() {
  const [value, set] = useState("");
  const select = html`<select id="guide-select">${["adult", "child", "senior"].map((each) => html`<option key=${each}>${term("category", each)}</option>`)}</select>`;
  return html`
    <${Part} name="fields"><div class="guide-fields">
      <${Field} label=${t("guide.field")} name="guide-plain" value=${value} onValue=${set} />
      <${Field} label=${t("guide.field")} name="guide-hint" hint=${t("guide.field.hint")} />
      <${Field} label=${t("guide.field")} name="guide-error" error=${t("guide.field.error")} value="?" />
      <${Field} label=${t("checkout.email")} name="guide-email" type="email" value="ada@example.org" />
      <${Field} label=${t("search.date")} name="guide-date" type="date" />
      <${Field} label=${t("checkout.category")} name="guide-select">${select}</${Field}>
      <label class="check"><input type="checkbox" checked />${t("guide.field.check")}</label>
      <label class="check"><input type="checkbox" />${t("guide.field.check")}</label>
    </div>
    <div class="faults"><h3>${t("checkout.faults", { count: 2 })}</h3><ul><li><a href="#guide-error">${t("guide.field.error")}</a></li></ul></div></${Part}>`;
}

function Messages() {
  const tones = /** @type {const} */ (["info", "good", "bad"]);
  const offline = new ApiError({ status: 0, code: "offline", title: "" });
  const say = (/** @type {"info" | "good" | "bad"} */ tone) =>
    toast(t("guide.toast.text"), { tone, action: { label: t("undo"), run: nothing } });
  return html`
    <${Part} name="messages">
      <${Notice} icon="info" title=${t("guide.notice")}><p>${t("guide.notice.body")}</p></${Notice}>
      <${Failure} error=${offline} retry=${nothing} />
      <div class="banner" data-tone="bad"><${Icon} name="wifi-off" /><span>${t("guide.banner")}</span><button type="button" class="button small">${t("retry")}</button></div>
      <div class="specimens">${tones.map((tone) => html`<button type="button" key=${tone} class="button" onClick=${() => say(tone)}>${t(`guide.toast.${tone}`)}</button>`)}</div>
      <h3>${t("guide.loading")}</h3><${Skeleton} lines=${2} />
    </${Part}>`;
}

function Dialogs() {
  const [isAsking, ask] = useState(false);
  const [opened] = useState(now);
  const close = () => ask(false);
  const at = (/** @type {number} */ minutes) =>
    new Date(opened + minutes * MINUTE_MS).toISOString();
  const actions = html`<button type="button" class="button quiet" onClick=${close}>${t("clock.later")}</button><button type="button" class="button primary" onClick=${close}>${t("clock.keep")}</button>`;
  return html`
    <${Part} name="dialogs"><div class="specimens"><button type="button" class="button" onClick=${() => ask(true)}>${t("guide.dialog")}</button>
      <${Countdown} until=${at(4)} total=${300} onOver=${nothing} /><${Countdown} until=${at(0.5)} total=${300} label=${t("pay.left")} onOver=${nothing} /></div>
      ${isAsking && html`<${Dialog} title=${t("guide.dialog.title")} onClose=${close} actions=${actions}><p>${t("guide.dialog.body")}</p></${Dialog}>`}</${Part}>`;
}

function Seats() {
  const shared = { seats, views, toggle, deckNames, isWide, leave: nothing };
  return html`
    <${Part} name="seats"><p class="hint">${t("guide.seats.body")}</p>
      <div class="card map"><${SeatMap} ...${shared} best=${nothing} /></div>
      <${Legend} seats=${seats} views=${views} />
      <div class="card"><${SeatList} ...${shared} /></div></${Part}>`;
}

function Cards() {
  const zone = "Europe/Berlin";
  const trip = {
    operator: "Nordlicht",
    name: "N1 Southern Star",
    from: { name: "Berlin ZOB", zone, at: "2026-12-24T22:05:00+01:00" },
    to: { name: "München ZOB", zone, at: "2026-12-25T06:35:00+01:00" },
  };
  const states = ["CONFIRMED", "PENDING", "PARTIALLY_CANCELLED", "CANCELLED", "EXPIRED", "FAILED"];
  return html`
    <${Part} name="cards"><div class="card"><${Journey} trip=${trip} /></div>
      <ol class="steps" aria-label=${t("checkout.steps")}><li data-done><span class="step-mark"><${Icon} name="check" /></span>${t("step.seats")}</li>
        <li aria-current="step"><span class="step-mark">2</span>${t("step.details")}</li><li><span class="step-mark">3</span>${t("step.payment")}</li></ol>
      <ul class="trips">${states.map((status) => html`<li key=${status} class="trip-line" data-status=${status}><a href="#cards"><span class="trip-way"><strong><bdi>${trip.from.name}</bdi> <${Icon} name="arrow-right" class="flip" /> <bdi>${trip.to.name}</bdi></strong></span><span class="status">${term("booking", status)}</span></a></li>`)}</ul></${Part}>`;
}

function Tables() {
  const price = (/** @type {string} */ name) =>
    seats.find((each) => each.seat_class === name)?.price;
  return html`
    <${Part} name="tables"><dl class="ticket-facts card"><div><dt>${t("booking.total")}</dt><dd>${money({ amount: 12_345, currency: EURO })}</dd></div><div><dt>${t("booking.seat")}</dt><dd>12A</dd></div></dl>
      <table class="guide-table"><caption>${t("guide.table.caption")}</caption>
        <thead><tr><th scope="col">${t("legend.title")}</th><th scope="col">${t("summary.total")}</th></tr></thead>
        <tbody>${CLASSES.map((name) => html`<tr key=${name}><th scope="row">${term("class", name)}</th><td>${money(price(name) ?? { amount: 0, currency: EURO })}</td></tr>`)}</tbody></table></${Part}>`;
}

mount(GuidePage, t("guide.title"));
