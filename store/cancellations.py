"""Cancellations: seats given back by passengers or by who sold them, and what is paid back for them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from dataclasses import replace as altered
from datetime import datetime

import msgspec
from msgspec.structs import replace

from store.db import Connection, Record
from store.errors import InvalidRequest, NotFound, QuoteExpired, WrongState
from store.jobs import JobKind, note_job
from store.lane import Lane
from store.ledger import Changes, Ledger
from store.lookup import read_booking
from store.model import AVAILABLE, Booking, BookingStatus, SaleStatus
from store.money import Refund, note_refund
from store.queries import Queries
from store.refund_quotes import Because, RefundQuote, Shown, write_quote
from store.refund_rules import (
    ALL_BACK,
    HOUSE_TERMS,
    Channel,
    Initiator,
    Paid,
    RuleSet,
    Share,
    Term,
    band_ends_at,
    find_term,
    share_out,
    valid_until,
)
from store.refund_terms import RefundTerms
from store.requests import Ask, Needs, Reply, Request
from store.rules import require_not_departed, seats_by_label, set_leg
from store.seals import Seals
from store.settlement import end_unpaid, note_move

SQL = Queries.beside(__file__)
_WORKERS: Ask[Booking] = Ask(lambda _: Reply(200, b""))


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants it, what they were shown, and, from staff in the operator's name, why."""

    initiator: Initiator = Initiator.PASSENGER
    shown: Shown | None = None
    reason: str | None = None
    actor_id: int | None = None


_PASSENGERS = Wish()


class Cancellations:
    def __init__(self, lane: Lane, terms: RefundTerms, seals: Seals) -> None:
        self._lane = lane
        self._terms = terms
        self._seals = seals

    async def quote(
        self,
        bus_id: int,
        booking_id: int,
        labels: Sequence[str] | None,
        initiator: Initiator = Initiator.PASSENGER,
    ) -> RefundQuote:
        """Say what `cancel` pays back now, and until when that stands. Locks nothing, keeps nothing.

        Raises NotFound, WrongState, Departed, InvalidRequest.
        """
        bus = await self._lane.buses.find(bus_id)
        rules = await self._terms.find_pinned(bus.operator_id, bus_id, booking_id)

        async def read(connection: Connection) -> tuple[Booking, Record]:
            booking = await read_booking(connection, bus, booking_id)
            look = await connection.fetchrow(SQL["look_at_bus"], bus_id)
            assert look is not None
            return booking, look

        booking, look = await self._lane.db.read([bus.operator_id], read)
        current = await self._lane.buses.find_edition(bus_id, look["facts"])
        is_off = look["status"] == SaleStatus.CANCELLED
        case = Case(look["now"], initiator, rules, is_bus_cancelled=is_off)
        quote = assess(replace(booking, bus=current), labels, case)
        return altered(quote, quote_id=write_quote(self._seals, quote))

    async def cancel(
        self,
        bus_id: int,
        booking_id: int,
        labels: Sequence[str] | None,
        ask: Ask[Booking],
        wish: Wish = _PASSENGERS,
    ) -> Reply:
        """Give back all seats of a booking, or some; what its rules say goes back, or what was shown while that stands.

        Locks the seats, the booking, the bus row last. Writes the refund and the jobs that tell of it and pay it, and
        the audit log if staff cancels in the operator's name. Raises NotFound, WrongState (not to be cancelled any
        more, or those seats are cancelled), Departed, QuoteExpired, InvalidRequest. Emits `cancelled`.
        """
        bus = await self._lane.buses.find(bus_id)
        rules = await self._terms.find_pinned(bus.operator_id, bus_id, booking_id)
        request = CancelBooking(bus_id, ask, booking_id, labels, wish, rules, self._seals)
        return await self._lane.submit(request)

    async def refund_cancelled(self, bus_id: int, booking_id: int) -> bool:
        """Pay a booking of a cancelled bus back in full; False when there is nothing (any more) to pay back.

        Locks and emits as `cancel`, and may be asked any number of times. Raises NotFound, Overloaded.
        """
        wish = Wish(Initiator.OPERATOR)
        request = CancelBooking(bus_id, _WORKERS, booking_id, None, wish, None, self._seals)
        try:
            await self._lane.submit(request)
        except WrongState:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Case:
    """What decides, besides the booking: when, who wants it, by which rules, and whether the bus goes at all."""

    now: datetime
    initiator: Initiator
    rules: RuleSet | None
    is_bus_cancelled: bool


