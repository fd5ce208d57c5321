// A bus is put on sale, or drafted first.
import { html, Icon } from "../../core/dom.js";
import { isoDay, t } from "../../core/text.js";
import { toast } from "../../core/ui.js";
import { minorUnits } from "../amounts.js";
import { add, canAdd, Head, owned, useAll, zoneOf } from "../catalogue/parts.js";
import { localOf, momentOf } from "../catalogue/zone.js";
import { Check, Choice, FormFault, Input, Submit, useForm } from "../form.js";
import { Shown } from "../load.js";
import { go } from "../place.js";
import { operator, operatorShown } from "../staff.js";

/** @typedef {import("../catalogue/api.d.ts").Route} Route */
/** @typedef {import("../catalogue/api.d.ts").LayoutLine} LayoutLine */

const HOUR_MS = 3_600_000;

/** @param {import("../nav.js").ViewProps} props */
export default function BusNew({ query }) {
  const routes = useAll("/admin/routes", { operator: operator.value });
  const layouts = useAll("/admin/layouts", { operator: operator.value });
  return html`
    <${Head} title=${t("cat.buses.add")} back=${{ href: "/admin/buses", label: t("admin.nav.buses") }} sub=${t("cat.bus.new.sub")} />
    <${Shown} of=${routes}>${(/** @type {Route[]} */ known) => html`<${Shown} of=${layouts}>${(/** @type {LayoutLine[]} */ plans) => html`<${Form} routes=${known} layouts=${plans} chosen=${query.get("route") ?? ""} />`}</${Shown}>`}</${Shown}>`;
}

/** @param {{ routes: Route[], layouts: LayoutLine[], chosen: string }} props */
function Form({ routes, layouts, chosen }) {
  const zone = zoneOf();
  const currency = operatorShown.value?.currency ?? "EUR";
  const form = useForm(
    {
      name: "",
      route_id: chosen || (routes[0]?.id ?? ""),
      layout_id: layouts[0]?.id ?? "",
      departs_at: localOf(nextHour(), zone),
      arrives_at: "",
      price: "",
      draft: true,
    },
    async (values, key) => {
      if (!canAdd()) return;
      const made = await add("/admin/buses", owned(bodyOf(values, zone, currency)), key);
      toast(t(values.draft ? "cat.bus.drafted" : "cat.bus.on.sale", { name: made.name }), {
        icon: "circle-check",
        tone: "good",
        action: { label: t("cat.bus.set.fares"), run: () => go(`/admin/fares?bus=${made.id}`) },
      });
      go(`/admin/buses?date=${isoDay(made.departs_at, zone)}`);
    },
    { check: (values) => faults(values, zone, currency) },
  );
  const hasRoute = form.values.route_id !== "";
  const layoutOptions = layouts.map((each) => ({
    value: each.id,
    label: t("cat.layout.option", { name: each.name, count: each.seats_total }),
  }));
  const routeOptions = [
    ...routes.map(({ id, name }) => ({ value: id, label: name })),
    { value: "", label: t("cat.bus.no.route") },
  ];
  return html`
    <form class="form" onSubmit=${form.submit} novalidate>
      <${FormFault} form=${form} />
      <${Choice} form=${form} name="route_id" label=${t("cat.route")} options=${routeOptions} />
      <div class="form-row">
        <${Input} form=${form} name="departs_at" label=${t("cat.buses.departs")} hint=${t("cat.clock.of", { zone })} type="datetime-local" required />
        ${!hasRoute && html`<${Input} form=${form} name="arrives_at" label=${t("cat.bus.arrives")} type="datetime-local" />`}
        <${Input} form=${form} name="name" label=${t("cat.name")} hint=${t("cat.bus.name.hint")} maxlength="120" />
      </div>
      <div class="form-row">
        <${Choice} form=${form} name="layout_id" label=${t("cat.layout")} options=${[...layoutOptions, { value: "", label: t("cat.bus.no.layout") }]} />
        <${Input} form=${form} name="price" label=${t("cat.bus.price", { currency })} hint=${t("cat.bus.price.hint")} inputmode="decimal" placeholder="19.90" required />
      </div>
      <${Check} form=${form} name="draft" label=${t("cat.bus.draft")} />
      <div class="floor-actions"><${Submit} form=${form} icon="check">${t(form.values.draft ? "cat.bus.draft.go" : "cat.bus.sell.go")}</${Submit}>
        <a class="button quiet" href="/admin/layouts/new"><${Icon} name="layout-grid" />${t("cat.layouts.add")}</a></div>
    </form>`;
}

/** @param {Record<string, any>} values @param {string} zone @param {string} currency */
function bodyOf(
  { name, route_id, layout_id, departs_at, arrives_at, price, draft },
  zone,
  currency,
) {
  return {
    ...(name.trim() && { name }),
    ...(route_id && { route_id }),
    ...(layout_id ? { layout_id } : { total_seats: 40 }),
    ...(!route_id && arrives_at && { arrives_at: momentOf(arrives_at, zone) }),
    departs_at: momentOf(departs_at, zone),
    price: { amount: minorUnits(price, currency), currency },
    draft,
  };
}

/** @param {Record<string, any>} values @param {string} zone @param {string} currency */
function faults({ departs_at, arrives_at, route_id, price }, zone, currency) {
  /** @type {Record<string, string>} */
  const found = {};
  if (!departs_at || !momentOf(departs_at, zone)) found.departs_at = t("cat.buses.no.moment");
  if (!route_id && arrives_at && !momentOf(arrives_at, zone))
    found.arrives_at = t("cat.buses.no.moment");
  if (minorUnits(price, currency) === null) found.price = t("cat.amount");
  return found;
}

const nextHour = () => Math.ceil((Date.now() + HOUR_MS) / HOUR_MS) * HOUR_MS;
