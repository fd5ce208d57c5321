// Forms of the sales floor: what the server refuses stands next to the field that it is about.
import { ApiError, newKey } from "../core/api.js";
import { html, Icon, useRef, useState } from "../core/dom.js";
import { t } from "../core/text.js";
import { Field } from "../core/ui.js";

/** @typedef {Record<string, any>} Values */
/**
 * @template {Values} V @typedef {object} Form
 * @property {V} values
 * @property {(change: Partial<V>) => void} set
 * @property {Record<string, string>} errors by the name of the field, as a JSON pointer without its first slash
 * @property {string} fault what is wrong and of no field
 * @property {boolean} isBusy
 * @property {boolean} isChanged
 * @property {(name: string) => string} idOf the id of a field, of which a page has one
 * @property {(event?: Event) => Promise<void>} submit
 */

/** Keep what is typed, send it once, and hear what is wrong with it.
 * `send` gets the values and an idempotency key that stays until it was done or something was changed.
 * @template {Values} V @param {V} initial @param {(values: V, key: string) => Promise<unknown>} send
 * @param {{ check?: (values: V) => Record<string, string | undefined>, prefix?: string }} [more] `check` finds faults before
 *   anybody is asked; `prefix` sets the fields of a form apart from those of another that is in view, too
 * @returns {Form<V>} */
export function useForm(initial, send, { check, prefix = "" } = {}) {
  const [values, setValues] = useState(initial);
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [isChanged, setChanged] = useState(false);
  const key = useRef("");
  const idOf = (/** @type {string} */ name) => prefix + name;
  const focusFirst = (/** @type {Record<string, string>} */ faults) => {
    const [first] = Object.keys(faults);
    if (first) requestAnimationFrame(() => document.getElementById(idOf(first))?.focus());
  };
  const set = (/** @type {Partial<V>} */ change) => {
    key.current = "";
    setValues((before) => ({ ...before, ...change }));
    setErrors((before) => without(before, Object.keys(change)));
    setChanged(true);
  };
  const submit = async (/** @type {Event | undefined} */ event) => {
    event?.preventDefault();
    if (isBusy) return;
    const found = said(check?.(values) ?? {});
    setErrors(found);
    setFault("");
    if (Object.keys(found).length) return focusFirst(found);
    key.current ||= newKey();
    setBusy(true);
    try {
      await send(values, key.current);
      key.current = "";
      setChanged(false);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const { fields, rest } = faultsOf(error, Object.keys(values));
      setErrors(fields);
      setFault(rest);
      focusFirst(fields);
    } finally {
      setBusy(false);
    }
  };
  return { values, set, errors, fault, isBusy, isChanged, idOf, submit };
}

/** Sort what a problem document says to the fields that are on the form; the rest is for above it.
 * @param {ApiError} error @param {string[]} names */
export function faultsOf(error, names) {
  /** @type {Record<string, string>} */
  const fields = {};
  const rest = [];
  for (const { pointer, detail } of error.problem.errors ?? []) {
    const path = pointer.replace(/^\//, "");
    const name = names.find((each) => path === each || path.startsWith(`${each}/`));
    if (name) fields[name] = detail;
    else rest.push(path ? `${path}: ${detail}` : detail);
  }
  const isSaid = Object.keys(fields).length > 0 || rest.length > 0;
  return { fields, rest: isSaid ? rest.join(" · ") : wordOf(error) };
}

/** @param {ApiError} error */
const wordOf = (error) => (error.code === "offline" ? t("failure.offline.body") : error.message);

/** @param {Record<string, string | undefined>} faults @returns {Record<string, string>} */
const said = (faults) =>
  Object.fromEntries(
    Object.entries(faults).flatMap(([name, text]) => (text ? [[name, text]] : [])),
  );

/** @param {Record<string, string>} errors @param {string[]} names */
const without = (errors, names) =>
  Object.fromEntries(Object.entries(errors).filter(([name]) => !names.includes(name)));

/** What is wrong with the whole of a form.
 * @param {{ form: Form<any> }} props */
export function FormFault({ form }) {
  return form.fault
    ? html`<p class="field-error" role="alert"><${Icon} name="circle-alert" />${form.fault}</p>`
    : null;
}

/** A line of text, a number, a date: whatever `type` an input may have.
 * @param {{ form: Form<any>, name: string, label: string, hint?: string, [more: string]: any }} props */
export function Input({ form, name, ...more }) {
  const take = (/** @type {string} */ value) => form.set({ [name]: value });
  return html`<${Field} name=${form.idOf(name)} value=${form.values[name] ?? ""} error=${form.errors[name]} onValue=${take} ...${more} />`;
}

/** @param {{ form: Form<any>, name: string, label: string, hint?: string, options: { value: string, label: string }[] }} props */
export function Choice({ form, name, label, hint, options }) {
  const error = form.errors[name];
  const take = (/** @type {any} */ event) => form.set({ [name]: event.target.value });
  const id = form.idOf(name);
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return html`
    <${Field} name=${id} label=${label} hint=${hint} error=${error}>
      <select id=${id} name=${id} value=${form.values[name] ?? ""} aria-invalid=${error ? "true" : null} aria-describedby=${described || null} onChange=${take}>
        ${options.map((each) => html`<option key=${each.value} value=${each.value}>${each.label}</option>`)}
      </select>
    </${Field}>`;
}

/** @param {{ form: Form<any>, name: string, label: string }} props */
export function Check({ form, name, label }) {
  const take = (/** @type {any} */ event) => form.set({ [name]: event.target.checked });
  return html`<label class="check"><input type="checkbox" name=${name} checked=${Boolean(form.values[name])} onChange=${take} />${label}</label>`;
}

/** The button that sends a form.
 * @param {{ form: Form<any>, children?: any, tone?: "primary" | "danger", icon?: string }} props */
export function Submit({ form, children, tone = "primary", icon }) {
  return html`<button class=${`button ${tone}`} aria-disabled=${form.isBusy}>${icon && html`<${Icon} name=${icon} />`}${form.isBusy ? t("admin.busy") : children}</button>`;
}