@dataclass(slots=True)
class CancelBooking(Request[Booking]):
    booking_id: int
    labels: Sequence[str] | None
    wish: Wish
    rules: RuleSet | None
    """Those under which the booking was sold: they were pinned then."""
    seals: Seals = field(repr=False)

    def needs(self) -> Needs:
        shown, labels = self.wish.shown, self.labels
        if shown and labels is not None and seats_by_label(self.bus, labels) != shown.seats:
            raise InvalidRequest("/seats", "not_as_quoted", "the quote is for other seats")
        return Needs(booking_id=self.booking_id)

    def decide(self, ledger: Ledger, changes: Changes) -> Booking:
        booking = ledger.bookings.get((self.bus_id, self.booking_id))
        if booking is None:
            raise NotFound("booking")
        ledger.require_locked(self.bus, booking.seats)
        quote = self._settle(booking, ledger)
        if booking.status is BookingStatus.PENDING:
            self._log(changes, quote)
            return end_unpaid(ledger, changes, booking, BookingStatus.CANCELLED)
        tickets = tuple(
            replace(ticket, status="CANCELLED") if ticket.seat_no in quote.seats else ticket
            for ticket in booking.tickets
        )
        is_over = all(ticket.status == "CANCELLED" for ticket in tickets)
        cancelled = replace(
            booking,
            status=BookingStatus.CANCELLED if is_over else BookingStatus.PARTIALLY_CANCELLED,
            tickets=tickets,
            refunded=booking.refunded + quote.amount,
        )
        changes.booking = cancelled
        changes.give_up(quote.seats, booking.leg)
        _void(changes, quote)
        note_move(changes, cancelled, ended_at=ledger.now if is_over else None)
        self._log(changes, quote)
        states = ledger.shown(self.bus, quote.seats)
        changes.show("cancelled", set_leg(quote.seats, states, booking.leg, AVAILABLE))
        return cancelled

    def _settle(self, booking: Booking, ledger: Ledger) -> RefundQuote:
        """Decide what goes back: by the rules as they apply now, or what was shown as long as that stands.

        It stands until its time is over or the booking is paid for.
        """
        # A bus is cancelled for good, and its facts say so: a decision on what was known before is not written.
        is_off = ledger.sale_status[self.bus_id] == SaleStatus.CANCELLED
        case = Case(ledger.now, self.wish.initiator, self.rules, is_bus_cancelled=is_off)
        shown, labels = self.wish.shown, self.labels
        if shown is None:
            return assess(booking, labels, case)
        labels = [self.bus.layout.label(seat) for seat in shown.seats]
        quote = assess(booking, labels, case)
        # What was shown of a booking before it was paid for promises nothing about the money that came since.
        is_otherwise = shown.is_unpaid is not (quote.because is Because.UNPAID)
        if ledger.now >= shown.valid_until or is_otherwise:
            raise QuoteExpired(altered(quote, quote_id=write_quote(self.seals, quote)))
        return quote if is_off else _as_shown(quote, shown)

    def _log(self, changes: Changes, quote: RefundQuote) -> None:
        """Write down who cancelled in the operator's name; what is done for passengers is theirs."""
        wish, bus = self.wish, changes.bus
        if wish.initiator is not Initiator.OPERATOR or wish.actor_id is None:
            return
        told = {
            "bus": bus.bus_id,
            "seats": [bus.layout.label(seat) for seat in quote.seats],
            "amount": quote.amount,
            "reason": wish.reason,
        }
        text = msgspec.json.encode(told).decode()
        subject = f"booking {quote.booking.ref}"
        changes.write(
            "add_audit", (bus.operator_id, wish.actor_id, "booking.cancel", subject, text)
        )


