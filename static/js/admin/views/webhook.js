// One webhook: what it was told, what it answered, and everything again that failed.
import { call, get, post } from "../../core/api.js";
import { html, Icon, useState } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { Dialog, toast } from "../../core/ui.js";
import { act, Head, mayEdit, RowButton, remove, stamp, Tag, zoneOf } from "../catalogue/parts.js";
import { startOf } from "../catalogue/zone.js";
import { FilterBar, valuesOf } from "../filters.js";
import { Shown, useLoaded, usePages } from "../load.js";
import { tell } from "../parts.js";
import { go } from "../place.js";
import { DataTable } from "../table.js";
import { EVENTS, eventName, HookForm, ShownSecret, stateOf } from "./webhooks.js";

/** @typedef {import("../catalogue/api.d.ts").Webhook} Webhook */
/** @typedef {import("../catalogue/api.d.ts").Delivery} Delivery */
/** @typedef {import("../catalogue/api.d.ts").DeliveryDetail} Detail */

const TONES = /** @type {Record<string, string>} */ ({
  delivered: "good",
  failed: "bad",
  waiting: "warn",
});
const DAY_MS = 86_400_000;

const filters = () => [
  {
    name: "status",
    label: t("cat.state"),
    kind: /** @type {const} */ ("choice"),
    options: [
      { value: "", label: t("cat.states.all") },
      ...Object.keys(TONES).map((value) => ({ value, label: statusName(value) })),
    ],
  },
  {
    name: "event",
    label: t("cat.hooks.event"),
    kind: /** @type {const} */ ("choice"),
    options: [
      { value: "", label: t("cat.all") },
      ...[...EVENTS, "webhook.test"].map((value) => ({ value, label: eventName(value) })),
    ],
  },
  { name: "booking", label: t("cat.hooks.booking"), kind: /** @type {const} */ ("search") },
  { name: "from", label: t("cat.from"), kind: /** @type {const} */ ("date") },
];

/** @param {string} status */
const statusName = (status) => t(`cat.delivery.${/** @type {"waiting"} */ (status)}`);

/** @param {import("../nav.js").ViewProps} props */
export default function WebhookView({ params }) {
  const path = `/admin/webhooks/${params.id}`;
  const hook = useLoaded(() => get(path), [path]);
  return html`<${Shown} isPage of=${hook}>${(/** @type {Webhook} */ told) => html`<${One} hook=${told} path=${path} reload=${hook.reload} />`}</${Shown}>`;
}

/** @param {{ hook: Webhook, path: string, reload: () => void }} props */
function One({ hook, path, reload }) {
  const wanted = valuesOf(filters());
  const pages = usePages(`${path}/deliveries`, {
    status: wanted.status,
    event: wanted.event,
    booking: wanted.booking.toUpperCase(),
    from: startOf(wanted.from, zoneOf()),
    limit: "50",
  });
  const [isOpen, setOpen] = useState(false);
  const [secret, setSecret] = useState(
    /** @type {{ secret: string, more: string } | null} */ (null),
  );
  const [shown, setShown] = useState(/** @type {string | null} */ (null));
  const again = async (/** @type {Delivery} */ each) => {
    const run = () => post(`${path}/deliveries/${each.id}/resend`, undefined);
    if (await act({ run, done: t("cat.hooks.resent") })) pages.reload();
  };
  const saved = () => {
    setOpen(false);
    reload();
  };
  const state = stateOf(hook);
  return html`
    <${Head} title=${hook.description ?? t("cat.hook")} sub=${html`<code class="breakable">${hook.url}</code>`} back=${{ href: "/admin/webhooks", label: t("admin.nav.webhooks") }}>
      <${Tag} tone=${state.tone}>${state.text}</${Tag}>
      ${mayEdit() && html`<${Deeds} hook=${hook} path=${path} edit=${() => setOpen(true)} setSecret=${setSecret} changed=${pages.reload} />`}
    </${Head}>
    ${hook.failing_since && html`<p class="hint warn-line" role="status"><${Icon} name="triangle-alert" />${t("cat.hooks.failing.since", { time: stamp(hook.failing_since) })}</p>`}
    ${hook.old_secret_ends_at && html`<p class="hint">${t("cat.hooks.both", { time: stamp(hook.old_secret_ends_at) })}</p>`}
    <${FilterBar} filters=${filters()} />
    <${DataTable} caption=${t("cat.deliveries")} file="deliveries" pages=${pages} keyOf=${(/** @type {Delivery} */ each) => each.id} columns=${columns(setShown, again)}
      empty=${{ icon: "send", title: t("cat.deliveries.empty"), body: t("cat.deliveries.empty.body") }}
      tools=${html`<button type="button" class="button small quiet" onClick=${pages.reload}><${Icon} name="refresh-cw" />${t("cat.reload")}</button>`} />
    ${isOpen && html`<${HookForm} hook=${hook} onClose=${() => setOpen(false)} onSaved=${saved} />`}
    ${secret && html`<${ShownSecret} ...${secret} onClose=${() => setSecret(null)} />`}
    ${shown && html`<${DetailDialog} path=${`${path}/deliveries/${shown}`} onClose=${() => setShown(null)} />`}`;
}

