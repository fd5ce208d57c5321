// Tables for spreadsheets (RFC 4180). Pure but for the download.
import { typedAmount } from "./amounts.js";

/** @typedef {string | number | null | undefined} Cell */

// A spreadsheet would run what begins like this as a formula, whoever wrote it.
const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r]/;

/** @param {string[]} head @param {Cell[][]} rows */
export const toCsv = (head, rows) =>
  `\ufeff${[head, ...rows].map((row) => row.map(toField).join(",")).join("\r\n")}\r\n`;

/** @param {Cell} cell */
function toField(cell) {
  if (typeof cell === "number") return String(cell);
  const text = FORMULA.test(cell ?? "") ? `'${cell}` : (cell ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** An amount with its currency, in units that people count in: 19.90 EUR.
 * @param {import("../api.d.ts").Money} value */
export const moneyCell = ({ amount, currency }) => `${typedAmount(amount, currency)} ${currency}`;

/** Give somebody a file that was made here.
 * @param {string} name @param {string} text @param {string} [type] */
export function download(name, text, type = "text/csv;charset=utf-8") {
  downloadBlob(name, new Blob([text], { type }));
}

/** @param {string} name @param {Blob} blob */
export function downloadBlob(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
