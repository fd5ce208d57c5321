// Cancellation rules: drafted, published for good, and made what is sold under.
import { call } from "../../core/api.js";
import { html, Icon, useState } from "../../core/dom.js";
import { money, t } from "../../core/text.js";
import { toast } from "../../core/ui.js";
import { minorUnits, typedAmount } from "../amounts.js";
import { Input, useForm } from "../form.js";
import { Shown } from "../load.js";
import { act, add, FormDialog, mayEdit, owned, RowButton, stamp, Tag, useAll } from "./parts.js";

/** @typedef {import("./api.d.ts").RefundRules} Rules */
/** @typedef {import("./api.d.ts").Term} Term */
/** @typedef {{ hours: string, percent: string, fee: string, key: number }} Line as it is typed */

let lineCount = 0;

/** @param {{ operator: string, currency: string }} props */
export function RefundRules({ operator, currency }) {
  const loaded = useAll("/admin/refund-rules", { operator });
  const [open, setOpen] = useState(/** @type {Rules | "new" | null} */ (null));
  const saved = () => {
    setOpen(null);
    loaded.reload();
  };
  const publish = async (/** @type {Rules} */ rules) => {
    const ask = {
      title: t("cat.rules.publish.ask", { name: titleOf(rules) }),
      body: t("cat.rules.publish.body"),
      action: t("cat.rules.publish"),
    };
    const run = () => add(`/admin/refund-rules/${rules.id}/publish`);
    if (await act({ ask, run, done: t("cat.rules.published.now") })) loaded.reload();
  };
  const use = async (/** @type {Rules} */ rules) => {
    const path = `/admin/operators/${operator}/refund-rules`;
    const ask = {
      title: t("cat.rules.use.ask", { name: titleOf(rules) }),
      body: t("cat.rules.use.body"),
      action: t("cat.rules.use"),
    };
    const body = { rules: rules.id, currency: rules.currency };
    const run = () => call("PUT", path, { body });
    if (await act({ ask, run, done: t("cat.rules.used.now", { name: titleOf(rules) }) }))
      loaded.reload();
  };
  return html`
    <section class="card rules" aria-labelledby="settings-rules">
      <h2 id="settings-rules">${t("cat.rules")}</h2>
      <p class="hint">${t("cat.rules.sub")}</p>
      <${Shown} of=${loaded} lines=${1}>${(/** @type {Rules[]} */ all) => html`
        ${all.length === 0 && html`<p>${t("cat.rules.empty")}</p>`}
        <ul class="rules-list">${all.map((rules) => html`<${OneRules} key=${rules.id} rules=${rules} edit=${setOpen} publish=${publish} use=${use} />`)}</ul>`}</${Shown}>
      ${mayEdit() && html`<div class="floor-actions"><button type="button" class="button" onClick=${() => setOpen("new")}><${Icon} name="plus" />${t("cat.rules.add")}</button></div>`}
    </section>
    ${open && html`<${RulesForm} rules=${open === "new" ? null : open} currency=${currency} onClose=${() => setOpen(null)} onSaved=${saved} />`}`;
}

/** @param {Rules} rules */
const titleOf = ({ name, version }) => t("cat.rules.title", { name, version });

/** @param {{ rules: Rules, edit: (rules: Rules) => void, publish: (rules: Rules) => void, use: (rules: Rules) => void }} props */
function OneRules({ rules, edit, publish, use }) {
  const isDraft = rules.status === "draft";
  return html`
    <li class="rules-one">
      <div>
        <h3>${titleOf(rules)}</h3>
        <${Tag} tone=${isDraft ? "warn" : rules.default ? "good" : undefined}>${t(isDraft ? "cat.rules.draft" : rules.default ? "cat.rules.used" : "cat.rules.published")}</${Tag}>
        ${rules.published_at && html`<small>${t("cat.rules.since", { time: stamp(rules.published_at) })}</small>`}
        ${rules.routes.length > 0 && html`<small>${t("cat.rules.routes", { count: rules.routes.length })}</small>`}
        <ul>${rules.terms.map((term, at) => html`<li key=${at}>${wordsOf(term, rules.currency)}</li>`)}</ul>
      </div>
      ${
        mayEdit() &&
        html`<span class="row-buttons">
        ${isDraft && html`<${RowButton} icon="pencil" label=${t("cat.edit")} of=${titleOf(rules)} run=${() => edit(rules)} />`}
        ${isDraft && html`<${RowButton} icon="send" label=${t("cat.rules.publish")} of=${titleOf(rules)} run=${() => publish(rules)} />`}
        ${!isDraft && !rules.default && html`<${RowButton} icon="check" label=${t("cat.rules.use")} of=${titleOf(rules)} run=${() => use(rules)} />`}
      </span>`
      }
    </li>`;
}

/** @param {Term} term @param {string} currency */
function wordsOf({ before_minutes, percent, fee, channel, initiator }, currency) {
  const hours = Math.round((before_minutes / 60) * 10) / 10;
  const parts = [
    before_minutes ? t("cat.term.before", { hours, percent }) : t("cat.term.always", { percent }),
    fee > 0 ? t("cat.term.fee", { fee: money({ amount: fee, currency }) }) : "",
    channel ? t("cat.term.channel", { channel: t(`cat.channel.${channel}`) }) : "",
    initiator === "operator" ? t("cat.term.operator") : "",
  ];
  return parts.filter(Boolean).join(", ");
}