def assess(booking: Booking, labels: Sequence[str] | None, case: Case) -> RefundQuote:
    """Decide which seats go and what they bring; a pending booking can only go as a whole.

    Raises WrongState, Departed, InvalidRequest.
    """
    if booking.status is BookingStatus.PENDING:
        return _assess_unpaid(booking, labels, case)
    if booking.status not in {BookingStatus.CONFIRMED, BookingStatus.PARTIALLY_CANCELLED}:
        raise WrongState(booking.status, "the booking is over")
    seats = _seats_to_cancel(booking, labels, case)
    boards_at = booking.bus.stops[booking.leg.start].departs_at
    term: Term | None
    if case.is_bus_cancelled:
        term, until, because = ALL_BACK, valid_until(case.now, None), Because.BUS_CANCELLED
    else:
        terms = HOUSE_TERMS if case.rules is None else case.rules.terms
        term = find_term(
            terms, boards_at - case.now, channel=channel_of(booking), initiator=case.initiator
        )
        until = valid_until(case.now, band_ends_at(boards_at, term))
        is_own = term is ALL_BACK and case.initiator is Initiator.OPERATOR
        because = Because.OPERATOR if is_own else Because.RULES
    paid = dict(zip(booking.seats, booking.prices, strict=True))
    shares = share_out(
        {seat: Paid(paid[seat]) for seat in seats}, term, left=_still_paid_for(booking)
    )
    rules = case.rules if because is Because.RULES else None
    return RefundQuote(booking, shares, because, case.initiator, until, rules, term)


def channel_of(booking: Booking) -> Channel:
    """Return where a booking was sold, as reports of sales have it."""
    if booking.sold_by is not None or booking.payment.taken_by is not None:
        return Channel.COUNTER
    return Channel.WEB if booking.payment.device_id is None else Channel.KIOSK


def _assess_unpaid(booking: Booking, labels: Sequence[str] | None, case: Case) -> RefundQuote:
    if labels is not None and seats_by_label(booking.bus, labels) != booking.seats:
        raise WrongState(booking.status, "before payment only the whole booking can be cancelled")
    if booking.expires_at is not None and booking.expires_at <= case.now:
        raise WrongState(BookingStatus.EXPIRED, "the booking is over")
    until = valid_until(case.now, booking.expires_at)
    shares = tuple(Share(seat, 0, 0) for seat in booking.seats)
    return RefundQuote(booking, shares, Because.UNPAID, case.initiator, until)


def _seats_to_cancel(booking: Booking, labels: Sequence[str] | None, case: Case) -> tuple[int, ...]:
    tickets = [ticket for ticket in booking.tickets if ticket.status == "VALID"]
    valid = tuple(ticket.seat_no for ticket in tickets)
    if not case.is_bus_cancelled:
        require_not_departed(booking.bus, booking.leg, case.now)
    seats = valid if labels is None else seats_by_label(booking.bus, labels)
    is_in_use = any(ticket.is_boarded for ticket in tickets if ticket.seat_no in seats)
    if is_in_use and not case.is_bus_cancelled:
        raise WrongState(booking.status, "whoever has boarded travels: these seats are in use")
    if not seats or not set(seats) <= set(valid):
        raise WrongState(booking.status, "these seats are not, or no longer, part of the booking")
    return seats


def _still_paid_for(booking: Booking) -> int:
    """Return what was paid for the tickets that are still good: no more of the payment is left to give back."""
    paid = dict(zip(booking.seats, booking.prices, strict=True))
    return sum(paid[ticket.seat_no] for ticket in booking.tickets if ticket.status == "VALID")


def _as_shown(quote: RefundQuote, shown: Shown) -> RefundQuote:
    """Return the quote with the amounts that were promised, whatever has been moved since."""
    left = _still_paid_for(quote.booking)
    shares: list[Share] = []
    for share, promised in zip(quote.shares, shown.amounts, strict=True):
        amount = min(promised, left)
        left -= amount
        shares.append(Share(share.seat_no, share.paid, amount))
    return altered(quote, shares=tuple(shares))


def _void(changes: Changes, quote: RefundQuote) -> None:
    """Note that tickets are good no more, what goes back for them, and who is to be told of both."""
    booking, bus = quote.booking, quote.booking.bus
    for seat in quote.seats:
        changes.write("void_tickets", (bus.bus_id, booking.booking_id, seat, changes.at))
    told = {"seats": quote.seats, "because": quote.because}
    payment_id = booking.payment.payment_id
    if quote.amount == 0 or payment_id is None:
        note_job(changes, booking, JobKind.BOOKING_CANCELLED, told)
        return
    refund = Refund(uuid.uuid4(), payment_id, quote.amount, quote.seats)
    told["refund_id"] = str(refund.refund_id)
    note_job(changes, booking, JobKind.BOOKING_CANCELLED, told)
    note_refund(changes, booking, refund)
