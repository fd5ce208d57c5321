// Tickets to take along: the code to show at the door, paper, an entry for the calendar. All three need the booking's
// key in a header, which no <img> and no link sends: they are fetched, and handed to the browser as what they are.
import { ApiError, send, withKey } from "../core/api.js";
import { html, Icon, signal, useEffect, useState } from "../core/dom.js";
import { language, t } from "../core/text.js";
import { Dialog, toast } from "../core/ui.js";

/** @typedef {import("../api.d.ts").Booking} Booking */
/** @typedef {import("../api.d.ts").Passenger} Passenger */

const KEPT_MS = 60_000;
const FILES = {
  pdf: { path: "ticket.pdf", icon: "ticket" },
  ics: { path: "ticket.ics", icon: "calendar-days" },
};

/** Ticket → its picture as a data address; drawn once a page.
 * @type {Map<string, Promise<string>>} */
const pictures = new Map();

/** @param {string} ticket @param {string} ref */
function pictureOf(ticket, ref) {
  let picture = pictures.get(ticket);
  if (!picture) {
    picture = send("GET", `/tickets/${ticket}/qr.svg`, withKey(ref))
      .then((answer) => answer.text())
      .then((svg) => `data:image/svg+xml,${encodeURIComponent(svg)}`);
    picture.catch(() => pictures.delete(ticket));
    pictures.set(ticket, picture);
  }
  return picture;
}

/** @param {Booking} booking */
export const validTickets = ({ passengers }) =>
  passengers.filter(({ ticket, status }) => ticket && status === "VALID");

/** The codes of a booking, one a passenger; pressed, one fills the screen, which is what a reader in the dark wants.
 * @param {{ booking: Booking }} props */
export function TicketCodes({ booking }) {
  const [large] = useState(() => signal(/** @type {Passenger | null} */ (null)));
  const people = validTickets(booking);
  const close = () => {
    large.value = null;
  };
  if (!people.length) return null;
  return html`
    <section class="codes" aria-labelledby="codes-title">
      <h2 id="codes-title">${t("code.title", { count: people.length })}</h2>
      <ul>${people.map(
        (
          person,
        ) => html`<li key=${person.seat}><button type="button" class="code" aria-label=${t("code.enlarge", { seat: person.seat })} onClick=${() => {
          large.value = person;
        }}>
          <${Code} person=${person} bookingRef=${booking.ref} />
          <span><strong>${person.seat}</strong><small>${person.name}</small></span></button></li>`,
      )}</ul>
      <p class="hint no-print">${t("code.hint")}</p>
      ${
        large.value &&
        html`<${Dialog} title=${t("code.of", { seat: large.value.seat, name: large.value.name })} tone="code" onClose=${close}
          actions=${html`<button type="button" class="button primary wide" autofocus onClick=${close}>${t("close")}</button>`}>
          <${Code} person=${large.value} bookingRef=${booking.ref} /></${Dialog}>`
      }
    </section>`;
}

/** @param {{ person: Passenger, bookingRef: string }} props */
function Code({ person, bookingRef }) {
  const [picture, setPicture] = useState("");
  const [isLost, setLost] = useState(false);
  const draw = () => {
    setLost(false);
    pictureOf(person.ticket ?? "", bookingRef).then(setPicture, (error) => {
      if (!(error instanceof ApiError)) throw error;
      setLost(true);
    });
  };
  useEffect(() => {
    draw();
    addEventListener("online", draw);
    return () => removeEventListener("online", draw);
  }, [person.ticket]);
  if (isLost)
    return html`<span class="code-picture" role="status"><${Icon} name="wifi-off" />${t("code.lost")}</span>`;
  if (!picture) return html`<span class="code-picture skeleton"></span>`;
  return html`<img class="code-picture" src=${picture} alt=${t("code.alt", { seat: person.seat })} />`;
}

/** @param {{ booking: Booking }} props */
export function TakeAlong({ booking }) {
  const [isBusy, setBusy] = useState("");
  const take = async (/** @type {keyof typeof FILES} */ kind) => {
    if (isBusy) return;
    setBusy(kind);
    try {
      const path = `/bookings/${booking.ref}/${FILES[kind].path}?locale=${language}`;
      const file = await (await send("GET", path, withKey(booking.ref))).blob();
      offer(file, `${booking.ref}.${kind}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const text = error.code === "offline" ? t("failure.offline") : error.message;
      toast(text, {
        icon: "circle-alert",
        tone: "bad",
        action: { label: t("retry"), run: () => take(kind) },
      });
    } finally {
      setBusy("");
    }
  };
  return /** @type {(keyof typeof FILES)[]} */ (Object.keys(FILES)).map(
    (
      kind,
    ) => html`<button type="button" key=${kind} class="button" aria-disabled=${isBusy === kind} onClick=${() => take(kind)}>
      <${Icon} name=${FILES[kind].icon} />${t(`take.${kind}`)}</button>`,
  );
}

/** @param {Blob} file @param {string} name */
function offer(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}
