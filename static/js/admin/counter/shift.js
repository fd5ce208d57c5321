// An agent's drawer: opened with what is in it, counted when the shift ends. What was taken in between, the server knows.
import { ApiError, get, post, user } from "../../core/api.js";
import { html, Icon, useState } from "../../core/dom.js";
import { money, t, time } from "../../core/text.js";
import { Dialog, toast } from "../../core/ui.js";
import { inUnits, minorUnits, typedAmount } from "../amounts.js";
import { FormFault, Input, Submit, useForm } from "../form.js";
import { CsvButton } from "../table.js";

/** @typedef {{ currency: string, float: number, sold: number, paid_out: number, expected: number, counted: number | null, difference: number | null }} Balance */
/** @typedef {{ id: string, status: string, opened_at: string, closed_at: string | null, balances: Balance[] }} Shift */
/** @typedef {{ kind: string, at: string, ref: string, amount: import("../../api.d.ts").Money }} ShiftLine */
/** @typedef {{ shift: Shift, lines: ShiftLine[] }} CashUp */

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The open shift of whoever is signed in, or null.
 * @returns {Promise<CashUp | null>} */
export async function currentShift() {
  try {
    return await get("/shifts/current");
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

/** @param {{ cashUp: CashUp | null, currency: string, reload: () => Promise<void> }} props */
export function ShiftBar({ cashUp, currency, reload }) {
  const [asked, ask] = useState(/** @type {"open" | "close" | null} */ (null));
  const [closed, setClosed] = useState(/** @type {CashUp | null} */ (null));
  const done = async (/** @type {CashUp | null} */ result) => {
    ask(null);
    setClosed(result);
    await reload();
  };
  const close = () => ask(null);
  return html`
    <section class="card shift-bar" aria-label=${t("shift.label")} data-open=${cashUp ? "" : null}>
      <${Icon} name="wallet" />
      ${
        cashUp
          ? html`<p><strong>${t("shift.open", { time: time(cashUp.shift.opened_at, zone) })}</strong>
              <span>${t("shift.drawer", { amount: sums(cashUp.shift.balances, currency) })}</span></p>
            <button type="button" class="button small" onClick=${() => ask("close")}>${t("shift.close")}</button>`
          : html`<p><strong>${t("shift.none")}</strong><span>${t("shift.none.body")}</span></p>
            <button type="button" class="button small primary" onClick=${() => ask("open")}>${t("shift.start")}</button>`
      }
      ${asked === "open" && html`<${OpenDialog} currency=${currency} onClose=${close} onDone=${() => done(null)} />`}
      ${asked === "close" && cashUp && html`<${CloseDialog} cashUp=${cashUp} currency=${currency} onClose=${close} onDone=${done} />`}
      ${closed && html`<${CashUpDialog} cashUp=${closed} onClose=${() => setClosed(null)} />`}
    </section>`;
}

/** @param {Balance[]} balances @param {string} currency */
const sums = (balances, currency) =>
  (balances.length ? balances : [{ currency, expected: 0 }])
    .map((each) => money({ amount: each.expected, currency: each.currency }))
    .join(" + ");

/** @param {{ currency: string, onClose: () => void, onDone: () => void }} props */
function OpenDialog({ currency, onClose, onDone }) {
  const form = useForm(
    { float: "" },
    async ({ float }, key) => {
      const amount = minorUnits(float || "0", currency);
      await post("/shifts", { float: [{ amount, currency }] }, { key });
      toast(t("shift.opened"), { icon: "wallet", tone: "good" });
      onDone();
    },
    {
      check: ({ float }) =>
        minorUnits(float || "0", currency) === null ? { float: t("shift.amount.wrong") } : {},
    },
  );
  return html`
    <${Dialog} title=${t("shift.start")} onClose=${onClose} actions=${html`<button type="button" class="button" onClick=${onClose}>${t("cancel")}</button>`}>
      <form class="form" novalidate onSubmit=${form.submit}>
        <${FormFault} form=${form} />
        <${Input} form=${form} name="float" label=${t("shift.float", { currency })} inputmode="decimal" autocomplete="off" hint=${t("shift.float.hint")} />
        <${Submit} form=${form}>${t("shift.start")}</${Submit}>
      </form>
    </${Dialog}>`;
}

/** @param {{ cashUp: CashUp, currency: string, onClose: () => void, onDone: (result: CashUp) => void }} props */
function CloseDialog({ cashUp, currency, onClose, onDone }) {
  const { shift, lines } = cashUp;
  const balances = shift.balances.length
    ? shift.balances
    : [{ currency, float: 0, sold: 0, paid_out: 0, expected: 0, counted: null, difference: null }];
  const empty = Object.fromEntries(balances.map((each) => [each.currency, ""]));
  const form = useForm(
    empty,
    async (values, key) => {
      const counted = balances.map((each) => ({
        amount: minorUnits(values[each.currency], each.currency),
        currency: each.currency,
      }));
      onDone(await post(`/shifts/${shift.id}/close`, { counted }, { key }));
    },
    {
      check: (values) =>
        Object.fromEntries(
          balances
            .filter((each) => minorUnits(values[each.currency], each.currency) === null)
            .map((each) => [each.currency, t("shift.amount.wrong")]),
        ),
    },
  );
  return html`
    <${Dialog} title=${t("shift.close")} onClose=${onClose} actions=${html`<button type="button" class="button" onClick=${onClose}>${t("shift.later")}</button>`}>
      <p>${t("shift.close.body", { count: lines.length })}</p>
      <form class="form" novalidate onSubmit=${form.submit}>
        <${FormFault} form=${form} />
        ${balances.map((each) => html`<${Counted} key=${each.currency} form=${form} balance=${each} />`)}
        <${Submit} form=${form}>${t("shift.close.go")}</${Submit}>
      </form>
    </${Dialog}>`;
}

/** @param {{ form: import("../form.js").Form<any>, balance: Balance }} props */
function Counted({ form, balance }) {
  const { currency, expected } = balance;
  const counted = minorUnits(form.values[currency], currency);
  const difference = counted === null ? null : counted - expected;
  return html`
    <${Lines} balance=${balance} />
    <${Input} form=${form} name=${currency} label=${t("shift.counted", { currency })} inputmode="decimal" autocomplete="off" placeholder=${typedAmount(expected, currency)} />
    <p class="difference" role="status" data-tone=${difference === null ? null : difference === 0 ? "good" : "bad"}>
      ${difference === null ? "" : differenceText(difference, currency)}</p>`;
}

/** @param {number} difference @param {string} currency */
function differenceText(difference, currency) {
  if (difference === 0) return t("shift.even");
  const amount = money({ amount: Math.abs(difference), currency });
  return t(difference > 0 ? "shift.over" : "shift.short", { amount });
}

/** @param {{ balance: Balance }} props */
function Lines({ balance: { currency, float, sold, paid_out, expected } }) {
  const say = (/** @type {number} */ amount) => money({ amount, currency });
  return html`
    <dl class="sums">
      <div><dt>${t("shift.line.float")}</dt><dd>${say(float)}</dd></div>
      <div><dt>${t("shift.line.sold")}</dt><dd>${say(sold)}</dd></div>
      ${paid_out > 0 && html`<div><dt>${t("shift.line.out")}</dt><dd>${say(-paid_out)}</dd></div>`}
      <div class="sum"><dt>${t("shift.line.expected")}</dt><dd>${say(expected)}</dd></div>
    </dl>`;
}

/** What a closed shift came to, to be printed or kept.
 * @param {{ cashUp: CashUp, onClose: () => void }} props */
function CashUpDialog({ cashUp, onClose }) {
  const { shift, lines } = cashUp;
  const columns = [
    {
      key: "kind",
      name: t("shift.kind"),
      csv: (/** @type {ShiftLine} */ line) => line.kind,
      cell: () => null,
    },
    {
      key: "at",
      name: t("shift.at"),
      csv: (/** @type {ShiftLine} */ line) => line.at,
      cell: () => null,
    },
    {
      key: "ref",
      name: t("booking.ref"),
      csv: (/** @type {ShiftLine} */ line) => line.ref,
      cell: () => null,
    },
    {
      key: "amount",
      name: t("shift.amount"),
      csv: (/** @type {ShiftLine} */ { amount }) => inUnits(amount.amount, amount.currency),
      cell: () => null,
    },
    {
      key: "currency",
      name: t("shift.currency"),
      csv: (/** @type {ShiftLine} */ line) => line.amount.currency,
      cell: () => null,
    },
  ];
  const actions = html`
    <${CsvButton} file=${`shift-${shift.id}`} columns=${columns} rows=${async () => lines} />
    <button type="button" class="button" onClick=${() => print()}><${Icon} name="printer" />${t("booking.print")}</button>
    <button type="button" class="button primary" onClick=${onClose}>${t("close")}</button>`;
  return html`
    <${Dialog} title=${t("shift.done")} onClose=${onClose} actions=${actions}>
      <p class="hint">${user.value?.name} · ${time(shift.opened_at, zone)} – ${shift.closed_at ? time(shift.closed_at, zone) : ""} · ${t("shift.lines", { count: lines.length })}</p>
      ${shift.balances.map(
        (each) => html`<${Lines} key=${each.currency} balance=${each} />
          <p class="difference" data-tone=${each.difference === 0 ? "good" : "bad"}>${t("shift.counted.was", { amount: money({ amount: each.counted ?? 0, currency: each.currency }) })} ${differenceText(each.difference ?? 0, each.currency)}</p>`,
      )}
    </${Dialog}>`;
}
