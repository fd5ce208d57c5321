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
};

/** The icons of the sprite; their drawings are Lucide's. */
const ICONS =
  `accessibility arrow-left arrow-left-right arrow-right arrow-up-down ban bed bus calendar calendar-days
  check chevron-down chevron-left chevron-right circle-alert circle-check circle-x clock copy credit-card history info keyboard
  layout-grid life-buoy link list lock log-out mail map-pin minus monitor moon phone plus printer refresh-cw
  search shield-check sofa sparkles sun ticket timer trash-2 triangle-alert undo-2 user users wifi-off x`.split(
    /\s+/,
  );

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
