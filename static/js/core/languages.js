// The languages that the pages speak, each by its own name: whoever looks for theirs may not read ours. Pure; the server
// has the same in server/languages.py.

export const LANGUAGES = /** @type {[string, string][]} */ ([
  ["en", "English"],
  ["de", "Deutsch"],
  ["es", "Español"],
  ["hi", "हिन्दी"],
  ["ar", "العربية"],
]);
