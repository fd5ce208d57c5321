// Devices: kiosks, boards and scanners. Each is paired once, with a code that is shown here.
import { call, post } from "../../core/api.js";
import { StopInput } from "../../core/combobox.js";
import { html, Icon, now, tick, useState } from "../../core/dom.js";
import { clock, t } from "../../core/text.js";
import { Dialog, toast } from "../../core/ui.js";
import { narrowed } from "../answers.js";
import {
  act,
  canAdd,
  FormDialog,
  Head,
  mayEdit,
  owned,
  RowButton,
  Secret,
  stamp,
  Tag,
} from "../catalogue/parts.js";
import { FilterBar, valuesOf } from "../filters.js";
import { Choice, Input, useForm } from "../form.js";
import { useKeys } from "../keys.js";
import { usePages } from "../load.js";
import { operator } from "../staff.js";
import { DataTable } from "../table.js";

/** @typedef {import("../catalogue/api.d.ts").Device} Device */
/** @typedef {import("../catalogue/api.d.ts").DeviceCode} Code */

const KINDS = /** @type {const} */ (["kiosk", "board", "scanner"]);
const ICONS = { kiosk: "monitor", board: "list", scanner: "smartphone" };

const filters = () => [
  {
    name: "kind",
    label: t("cat.devices.kind"),
    kind: /** @type {const} */ ("chips"),
    options: [
      { value: "", label: t("cat.all") },
      ...KINDS.map((value) => ({ value, label: t(`cat.device.${value}`) })),
    ],
  },
  {
    name: "status",
    label: t("cat.state"),
    kind: /** @type {const} */ ("chips"),
    otherwise: "active",
    options: [
      { value: "active", label: t("cat.devices.active") },
      { value: "revoked", label: t("cat.devices.revoked") },
    ],
  },
];

export default function Devices() {
  const { kind, status } = valuesOf(filters());
  const pages = narrowed(
    usePages("/admin/devices", { operator: operator.value, limit: "200" }),
    (/** @type {Device} */ each) => (!kind || each.kind === kind) && each.status === status,
  );
  const [open, setOpen] = useState(/** @type {Device | "new" | null} */ (null));
  const [code, setCode] = useState(/** @type {Code | null} */ (null));
  const [key, setKey] = useState(
    /** @type {{ name: string, secret: string, until: string } | null} */ (null),
  );
  const begin = () => canAdd() && setOpen("new");
  useKeys(mayEdit() ? { n: { name: t("cat.devices.add"), run: begin } } : {}, []);
  const revoke = async (/** @type {Device} */ device) => {
    const ask = {
      title: t("cat.devices.revoke.ask", { name: device.name }),
      body: t("cat.devices.revoke.body"),
      action: t("cat.devices.revoke"),
      isDanger: true,
    };
    const run = () => call("DELETE", `/admin/devices/${device.id}`);
    if (await act({ ask, run, done: t("cat.devices.revoked.now", { name: device.name }) }))
      pages.reload();
  };
  const roll = async (/** @type {Device} */ device) => {
    const ask = {
      title: t("cat.devices.roll.ask", { name: device.name }),
      body: t("cat.devices.roll.body"),
      action: t("cat.devices.roll"),
    };
    const run = async () => {
      const rolled = await post(`/admin/devices/${device.id}/roll`, undefined);
      setKey({ name: device.name, secret: rolled.key, until: rolled.old_key_ends_at });
    };
    await act({ ask, run, done: t("cat.devices.rolled") });
  };
  const close = () => {
    setOpen(null);
    setCode(null);
    setKey(null);
    pages.reload();
  };
  return html`
    <${Head} title=${t("admin.nav.devices")} sub=${t("cat.devices.sub")}>
      ${mayEdit() && html`<button type="button" class="button primary" onClick=${begin}><${Icon} name="plus" />${t("cat.devices.add")}</button>`}
    </${Head}>
    <${FilterBar} filters=${filters()} />
    <${DataTable} caption=${t("admin.nav.devices")} file="devices" pages=${pages} keyOf=${(/** @type {Device} */ each) => each.id}
      columns=${columns({ edit: setOpen, revoke, roll })} toneOf=${(/** @type {Device} */ each) => (each.status === "revoked" ? "soft" : null)}
      empty=${{ icon: "monitor", title: t("cat.devices.empty"), body: t("cat.devices.empty.body") }} />
    ${
      open === "new" &&
      html`<${CodeForm} onClose=${() => setOpen(null)} onShown=${(/** @type {Code} */ shown) => {
        setOpen(null);
        setCode(shown);
      }} />`
    }
    ${open && open !== "new" && html`<${DeviceForm} device=${open} onClose=${() => setOpen(null)} onSaved=${close} />`}
    ${code && html`<${ShownCode} code=${code} onClose=${close} />`}
    ${key && html`<${ShownKey} ...${key} onClose=${close} />`}`;
}

