// What one is about to buy: the trip, who sits where, and what it costs.
import { Journey, tripOn } from "../booking/journey.js";
import { html } from "../core/dom.js";
import { money, t } from "../core/text.js";
import { people } from "./journey.js";

/** @param {{ choice: import("./choice.js").KioskChoice, children?: any }} props */
export function Order({ choice, children }) {
  const bus = choice.bus.value;
  if (!bus) return null;
  return html`
    <section class="card kiosk-summary"><${Journey} trip=${tripOn(bus, choice.ride.from, choice.ride.to)} />
      <ul class="order-lines">${people.value.map(({ seat, name, category }) => html`<li key=${seat}><span class="seat-tag">${seat}</span><span><bdi>${name}</bdi><small>${t(`category.${/** @type {"adult"} */ (category)}`)}</small></span></li>`)}</ul>
      ${choice.total && html`<p class="order-total"><span>${t("checkout.total")}</span><strong>${money(choice.total)}</strong></p>`}
      ${children}
    </section>`;
}
