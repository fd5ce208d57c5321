"""What mails about a booking say: which bus, which stops, when by the clocks there, which seats, who, how much.

The words that are not ours, names of passengers above all, were chosen by whoever booked, and the mail may go to
somebody else: they are shown on one line, and no mail program makes a link of them (`unlinked`).
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from server.mail.words import Action, Facts, Paragraph, Part, Words, plain, unlinked
from server.texts import Texts
from server.texts.passengers import category_of
from store.letters import Trip
from store.mails import Mail, Template
from store.model import Booking, BookingStatus, BusStop, Passenger


def trip_words(mail: Mail, trip: Trip, t: Texts, public_url: str, attached: int = 0) -> Words:
    """Return what a mail about a booking says; raise KeyError when nobody wrote it."""
    return _WRITERS[mail.template](_Telling(mail, trip, t, public_url, attached))


def is_still_true(mail: Mail, trip: Trip) -> bool:
    """Whether a mail may leave: what it says is so by now, and its address is still the one of the booking."""
    if trip.booking.contact.email != mail.recipient:
        return False
    if mail.template == Template.REMINDER:
        return trip.is_travelling and not trip.has_left
    if mail.template in {Template.TICKET, Template.BUS_CHANGED}:
        return trip.is_travelling
    if mail.template == Template.SEAT_CHANGED:
        # Whoever was moved on meanwhile is told so by the mail that comes after this one.
        label = trip.booking.bus.layout.label
        valid = {label(each.seat_no) for each in trip.booking.tickets if each.status == "VALID"}
        return trip.is_travelling and not trip.has_left and mail.parameters["after"] in valid
    return True


class _Telling:
    """A trip as sentences need it: each thing in the reader's language, ready to be put in its place."""

    def __init__(self, mail: Mail, trip: Trip, t: Texts, public_url: str, attached: int) -> None:
        self.t = t
        self.given = mail.parameters
        self.trip = trip
        self.booking: Booking = trip.booking
        self.attached = attached
        self.site = public_url
        self.link = f"{public_url}/bookings/{self.booking.ref}#key={mail.token}"
        bus, leg = self.booking.bus, self.booking.leg
        self.boarding, self.alighting = bus.stops[leg.start], bus.stops[leg.end]
        self.origin, self.destination = plain(self.boarding.name), plain(self.alighting.name)
        self.operator = plain(bus.operator)
        self.day = t.date(self.boarding.departs_at, self.boarding.time_zone)

    @property
    def travelling(self) -> list[tuple[Passenger, int]]:
        """Those whose tickets are valid, with what each paid."""
        valid = {ticket.seat_no for ticket in self.booking.tickets if ticket.status == "VALID"}
        lines = zip(self.booking.passengers, self.booking.prices, strict=True)
        return [(person, price) for person, price in lines if person.seat_no in valid]

    def moment(self, moment: datetime, stop: BusStop) -> str:
        """Return a day and a time at a stop; with its offset when the trip's ends have different clocks."""
        zone = stop.time_zone
        told = self.t.joined(self.t.date(moment, zone), self.t.time(moment, zone))
        differs = self.t.offset(moment, self.boarding.time_zone) != self.t.offset(
            moment, self.alighting.time_zone
        )
        return f"{told} ({self.t.isolated(self.t.offset(moment, zone))})" if differs else told

    def money(self, amount: int, currency: str | None = None) -> str:
        return self.t.money(amount, currency or self.booking.bus.currency)

    def seats(self, labels: str) -> str:
        return self.t.list(labels.split(","))

    def route(self, *, with_people: bool = True) -> Facts:
        """Return the trip as lines; with who travels and what it cost, for those who still do."""
        t, booking = self.t, self.booking
        lines = [
            (t.gettext("Booking code"), t.isolated(booking.ref)),
            (t.gettext("Bus"), t.joined(plain(booking.bus.name), self.operator)),
            (t.gettext("From"), t.isolated(self.origin)),
            (t.gettext("Departure"), self.moment(self.boarding.departs_at, self.boarding)),
        ]
        if self.trip.bay:
            lines.append((t.gettext("Bay"), t.isolated(plain(self.trip.bay))))
        lines += [
            (t.gettext("To"), t.isolated(self.destination)),
            (t.gettext("Arrival"), self.moment(self.alighting.arrives_at, self.alighting)),
        ]
        if with_people:
            people = self.travelling
            lines += [self._seat(person, price) for person, price in people]
            if people:
                total = self.money(sum(price for _, price in people))
                lines.append((t.gettext("Total"), t.isolated(total)))
        return Facts(tuple(lines))

    def clocks(self) -> Paragraph:
        return Paragraph(self.t.gettext("All times are those of the clocks at the stops."))

    def opening(self) -> tuple[Part, ...]:
        """Return the link of the booking, and what whoever has it can do."""
        t = self.t
        return (
            Action(self.link, t.gettext("Show the booking")),
            Paragraph(
                t.gettext(
                    "With this link you see the booking, and you can cancel it there: what you would get back is shown"
                    " before you decide. Whoever has the link can do that, so share it only with people you trust."
                )
            ),
        )

    def footer(self) -> str:
        return self.t.gettext(
            "You get this mail because your address was given with booking {ref}, sold by {operator}. Nobody reads"
            " answers to it.",
            ref=self.booking.ref,
            operator=self.operator,
        )

    def repayment(self, amount: int) -> Paragraph:
        """Say how much comes back, of what, and which way."""
        t, money = self.t, self.money(amount, self.given.get("currency"))
        if self.booking.payment.method == "cash":
            text = t.gettext("You get {amount} back where you bought the ticket.", amount=money)
        else:
            text = t.gettext(
                "{amount} goes back the way it was paid. Depending on your bank that takes a few days.",
                amount=money,
            )
        return Paragraph(text)

    def words(self, subject: str, *parts: Part) -> Words:
        return Words(subject, parts, self.footer())

    def _seat(self, person: Passenger, price: int) -> tuple[str, str]:
        t = self.t
        label = self.booking.bus.layout.label(person.seat_no)
        value = t.joined(unlinked(person.name), category_of(t, person.category), self.money(price))
        return t.gettext("Seat {seat}", seat=label), value