/** @param {{ edit: (device: Device) => void, revoke: (device: Device) => void, roll: (device: Device) => void }} deeds */
const columns = ({ edit, revoke, roll }) => [
  {
    key: "name",
    name: t("cat.name"),
    isHead: true,
    cell: (/** @type {Device} */ each) =>
      html`<span class="with-icon"><${Icon} name=${ICONS[each.kind]} />${each.name}</span>`,
    sort: (/** @type {Device} */ each) => each.name,
  },
  {
    key: "kind",
    name: t("cat.devices.kind"),
    cell: (/** @type {Device} */ each) => t(`cat.device.${each.kind}`),
    sort: (/** @type {Device} */ each) => t(`cat.device.${each.kind}`),
  },
  {
    key: "stop",
    name: t("cat.stop"),
    cell: (/** @type {Device} */ each) => each.stop?.name ?? "",
    sort: (/** @type {Device} */ each) => each.stop?.name ?? "",
  },
  {
    key: "seen",
    name: t("cat.devices.seen"),
    cell: (/** @type {Device} */ each) =>
      each.last_seen_at ? stamp(each.last_seen_at) : t("cat.never"),
    sort: (/** @type {Device} */ each) => each.last_seen_at ?? null,
  },
  {
    key: "status",
    name: t("cat.state"),
    cell: (/** @type {Device} */ each) =>
      html`<${Tag} tone=${each.status === "active" ? "good" : undefined}>${t(`cat.devices.${each.status}`)}</${Tag}>`,
    sort: (/** @type {Device} */ each) => each.status,
  },
  {
    key: "do",
    name: t("cat.do"),
    cell: (/** @type {Device} */ each) =>
      mayEdit() &&
      each.status === "active" &&
      html`<span class="row-buttons">
        <${RowButton} icon="pencil" label=${t("cat.edit")} of=${each.name} run=${() => edit(each)} />
        <${RowButton} icon="refresh-cw" label=${t("cat.devices.roll")} of=${each.name} run=${() => roll(each)} />
        <${RowButton} icon="ban" label=${t("cat.devices.revoke")} of=${each.name} run=${() => revoke(each)} /></span>`,
  },
];

/** @param {{ onClose: () => void, onShown: (code: Code) => void }} props */
function CodeForm({ onClose, onShown }) {
  const form = useForm(
    { kind: "kiosk", name: "", stop: /** @type {any} */ (null) },
    async ({ kind, name, stop }) => {
      const body = owned({ kind, name, ...(stop && { stop: stop.id }) });
      onShown(await post("/admin/devices/codes", body));
    },
    {
      check: ({ kind, name, stop }) => ({
        ...(!name.trim() && { name: t("cat.needed") }),
        ...(kind !== "scanner" && !stop && { stop: t("cat.devices.stop.needed") }),
      }),
    },
  );
  return html`
    <${FormDialog} title=${t("cat.devices.add")} form=${form} action=${t("cat.devices.code")} onClose=${onClose}>
      <${Choice} form=${form} name="kind" label=${t("cat.devices.kind")} options=${KINDS.map((value) => ({ value, label: t(`cat.device.${value}`) }))} />
      <${Input} form=${form} name="name" label=${t("cat.name")} hint=${t("cat.devices.name.hint")} maxlength="120" required />
      <${StopInput} name="stop" label=${t("cat.stop")} icon="map-pin" stop=${form.values.stop} error=${form.errors.stop} onStop=${(/** @type {any} */ stop) => form.set({ stop })} />
    </${FormDialog}>`;
}

/** @param {{ device: Device, onClose: () => void, onSaved: () => void }} props */
function DeviceForm({ device, onClose, onSaved }) {
  const form = useForm(
    { name: device.name, stop: /** @type {any} */ (device.stop ?? null) },
    async ({ name, stop }) => {
      await call("PATCH", `/admin/devices/${device.id}`, {
        body: { name, ...(stop && { stop: stop.id }) },
      });
      toast(t("cat.saved", { name }), { icon: "circle-check", tone: "good" });
      onSaved();
    },
    {
      check: ({ name }) =>
        name.trim() ? /** @type {Record<string, string>} */ ({}) : { name: t("cat.needed") },
    },
  );
  return html`
    <${FormDialog} title=${t("cat.edit.what", { name: device.name })} form=${form} action=${t("cat.save")} onClose=${onClose}>
      <${Input} form=${form} name="name" label=${t("cat.name")} maxlength="120" required autofocus />
      <${StopInput} name="stop" label=${t("cat.stop")} icon="map-pin" stop=${form.values.stop} onStop=${(/** @type {any} */ stop) => form.set({ stop })} />
    </${FormDialog}>`;
}

/** Six digits to be typed into the device, as long as they are good.
 * @param {{ code: Code, onClose: () => void }} props */
function ShownCode({ code, onClose }) {
  const left = Date.parse(code.expires_at) - (tick.value && now());
  const digits = `${code.code.slice(0, 3)} ${code.code.slice(3)}`;
  return html`
    <${Dialog} title=${t("cat.devices.code.title", { name: code.name })} onClose=${onClose} actions=${html`<button type="button" class="button primary" onClick=${onClose}>${t("cat.done")}</button>`}>
      <${Secret} label=${t("cat.devices.code.body")} secret=${digits} big />
      <p class="hint">${left > 0 ? t("cat.devices.code.left", { time: clock(left) }) : t("cat.devices.code.over")}</p>
    </${Dialog}>`;
}

/** @param {{ name: string, secret: string, until: string, onClose: () => void }} props */
function ShownKey({ name, secret, until, onClose }) {
  return html`
    <${Dialog} title=${t("cat.devices.key.title", { name })} onClose=${onClose} actions=${html`<button type="button" class="button primary" onClick=${onClose}>${t("cat.done")}</button>`}>
      <${Secret} label=${t("cat.devices.key.body", { time: stamp(until) })} secret=${secret} />
    </${Dialog}>`;
}
