// `/admin/`: how the day goes, live: figures beside another day's, its curve, how full the buses are, what was just sold.
import floor from "messages/floor";
import { get } from "../../core/api.js";
import { html, Icon, now, useEffect, useMemo, useRef, useState } from "../../core/dom.js";
import { learn, money, t } from "../../core/text.js";
import { inUnits } from "../amounts.js";
import { addMoney, amountOf, changeOf, curveOf } from "../figures.js";
import { FilterBar, valuesOf } from "../filters.js";
import { useKeys } from "../keys.js";
import { Shown, useLoaded } from "../load.js";
import { AsSwitch, isTableShown, showTable } from "../overview/as.js";
import { Feed } from "../overview/feed.js";
import { HeatCard } from "../overview/heat_card.js";
import { KpiRow, revenueChange, share } from "../overview/kpis.js";
import { Timeline } from "../overview/timeline.js";
import { clockZone, compactMoney, dayFromNow, moneys, numbers } from "../parts.js";
import { changeQuery } from "../paths.js";
import { query, setQuery } from "../place.js";
import { SalesFeed } from "../sales_feed.js";
import { operator, operatorShown } from "../staff.js";

/** @typedef {import("../figures.js").Quarter} Quarter */
/** @typedef {{ days_ago: number, bookings: number, seats: number, revenue: import("../../api.d.ts").Money[], conflicts: number, quarters: Quarter[] }} PaceDay */
/** @typedef {{ days: PaceDay[], holds: number, seats_held: number }} Pace */

learn(floor);

// Sales come at most four times a second; what is asked for besides is asked for at most so often.
const ASK_EVERY_MS = 4000;
const AT_LEAST_EVERY_MS = 60_000;
const FEED_SHOWN = 15;
const SHOWN = ["revenue", "seats", "conflicts"];

const filters = () => [
  {
    name: "against",
    label: t("overview.against"),
    kind: /** @type {const} */ ("choice"),
    otherwise: "1",
    options: [
      { value: "1", label: t("overview.yesterday") },
      { value: "7", label: t("overview.week") },
      { value: "none", label: t("overview.nothing") },
    ],
  },
  {
    name: "show",
    label: t("overview.show"),
    kind: /** @type {const} */ ("choice"),
    otherwise: "revenue",
    options: [
      { value: "revenue", label: t("overview.revenue") },
      { value: "seats", label: t("overview.seats") },
      { value: "conflicts", label: t("overview.conflicts.short") },
    ],
  },
  {
    name: "day",
    label: t("overview.day"),
    kind: /** @type {const} */ ("date"),
    otherwise: dayFromNow(),
  },
];

export default function Overview() {
  const feed = useMemo(() => new SalesFeed(), []);
  const beat = useBeat(feed);
  const whose = operator.value;
  const values = valuesOf(filters());
  useEffect(() => {
    feed.start();
    return () => feed.stop();
  }, []);
  useKeys({
    x: { name: t("overview.keys.against"), run: () => turn("against", ["1", "7", "none"]) },
    r: { name: t("overview.keys.show"), run: () => turn("show", SHOWN) },
    t: { name: t("overview.keys.table"), run: () => showTable(query.peek().get("as") !== "table") },
  });
  const pace = useLoaded(
    () => get(`/admin/sales/pace${changeQuery("", { operator: whose })}`),
    [whose],
    beat,
  );
  const latest = useLoaded(
    () => get(`/admin/bookings${changeQuery("", { operator: whose, limit: String(FEED_SHOWN) })}`),
    [whose],
    beat,
  );
  const days = feed.days.value?.filter((each) => !whose || each.operator === whose) ?? null;
  return html`
    <div class="floor-head">
      <h1>${t("admin.nav.overview")}</h1>
      <p class="live-mark" data-news=${feed.news.value} role="status"><i></i>${t(`overview.news.${feed.news.value}`)}</p>
    </div>
    <${FilterBar} filters=${filters()} />
    <${Shown} of=${pace} lines=${2}>${(
      /** @type {Pace} */ data,
    ) => html`<${Figures} pace=${data} days=${days} against=${values.against} whose=${whose} />
      <${Curves} pace=${data} against=${values.against} show=${values.show} />`}</${Shown}>
    <div class="overview-parts" data-as=${isTableShown() ? "table" : "chart"}>
      <${HeatCard} day=${values.day} whose=${whose} beat=${beat} />
      <section class="card" aria-labelledby="feed-title">
        <h2 id="feed-title"><${Icon} name="receipt" />${t("overview.feed")}</h2>
        <${Shown} of=${latest} lines=${5}>${(/** @type {any} */ page) => html`<${Feed} items=${page.items} />`}</${Shown}>
      </section>
    </div>`;
}

/** Counts up when the totals have changed, and once a minute.
 * @param {SalesFeed} feed */
function useBeat(feed) {
  const [beat, setBeat] = useState(0);
  const last = useRef({ at: performance.now(), text: "" });
  const text = JSON.stringify(feed.days.value?.map(({ watchers: _, ...day }) => day) ?? null);
  useEffect(() => {
    const isNew = text !== "null" && text !== last.current.text;
    if (isNew && !last.current.text) last.current.text = text;
    else if (isNew) {
      const due = Math.max(0, last.current.at + ASK_EVERY_MS - performance.now());
      const timer = setTimeout(() => {
        last.current = { at: performance.now(), text };
        setBeat((count) => count + 1);
      }, due);
      return () => clearTimeout(timer);
    }
    const timer = setTimeout(() => setBeat((count) => count + 1), AT_LEAST_EVERY_MS);
    return () => clearTimeout(timer);
  }, [text, beat]);
  return beat;
}

