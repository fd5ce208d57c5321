// What the pages say, in every language: nothing is missing, nothing is left over, and every form that a language has is there.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { LANGUAGES } from "../../static/js/core/languages.js";

const FOLDER = new URL("../../static/i18n/", import.meta.url);
const SPOKEN = LANGUAGES.map(([language]) => language);
const OTHERS = SPOKEN.filter((language) => language !== "en");
const SAME = new Set([
  "API",
  "Bus",
  "Code",
  "curl",
  "Deck {deck}",
  "Decks",
  "Link",
  "Name",
  "Online",
  "Standard",
  "Panorama",
  "Parameter",
  "Razorpay",
  "Status",
  "Test",
  "Total",
  "Webhook",
  "Webhooks",
]);

const pathOf = (language, area) => `${language}${area && `/${area}`}.js`;
const read = async (path) => (await import(new URL(path, FOLDER))).default;

/** The areas that a language has sentences for; the one without a name is for all pages. */
const areasOf = (language) => [
  "",
  ...readdirSync(new URL(`${language}/`, FOLDER))
    .filter((name) => name.endsWith(".js"))
    .map((name) => name.slice(0, -3)),
];
const placesIn = (text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
const formsOf = (message) => (typeof message === "string" ? { other: message } : message);

/** Areas of pages for staff and terminals may be in English for a while; those of riders never. Remove what is done. */
const MAY_WAIT = new Set([]);

test("a language can be chosen if there are sentences in it, and no other can", () => {
  const written = readdirSync(FOLDER).filter((name) => name.endsWith(".js"));
  assert.deepEqual(SPOKEN.map((language) => `${language}.js`).sort(), written.sort());
});

test("everything is translated that does not wait for it", () => {
  const untranslated = OTHERS.flatMap((language) => {
    const known = new Set(areasOf(language));
    return areasOf("en")
      .filter((area) => !known.has(area) && !MAY_WAIT.has(area))
      .map((area) => pathOf(language, area));
  });
  assert.deepEqual(untranslated, []);
});

for (const language of OTHERS) {
  for (const area of areasOf(language)) {
    const path = pathOf(language, area);

    test(`${path} says all that the English file says, and nothing else`, async () => {
      const [english, own] = await Promise.all([read(pathOf("en", area)), read(path)]);
      assert.deepEqual(Object.keys(own).sort(), Object.keys(english).sort());
    });

    test(`${path} has every plural form and every place for a value`, async () => {
      const [english, own] = await Promise.all([read(pathOf("en", area)), read(path)]);
      const { pluralCategories } = new Intl.PluralRules(language).resolvedOptions();
      for (const [key, message] of Object.entries(own)) {
        const model = english[key];
        if (model === undefined) continue;
        assert.equal(typeof message, typeof model, `${key}: forms where English has forms`);
        if (typeof message === "object")
          assert.deepEqual(Object.keys(message).sort(), [...pluralCategories].sort(), key);
        const places = placesIn(formsOf(model).other);
        assert.deepEqual(placesIn(formsOf(message).other), places, key);
        for (const [form, text] of Object.entries(formsOf(message))) {
          assert.ok(text.trim(), `${key}.${form} is empty`);
          // "One bus" need not say its number; nothing else may be left out or made up.
          const left = placesIn(text).filter((name) => name !== "count");
          const wanted = places.filter((name) => name !== "count");
          assert.deepEqual(left, wanted, `${key}.${form}`);
        }
      }
    });

    test(`${path} is not English`, async () => {
      const [english, own] = await Promise.all([read(pathOf("en", area)), read(path)]);
      const alike = Object.keys(own).filter((key) => {
        const words = formsOf(own[key]).other.replace(/\{\w+\}/g, "");
        return (
          typeof own[key] === "string" &&
          own[key] === english[key] &&
          /[a-z]{4}/i.test(words) &&
          !SAME.has(own[key])
        );
      });
      assert.deepEqual(alike, []);
    });
  }
}

test("no sentence is written twice in one file", () => {
  for (const language of SPOKEN) {
    for (const area of areasOf(language)) {
      const text = readFileSync(fileURLToPath(new URL(pathOf(language, area), FOLDER)), "utf8");
      const keys = [...text.matchAll(/^ {2}(?:"([^"]+)"|(\w+)):/gm)].map(([, a, b]) => a ?? b);
      const twice = keys.filter((key, at) => keys.indexOf(key) !== at);
      assert.deepEqual(twice, [], pathOf(language, area));
    }
  }
});
