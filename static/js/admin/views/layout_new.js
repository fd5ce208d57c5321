// A layout is drawn: with a brush, or with the keyboard alone. Nothing is kept before it is saved.
import { ApiError, get } from "../../core/api.js";
import { html, Icon, useEffect, useRef, useState } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { announce, toast } from "../../core/ui.js";
import { add, canAdd, Head, mayDiscard, owned } from "../catalogue/parts.js";
import { Board, describe, focusCell } from "../layout/board.js";
import { ExportButton, ImportButton } from "../layout/exchange.js";
import { begin, draw, redo, step, undo } from "../layout/history.js";
import { CLASS_KEYS, onto } from "../layout/keys.js";
import { number, numberRest } from "../layout/numbering.js";
import {
  addColumn,
  addDeck,
  addRow,
  cellAt,
  deriveAttributes,
  fromSeats,
  judge,
  paint,
  placesOf,
  relabel,
  removeColumn,
  removeDeck,
  removeRow,
  toSeats,
} from "../layout/plan.js";
import { planOf, TEMPLATES } from "../layout/templates.js";
import { Brushes, Findings, Numbering } from "../layout/tools.js";
import { Shown, useLoaded } from "../load.js";
import { askBeforeLeaving, go, leaveFreely } from "../place.js";

/** @typedef {import("../layout/plan.js").Plan} Plan */
/** @typedef {import("../layout/plan.js").Place} Place */
/** @typedef {import("../layout/plan.js").Brush} Brush */
/** @typedef {import("../layout/keys.js").Deed} Deed */

const START = { deck: 0, row: 0, column: 0 };

/** @param {import("../nav.js").ViewProps} props */
export default function LayoutNew({ query }) {
  const from = query.get("from");
  const loaded = useLoaded(
    () => (from ? get(`/admin/layouts/${from}`) : Promise.resolve({ name: "", seats: null })),
    [from],
  );
  return html`<${Shown} isPage of=${loaded}>${(/** @type {any} */ source) => html`<${Editor} key=${from} source=${source} />`}</${Shown}>`;
}

/** @param {{ source: { name: string, seats: any[] | null } }} props */
function Editor({ source }) {
  const [first] = useState(() => (source.seats ? fromSeats(source.seats) : planOf("empty")));
  const [history, setHistory] = useState(() => begin(first));
  const [at, setAt] = useState(/** @type {Place} */ (START));
  const [brush, setBrush] = useState(/** @type {Brush} */ (CLASS_KEYS.s));
  const [name, setName] = useState(source.name ? t("cat.copy.of", { name: source.name }) : "");
  const drawn = useRef({ brush, stroke: 0 });
  const plan = history.present;
  const { faults, hints } = judge(plan);
  const isChanged = history.past.length > 0;
  useWarning(isChanged);

  const put = (/** @type {Plan} */ next) => setHistory((before) => step(before, next));
  const travel = (/** @type {Place} */ place, /** @type {Plan} */ on = plan) => {
    const near = onto(on, place, place.deck);
    setAt(near);
    focusCell(near);
  };
  const turn = (/** @type {typeof undo} */ way) => {
    const next = way(history);
    if (next === history || next.present === plan) return;
    setHistory(next);
    travel(at, next.present);
    announce(t(way === undo ? "cat.undone" : "cat.redone"));
  };
  const stroke = (/** @type {Place} */ place, /** @type {boolean} */ isNew) => {
    if (isNew)
      drawn.current = {
        brush: meant(brush, plan, at, place, true),
        stroke: drawn.current.stroke + 1,
      };
    const { brush: wanted, stroke: nth } = drawn.current;
    setAt(place);
    // The pointer may come over several cells before anything is drawn anew.
    setHistory((before) => draw(before, paint(before.present, place, wanted), nth));
  };
  const perform = (/** @type {Deed} */ deed) => {
    if (deed.do === "undo" || deed.do === "redo") return turn(deed.do === "undo" ? undo : redo);
    if (deed.do === "label") return document.getElementById("seat-label")?.focus();
    const next = afterDeed(plan, at, deed, brush);
    put(next);
    if (deed.do === "move") return travel(deed.to, next);
    travel(at, next);
    announce(describe(next, onto(next, at, at.deck)));
  };
  return html`
    <${Head} title=${t("cat.layouts.add")} back=${{ href: "/admin/layouts", label: t("admin.nav.layouts") }} sub=${t("cat.layout.new.sub")}>
      <${ImportButton} onRead=${(/** @type {string} */ read, /** @type {Plan} */ found) => {
        put(found);
        setAt(START);
        if (!name) setName(read);
      }} />
      <${ExportButton} name=${name} seats=${toSeats(plan)} />
    </${Head}>
    <div class="drawing">
      <section class="card drawing-board" aria-label=${t("cat.board")}>
        ${!isChanged && !source.seats && html`<${Templates} choose=${(/** @type {string} */ template) => put(planOf(template))} />`}
        <${Bar} history=${history} plan=${plan} at=${at} turn=${turn} put=${put} setAt=${setAt} />
        <${Board} plan=${plan} at=${at} marked=${faults.flatMap(({ places }) => places ?? [])} name=${t("cat.board.name", { deck: at.deck + 1 })}
          onDeed=${perform} onStroke=${stroke} onFocus=${setAt} />
        <p class="hint" id="board-keys">${t("cat.board.keys")}</p>
      </section>
      <div class="drawing-tools">
        <section class="card"><${Save} name=${name} setName=${setName} plan=${plan} faults=${faults.length} /></section>
        <section class="card"><${Findings} faults=${faults} hints=${hints} count=${placesOf(plan).length} go=${(/** @type {Place} */ place) => travel(place)} /></section>
        <section class="card"><${Brushes} brush=${brush} choose=${setBrush} /><${SeatLabel} plan=${plan} at=${at} put=${put} /></section>
        <section class="card"><${Numbering} plan=${plan} onNumber=${(/** @type {any} */ scheme, /** @type {boolean} */ isRest) => put((isRest ? numberRest : number)(plan, scheme))} />
          <button type="button" class="button small" onClick=${() => put(deriveAttributes(plan))}><${Icon} name="sparkles" />${t("cat.plan.derive")}</button></section>
      </div>
    </div>`;
}