/** @param {{ hook: Webhook, path: string, edit: () => void, setSecret: (told: { secret: string, more: string }) => void, changed: () => void }} props */
function Deeds({ hook, path, edit, setSecret, changed }) {
  const test = async () => {
    if (await act({ run: () => post(`${path}/test`, undefined), done: t("cat.hooks.tested") }))
      changed();
  };
  const rotate = async () => {
    const ask = {
      title: t("cat.hooks.rotate.ask"),
      body: t("cat.hooks.rotate.body"),
      action: t("cat.hooks.rotate"),
    };
    const run = async () => {
      const { secret, old_secret_ends_at } = await post(`${path}/rotate`, undefined);
      setSecret({ secret, more: t("cat.hooks.both", { time: stamp(old_secret_ends_at) }) });
    };
    await act({ ask, run, done: t("cat.hooks.rotated") });
  };
  const failed = async () => {
    const since = new Date(Date.now() - 30 * DAY_MS).toISOString();
    try {
      const { resent, more } = await post(`${path}/resend`, { since });
      toast(t(more ? "cat.hooks.failed.more" : "cat.hooks.failed.sent", { count: resent }));
      changed();
    } catch (error) {
      tell(error);
    }
  };
  const drop = async () => {
    const name = hook.description ?? hook.url;
    if (await remove(name, path, null, t("cat.hooks.remove"))) go("/admin/webhooks");
  };
  return html`
    <button type="button" class="button" onClick=${test}><${Icon} name="send" />${t("cat.hooks.test")}</button>
    <button type="button" class="button" onClick=${failed}><${Icon} name="refresh-cw" />${t("cat.hooks.failed")}</button>
    <button type="button" class="button" onClick=${rotate}><${Icon} name="lock" />${t("cat.hooks.rotate")}</button>
    <button type="button" class="button" onClick=${edit}><${Icon} name="pencil" />${t("cat.edit")}</button>
    <button type="button" class="button danger" onClick=${drop}><${Icon} name="trash-2" />${t("cat.remove")}</button>`;
}

/** @param {(id: string) => void} show @param {(delivery: Delivery) => void} again */
const columns = (show, again) => [
  {
    key: "at",
    name: t("cat.at"),
    cell: (/** @type {Delivery} */ each) => stamp(each.created_at),
    sort: (/** @type {Delivery} */ each) => each.created_at,
  },
  {
    key: "event",
    name: t("cat.hooks.event"),
    isHead: true,
    cell: (/** @type {Delivery} */ each) =>
      html`<button type="button" class="link-button" onClick=${() => show(each.id)}>${eventName(each.event)}</button>`,
    sort: (/** @type {Delivery} */ each) => each.event,
  },
  {
    key: "booking",
    name: t("cat.hooks.booking"),
    cell: (/** @type {Delivery} */ each) =>
      each.booking && html`<a href=${`/admin/bookings?q=${each.booking}`}>${each.booking}</a>`,
    sort: (/** @type {Delivery} */ each) => each.booking ?? "",
  },
  {
    key: "status",
    name: t("cat.state"),
    cell: (/** @type {Delivery} */ each) =>
      html`<${Tag} tone=${TONES[each.status]}>${statusName(each.status)}</${Tag}>`,
    sort: (/** @type {Delivery} */ each) => each.status,
  },
  {
    key: "attempts",
    name: t("cat.attempts"),
    isNumber: true,
    cell: (/** @type {Delivery} */ each) => each.attempts,
    sort: (/** @type {Delivery} */ each) => each.attempts,
  },
  {
    key: "do",
    name: t("cat.do"),
    cell: (/** @type {Delivery} */ each) =>
      mayEdit() &&
      html`<span class="row-buttons"><${RowButton} icon="refresh-cw" label=${t("cat.hooks.again")} of=${`${eventName(each.event)} ${each.sequence}`} run=${() => again(each)} /></span>`,
  },
];

/** What was sent, and what came of every try.
 * @param {{ path: string, onClose: () => void }} props */
function DetailDialog({ path, onClose }) {
  const loaded = useLoaded(() => call("GET", path), [path]);
  return html`
    <${Dialog} title=${t("cat.delivery")} onClose=${onClose} actions=${html`<button type="button" class="button primary" onClick=${onClose}>${t("close")}</button>`}>
      <${Shown} of=${loaded} lines=${2}>${(/** @type {Detail} */ detail) => html`
        <h3>${t("cat.delivery.tries")}</h3>
        ${detail.tries.length === 0 && html`<p class="hint">${t("cat.delivery.untried")}</p>`}
        <ol class="tries">${detail.tries.map(
          (each) => html`
          <li key=${each.number}><strong>${each.number}.</strong> ${stamp(each.at)} · ${t("cat.milliseconds", { count: each.milliseconds })}
            <${Tag} tone=${each.outcome === "delivered" ? "good" : "bad"}>${outcomeName(each.outcome)}${each.status ? ` ${each.status}` : ""}</${Tag}>
            ${(each.error || each.answer) && html`<pre class="told">${each.error ?? each.answer}</pre>`}</li>`,
        )}</ol>
        <h3>${t("cat.delivery.body")}</h3>
        <pre class="told" tabindex="0">${JSON.stringify(detail.body, null, 2)}</pre>`}</${Shown}>
    </${Dialog}>`;
}

/** @param {string} outcome */
const outcomeName = (outcome) =>
  t(/** @type {import("../../core/text.js").Key} */ (`cat.outcome.${outcome}`));
