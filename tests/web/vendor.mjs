// Copies what the pages use of other people's work from node_modules to static/vendor, byte for byte,
// and writes down what it is. `npm ci --ignore-scripts && npm run vendor`; only for those who change a version.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const VENDOR = join(ROOT, "static/vendor");

/** What is taken: package → its files → where they go. */
const TAKEN = {
  preact: { "dist/preact.mjs": "preact/preact.mjs", "hooks/dist/hooks.mjs": "preact/hooks.mjs" },
  htm: { "dist/htm.mjs": "htm/htm.mjs" },
  "@preact/signals": { "dist/signals.mjs": "signals/signals.mjs" },
  "@preact/signals-core": { "dist/signals-core.mjs": "signals-core/signals-core.mjs" },
  // Its own names stay: the one imports the other, and workers know no import map. The types are for tsc.
  qr: {
    "decode.js": "qr/decode.js",
    "decode.d.ts": "qr/decode.d.ts",
    "index.js": "qr/index.js",
    "index.d.ts": "qr/index.d.ts",
  },
  uplot: { "dist/uPlot.esm.js": "uplot/uplot.mjs", "dist/uPlot.min.css": "uplot/uplot.css" },
};

/** The icons of the sprite; their drawings are Lucide's. */
const ICONS =
  `accessibility activity armchair arrow-left arrow-left-right arrow-right arrow-up-down ban
  banknote bed building-2 bus calendar calendar-days camera chart-column chart-line check chevron-down
  chevron-left chevron-right chevron-up circle-alert circle-check circle-x clock copy credit-card
  download eye file-text flashlight gauge hand-coins history hourglass info keyboard languages layers
  layout-grid life-buoy link list lock log-in log-out mail map map-pin menu minus monitor moon move
  paintbrush pencil phone plus printer receipt redo refresh-cw route scan-line scroll-text search send
  settings shield-check smartphone sofa sparkles sun table tags ticket timer trash-2 triangle-alert
  undo undo-2 upload user user-cog users wallet webhook wifi-off x`.split(/\s+/);

const lock = [];
await rm(VENDOR, { recursive: true, force: true });
for (const [name, files] of Object.entries(TAKEN)) {
  const written = {};
  for (const [from, to] of Object.entries(files)) {
    written[to] = await put(to, await readFile(join(ROOT, "node_modules", name, from)));
  }
  await record(name, dirname(Object.values(files)[0]), written);
}
await record("lucide-static", "lucide", {
  "lucide/icons.svg": await put("lucide/icons.svg", await sprite()),
});
await writeFile(join(VENDOR, "vendor.lock.json"), `${JSON.stringify(lock, null, 2)}\n`);

async function put(to, bytes) {
  const path = join(VENDOR, to);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  return `sha384-${createHash("sha384").update(bytes).digest("base64")}`;
}

async function record(name, folder, files) {
  const home = join(ROOT, "node_modules", name);
  const { version, license } = JSON.parse(await readFile(join(home, "package.json"), "utf8"));
  const path = `${folder}/LICENSE`;
  files[path] = await put(path, await readFile(join(home, "LICENSE")));
  lock.push({ name, version, license, files });
}

async function sprite() {
  const symbols = await Promise.all(
    ICONS.map(async (name) => {
      const svg = await readFile(
        join(ROOT, `node_modules/lucide-static/icons/${name}.svg`),
        "utf8",
      );
      const drawing = svg.slice(
        svg.indexOf(">", svg.indexOf("<svg")) + 1,
        svg.lastIndexOf("</svg>"),
      );
      return `<symbol id="${name}" viewBox="0 0 24 24">${drawing.replace(/\s*\n\s*/g, "").replaceAll(" />", "/>")}</symbol>`;
    }),
  );
  const note = "<!-- Drawings from Lucide, ISC licence: see LICENSE beside this file. -->";
  return `<svg xmlns="http://www.w3.org/2000/svg">\n${note}\n${symbols.join("\n")}\n</svg>\n`;
}