/** Terms that the table cannot say (by channel, or who pays the fee) stay as they are.
 * @param {Term} term */
const isPlain = ({ channel, initiator, service_fee_paid_by }) =>
  channel === null && initiator === "passenger" && service_fee_paid_by === "passenger";

/** @param {{ rules: Rules | null, currency: string, onClose: () => void, onSaved: () => void }} props */
function RulesForm({ rules, currency, onClose, onSaved }) {
  const others = rules?.terms.filter((term) => !isPlain(term)) ?? [];
  const form = useForm(
    { name: rules?.name ?? "", terms: linesOf(rules?.terms.filter(isPlain) ?? [], currency) },
    async ({ name, terms }, key) => {
      const written = [...terms.map((line) => termOf(line, currency)), ...others];
      if (rules) await call("PUT", `/admin/refund-rules/${rules.id}`, { body: { terms: written } });
      else await add("/admin/refund-rules", owned({ name, terms: written }), key);
      toast(t("cat.saved", { name }), { icon: "circle-check", tone: "good" });
      onSaved();
    },
    // The settings behind the dialog have a name, too.
    { check: (values) => faults(values, currency), prefix: "rules-" },
  );
  const lines = /** @type {Line[]} */ (form.values.terms);
  const set = (/** @type {Line[]} */ terms) => form.set({ terms });
  const cell = (/** @type {number} */ at, /** @type {"hours" | "percent" | "fee"} */ name) => html`
    <td><input class="control" inputmode="decimal" aria-label=${t(`cat.term.${name}.label`, { line: at + 1 })} value=${lines[at][name]}
      onInput=${(/** @type {any} */ event) => set(lines.with(at, { ...lines[at], [name]: event.target.value }))} /></td>`;
  return html`
    <${FormDialog} title=${rules ? titleOf(rules) : t("cat.rules.add")} form=${form} action=${t("cat.save")} onClose=${onClose}>
      ${!rules && html`<${Input} form=${form} name="name" label=${t("cat.name")} maxlength="120" />`}
      <table class="table terms" id="rules-terms" tabindex="-1" aria-describedby=${form.errors.terms ? "rules-terms-error" : null}>
        <thead><tr><th scope="col">${t("cat.term.hours")}</th><th scope="col">${t("cat.term.percent")}</th><th scope="col">${t("cat.term.fee.of", { currency })}</th><th></th></tr></thead>
        <tbody>${lines.map(
          (
            line,
            at,
          ) => html`<tr key=${line.key}>${cell(at, "hours")}${cell(at, "percent")}${cell(at, "fee")}
          <td><button type="button" class="icon-button" aria-label=${t("cat.term.drop", { line: at + 1 })} onClick=${() => lines.length > 1 && set(lines.toSpliced(at, 1))}><${Icon} name="x" /></button></td></tr>`,
        )}</tbody>
      </table>
      <button type="button" class="button small" onClick=${() => set([...lines, newLine("0", "0", "")])}><${Icon} name="plus" />${t("cat.term.add")}</button>
      ${form.errors.terms && html`<p class="field-error" id="rules-terms-error" role="alert"><${Icon} name="circle-alert" />${form.errors.terms}</p>`}
      ${others.length > 0 && html`<p class="hint">${t("cat.term.others", { count: others.length })}</p>`}
    </${FormDialog}>`;
}

/** @param {string} hours @param {string} percent @param {string} fee @returns {Line} */
function newLine(hours, percent, fee) {
  lineCount += 1;
  return { hours, percent, fee, key: lineCount };
}

/** @param {Term[]} terms @param {string} currency */
const linesOf = (terms, currency) =>
  terms.length
    ? terms.map(({ before_minutes, percent, fee }) =>
        newLine(String(before_minutes / 60), String(percent), typedAmount(fee, currency)),
      )
    : [newLine("24", "100", ""), newLine("2", "50", ""), newLine("0", "0", "")];

/** @param {Line} line @param {string} currency @returns {Term} */
const termOf = ({ hours, percent, fee }, currency) => ({
  before_minutes: Math.round(Number(hours.replace(",", ".")) * 60),
  percent: Number(percent),
  fee: minorUnits(fee || "0", currency) ?? 0,
  service_fee_paid_by: "passenger",
  channel: null,
  initiator: "passenger",
});

/** @param {{ name: string, terms: Line[] }} values @param {string} currency */
function faults({ name, terms }, currency) {
  /** @type {Record<string, string>} */
  const found = {};
  if (!name.trim()) found.name = t("cat.needed");
  for (const { hours, percent, fee } of terms) {
    const isFine =
      /^\d{1,5}([.,]\d+)?$/.test(hours.trim()) &&
      /^\d{1,3}$/.test(percent.trim()) &&
      Number(percent) <= 100 &&
      minorUnits(fee || "0", currency) !== null;
    if (!isFine) found.terms = t("cat.term.wrong");
  }
  return found;
}
