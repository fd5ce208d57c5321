// Who travels and how to reach them. Faults are listed on top, each a way to its field.
import { html, Icon, useEffect, useRef, useState } from "../core/dom.js";
import { t } from "../core/text.js";
import { Field } from "../core/ui.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./draft.js").Person} Person */

const CATEGORIES = /** @type {const} */ (["adult", "child", "senior", "student"]);
const EMAIL = /^[^@\s]{1,64}@[^@\s]+\.[^@\s]+$/;
const PHONE = /^\+?[0-9 ()./-]{4,32}$/;

/** @param {Draft} draft @returns {Record<string, string>} */
function faultsOf({ people, contact }) {
  /** @type {Record<string, string>} */
  const faults = {};
  for (const { seat, name } of people)
    if (!name.trim()) faults[`name-${seat}`] = t("checkout.name.needed", { seat });
  if (!EMAIL.test(contact.email.trim())) faults.email = t("checkout.email.wrong");
  if (contact.phone.trim() && !PHONE.test(contact.phone.trim()))
    faults.phone = t("checkout.phone.wrong");
  return faults;
}

/** @param {{ draft: Draft, edit: (change: Partial<Draft>) => void, buy: () => void, isBusy: boolean, isOpen: boolean,
 *   methods: string[], method: string }} props */
export function CheckoutForm({ draft, edit, buy, isBusy, isOpen, methods, method }) {
  const [tries, setTries] = useState(0);
  const summary = useRef(/** @type {HTMLElement | null} */ (null));
  // Nobody is told off for what they have not been asked yet; after the first try faults go as they are mended.
  const faults = tries ? faultsOf(draft) : {};
  useEffect(() => summary.current?.focus(), [tries]);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy || !isOpen) return;
    if (Object.keys(faultsOf(draft)).length) setTries(tries + 1);
    else buy();
  };
  const setPerson = (/** @type {number} */ at, /** @type {Partial<Person>} */ change) =>
    edit({
      people: draft.people.map((person, index) =>
        index === at ? { ...person, ...change } : person,
      ),
    });
  const setContact = (/** @type {Partial<Draft["contact"]>} */ change) =>
    edit({ contact: { ...draft.contact, ...change } });
  const entries = Object.entries(faults);
  return html`
    <form class="details" novalidate onSubmit=${submit}>
      ${
        entries.length > 0 &&
        html`<div class="faults" role="alert" tabindex="-1" ref=${summary}>
          <h2>${t("checkout.faults", { count: entries.length })}</h2>
          <ul>${entries.map(([name, text]) => html`<li key=${name}><a href=${`#${name}`}>${text}</a></li>`)}</ul></div>`
      }
      <section class="card"><h2><${Icon} name="users" />${t("checkout.who")}</h2>
        ${draft.people.map((person, index) => html`<${PersonFields} key=${person.seat} person=${person} isFirst=${index === 0} error=${faults[`name-${person.seat}`]} set=${(/** @type {Partial<Person>} */ change) => setPerson(index, change)} />`)}
      </section>
      <section class="card"><h2><${Icon} name="mail" />${t("checkout.contact")}</h2>
        <div class="pair">
          <${Field} label=${t("checkout.email")} name="email" type="email" autocomplete="email" hint=${t("checkout.email.hint")} required value=${draft.contact.email} error=${faults.email} onValue=${(/** @type {string} */ email) => setContact({ email })} />
          <${Field} label=${t("checkout.phone")} name="phone" type="tel" autocomplete="tel" value=${draft.contact.phone} error=${faults.phone} onValue=${(/** @type {string} */ phone) => setContact({ phone })} />
        </div>
      </section>
      ${methods.length > 1 && html`<${Methods} methods=${methods} method=${method} set=${(/** @type {string} */ chosen) => edit({ method: chosen })} />`}
      <button class="button primary wide" aria-disabled=${isBusy || !isOpen}>${t("checkout.go")}<${Icon} name="arrow-right" class="flip" /></button>
    </form>`;
}

/** @param {{ methods: string[], method: string, set: (method: string) => void }} props */
function Methods({ methods, method, set }) {
  const says = (/** @type {string} */ key) => t(/** @type {any} */ (`method.${key}`));
  return html`
    <fieldset class="card methods"><legend><${Icon} name="credit-card" />${t("method.title")}</legend>
      ${methods.map(
        (
          each,
        ) => html`<label class="method" key=${each}><input type="radio" name="method" value=${each} checked=${each === method} onChange=${() => set(each)} />
          <span><strong>${says(each)}</strong><small>${says(`${each}.hint`)}</small></span></label>`,
      )}
    </fieldset>`;
}

/** @param {{ person: Person, isFirst: boolean, error?: string, set: (change: Partial<Person>) => void }} props */
function PersonFields({ person, isFirst, error, set }) {
  const { seat, name, category } = person;
  return html`
    <div class="person" role="group" aria-label=${t("checkout.seat", { seat })}><span class="seat-tag" aria-hidden="true">${seat}</span>
      <${Field} label=${t("checkout.name")} name=${`name-${seat}`} autocomplete=${isFirst ? "name" : "off"} maxlength="120" required value=${name} error=${error} onValue=${(/** @type {string} */ typed) => set({ name: typed })} />
      <${Field} label=${t("checkout.category")} name=${`category-${seat}`}>
        <select id=${`category-${seat}`} value=${category} onChange=${(/** @type {any} */ event) => set({ category: event.target.value })}>
          ${CATEGORIES.map((each) => html`<option key=${each} value=${each} selected=${each === category}>${t(`category.${each}`)}</option>`)}
        </select>
      </${Field}>
    </div>`;
}