/** A stroke that begins on a seat that has the attribute takes it away, all along.
 * @param {Brush} brush @param {Plan} plan @param {Place} at @param {Place} place @param {boolean} isNew @returns {Brush} */
function meant(brush, plan, at, place, isNew) {
  if (brush.kind !== "attribute") return brush;
  const has = (/** @type {Place} */ where) =>
    cellAt(plan, where)?.attributes.includes(brush.attribute) ?? false;
  return { ...brush, isOn: isNew ? !has(place) : has(at) };
}

/** @param {Plan} plan @param {Place} at @param {Deed} deed @param {Brush} brush @returns {Plan} */
function afterDeed(plan, at, deed, brush) {
  switch (deed.do) {
    case "move":
      return deed.paints ? paint(plan, deed.to, meant(brush, plan, at, deed.to, false)) : plan;
    case "paint": {
      const wanted = deed.brush ?? brush;
      return paint(plan, at, meant(wanted, plan, at, at, true));
    }
    case "attribute":
      return paint(
        plan,
        at,
        meant({ kind: "attribute", attribute: deed.attribute, isOn: true }, plan, at, at, true),
      );
    case "row":
      if (deed.is === "remove") return removeRow(plan, at.deck, at.row);
      return addRow(plan, at.deck, at.row + 1, deed.is === "copy" ? at.row : undefined);
    case "column":
      return deed.is === "remove"
        ? removeColumn(plan, at.deck, at.column)
        : addColumn(plan, at.deck, at.column + 1);
    default:
      return plan;
  }
}

/** @param {{ choose: (template: string) => void }} props */
const Templates = ({ choose }) => html`
  <div class="chips" role="group" aria-label=${t("cat.template")}>
    <span class="hint">${t("cat.template")}</span>
    ${TEMPLATES.filter((each) => each !== "empty").map((each) => html`<button key=${each} type="button" class="chip" onClick=${() => choose(each)}>${each}</button>`)}
  </div>`;

/** Decks, rows and columns, and the way back.
 * @param {{ history: import("../layout/history.js").History<Plan>, plan: Plan, at: Place, turn: (way: typeof undo) => void, put: (plan: Plan) => void, setAt: (place: Place) => void }} props */