/** @param {{ pace: Pace, days: import("../sales_feed.js").DayOfSales[] | null, against: string, whose: string | null }} props */
function Figures({ pace, days, against, whose }) {
  const [today, before] = [dayOf(pace, "0"), dayOf(pace, against)];
  // The live totals are younger than what was asked for; without them that has to do.
  const seats = days ? sum(days, (each) => each.seats) : (today?.seats ?? 0);
  const revenue = days ? addMoney(days.map((each) => each.revenue)) : (today?.revenue ?? []);
  const conflicts = days ? sum(days, (each) => each.conflicts) : (today?.conflicts ?? 0);
  const told = useLoaded(
    () =>
      get(
        `/admin/sales${changeQuery("", { from: dayFromNow(-7), to: dayFromNow(), operator: whose })}`,
      ),
    [whose],
    pace,
  );
  /** @type {import("../figures.js").SalesLine[]} */
  const lines = told.data?.items ?? [];
  const full = (/** @type {string} */ ago) =>
    lines.find(({ key }) => key === dayFromNow(-Number(ago)))?.occupancy ?? null;
  const fullBefore = against === "none" ? null : full(against);
  const money = revenueChange(revenue, before?.revenue ?? null);
  const items = [
    {
      key: "seats",
      label: t("overview.seats.sold"),
      value: String(seats),
      change: changeOf(seats, before?.seats),
      before: before && String(before.seats),
    },
    {
      key: "revenue",
      label: t("overview.revenue"),
      value: moneys(revenue, operatorShown.value?.currency),
      ...money,
    },
    {
      key: "occupancy",
      label: t("overview.occupancy.today"),
      value: share(full("0")),
      change: changeOf(full("0") ?? 0, fullBefore),
      before: fullBefore === null ? undefined : share(fullBefore),
    },
    {
      key: "holds",
      label: t("overview.holds"),
      value: String(pace.holds),
      hint: [
        t("overview.holds.seats", { count: pace.seats_held }),
        ...(days ? [t("overview.conversion", { share: share(conversion(days)) })] : []),
      ].join(" · "),
    },
    {
      key: "watchers",
      label: t("overview.watchers"),
      value: days ? String(sum(days, (each) => each.watchers)) : "–",
      hint: t("overview.watchers.hint"),
    },
    {
      key: "conflicts",
      label: t("overview.conflicts"),
      value: String(conflicts),
      change: changeOf(conflicts, before?.conflicts),
      before: before && String(before.conflicts),
      isGoodUp: false,
    },
  ];
  return html`<${KpiRow} items=${items} against=${against === "7" ? t("overview.week.then") : t("overview.yesterday.then")} />`;
}

/** @param {{ pace: Pace, against: string, show: string }} props */
function Curves({ pace, against, show }) {
  const isTable = isTableShown();
  const [today, before] = [dayOf(pace, "0"), dayOf(pace, against)];
  const currency =
    addMoney(pace.days.flatMap((each) => each.quarters.flatMap(({ revenue }) => revenue)))[0]
      ?.currency ??
    operatorShown.value?.currency ??
    "EUR";
  const what = show === "seats" || show === "conflicts" ? show : "revenue";
  const isMoney = what === "revenue";
  const figure = (/** @type {Quarter} */ quarter) =>
    what === "revenue" ? amountOf(quarter.revenue, currency) : quarter[what];
  const say = (/** @type {number} */ value) =>
    isMoney ? money({ amount: value, currency }) : String(value);
  const write = (/** @type {number} */ value) => (isMoney ? inUnits(value, currency) : value);
  const short = numbers({ notation: "compact" });
  const mark = (/** @type {number} */ value) =>
    isMoney ? compactMoney(value, currency) : short.format(value);
  const curves = [
    { name: t("overview.today"), points: curveOf(today?.quarters ?? [], figure, minuteNow()) },
    ...(before
      ? [
          {
            name: t(against === "7" ? "overview.week" : "overview.yesterday"),
            points: curveOf(before.quarters, figure),
          },
        ]
      : []),
  ];
  const title = t(`overview.curve.${what}`);
  return html`
    <section class="card" aria-labelledby="curve-title">
      <div class="part-head"><h2 id="curve-title"><${Icon} name="chart-line" />${title}</h2><${AsSwitch} /></div>
      <${Timeline} title=${title} curves=${curves} say=${say} mark=${mark} write=${write} file=${`${what}-${dayFromNow()}`} isTable=${isTable} />
    </section>`;
}

/** @param {string} name @param {string[]} values */
function turn(name, values) {
  const here =
    query.peek().get(name) ?? filters().find((each) => each.name === name)?.otherwise ?? values[0];
  setQuery({ [name]: values[(values.indexOf(here) + 1) % values.length] });
}

/** @param {Pace} pace @param {string} ago */
const dayOf = (pace, ago) => pace.days.find(({ days_ago }) => String(days_ago) === ago);

/** @template T @param {T[]} items @param {(item: T) => number} figure */
const sum = (items, figure) => items.reduce((total, item) => total + figure(item), 0);

/** @param {import("../sales_feed.js").DayOfSales[]} days */
function conversion(days) {
  const holds = sum(days, (each) => each.holds);
  return holds ? sum(days, (each) => each.holds_paid) / holds : null;
}

/** The minute of the day by the clock that is shown. */
function minuteNow() {
  const [hours, minutes] = new Date(now())
    .toLocaleTimeString("sv-SE", { timeZone: clockZone(), hour: "2-digit", minute: "2-digit" })
    .split(":");
  return Number(hours) * 60 + Number(minutes);
}
