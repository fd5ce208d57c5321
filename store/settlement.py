"""What becomes of a booking: paid, declined, cancelled, refunded."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from store.bookings import issue_tickets, note_payment, note_tickets
from store.db import Connection, Record
from store.errors import HoldExpired, NotFound, SalesClosed, WrongState
from store.lane import Lane
from store.ledger import Changes, Ledger, literal
from store.lookup import read_booking
from store.model import AVAILABLE, BOOKED, Booking, BookingStatus, PaymentStatus, SaleStatus
from store.queries import Queries
from store.requests import Ask, Needs, Reply, Request
from store.rules import refund_amount, require_not_departed, seats_by_label, set_leg

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class RefundQuote:
    """What cancelling these seats would pay back, if it happened now."""

    booking: Booking
    seats: tuple[int, ...]
    amount: int


class Settlement:
    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def confirm(self, owned: tuple[int, int], ask: Ask[Booking], *, method: str) -> Reply:
        """Record that a booking (bus, number) was paid by `method`: it is CONFIRMED and its tickets are issued.

        Locks: the seats, the booking, the bus row last. Paying twice is paying once. Raises NotFound, SalesClosed (the
        bus is cancelled), HoldExpired (time to pay is over), WrongState. Emits `confirmed`.
        """
        return await self._lane.submit(ConfirmBooking(owned[0], ask, owned[1], method))

    async def decline(self, owned: tuple[int, int], ask: Ask[Booking], *, method: str) -> Reply:
        """Record that paying by `method` was declined: the booking is FAILED and the seats are free at once.

        Locks as `confirm`. Raises NotFound, HoldExpired, WrongState. Emits `failed`.
        """
        return await self._lane.submit(DeclineBooking(owned[0], ask, owned[1], method))

    async def quote(
        self, bus_id: int, booking_id: int, labels: Sequence[str] | None
    ) -> RefundQuote:
        """Say what `cancel` would pay back now. Locks nothing. Raises NotFound, WrongState, Departed."""
        bus = await self._lane.buses.find(bus_id)

        async def read(connection: Connection) -> tuple[Booking, Record]:
            booking = await read_booking(connection, bus, booking_id)
            clock = await connection.fetchrow(SQL["clock"], bus_id)
            assert clock is not None
            return booking, clock

        booking, clock = await self._lane.db.read([bus.operator_id], read)
        current = await self._lane.buses.find_edition(bus_id, clock["facts"])
        return _quote(replace(booking, bus=current), labels, clock["now"])

    async def cancel(
        self, bus_id: int, booking_id: int, labels: Sequence[str] | None, ask: Ask[Booking]
    ) -> Reply:
        """Give back all seats of a booking, or some; what was paid for them is refunded by the rules.

        Locks as `confirm`. Raises NotFound, WrongState (not to be cancelled any more, or those seats are cancelled),
        Departed, InvalidRequest. Emits `cancelled`.
        """
        return await self._lane.submit(CancelBooking(bus_id, ask, booking_id, labels))


@dataclass(slots=True)
class ConfirmBooking(Request[Booking]):
    booking_id: int
    method: str

    def needs(self) -> Needs:
        return Needs(booking_id=self.booking_id)

    def decide(self, ledger: Ledger, changes: Changes) -> Booking:
        booking = _find(ledger, self)
        if booking.payment.status is PaymentStatus.SUCCEEDED:
            return booking
        if ledger.sale_status[self.bus_id] == SaleStatus.CANCELLED:
            raise SalesClosed
        _require_payable(booking, self.method, ledger.now)
        confirmed = replace(
            booking,
            status=BookingStatus.CONFIRMED,
            expires_at=None,
            confirmed_at=ledger.now,
            payment=replace(
                booking.payment, status=PaymentStatus.SUCCEEDED, payment_id=uuid.uuid4()
            ),
            tickets=issue_tickets(booking.seats),
        )
        changes.booking = confirmed
        note_payment(changes, confirmed)
        note_tickets(changes, confirmed)
        _move(changes, confirmed)
        states = ledger.shown(self.bus, booking.seats)
        changes.show("confirmed", set_leg(booking.seats, states, booking.leg, BOOKED))
        return confirmed


@dataclass(slots=True)
class DeclineBooking(Request[Booking]):
    booking_id: int
    method: str

    def needs(self) -> Needs:
        return Needs(booking_id=self.booking_id)

    def decide(self, ledger: Ledger, changes: Changes) -> Booking:
        booking = _find(ledger, self)
        if booking.status is BookingStatus.FAILED:
            return booking
        _require_payable(booking, self.method, ledger.now)
        declined = replace(booking.payment, status=PaymentStatus.DECLINED, payment_id=uuid.uuid4())
        booking = replace(booking, payment=declined)
        note_payment(changes, booking)
        return end_unpaid(ledger, changes, booking, BookingStatus.FAILED)


@dataclass(slots=True)
class CancelBooking(Request[Booking]):
    booking_id: int
    labels: Sequence[str] | None

    def needs(self) -> Needs:
        return Needs(booking_id=self.booking_id)

    def decide(self, ledger: Ledger, changes: Changes) -> Booking:
        booking = _find(ledger, self)
        quote = _quote(booking, self.labels, ledger.now)
        if booking.status is BookingStatus.PENDING:
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
        _move(changes, cancelled, ended_at=ledger.now if is_over else None)
        states = ledger.shown(self.bus, quote.seats)
        changes.show("cancelled", set_leg(quote.seats, states, booking.leg, AVAILABLE))
        return cancelled


def end_unpaid(
    ledger: Ledger,
    changes: Changes,
    booking: Booking,
    status: BookingStatus,
    states: dict[int, str] | None = None,
) -> Booking:
    """Note the end of a booking that was never paid.

    `states` are its seats' new states when some were taken over already and their claims are not its own any more.
    """
    payment = booking.payment
    if payment.status is PaymentStatus.PENDING:
        payment = replace(payment, status=PaymentStatus.CANCELLED)
    ended = replace(booking, status=status, expires_at=None, payment=payment)
    changes.booking = ended
    _move(changes, ended, ended_at=ledger.now)
    if states is None:
        changes.give_up(booking.seats, booking.leg)
        before = ledger.shown(booking.bus, booking.seats)
        states = set_leg(booking.seats, before, booking.leg, AVAILABLE)
    if states:
        changes.show(status.lower(), states)
    return ended


def _find(ledger: Ledger, request: ConfirmBooking | DeclineBooking | CancelBooking) -> Booking:
    booking = ledger.bookings.get((request.bus_id, request.booking_id))
    if booking is None:
        raise NotFound("booking")
    return booking


def _require_payable(booking: Booking, method: str, now: datetime) -> None:
    if booking.payment.method != method:
        raise NotFound("payment")
    if booking.status is BookingStatus.EXPIRED:
        raise HoldExpired
    if booking.status is not BookingStatus.PENDING:
        raise WrongState(booking.status, "the booking does not wait for a payment")
    if booking.expires_at is not None and booking.expires_at <= now:
        raise HoldExpired


def _quote(booking: Booking, labels: Sequence[str] | None, now: datetime) -> RefundQuote:
    """Decide which seats go and what they bring; a pending booking can only go as a whole."""
    if booking.status is BookingStatus.PENDING:
        if labels is not None and seats_by_label(booking.bus, labels) != booking.seats:
            raise WrongState(
                booking.status, "before payment only the whole booking can be cancelled"
            )
        if booking.expires_at is not None and booking.expires_at <= now:
            raise WrongState(BookingStatus.EXPIRED, "the booking is over")
        return RefundQuote(booking, booking.seats, 0)
    if booking.status not in {BookingStatus.CONFIRMED, BookingStatus.PARTIALLY_CANCELLED}:
        raise WrongState(booking.status, "the booking is over")
    require_not_departed(booking.bus, booking.leg, now)
    tickets = [ticket for ticket in booking.tickets if ticket.status == "VALID"]
    valid = tuple(ticket.seat_no for ticket in tickets)
    seats = valid if labels is None else seats_by_label(booking.bus, labels)
    if any(ticket.is_boarded for ticket in tickets if ticket.seat_no in seats):
        raise WrongState(booking.status, "whoever has boarded travels: these seats are in use")
    if not seats or not set(seats) <= set(valid):
        raise WrongState(booking.status, "these seats are not, or no longer, part of the booking")
    return RefundQuote(booking, seats, refund_amount(booking, seats))


def _move(changes: Changes, booking: Booking, ended_at: datetime | None = None) -> None:
    changes.write(
        "move_bookings",
        (
            booking.bus.bus_id,
            booking.booking_id,
            booking.status,
            booking.expires_at,
            booking.confirmed_at,
            ended_at,
        ),
    )


def _void(changes: Changes, quote: RefundQuote) -> None:
    booking, bus = quote.booking, quote.booking.bus
    for seat in quote.seats:
        changes.write("void_tickets", (bus.bus_id, booking.booking_id, seat, changes.at))
    if quote.amount > 0:
        changes.write(
            "add_refunds",
            (
                bus.bus_id,
                bus.operator_id,
                uuid.uuid4(),
                booking.payment.payment_id,
                quote.amount,
                literal(quote.seats),
                changes.at,
            ),
        )
