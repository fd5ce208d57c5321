// The life of a bus: drafted, on sale, closed, cancelled. What cannot be taken back is asked first, in numbers.
import floor from "messages/floor";
import { call, get, newKey } from "../../core/api.js";
import { html } from "../../core/dom.js";
import { isoDay, learn, t } from "../../core/text.js";
import { toast } from "../../core/ui.js";
import { confirm } from "../dialog.js";
import { moneys, tell } from "../parts.js";

/** @typedef {"publish" | "close" | "reopen" | "cancel"} Step */
/** @typedef {{ id: string, name: string, version: number, status: string }} Bus */
/** @typedef {import("./api.d.ts").AdminBus} AdminBus */

learn(floor);

const DAY_MS = 86_400_000;
const CANCEL = { deed: /** @type {const} */ ("cancel"), icon: "ban" };
const STEPS = /** @type {Record<string, { deed: Step, icon: string }[]>} */ ({
  DRAFT: [{ deed: "publish", icon: "send" }],
  SCHEDULED: [{ deed: "close", icon: "lock" }, CANCEL],
  CLOSED: [{ deed: "reopen", icon: "undo-2" }, CANCEL],
});
const BACK = /** @type {Record<string, Step>} */ ({ close: "reopen", reopen: "close" });

/** @param {string} status */
export const stepsOf = (status) => STEPS[status] ?? [];

/** Take a step and say what came of it, unless somebody thinks better of it. What can be taken back is done at once, with
 * a way back. `onChanged` is told also of what failed: then what is shown is older than it looks.
 * @param {Bus} bus @param {Step} deed @param {() => unknown} onChanged */
export async function takeStep(bus, deed, onChanged) {
  const attempt = async (/** @type {() => Promise<void>} */ run) => {
    try {
      await run();
    } catch (error) {
      tell(error);
    }
    await onChanged();
  };
  await attempt(async () => {
    if (deed === "cancel" && !(await isCertain(bus))) return;
    const moved = await move(bus, deed, bus.version);
    const back = BACK[deed];
    toast(t(`cat.step.${deed}.done`, { name: bus.name }), {
      icon: "circle-check",
      tone: "good",
      action: back && {
        label: t("undo"),
        run: () => attempt(async () => void (await move(bus, back, moved.version))),
      },
    });
  });
}

/** @param {Bus} bus @param {Step} deed @param {number} version @returns {Promise<import("./api.d.ts").Moved>} */
const move = (bus, deed, version) =>
  call("POST", `/admin/buses/${bus.id}/${deed}`, {
    key: newKey(),
    headers: { "if-match": `"${version}"` },
  });

/** Everybody who bought is told, and paid back: whoever does that sees how many, and how much.
 * @param {Bus} bus */
async function isCertain({ id, name }) {
  /** @type {AdminBus} */
  const detail = await get(`/admin/buses/${id}`);
  const { bookings_paid: paid, bookings_unpaid: unpaid, seats_booked: seats } = detail.sales;
  const told = await paidFor(detail).catch(() => null);
  const body = html`
    <p>${t("moves.cancel.body", { name })}</p>
    <ul class="facts">
      <li><strong>${paid}</strong> ${t("moves.cancel.bookings", { count: paid })}</li>
      <li><strong>${seats}</strong> ${t("moves.cancel.seats", { count: seats })}</li>
      ${told && html`<li><strong>${moneys(told, detail.price.currency)}</strong> ${t("moves.cancel.money")}</li>`}
      ${unpaid > 0 && html`<li><strong>${unpaid}</strong> ${t("moves.cancel.unpaid", { count: unpaid })}</li>`}
    </ul>`;
  return confirm({
    title: t("moves.cancel.title", { name }),
    body,
    action: t("moves.cancel.go", { count: paid }),
    keep: t("moves.cancel.keep"),
    isDanger: true,
    word: paid ? t("moves.cancel.word") : undefined,
  });
}

/** @param {AdminBus} bus @returns {Promise<import("../../api.d.ts").Money[] | null>} */
async function paidFor({ id, departs_at, operator }) {
  // The day of the operator's clock is within a day of UTC's.
  const at = Date.parse(departs_at);
  const [from, to] = [at - DAY_MS, at + DAY_MS].map((moment) => isoDay(moment, "UTC"));
  const query = new URLSearchParams({ from, to, group: "bus", operator: operator.id });
  const { items } = await get(`/admin/sales?${query}`);
  return items.find((/** @type {any} */ line) => line.key === id)?.revenue ?? null;
}
