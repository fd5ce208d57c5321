// The letters of the on-screen keyboard: a layout for every language, and what a key does to a text. Pure.

/** @typedef {{ name: string, script: "latin" | "arabic" | "devanagari", plain: string[][], more: string[][] }} Layout
 * `more` is the second layer: capitals where a script has them, else the letters that did not fit. */

/** @param {string} lines keys parted by spaces, rows by bars */
const rows = (lines) => lines.split("|").map((line) => line.trim().split(" "));
/** @param {string[][]} plain @param {string} locale */
const capitals = (plain, locale) =>
  plain.map((row) => row.map((key) => (key === "ß" ? key : key.toLocaleUpperCase(locale))));

/** @param {string} name @param {string} lines @returns {Layout} */
function latin(name, lines) {
  const plain = rows(lines);
  return { name, script: "latin", plain, more: capitals(plain, name) };
}

/** @type {Layout[]} */
export const LAYOUTS = [
  latin("en", "q w e r t y u i o p | a s d f g h j k l ' | z x c v b n m - ."),
  latin("de", "q w e r t z u i o p ü | a s d f g h j k l ö ä | y x c v b n m ß - ."),
  latin("es", "q w e r t y u i o p | a s d f g h j k l ñ | z x c v b n m á é í | ó ú ü ç - ."),
  {
    name: "ar",
    script: "arabic",
    plain: rows("ض ص ث ق ف غ ع ه خ ح ج د | ش س ي ب ل ا ت ن م ك ط ذ | ئ ء ؤ ر ى ة و ز ظ -"),
    more: rows("أ إ آ ٱ لا لأ لإ لآ پ چ ڤ گ | ً ٌ ٍ َ ُ ِ ّ ْ ـ ، | ٠ ١ ٢ ٣ ٤ ٥ ٦ ٧ ٨ ٩"),
  },
  {
    name: "hi",
    script: "devanagari",
    plain: rows(
      "ा ि ी ु ू े ै ो ौ ं ् | क ख ग घ च छ ज झ ट ठ ड | ढ ण त थ द ध न प फ ब भ | म य र ल व श ष स ह ँ ृ",
    ),
    more: rows(
      "अ आ इ ई उ ऊ ए ऐ ओ औ ऋ | क्ष त्र ज्ञ श्र ङ ञ ड़ ढ़ ळ ॐ ः | ० १ २ ३ ४ ५ ६ ७ ८ ९ - | क़ ख़ ग़ ज़ फ़ ऑ ॉ ॅ ़ ऽ ।",
    ),
  },
];

/** Latin letters that no layout here has in its rows; they show when their plain one is asked for more. */
export const ACCENTS = rows(
  "à á â ã ä å æ ç č ć | è é ê ë ę ě ğ ì í î | ï ı ł ñ ń ò ó ô õ ö | ø œ ř š ş ß ù ú û ü | ý ÿ ž ź ż đ ð þ ů ő",
);

/** @param {string} language */
export const layoutFor = (language) => LAYOUTS.find(({ name }) => name === language) ?? LAYOUTS[0];

/** What stands on a key: a mark that needs a letter before it is shown on a dotted circle.
 * @param {string} key */
export const faceOf = (key) => (/^\p{M}/u.test(key) ? `◌${key}` : key);

/** Whether the next letter begins a name, and so is a capital.
 * @param {string} text @param {number} at */
export const isNameStart = (text, at) => at === 0 || /[\s\-'.]$/u.test(text.slice(0, at));

/** Take away what the reader sees as one letter before the cursor; of an Indic cluster that is its last sign.
 * @param {string} text @param {number} at @returns {{ text: string, at: number }} */
export function erase(text, at) {
  const before = text.slice(0, at);
  const cluster = [...new Intl.Segmenter().segment(before)].pop()?.segment ?? "";
  const isIndic = /\p{Script=Devanagari}/u.test(cluster);
  const gone = isIndic ? ([...cluster].pop() ?? "").length : cluster.length;
  return { text: before.slice(0, before.length - gone) + text.slice(at), at: at - gone };
}

/** Where an arrow leads among keys of unequal rows: the nearest one by its share of the row.
 * @param {number[]} lengths of the rows @param {{ row: number, column: number }} from @param {string} key
 * @param {boolean} isRtl @returns {{ row: number, column: number } | null} */
export function keyAfter(lengths, { row, column }, key, isRtl) {
  const forward = isRtl ? "ArrowLeft" : "ArrowRight";
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const next = column + (key === forward ? 1 : -1);
    return next >= 0 && next < lengths[row] ? { row, column: next } : null;
  }
  const to = row + (key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : Number.NaN);
  if (Number.isNaN(to) || to < 0 || to >= lengths.length) return null;
  const share = (column + 0.5) / lengths[row];
  return { row: to, column: Math.min(lengths[to] - 1, Math.floor(share * lengths[to])) };
}