def _ticket(told: _Telling) -> Words:
    t = told.t
    count = len(told.travelling)
    parts: list[Part] = [
        Paragraph(
            t.ngettext(
                "Your seat is booked and paid. Show your ticket when you board, on paper or on a screen.",
                "Your seats are booked and paid. Show your tickets when you board, on paper or on a screen.",
                count,
            )
        ),
        told.route(),
        told.clocks(),
    ]
    if told.attached:
        parts.append(
            Paragraph(
                t.gettext(
                    "Attached are the tickets, to print or to keep, and the trip for your calendar."
                )
            )
        )
    subject = t.ngettext(
        "Your ticket: {origin} to {destination}, {day}",
        "Your tickets: {origin} to {destination}, {day}",
        count,
        origin=told.origin,
        destination=told.destination,
        day=told.day,
    )
    return told.words(subject, *parts, *told.opening())


def _booking_cancelled(told: _Telling) -> Words:
    t, ref = told.t, told.booking.ref
    labels = told.given.get("seats", "")
    if told.travelling and labels:
        count = labels.count(",") + 1
        said = t.ngettext(
            "Seat {seats} of booking {ref} is cancelled, and its ticket is not valid any more. The rest of the booking"
            " stays as it is.",
            "Seats {seats} of booking {ref} are cancelled, and their tickets are not valid any more. The rest of the"
            " booking stays as it is.",
            count,
            seats=told.seats(labels),
            ref=ref,
        )
        subject = t.gettext("Part of booking {ref} is cancelled", ref=ref)
    else:
        said = t.gettext(
            "Booking {ref} is cancelled, and its tickets are not valid any more.", ref=ref
        )
        subject = t.gettext("Booking {ref} is cancelled", ref=ref)
    amount = int(told.given.get("refund", "0"))
    money = (
        told.repayment(amount)
        if amount
        else Paragraph(t.gettext("By the rules of this booking nothing is paid back."))
    )
    return told.words(
        subject,
        Paragraph(said),
        money,
        told.route(),
        Action(told.link, t.gettext("Show the booking")),
        Paragraph(
            t.gettext(
                "If you did not want this, ask {operator}: whoever has the link of a booking can cancel it.",
                operator=told.operator,
            )
        ),
    )


def _bus_cancelled(told: _Telling) -> Words:
    t = told.t
    subject = t.gettext(
        "Your bus does not run: {origin} to {destination}, {day}",
        origin=told.origin,
        destination=told.destination,
        day=told.day,
    )
    said = t.gettext(
        "{operator} has cancelled the bus that you booked. We are sorry. You get back all that you paid for it.",
        operator=told.operator,
    )
    amount = int(told.given.get("refund", "0"))
    parts: list[Part] = [Paragraph(said)]
    if amount:
        parts.append(told.repayment(amount))
    return told.words(
        subject,
        *parts,
        told.route(with_people=False),
        Action(told.link, t.gettext("Show the booking")),
    )


