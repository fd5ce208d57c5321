// People: who may sign in, and as what.
import { call, post, user } from "../../core/api.js";
import { html, Icon, useState } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { Dialog, toast } from "../../core/ui.js";
import {
  act,
  FormDialog,
  Head,
  operatorName,
  RowButton,
  Secret,
  stamp,
  Tag,
} from "../catalogue/parts.js";
import { FilterBar, valuesOf } from "../filters.js";
import { Choice, Input, useForm } from "../form.js";
import { useKeys } from "../keys.js";
import { usePages } from "../load.js";
import { isPlatform, operator, operators } from "../staff.js";
import { DataTable } from "../table.js";

/** @typedef {import("../catalogue/api.d.ts").Person} Person */
/** @typedef {import("../catalogue/api.d.ts").Invitation} Invitation */

const OF_OPERATORS = /** @type {const} */ (["agent", "operator"]);
const OF_THE_HOUSE = /** @type {const} */ (["support", "admin"]);
const ALL = /** @type {const} */ (["rider", "agent", "operator", "support", "admin"]);

const filters = () => [
  { name: "q", label: t("cat.users.q"), kind: /** @type {const} */ ("search") },
  {
    name: "role",
    label: t("cat.users.role"),
    kind: /** @type {const} */ ("choice"),
    options: [
      { value: "", label: t("cat.users.roles.all") },
      ...(isPlatform.value ? ALL : OF_OPERATORS).map((value) => ({
        value,
        label: roleName(value),
      })),
    ],
  },
];

/** @param {string} role */
const roleName = (role) =>
  role === "rider" ? t("cat.users.rider") : t(`admin.role.${/** @type {"agent"} */ (role)}`);

export default function Users() {
  const wanted = valuesOf(filters());
  const pages = usePages("/admin/users", {
    operator: operator.value,
    q: wanted.q,
    role: wanted.role,
    limit: "50",
  });
  const [open, setOpen] = useState(/** @type {Person | "new" | null} */ (null));
  const [invited, setInvited] = useState(/** @type {Invitation | null} */ (null));
  useKeys({ n: { name: t("cat.users.add"), run: () => setOpen("new") } }, []);
  const saved = () => {
    setOpen(null);
    pages.reload();
  };
  const turn = async (/** @type {Person} */ person) => {
    const disabled = !person.disabled;
    const ask = {
      title: t("cat.users.disable.ask", { name: person.name }),
      body: t("cat.users.disable.body"),
      action: t("cat.users.disable"),
      isDanger: true,
    };
    const run = () => call("PATCH", `/admin/users/${person.id}`, { body: { disabled } });
    const done = t(disabled ? "cat.users.disabled.now" : "cat.users.enabled.now", {
      name: person.name,
    });
    if (await act({ ask: disabled ? ask : undefined, run, done })) pages.reload();
  };
  return html`
    <${Head} title=${t("admin.nav.users")} sub=${t("cat.users.sub")}>
      <button type="button" class="button primary" onClick=${() => setOpen("new")}><${Icon} name="plus" />${t("cat.users.add")}</button>
    </${Head}>
    <${FilterBar} filters=${filters()} />
    <${DataTable} caption=${t("admin.nav.users")} file="users" pages=${pages} keyOf=${(/** @type {Person} */ each) => each.id} columns=${columns(setOpen, turn)}
      toneOf=${(/** @type {Person} */ each) => (each.disabled ? "soft" : null)} empty=${{ icon: "users", title: t("cat.users.empty"), body: t("cat.users.empty.body") }} />
    ${
      open === "new" &&
      html`<${Invite} onClose=${() => setOpen(null)} onInvited=${(
        /** @type {Invitation} */ told,
      ) => {
        saved();
        setInvited(told);
      }} />`
    }
    ${open && open !== "new" && html`<${PersonForm} person=${open} onClose=${() => setOpen(null)} onSaved=${saved} />`}
    ${invited && html`<${Invited} told=${invited} onClose=${() => setInvited(null)} />`}`;
}

/** @param {(person: Person) => void} edit @param {(person: Person) => void} turn */
const columns = (edit, turn) => [
  {
    key: "name",
    name: t("cat.name"),
    isHead: true,
    cell: (/** @type {Person} */ each) => each.name,
    sort: (/** @type {Person} */ each) => each.name,
  },
  {
    key: "email",
    name: t("cat.users.email"),
    cell: (/** @type {Person} */ each) => each.email,
    sort: (/** @type {Person} */ each) => each.email,
  },
  {
    key: "role",
    name: t("cat.users.role"),
    cell: (/** @type {Person} */ each) => roleName(each.role),
    sort: (/** @type {Person} */ each) => roleName(each.role),
  },
  ...(isPlatform.value
    ? [
        {
          key: "whose",
          name: t("cat.whose"),
          cell: (/** @type {Person} */ each) => (each.operator ? operatorName(each.operator) : ""),
          sort: (/** @type {Person} */ each) => (each.operator ? operatorName(each.operator) : ""),
        },
      ]
    : []),
  {
    key: "state",
    name: t("cat.state"),
    cell: (/** @type {Person} */ each) => html`
      <${Tag} tone=${each.disabled ? "bad" : "good"}>${t(each.disabled ? "cat.users.disabled" : "cat.users.enabled")}</${Tag}>
      ${each.second_factor && html` <${Tag}><${Icon} name="shield-check" />${t("cat.users.factor")}</${Tag}>`}`,
    sort: (/** @type {Person} */ each) =>
      t(each.disabled ? "cat.users.disabled" : "cat.users.enabled"),
  },
  {
    key: "since",
    name: t("cat.since"),
    cell: (/** @type {Person} */ each) => stamp(each.created_at),
    sort: (/** @type {Person} */ each) => each.created_at,
  },
  {
    key: "do",
    name: t("cat.do"),
    cell: (/** @type {Person} */ each) =>
      html`<span class="row-buttons"><${RowButton} icon="pencil" label=${t("cat.edit")} of=${each.name} run=${() => edit(each)} />
        ${each.id !== user.value?.id && html`<${RowButton} icon=${each.disabled ? "undo-2" : "ban"} label=${t(each.disabled ? "cat.users.enable" : "cat.users.disable")} of=${each.name} run=${() => turn(each)} />`}</span>`,
  },
];

