// When a limit speaks: what it is, and how to go on.
import { clock, list, t } from "../core/text.js";

/** @typedef {import("../core/api.js").ApiError} ApiError */
/** @typedef {import("../api.d.ts").Bus["rules"]} Rules */

/** Say which limit was met and when it may be tried again; nothing if it was none of them.
 * @param {ApiError} error @param {Rules} rules @returns {string | null} */
export function limitText({ code, problem }, rules) {
  const wait = problem.retry_after;
  const time = wait === undefined ? "" : clock(wait * 1000);
  const later = time && ` ${t("limit.later", { time })}`;
  switch (code) {
    case "too_many_seats":
      return t("limit.seats", { count: rules.seats_per_buyer }) + later;
    case "too_many_holds":
      return t("limit.holds", { count: rules.holds_per_buyer }) + later;
    case "address_limit":
      return t("limit.address", { count: rules.seats_per_address }) + later;
    case "seat_cooling_down": {
      const seats = (problem.seats ?? []).map(({ seat }) => seat);
      return t("limit.cooling", { seats: list(seats), time });
    }
    case "already_extended":
      return t("clock.limit");
    default:
      return null;
  }
}

/** The way out that needs no waiting, if there is one.
 * @param {ApiError} error */
export const limitAction = ({ code }) =>
  code === "address_limit"
    ? {
        label: t("nav.login"),
        run: () => location.assign(`/login?next=${encodeURIComponent(location.pathname)}`),
      }
    : undefined;
