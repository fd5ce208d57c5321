// A bus that was found: its times, its price, what is left. The whole of it is the way to its seats.
import { html, Icon } from "../core/dom.js";
import { day, duration, money, nights, t, term, time, zoneName } from "../core/text.js";
import { isDirect } from "./filters.js";

/** @typedef {import("../api.d.ts").Departure} Departure */

const FEW = 6;

/** @param {Departure} bus */
export const isFull = (bus) => bus.seats_available === 0 || bus.status !== "SCHEDULED";

/** @param {{ bus: Departure }} props */
export function Result({ bus }) {
  const { from_stop: from, to_stop: to } = bus;
  const left = bus.seats_available;
  const later = nights(bus.departs_at, from.time_zone, bus.arrives_at, to.time_zone);
  const href = `/buses/${bus.id}?${new URLSearchParams({ from: from.id, to: to.id })}`;
  const stops = bus.to_index - bus.from_index - 1;
  const special = bus.seat_classes.filter((each) => each !== "standard");
  const over =
    bus.status === "SCHEDULED" ? t("result.full") : term("status", bus.status.toLowerCase());
  return html`
    <li class="result" data-bus=${bus.id} data-full=${isFull(bus) ? "" : null}>
      <a href=${href}>
        <div class="result-line">
          <p class="end"><time dateTime=${bus.departs_at}><span class="visually-hidden">${t("result.departs")} </span>${time(bus.departs_at, from.time_zone)}</time>
            <small>${zoneName(bus.departs_at, from.time_zone)}</small><span>${from.name}</span></p>
          <p class="way-between"><span>${duration(bus.departs_at, bus.arrives_at)}</span>
            <small>${isDirect(bus) ? t("result.direct") : t("result.stops", { count: stops })}</small></p>
          <p class="end"><time dateTime=${bus.arrives_at}><span class="visually-hidden">${t("result.arrives")} </span>${time(bus.arrives_at, to.time_zone)}${later > 0 && html`<sup title=${t("result.night", { count: later })}>+${later}</sup>`}</time>
            <small>${zoneName(bus.arrives_at, to.time_zone)}</small><span>${to.name}</span></p>
        </div>
        <p class="result-bus"><strong>${day(bus.departs_at, from.time_zone)}</strong> <${Icon} name="bus" /><bdi>${bus.operator.name}</bdi> · <bdi>${bus.name}</bdi>
          ${special.map((each) => html`<span class="tag" key=${each} data-class=${each}>${term("class", each)}</span>`)}</p>
        <div class="stub">
          <p class="price"><small>${t("result.from")}</small> <strong>${money(bus.price)}</strong></p>
          <p class="left" data-few=${left > 0 && left < FEW ? "" : null}>${isFull(bus) ? over : t("result.left", { count: left })}</p>
          <span class="go">${t("result.choose")}<${Icon} name="chevron-right" class="flip" /></span>
        </div>
      </a>
    </li>`;
}
