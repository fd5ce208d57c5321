// Operators, as the platform keeps them.
import { call } from "../../core/api.js";
import { html, Icon, useState } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { act, add, FormDialog, Head, RowButton, Tag } from "../catalogue/parts.js";
import { Choice, Input, useForm } from "../form.js";
import { useKeys } from "../keys.js";
import { usePages } from "../load.js";
import { go } from "../place.js";
import { isOneOf, learnOperators, PLATFORM } from "../staff.js";
import { DataTable } from "../table.js";
import { LANGUAGES } from "./settings.js";
import { ZoneInput } from "./stops.js";

/** @typedef {import("../catalogue/api.d.ts").AdminOperator} Operator */

const mayAdd = () => isOneOf(PLATFORM);

export default function Operators() {
  const pages = usePages("/admin/operators", { limit: "100" });
  const [isOpen, setOpen] = useState(false);
  useKeys(mayAdd() ? { n: { name: t("cat.operators.add"), run: () => setOpen(true) } } : {}, []);
  const saved = () => {
    setOpen(false);
    pages.reload();
    learnOperators();
  };
  const turn = async (/** @type {Operator} */ each) => {
    const disabled = !each.disabled;
    const ask = {
      title: t("cat.operators.disable.ask", { name: each.name }),
      body: t("cat.operators.disable.body"),
      action: t("cat.operators.disable"),
      isDanger: true,
      word: each.name,
    };
    const headers = { "if-match": `"${each.version}"` };
    const run = () => call("PATCH", `/admin/operators/${each.id}`, { body: { disabled }, headers });
    const done = t(disabled ? "cat.operators.disabled.now" : "cat.operators.enabled.now", {
      name: each.name,
    });
    if (await act({ ask: disabled ? ask : undefined, run, done })) saved();
  };
  return html`
    <${Head} title=${t("admin.nav.operators")} sub=${t("cat.operators.sub")}>
      ${mayAdd() && html`<button type="button" class="button primary" onClick=${() => setOpen(true)}><${Icon} name="plus" />${t("cat.operators.add")}</button>`}
    </${Head}>
    <${DataTable} caption=${t("admin.nav.operators")} file="operators" pages=${pages} keyOf=${(/** @type {Operator} */ each) => each.id} columns=${columns(turn)}
      toneOf=${(/** @type {Operator} */ each) => (each.disabled ? "soft" : null)} empty=${{ icon: "building-2", title: t("cat.operators.empty"), body: t("cat.operators.empty.body") }} />
    ${isOpen && html`<${NewOperator} onClose=${() => setOpen(false)} onSaved=${saved} />`}`;
}

/** @param {(operator: Operator) => void} turn */
const columns = (turn) => [
  {
    key: "name",
    name: t("cat.name"),
    isHead: true,
    cell: (/** @type {Operator} */ each) =>
      html`<a href=${`/admin/settings?operator=${each.id}`}>${each.name}</a>`,
    sort: (/** @type {Operator} */ each) => each.name,
  },
  {
    key: "zone",
    name: t("cat.zone"),
    cell: (/** @type {Operator} */ each) => each.time_zone,
    sort: (/** @type {Operator} */ each) => each.time_zone,
  },
  {
    key: "currency",
    name: t("cat.currency"),
    cell: (/** @type {Operator} */ each) => each.currency,
    sort: (/** @type {Operator} */ each) => each.currency,
  },
  {
    key: "state",
    name: t("cat.state"),
    cell: (/** @type {Operator} */ each) =>
      html`<${Tag} tone=${each.disabled ? "bad" : "good"}>${t(each.disabled ? "cat.operators.disabled" : "cat.operators.enabled")}</${Tag}>`,
    sort: (/** @type {Operator} */ each) => Number(each.disabled),
  },
  {
    key: "do",
    name: t("cat.do"),
    cell: (/** @type {Operator} */ each) =>
      html`<span class="row-buttons"><${RowButton} icon="settings" label=${t("admin.nav.settings")} of=${each.name} run=${() => go(`/admin/settings?operator=${each.id}`)} />
        ${mayAdd() && html`<${RowButton} icon=${each.disabled ? "undo-2" : "ban"} label=${t(each.disabled ? "cat.operators.enable" : "cat.operators.disable")} of=${each.name} run=${() => turn(each)} />`}</span>`,
  },
];

/** @param {{ onClose: () => void, onSaved: () => void }} props */
function NewOperator({ onClose, onSaved }) {
  const form = useForm(
    {
      name: "",
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      currency: "EUR",
      locale: "en",
    },
    async (values, key) => {
      await add(
        "/admin/operators",
        { ...values, currency: values.currency.trim().toUpperCase() },
        key,
      );
      onSaved();
    },
    {
      check: ({ name, currency }) => ({
        ...(!name.trim() && { name: t("cat.needed") }),
        ...(!/^[A-Za-z]{3}$/.test(currency.trim()) && { currency: t("cat.currency.wrong") }),
      }),
    },
  );
  return html`
    <${FormDialog} title=${t("cat.operators.add")} form=${form} action=${t("cat.save")} onClose=${onClose}>
      <${Input} form=${form} name="name" label=${t("cat.name")} maxlength="120" required autofocus />
      <${ZoneInput} form=${form} />
      <div class="form-row">
        <${Input} form=${form} name="currency" label=${t("cat.currency")} hint=${t("cat.currency.hint")} maxlength="3" required />
        <${Choice} form=${form} name="locale" label=${t("cat.settings.locale")} options=${LANGUAGES()} />
      </div>
    </${FormDialog}>`;
}