const roleOptions = () =>
  (isPlatform.value ? [...OF_OPERATORS, ...OF_THE_HOUSE] : OF_OPERATORS).map((value) => ({
    value,
    label: t(`admin.role.${value}`),
  }));
const operatorOptions = () => [
  { value: "", label: t("cat.choose") },
  ...operators.value.map(({ id, name }) => ({ value: id, label: name })),
];
/** @param {string} role */
const hasOperator = (role) => role === "agent" || role === "operator";

/** @param {{ onClose: () => void, onInvited: (told: Invitation) => void }} props */
function Invite({ onClose, onInvited }) {
  const form = useForm(
    { name: "", email: "", role: "agent", operator: operator.value ?? "" },
    async ({ name, email, role, operator: whose }) => {
      const body = { name, email, role, ...(hasOperator(role) && whose && { operator: whose }) };
      onInvited(await post("/admin/users", body));
    },
    {
      check: ({ name, email, role, operator: whose }) => ({
        ...(!name.trim() && { name: t("cat.needed") }),
        ...(!/^\S+@\S+\.\S+$/.test(email.trim()) && { email: t("checkout.email.wrong") }),
        ...(hasOperator(role) && !whose && { operator: t("cat.choose") }),
      }),
    },
  );
  return html`
    <${FormDialog} title=${t("cat.users.add")} form=${form} action=${t("cat.users.invite")} onClose=${onClose}>
      <${Input} form=${form} name="name" label=${t("cat.users.name")} maxlength="120" autocomplete="off" required autofocus />
      <${Input} form=${form} name="email" label=${t("cat.users.email")} type="email" autocomplete="off" required />
      <${Choice} form=${form} name="role" label=${t("cat.users.role")} hint=${t(`cat.role.${/** @type {"agent"} */ (form.values.role)}`)} options=${roleOptions()} />
      ${isPlatform.value && hasOperator(form.values.role) && html`<${Choice} form=${form} name="operator" label=${t("admin.operator")} options=${operatorOptions()} />`}
    </${FormDialog}>`;
}

/** @param {{ person: Person, onClose: () => void, onSaved: () => void }} props */
function PersonForm({ person, onClose, onSaved }) {
  const form = useForm(
    { name: person.name, role: person.role, operator: person.operator ?? "" },
    async ({ name, role, operator: whose }) => {
      const body = {
        ...(name !== person.name && { name }),
        ...(role !== person.role && { role }),
        ...(hasOperator(role) && whose !== (person.operator ?? "") && { operator: whose }),
      };
      await call("PATCH", `/admin/users/${person.id}`, { body });
      toast(t("cat.saved", { name }), { icon: "circle-check", tone: "good" });
      onSaved();
    },
    {
      check: ({ name }) =>
        name.trim() ? /** @type {Record<string, string>} */ ({}) : { name: t("cat.needed") },
    },
  );
  const isOther =
    form.values.role !== person.role || form.values.operator !== (person.operator ?? "");
  const options = roleOptions().some(({ value }) => value === person.role)
    ? roleOptions()
    : [{ value: person.role, label: roleName(person.role) }, ...roleOptions()];
  return html`
    <${FormDialog} title=${t("cat.edit.what", { name: person.name })} form=${form} action=${t("cat.save")} onClose=${onClose}>
      <${Input} form=${form} name="name" label=${t("cat.users.name")} maxlength="120" required autofocus />
      <${Choice} form=${form} name="role" label=${t("cat.users.role")} options=${options} />
      ${isPlatform.value && hasOperator(form.values.role) && html`<${Choice} form=${form} name="operator" label=${t("admin.operator")} options=${operatorOptions()} />`}
      ${isOther && html`<p class="hint">${t("cat.users.ends")}</p>`}
    </${FormDialog}>`;
}

/** Whoever has the link chooses the password: it is shown this once.
 * @param {{ told: Invitation, onClose: () => void }} props */
function Invited({ told, onClose }) {
  const link = `${location.origin}/login?reset=${encodeURIComponent(told.token)}`;
  return html`
    <${Dialog} title=${t("cat.users.invited", { name: told.user.name })} onClose=${onClose} actions=${html`<button type="button" class="button primary" onClick=${onClose}>${t("cat.done")}</button>`}>
      <p>${t("cat.users.invited.body", { email: told.user.email, time: stamp(told.expires_at) })}</p>
      <${Secret} label=${t("cat.users.link")} secret=${link} />
    </${Dialog}>`;
}
