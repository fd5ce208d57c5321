// Webhooks: where an operator's systems want to be told of what happens.
import { call, post } from "../../core/api.js";
import { html, Icon, useState } from "../../core/dom.js";
import { t, term } from "../../core/text.js";
import { Dialog } from "../../core/ui.js";
import {
  act,
  canAdd,
  FormDialog,
  Head,
  mayEdit,
  owned,
  RowButton,
  Secret,
  Tag,
} from "../catalogue/parts.js";
import { Input, useForm } from "../form.js";
import { useKeys } from "../keys.js";
import { usePages } from "../load.js";
import { operator } from "../staff.js";
import { DataTable } from "../table.js";

/** @typedef {import("../catalogue/api.d.ts").Webhook} Webhook */

export const EVENTS = [
  "booking.confirmed",
  "booking.cancelled",
  "booking.expired",
  "booking.failed",
  "bus.cancelled",
  "bus.rescheduled",
  "refund.paid",
];

export default function Webhooks() {
  const pages = usePages("/admin/webhooks", { operator: operator.value, limit: "100" });
  const [isOpen, setOpen] = useState(false);
  const [added, setAdded] = useState(/** @type {(Webhook & { secret: string }) | null} */ (null));
  const begin = () => canAdd() && setOpen(true);
  useKeys(mayEdit() ? { n: { name: t("cat.hooks.add"), run: begin } } : {}, []);
  const done = (/** @type {Webhook & { secret: string }} */ told) => {
    setOpen(false);
    setAdded(told);
    pages.reload();
  };
  const turn = async (/** @type {Webhook} */ each) => {
    const run = () =>
      call("PATCH", `/admin/webhooks/${each.id}`, { body: { enabled: !each.enabled } });
    if (
      await act({ run, done: t(each.enabled ? "cat.hooks.disabled.now" : "cat.hooks.enabled.now") })
    )
      pages.reload();
  };
  return html`
    <${Head} title=${t("admin.nav.webhooks")} sub=${t("cat.hooks.sub")}>
      ${mayEdit() && html`<button type="button" class="button primary" onClick=${begin}><${Icon} name="plus" />${t("cat.hooks.add")}</button>`}
    </${Head}>
    <${DataTable} caption=${t("admin.nav.webhooks")} file="webhooks" pages=${pages} keyOf=${(/** @type {Webhook} */ each) => each.id} columns=${columns(turn)}
      toneOf=${(/** @type {Webhook} */ each) => (each.enabled ? null : "soft")} empty=${{ icon: "webhook", title: t("cat.hooks.empty"), body: t("cat.hooks.empty.body") }} />
    ${isOpen && html`<${HookForm} hook=${null} onClose=${() => setOpen(false)} onSaved=${done} />`}
    ${added && html`<${ShownSecret} secret=${added.secret} onClose=${() => setAdded(null)} />`}`;
}

/** @param {Webhook} hook */
export const stateOf = ({ enabled, disabled_because, failing_since }) => {
  if (!enabled) return { tone: "bad", text: t(`cat.hooks.because.${disabled_because ?? "staff"}`) };
  if (failing_since) return { tone: "warn", text: t("cat.hooks.failing") };
  return { tone: "good", text: t("cat.hooks.enabled") };
};

/** @param {(hook: Webhook) => void} turn */
const columns = (turn) => [
  {
    key: "url",
    name: t("cat.hooks.url"),
    isHead: true,
    cell: (/** @type {Webhook} */ each) =>
      html`<a class="breakable" href=${`/admin/webhooks/${each.id}`}>${each.description ?? each.url}</a>${each.description && html`<small class="breakable">${each.url}</small>`}`,
    sort: (/** @type {Webhook} */ each) => each.url,
  },
  {
    key: "events",
    name: t("cat.hooks.events"),
    cell: (/** @type {Webhook} */ each) => each.events.map((event) => eventName(event)).join(", "),
    csv: (/** @type {Webhook} */ each) => each.events.join(" "),
  },
  {
    key: "waiting",
    name: t("cat.hooks.waiting"),
    isNumber: true,
    cell: (/** @type {Webhook} */ each) => each.waiting,
    sort: (/** @type {Webhook} */ each) => each.waiting,
  },
  {
    key: "state",
    name: t("cat.state"),
    cell: (/** @type {Webhook} */ each) =>
      html`<${Tag} tone=${stateOf(each).tone}>${stateOf(each).text}</${Tag}>`,
    sort: (/** @type {Webhook} */ each) => stateOf(each).text,
  },
  {
    key: "do",
    name: t("cat.do"),
    cell: (/** @type {Webhook} */ each) =>
      mayEdit() &&
      html`<span class="row-buttons"><${RowButton} icon=${each.enabled ? "ban" : "undo-2"} label=${t(each.enabled ? "cat.hooks.disable" : "cat.hooks.enable")} of=${each.description ?? each.url} run=${() => turn(each)} /></span>`,
  },
];

/** @param {string} event */
export const eventName = (event) => term("cat.event", event);

/** @param {{ hook: Webhook | null, onClose: () => void, onSaved: (hook: any) => void }} props */
export function HookForm({ hook, onClose, onSaved }) {
  const form = useForm(
    {
      url: hook?.url ?? "https://",
      description: hook?.description ?? "",
      events: hook?.events ?? EVENTS.slice(0, 2),
    },
    async ({ url, description, events }) => {
      const body = { url, events, ...(description.trim() && { description }) };
      onSaved(
        hook
          ? await call("PATCH", `/admin/webhooks/${hook.id}`, { body })
          : await post("/admin/webhooks", owned(body)),
      );
    },
    {
      check: ({ url, events }) => ({
        ...(!/^https?:\/\/\S+$/.test(url.trim()) && { url: t("cat.hooks.url.wrong") }),
        ...(!events.length && { events: t("cat.hooks.events.needed") }),
      }),
    },
  );
  const chosen = new Set(/** @type {string[]} */ (form.values.events));
  const turn = (/** @type {string} */ event) => {
    if (!chosen.delete(event)) chosen.add(event);
    form.set({ events: EVENTS.filter((each) => chosen.has(each)) });
  };
  return html`
    <${FormDialog} title=${hook ? t("cat.hooks.edit") : t("cat.hooks.add")} form=${form} action=${t("cat.save")} onClose=${onClose}>
      <${Input} form=${form} name="url" label=${t("cat.hooks.url")} hint=${t("cat.hooks.url.hint")} type="url" maxlength="2000" required autofocus spellcheck="false" />
      <${Input} form=${form} name="description" label=${t("cat.hooks.description")} maxlength="120" />
      <fieldset class="checks" id="events" tabindex="-1"><legend>${t("cat.hooks.events")}</legend>
        ${EVENTS.map((event) => html`<label key=${event} class="check"><input type="checkbox" checked=${chosen.has(event)} onChange=${() => turn(event)} />${eventName(event)} <code>${event}</code></label>`)}
        ${form.errors.events && html`<p class="field-error" role="alert"><${Icon} name="circle-alert" />${form.errors.events}</p>`}
      </fieldset>
    </${FormDialog}>`;
}

/** @param {{ secret: string, more?: string, onClose: () => void }} props */
export const ShownSecret = ({ secret, more, onClose }) => html`
  <${Dialog} title=${t("cat.hooks.secret")} onClose=${onClose} actions=${html`<button type="button" class="button primary" onClick=${onClose}>${t("cat.done")}</button>`}>
    <${Secret} label=${t("cat.hooks.secret.body")} secret=${secret} />
    ${more && html`<p class="hint">${more}</p>`}
  </${Dialog}>`;
