// How one operator sells: its name and clock, what is kept from others, what is paid back.
import { call, get } from "../../core/api.js";
import { html } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { Notice, toast } from "../../core/ui.js";
import { Head, mayEdit, save } from "../catalogue/parts.js";
import { RefundRules } from "../catalogue/refund_rules.js";
import { Check, Choice, FormFault, Input, Submit, useForm } from "../form.js";
import { Shown, useLoaded } from "../load.js";
import { isOneOf, learnOperators, MANAGERS, operator } from "../staff.js";
import { ZoneInput } from "./stops.js";

/** @typedef {import("../catalogue/api.d.ts").AdminOperator} Operator */
/** @typedef {import("../catalogue/api.d.ts").Limits} Limits */

const TAGS = ["en", "de", "es", "hi", "ar"];
const LIMITS = /** @type {const} */ ([
  "seats_per_buyer",
  "seats_per_staff",
  "seats_per_address",
  "holds_per_buyer",
  "holds_per_staff",
  "cooldown_seconds",
  "extension_seconds",
  "hold_seconds_max",
]);
const MOST = /** @type {Record<string, [number, number]>} */ ({
  seats_per_buyer: [1, 100],
  seats_per_staff: [1, 100],
  seats_per_address: [1, 200],
  holds_per_buyer: [1, 1000],
  holds_per_staff: [1, 1000],
  cooldown_seconds: [0, 3600],
  extension_seconds: [0, 1200],
  hold_seconds_max: [30, 1200],
});

/** The languages that there are mails in, each by its own name. */
export const LANGUAGES = () =>
  TAGS.map((value) => ({
    value,
    label: new Intl.DisplayNames([value], { type: "language" }).of(value) ?? value,
  }));

export default function Settings() {
  const id = operator.value;
  if (!id)
    return html`<${Head} title=${t("admin.nav.settings")} /><${Notice} icon="building-2" title=${t("cat.operator.first")}><p>${t("cat.settings.choose")}</p><a class="button" href="/admin/operators">${t("admin.nav.operators")}</a></${Notice}>`;
  return html`<${OfOperator} key=${id} id=${id} />`;
}

/** @param {{ id: string }} props */
function OfOperator({ id }) {
  const own = useLoaded(() => get(`/admin/operators/${id}`), [id]);
  const limits = useLoaded(
    () => (isOneOf(MANAGERS) ? get(`/admin/operators/${id}/limits`) : Promise.resolve(null)),
    [id],
  );
  return html`
    <${Head} title=${t("admin.nav.settings")} sub=${t("cat.settings.sub")} />
    <${Shown} of=${own}>${(/** @type {Operator} */ told) => html`<${Names} key=${told.version} told=${told} reload=${own.reload} />`}</${Shown}>
    ${limits.data && html`<${LimitsForm} told=${limits.data} id=${id} reload=${limits.reload} />`}
    <${RefundRules} operator=${id} currency=${own.data?.currency ?? "EUR"} />`;
}

/** @param {{ told: Operator, reload: () => void }} props */
function Names({ told, reload }) {
  const before = {
    name: told.name,
    time_zone: told.time_zone,
    locale: told.locale,
    no_show_minutes: String(told.no_show_minutes),
    release_no_shows: told.release_no_shows,
  };
  const form = useForm(
    before,
    async (values) => {
      const wanted = { ...values, no_show_minutes: Number(values.no_show_minutes) };
      const body = Object.fromEntries(
        Object.entries(wanted).filter(([name, value]) => value !== /** @type {any} */ (told)[name]),
      );
      const mine = { ...told, ...body };
      await save({ path: `/admin/operators/${told.id}`, body, version: told.version, show, mine });
      toast(t("cat.saved", { name: values.name }), { icon: "circle-check", tone: "good" });
      learnOperators();
      reload();
    },
    {
      check: ({ name, no_show_minutes }) => ({
        ...(!name.trim() && { name: t("cat.needed") }),
        ...(!/^\d{1,4}$/.test(no_show_minutes.trim()) && { no_show_minutes: t("cat.whole") }),
      }),
    },
  );
  return html`
    <section class="card" aria-labelledby="settings-names">
      <h2 id="settings-names">${t("cat.settings.names")}</h2>
      <form class="form" onSubmit=${form.submit} novalidate>
        <${FormFault} form=${form} />
        <div class="form-row">
          <${Input} form=${form} name="name" label=${t("cat.name")} maxlength="120" required />
          <${ZoneInput} form=${form} />
          <${Choice} form=${form} name="locale" label=${t("cat.settings.locale")} hint=${t("cat.settings.locale.hint")} options=${LANGUAGES()} />
          <${Input} form=${form} name="no_show_minutes" label=${t("cat.settings.wait")} hint=${t("cat.settings.wait.hint")} inputmode="numeric" />
        </div>
        <${Check} form=${form} name="release_no_shows" label=${t("cat.settings.release")} />
        <p class="hint">${t("cat.settings.currency", { currency: told.currency })}</p>
        ${mayEdit() && html`<div class="floor-actions"><${Submit} form=${form} icon="check">${t("cat.save")}</${Submit}></div>`}
      </form>
    </section>`;
}

/** @param {Operator} each @returns {[string, string][]} */
const show = (each) => [
  [t("cat.name"), each.name],
  [t("cat.zone"), each.time_zone],
  [t("cat.settings.locale"), each.locale],
  [t("cat.settings.wait"), String(each.no_show_minutes)],
  [t("cat.settings.release"), t(each.release_no_shows ? "cat.yes" : "cat.no")],
];

/** @param {{ told: Limits, id: string, reload: () => void }} props */
function LimitsForm({ told, id, reload }) {
  const before = Object.fromEntries(
    LIMITS.map((name) => [name, told[name] === null ? "" : String(told[name])]),
  );
  const form = useForm(
    before,
    async (values) => {
      const body = Object.fromEntries(
        Object.entries(values).map(([name, typed]) => [
          name,
          typed.trim() === "" ? null : Number(typed),
        ]),
      );
      await call("PUT", `/admin/operators/${id}/limits`, { body });
      toast(t("cat.settings.limits.saved"), { icon: "circle-check", tone: "good" });
      reload();
    },
    { check: limitFaults },
  );
  return html`
    <section class="card" aria-labelledby="settings-limits">
      <h2 id="settings-limits">${t("cat.settings.limits")}</h2>
      <p class="hint">${t("cat.settings.limits.sub")}</p>
      <form class="form" onSubmit=${form.submit} novalidate>
        <${FormFault} form=${form} />
        <div class="form-row">${LIMITS.map((name) => html`<${Input} key=${name} form=${form} name=${name} label=${t(`cat.limit.${name}`)} inputmode="numeric" hint=${t("cat.between", { least: MOST[name][0], most: MOST[name][1] })} />`)}</div>
        ${mayEdit() && html`<div class="floor-actions"><${Submit} form=${form} icon="check">${t("cat.save")}</${Submit}></div>`}
      </form>
    </section>`;
}

/** @param {Record<string, string>} values */
function limitFaults(values) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const [name, [least, most]] of Object.entries(MOST)) {
    const typed = values[name].trim();
    if (typed === "" && name === "seats_per_address") continue;
    const value = Number(typed);
    const isFine = /^\d+$/.test(typed) && value >= least && value <= most;
    if (!isFine) found[name] = t("cat.between", { least, most });
  }
  return found;
}
