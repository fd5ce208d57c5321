// How the day goes, beside another one: a chart, and the same as a table. The chart's library comes when it is drawn.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../core/dom.js";
import { t } from "../../core/text.js";
import { clockOf, minutes } from "../figures.js";
import { DataTable } from "../table.js";

/** @typedef {{ name: string, points: (number | null)[] }} Curve */
/** @typedef {{ title: string, curves: Curve[], say: (value: number) => string, mark: (value: number) => string, write: (value: number) => number, file: string }} TimelineProps
 * `mark` is short: what stands at the axis; `write` is for files */

const HEIGHT = 240;
const NARROW = 560;

/** @param {TimelineProps & { isTable: boolean }} props */
export function Timeline({ isTable, ...props }) {
  return isTable ? html`<${AsTable} ...${props} />` : html`<${Chart} ...${props} />`;
}

/** @param {TimelineProps} props */
function AsTable({ title, curves, say, write, file }) {
  const rows = minutes().flatMap((minute, index) =>
    minute % 60 === 45
      ? [{ minute: minute + 15, values: curves.map(({ points }) => points[index]) }]
      : [],
  );
  const columns = [
    {
      key: "by",
      name: t("overview.by"),
      isHead: true,
      cell: (/** @type {any} */ row) => clockOf(row.minute),
      csv: (/** @type {any} */ row) => clockOf(row.minute),
    },
    ...curves.map(({ name }, index) => ({
      key: name,
      name,
      isNumber: true,
      cell: (/** @type {any} */ row) => (row.values[index] === null ? "–" : say(row.values[index])),
      csv: (/** @type {any} */ row) =>
        row.values[index] === null ? null : write(row.values[index]),
    })),
  ];
  return html`<${DataTable} caption=${title} file=${file} columns=${columns} rows=${rows} keyOf=${(/** @type {any} */ row) => String(row.minute)} />`;
}

/** @param {TimelineProps} props */
function Chart({ title, curves, say, mark }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const chart = useRef(/** @type {any} */ (null));
  const markNow = useRef(mark);
  markNow.current = mark;
  const [at, setAt] = useState(/** @type {number | null} */ (null));
  const [theme, setTheme] = useState(0);
  const names = curves.map(({ name }) => name).join("\n");
  const data = [minutes(), ...curves.map(({ points }) => points)];
  const latest = useRef(data);
  latest.current = data;

  useEffect(() => onTheme(() => setTheme((count) => count + 1)), []);
  useEffect(() => {
    let isOver = false;
    let stop = () => {};
    import("uplot").then(({ default: UPlot }) => {
      const home = box.current;
      if (isOver || !home) return;
      const colours = [...(home.parentElement?.querySelectorAll(".chart-mark") ?? [])].map(
        (mark) => getComputedStyle(mark).color,
      );
      const drawn = new UPlot(
        optionsOf(home, colours, (value) => markNow.current(value), setAt),
        /** @type {any} */ (latest.current),
        home,
      );
      chart.current = drawn;
      const sizes = new ResizeObserver(() =>
        drawn.setSize({ width: home.clientWidth, height: HEIGHT }),
      );
      sizes.observe(home);
      stop = () => {
        sizes.disconnect();
        drawn.destroy();
        chart.current = null;
      };
    });
    return () => {
      isOver = true;
      stop();
    };
  }, [names, theme]);
  useLayoutEffect(() => {
    chart.current?.setData(data);
  }, [JSON.stringify(data)]);

  const known = curves.map(({ points }) => points.findLast((point) => point !== null) ?? 0);
  return html`
    <figure class="chart">
      <figcaption class="chart-legend">
        ${curves.map(({ name, points }, index) => html`<span key=${name}><i class="chart-mark" data-curve=${index}></i>${name} <strong>${say(at === null ? known[index] : (points[at] ?? 0))}</strong></span>`)}
        <span class="chart-at">${at === null ? "" : t("overview.until", { time: clockOf(at * 15 + 15) })}</span>
      </figcaption>
      <div class="chart-box" ref=${box} role="img" aria-label=${`${title}: ${curves.map(({ name }, index) => `${name} ${say(known[index])}`).join(", ")}`}></div>
    </figure>`;
}

/** @param {HTMLElement} home @param {string[]} colours a line each @param {(value: number) => string} mark
 * @param {(at: number | null) => void} onAt @returns {any} */
function optionsOf(home, colours, mark, onAt) {
  const style = getComputedStyle(home);
  const axis = {
    stroke: style.color,
    font: `12px ${style.fontFamily}`,
    grid: { stroke: style.borderTopColor, width: 1 },
    ticks: { show: false },
  };
  return {
    width: home.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 7 } },
    scales: {
      x: { time: false, range: [0, 1440] },
      y: {
        range: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ most) => [
          0,
          Math.max(1, most * 1.08),
        ],
      },
    },
    axes: [
      {
        ...axis,
        size: 30,
        splits: (/** @type {any} */ drawn) => everyHours(drawn.width < NARROW ? 6 : 3),
        values: (/** @type {any} */ _, /** @type {number[]} */ marks) => marks.map(clockOf),
      },
      {
        ...axis,
        size: 60,
        values: (/** @type {any} */ _, /** @type {number[]} */ marks) => marks.map(mark),
      },
    ],
    series: [
      {},
      ...colours.map((stroke, index) => ({
        stroke,
        width: index ? 2 : 2.5,
        dash: index ? [6, 5] : undefined,
        points: { show: false },
      })),
    ],
    hooks: {
      setCursor: [(/** @type {any} */ drawn) => onAt(drawn.cursor.idx ?? null)],
    },
  };
}

/** @param {number} hours */
const everyHours = (hours) =>
  Array.from({ length: 24 / hours + 1 }, (_, index) => index * hours * 60);

/** Hear when the colours change: a canvas does not follow by itself.
 * @param {() => void} run */
function onTheme(run) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const marks = new MutationObserver(run);
  marks.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  dark.addEventListener("change", run);
  return () => {
    marks.disconnect();
    dark.removeEventListener("change", run);
  };
}
