// Step 4: who travels, one question at a time.
import { html, Icon, useLayoutEffect, useState } from "../core/dom.js";
import { t } from "../core/text.js";
import { Field } from "../core/ui.js";
import { Foot, Question } from "./frame.js";
import { people, phone } from "./journey.js";
import { Keyboard, NumberPad } from "./keyboard.js";
import { Order } from "./order.js";
import { Chosen } from "./seats.js";

const CATEGORIES = /** @type {const} */ (["adult", "child", "senior", "student"]);
const PHONE = /^\+?[0-9 ()./-]{4,32}$/;

/** @param {{ choice: import("./choice.js").KioskChoice, back: () => void, next: () => void }} props */
export function People({ choice, back, next }) {
  const [at, setAt] = useState(() =>
    Math.max(
      0,
      people.peek().findIndex(({ name }) => !name),
    ),
  );
  const [fault, setFault] = useState("");
  const persons = people.value;
  const isPhone = at >= persons.length;
  const goBack = () => (at ? setAt(at - 1) : back());
  useLayoutEffect(() => {
    setFault("");
    const field = document.getElementById(isPhone ? "phone" : `name-${persons[at]?.seat}`);
    if (field instanceof HTMLInputElement) {
      field.focus();
      field.setSelectionRange(field.value.length, field.value.length);
    }
  }, [at]);
  const goOn = () => {
    const typed = isPhone ? phone.peek().trim() : (people.peek()[at]?.name.trim() ?? "");
    if (isPhone && typed && !PHONE.test(typed)) setFault(t("checkout.phone.wrong"));
    else if (!isPhone && !typed) setFault(t("checkout.name.needed", { seat: persons[at].seat }));
    else if (isPhone) next();
    else setAt(at + 1);
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    goOn();
  };
  const hasHold = choice.client.hold.value !== null;
  return html`
    <main id="main" class="kiosk-main kiosk-people" tabindex="-1">
      <${Order} choice=${choice} />
      <form onSubmit=${submit} novalidate>
        ${
          isPhone
            ? html`<${Question} text=${t("kiosk.phone")}><p class="hint">${t("kiosk.phone.hint")}</p></${Question}>
            <${Field} label=${t("checkout.phone")} name="phone" type="tel" inputmode="none" autocomplete="off" maxlength="32" value=${phone.value} error=${fault}
              onValue=${(/** @type {string} */ typed) => {
                phone.value = typed;
              }} />`
            : html`<${PersonQuestion} key=${persons[at].seat} at=${at} fault=${fault} />`
        }
      </form>
      ${isPhone ? html`<${NumberPad} field="phone" hasPlus=${true} />` : html`<${Keyboard} field=${`name-${persons[at].seat}`} onDone=${goOn} doneText=${t("kiosk.next")} />`}
    </main>
    <${Foot} back=${goBack} next=${goOn} nextText=${isPhone && !phone.value ? t("kiosk.phone.skip") : t("summary.go")} isReady=${hasHold}><${Chosen} choice=${choice} /></${Foot}>`;
}

/** @param {{ at: number, fault: string }} props */
function PersonQuestion({ at, fault }) {
  const { seat, name, category } = people.value[at];
  const count = people.value.length;
  const set = (/** @type {Partial<import("../booking/draft.js").Person>} */ change) => {
    people.value = people
      .peek()
      .map((each, index) => (index === at ? { ...each, ...change } : each));
  };
  return html`
    <${Question} text=${t("kiosk.people", { seat })}>${count > 1 && html`<p class="hint">${t("kiosk.people.of", { at: at + 1, count })}</p>`}</${Question}>
    <${Field} label=${t("checkout.name")} name=${`name-${seat}`} dir="auto" inputmode="none" autocomplete="off" autocapitalize="words" spellcheck="false" maxlength="120" required
      value=${name} error=${fault} onValue=${(/** @type {string} */ typed) => set({ name: typed })} />
    <div class="categories" role="radiogroup" aria-label=${t("checkout.category")}>
      ${CATEGORIES.map(
        (
          each,
        ) => html`<label key=${each} class="category"><input type="radio" name=${`category-${seat}`} checked=${each === category} onChange=${() => set({ category: each })} />
          <span><${Icon} name="user" />${t(`category.${each}`)}</span></label>`,
      )}
    </div>`;
}
