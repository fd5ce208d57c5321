"""What becomes of a booking: paid, declined, cancelled, refunded."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from store.bookings import issue_tickets
from store.db import Connection
from store.engine import Ask, Engine, Outcome, Reply
from store.errors import HoldExpired, NotFound, WrongState
from store.locking import Locked, changed, lock_booking, wire_json, wire_seats
from store.lookup import read_booking
from store.model import (
    AVAILABLE,
    BOOKED,
    Booking,
    BookingStatus,
    Bus,
    Payment,
    PaymentStatus,
    Ticket,
)
from store.queries import Queries
from store.rules import refund_amount, require_not_departed, seats_by_label, set_leg

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class RefundQuote:
    """What cancelling these seats would pay back, if it happened now."""

    booking: Booking
    seats: tuple[int, ...]
    amount: int


class Settlement:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def confirm(
        self, owned: tuple[int, uuid.UUID], ask: Ask[Booking], *, method: str
    ) -> Reply:
        """Record that a payment by `method` succeeded: its booking is CONFIRMED and its tickets are issued.

        Locks: the seats, the booking, its payments, the bus row last. Paying twice is paying once. Raises NotFound,
        HoldExpired (time to pay is over), WrongState. Emits `confirmed`.
        """
        bus_id, payment_id = owned
        booking_id = await self._booking_of(bus_id, payment_id, method)

        async def attempt(connection: Connection, bus: Bus) -> Outcome[Booking]:
            locked = await lock_booking(connection, bus, booking_id, ask)
            booking = await read_booking(connection, bus, booking_id)
            if booking.payment.status is PaymentStatus.SUCCEEDED:
                return Outcome(booking)
            _require_payable(booking, locked.now)
            return await _write_confirmed(connection, booking, locked)

        return await self._engine.run(bus_id, ask, attempt)

    async def decline(
        self, owned: tuple[int, uuid.UUID], ask: Ask[Booking], *, method: str
    ) -> Reply:
        """Record that a payment by `method` was declined: its booking is FAILED and the seats are free at once.

        Locks as `confirm`. Raises NotFound, HoldExpired, WrongState. Emits `failed`.
        """
        bus_id, payment_id = owned
        booking_id = await self._booking_of(bus_id, payment_id, method)

        async def attempt(connection: Connection, bus: Bus) -> Outcome[Booking]:
            locked = await lock_booking(connection, bus, booking_id, ask)
            booking = await read_booking(connection, bus, booking_id)
            if booking.status is BookingStatus.FAILED:
                return Outcome(booking)
            _require_payable(booking, locked.now)
            states = set_leg(booking.seats, locked.states, booking.leg, AVAILABLE)
            return await write_ended(connection, booking, states, BookingStatus.FAILED, locked.now)

        return await self._engine.run(bus_id, ask, attempt)

    async def quote(
        self, bus_id: int, booking_id: int, labels: Sequence[str] | None
    ) -> RefundQuote:
        """Say what `cancel` would pay back now. Locks nothing. Raises NotFound, WrongState, Departed."""
        bus = await self._engine.buses.find(bus_id)

        async def read(connection: Connection) -> RefundQuote:
            booking = await read_booking(connection, bus, booking_id)
            now: datetime = await connection.fetchval(SQL["clock"])
            return _quote(booking, labels, now)

        return await self._engine.db.transaction([bus.operator_id], read)

    async def cancel(
        self, bus_id: int, booking_id: int, labels: Sequence[str] | None, ask: Ask[Booking]
    ) -> Reply:
        """Give back all seats of a booking, or some; what was paid for them is refunded by the rules.

        Locks as `confirm`. Raises NotFound, WrongState (not to be cancelled any more, or those seats are cancelled),
        Departed, InvalidRequest. Emits `cancelled`.
        """

        async def attempt(connection: Connection, bus: Bus) -> Outcome[Booking]:
            locked = await lock_booking(connection, bus, booking_id, ask)
            booking = await read_booking(connection, bus, booking_id)
            quote = _quote(booking, labels, locked.now)
            states = set_leg(quote.seats, locked.states, booking.leg, AVAILABLE)
            if booking.status is BookingStatus.PENDING:
                return await write_ended(
                    connection, booking, states, BookingStatus.CANCELLED, locked.now
                )
            return await _write_cancelled(connection, quote, states, locked.now)

        return await self._engine.run(bus_id, ask, attempt)

    async def _booking_of(self, bus_id: int, payment_id: uuid.UUID, method: str) -> int:
        bus = await self._engine.buses.find(bus_id)

        async def read(connection: Connection) -> int:
            booking_id: int | None = await connection.fetchval(
                SQL["find_by_payment"], bus_id, payment_id, method
            )
            if booking_id is None:
                raise NotFound("payment")
            return booking_id

        return await self._engine.db.transaction([bus.operator_id], read)


def _require_payable(booking: Booking, now: datetime) -> None:
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
        return RefundQuote(booking, booking.seats, 0)
    if booking.status not in {BookingStatus.CONFIRMED, BookingStatus.PARTIALLY_CANCELLED}:
        raise WrongState(booking.status, "the booking is over")
    require_not_departed(booking.bus, booking.leg, now)
    valid = tuple(ticket.seat_no for ticket in booking.tickets if ticket.status == "VALID")
    seats = valid if labels is None else seats_by_label(booking.bus, labels)
    if not seats or not set(seats) <= set(valid):
        raise WrongState(booking.status, "these seats are not, or no longer, part of the booking")
    return RefundQuote(booking, seats, refund_amount(booking, seats))


async def _write_confirmed(
    connection: Connection, booking: Booking, locked: Locked
) -> Outcome[Booking]:
    bus = booking.bus
    states = set_leg(booking.seats, locked.states, booking.leg, BOOKED)
    seats = wire_seats(bus, states)
    tickets = issue_tickets(booking.seats)
    row = await connection.fetchrow(
        SQL["write_confirmed"],
        bus.bus_id,
        bus.operator_id,
        list(states),
        list(states.values()),
        locked.now,
        wire_json(seats),
        "confirmed",
        booking.booking_id,
        booking.payment.payment_id,
        [ticket.seat_no for ticket in tickets],
        [ticket.code for ticket in tickets],
    )
    confirmed = replace(
        booking,
        status=BookingStatus.CONFIRMED,
        expires_at=None,
        payment=replace(booking.payment, status=PaymentStatus.SUCCEEDED),
        tickets=tickets,
    )
    return Outcome(confirmed, changed(bus, row, seats, locked.now, "confirmed"))


async def write_ended(
    connection: Connection,
    booking: Booking,
    states: dict[int, str],
    status: BookingStatus,
    now: datetime,
) -> Outcome[Booking]:
    """End a booking that was never paid: free its claims, settle its payment, bump the revision."""
    bus = booking.bus
    seats = wire_seats(bus, states)
    kind = status.lower()
    payment = PaymentStatus.DECLINED if status is BookingStatus.FAILED else PaymentStatus.CANCELLED
    row = await connection.fetchrow(
        SQL["write_ended"],
        bus.bus_id,
        bus.operator_id,
        list(states),
        list(states.values()),
        now,
        wire_json(seats),
        kind,
        booking.booking_id,
        status,
        payment,
    )
    ended = replace(
        booking, status=status, expires_at=None, payment=_settled(booking.payment, payment)
    )
    return Outcome(ended, changed(bus, row, seats, now, kind))


def _settled(payment: Payment, status: PaymentStatus) -> Payment:
    return replace(payment, status=status) if payment.status is PaymentStatus.PENDING else payment


async def _write_cancelled(
    connection: Connection, quote: RefundQuote, states: dict[int, str], now: datetime
) -> Outcome[Booking]:
    booking, bus = quote.booking, quote.booking.bus
    seats = wire_seats(bus, states)
    tickets = tuple(
        Ticket(ticket.seat_no, ticket.code, "CANCELLED")
        if ticket.seat_no in quote.seats
        else ticket
        for ticket in booking.tickets
    )
    is_over = all(ticket.status == "CANCELLED" for ticket in tickets)
    status = BookingStatus.CANCELLED if is_over else BookingStatus.PARTIALLY_CANCELLED
    row = await connection.fetchrow(
        SQL["write_cancelled"],
        bus.bus_id,
        bus.operator_id,
        list(states),
        list(states.values()),
        now,
        wire_json(seats),
        "cancelled",
        booking.booking_id,
        status,
        now if is_over else None,
        booking.payment.payment_id,
        uuid.uuid4(),
        quote.amount,
        quote.seats,
    )
    cancelled = replace(
        booking, status=status, tickets=tickets, refunded=booking.refunded + quote.amount
    )
    return Outcome(cancelled, changed(bus, row, seats, now, "cancelled"))