def _bus_changed(told: _Telling) -> Words:
    t = told.t
    subject = t.gettext(
        "Changed: {origin} to {destination}, {day}",
        origin=told.origin,
        destination=told.destination,
        day=told.day,
    )
    parts: list[Part] = [
        Paragraph(
            t.gettext(
                "{operator} has changed the bus that you booked. This is how it goes now; your tickets stay valid.",
                operator=told.operator,
            )
        )
    ]
    if before := told.given.get("before"):
        moment = told.moment(datetime.fromisoformat(before), told.boarding)
        parts.append(
            Paragraph(t.gettext("Before, it was to leave at this time: {moment}", moment=moment))
        )
    return told.words(subject, *parts, told.route(), told.clocks(), *told.opening())


def _seat_changed(told: _Telling) -> Words:
    t = told.t
    before, after = told.given["before"], told.given["after"]
    subject = t.gettext(
        "Seat {after} instead of {before}: {origin} to {destination}, {day}",
        after=after,
        before=before,
        origin=told.origin,
        destination=told.destination,
        day=told.day,
    )
    said = t.gettext(
        "{operator} has given you another seat on your bus: {after} instead of {before}. What you paid stays the same.",
        operator=told.operator,
        after=after,
        before=before,
    )
    ticket = t.gettext(
        "A ticket that you have printed or kept still opens the door; only the seat on it is not yours any more."
    )
    parts = [Paragraph(said), Paragraph(ticket), told.route(), told.clocks(), *told.opening()]
    return told.words(subject, *parts)


def _payment_late(told: _Telling) -> Words:
    t, ref = told.t, told.booking.ref
    amount = int(told.given.get("refund", "0"))
    if told.travelling and not amount:
        return told.words(
            t.gettext("Your late payment counts: booking {ref}", ref=ref),
            Paragraph(
                t.gettext(
                    "Your payment came after the time for it was over. Your seats were still free, so they are yours."
                )
            ),
            told.route(),
            told.clocks(),
            *told.opening(),
        )
    if _was_of_no_use(told, amount):
        return told.words(
            t.gettext("A payment goes back to you: booking {ref}", ref=ref),
            Paragraph(
                t.gettext(
                    "A payment for this booking could not be used: it was paid already, or another amount or currency"
                    " was asked for. Nothing else has changed."
                )
            ),
            told.repayment(amount),
            told.route(),
            *told.opening(),
        )
    return told.words(
        t.gettext("Your payment came too late: booking {ref}", ref=ref),
        Paragraph(
            t.gettext(
                "Your payment came after the time for it was over, and your seats could not be kept. You have no"
                " tickets for this bus."
            )
        ),
        *([told.repayment(amount)] if amount else []),
        told.route(with_people=False),
        Action(f"{told.site}/buses/{told.booking.bus.bus_id}", t.gettext("Choose other seats")),
    )


def _was_of_no_use(told: _Telling, amount: int) -> bool:
    """Whether money goes back though it was not too late: a second payment, or another than was asked for."""
    booking = told.booking
    is_other = amount != booking.total or "currency" in told.given
    is_going_on = bool(told.travelling) or booking.status is BookingStatus.PENDING
    return bool(amount) and (is_other or is_going_on)


def _reminder(told: _Telling) -> Words:
    t = told.t
    subject = t.gettext(
        "Your bus to {destination} leaves on {day} at {time}",
        destination=told.destination,
        day=told.day,
        time=t.time(told.boarding.departs_at, told.boarding.time_zone),
    )
    said = t.ngettext(
        "Your trip is near. Be at the stop a few minutes early, with your ticket at hand.",
        "Your trip is near. Be at the stop a few minutes early, with your tickets at hand.",
        len(told.travelling),
    )
    return told.words(subject, Paragraph(said), told.route(), told.clocks(), *told.opening())


_WRITERS: Mapping[str, Callable[[_Telling], Words]] = {
    Template.TICKET: _ticket,
    Template.BOOKING_CANCELLED: _booking_cancelled,
    Template.BUS_CANCELLED: _bus_cancelled,
    Template.BUS_CHANGED: _bus_changed,
    Template.PAYMENT_LATE: _payment_late,
    Template.REMINDER: _reminder,
    Template.SEAT_CHANGED: _seat_changed,
}