function Bar({ history, plan, at, turn, put, setAt }) {
  const button = (
    /** @type {string} */ icon,
    /** @type {string} */ label,
    /** @type {() => void} */ run,
    isOff = false,
  ) =>
    html`<button type="button" class="button small quiet" aria-disabled=${isOff} title=${label} onClick=${() => !isOff && run()}><${Icon} name=${icon} />${label}</button>`;
  const dropDeck = () => {
    const next = removeDeck(plan, at.deck);
    put(next);
    setAt(onto(next, at, at.deck));
  };
  const move = (/** @type {Plan} */ next) => {
    put(next);
    setAt(onto(next, at, at.deck));
  };
  return html`
    <div class="board-bar" role="toolbar" aria-label=${t("cat.board.bar")}>
      ${button("undo", t("undo"), () => turn(undo), !history.past.length)}
      ${button("redo", t("cat.redo"), () => turn(redo), !history.future.length)}
      ${button("plus", t("cat.board.row"), () => put(addRow(plan, at.deck, at.row + 1)))}
      ${button("copy", t("cat.board.row.copy"), () => put(addRow(plan, at.deck, at.row + 1, at.row)))}
      ${button("minus", t("cat.board.row.remove"), () => move(removeRow(plan, at.deck, at.row)))}
      ${button("plus", t("cat.board.column"), () => put(addColumn(plan, at.deck, at.column + 1)))}
      ${button("minus", t("cat.board.column.remove"), () => move(removeColumn(plan, at.deck, at.column)))}
      ${button("layers", t("cat.board.deck"), () => put(addDeck(plan)), plan.decks.length === 3)}
      ${plan.decks.length > 1 && button("trash-2", t("cat.board.deck.remove"), dropDeck)}
    </div>
    <${DeckTabs} plan=${plan} at=${at} go=${(/** @type {number} */ deck) => setAt(onto(plan, at, deck))} />`;
}

/** @param {{ plan: Plan, at: Place, go: (deck: number) => void }} props */
export function DeckTabs({ plan, at, go: show }) {
  if (plan.decks.length < 2) return null;
  return html`<div class="switch" role="group" aria-label=${t("map.decks")}>${plan.decks.map((_, deck) => html`<button key=${deck} type="button" aria-pressed=${deck === at.deck} onClick=${() => show(deck)}>${t("cat.board.deck.of", { deck: deck + 1 })}</button>`)}</div>`;
}

/** What the seat under the cursor is called.
 * @param {{ plan: Plan, at: Place, put: (plan: Plan) => void }} props */
function SeatLabel({ plan, at, put }) {
  const cell = cellAt(plan, at);
  const keep = (/** @type {any} */ event) => put(relabel(plan, at, event.target.value));
  const onKeyDown = (/** @type {any} */ event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    if (event.key === "Enter") keep(event);
    event.preventDefault();
    focusCell(at);
  };
  return html`
    <div class="field"><label for="seat-label">${t("cat.board.label")}</label>
      <input id="seat-label" maxlength="6" autocomplete="off" spellcheck="false" disabled=${!cell} value=${cell?.label ?? ""} onChange=${keep} onKeyDown=${onKeyDown} /></div>`;
}

/** @param {{ name: string, setName: (name: string) => void, plan: Plan, faults: number }} props */
function Save({ name, setName, plan, faults }) {
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const keep = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy || !canAdd()) return;
    if (!name.trim()) return setFault(t("cat.layout.name.needed"));
    if (faults) return setFault(t("cat.layout.faults", { count: faults }));
    setBusy(true);
    try {
      const made = await add("/admin/layouts", owned({ name, seats: toSeats(plan) }));
      toast(t("cat.added", { name: made.name }), { icon: "circle-check", tone: "good" });
      leaveFreely();
      go(`/admin/layouts/${made.id}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFault(error.code === "already_exists" ? t("cat.layout.name.taken") : error.message);
    } finally {
      setBusy(false);
    }
  };
  const write = (/** @type {any} */ event) => {
    setName(event.target.value);
    setFault("");
  };
  return html`
    <form class="form" onSubmit=${keep} novalidate>
      <div class="field"><label for="name">${t("cat.name")}</label>
        <input id="name" maxlength="120" value=${name} aria-invalid=${fault ? "true" : null} aria-describedby=${fault ? "name-error" : null} onInput=${write} />
        ${fault && html`<p class="field-error" id="name-error" role="alert"><${Icon} name="circle-alert" />${fault}</p>`}</div>
      <button class="button primary" aria-disabled=${isBusy}><${Icon} name="check" />${t(isBusy ? "admin.busy" : "cat.layout.save")}</button>
    </form>`;
}

/** Leaving the page asks first, as long as something is drawn, whether for another view or for good.
 * @param {boolean} isChanged */
function useWarning(isChanged) {
  useEffect(() => {
    if (!isChanged) return;
    const warn = (/** @type {BeforeUnloadEvent} */ event) => event.preventDefault();
    addEventListener("beforeunload", warn);
    const stopAsking = askBeforeLeaving(mayDiscard);
    return () => {
      removeEventListener("beforeunload", warn);
      stopAsking();
    };
  }, [isChanged]);
}
