"""Bookings: seats sold, from a hold or directly, and what becomes of them."""

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from store.db import Connection
from store.engine import Ask, Engine, Outcome, Reply
from store.errors import InvalidRequest
from store.holds import (
    SeatRequest,
    find_own,
    lock_buyer_of,
    require_live,
    set_buyer_of,
)
from store.ids import BookingNumbers, RefCodec
from store.locking import (
    changed,
    drop_expired,
    find_expired,
    lock_hold,
    lock_seats,
    wire_json,
    wire_seats,
)
from store.model import (
    BOOKED,
    LOCKED,
    Booking,
    BookingStatus,
    Bus,
    Caller,
    Contact,
    Hold,
    Leg,
    Passenger,
    Payment,
    PaymentStatus,
    Ticket,
)
from store.queries import Queries
from store.rules import require_free, require_on_sale, seats_by_label, set_leg

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Traveller:
    """A passenger as the buyer names them: the seat by label."""

    seat: str
    name: str
    category: str = "adult"


@dataclass(frozen=True, slots=True)
class Purchase:
    """Who travels, how they can be reached, how it is paid; `is_paid` when the money is in hand already."""

    travellers: Sequence[Traveller]
    contact: Contact
    method: str
    is_paid: bool = False


class Bookings:
    def __init__(self, engine: Engine, refs: RefCodec, *, pending_seconds: int) -> None:
        self._engine = engine
        self._refs = refs
        self._numbers = BookingNumbers()
        self._time_to_pay = timedelta(seconds=pending_seconds)

    async def book(
        self, caller: Caller, request: SeatRequest, purchase: Purchase, ask: Ask[Booking]
    ) -> Reply:
        """Book seats directly, all or none.

        Locks: the seats, expired owners of them, the bus row last. Raises SeatUnavailable, Departed, SalesClosed,
        InvalidRequest, NotFound. Emits `booked`.
        """
        number = await self._next_number()
        access_key = secrets.token_urlsafe(16)

        async def attempt(connection: Connection, bus: Bus) -> Outcome[Booking]:
            wanted = request.on(bus, caller)
            passengers = _seat(bus, wanted.seats, purchase.travellers)
            locked = await lock_seats(connection, bus, wanted.seats, ask)
            require_on_sale(bus, wanted.leg, locked.status, locked.now)
            found = await find_expired(connection, wanted, locked)
            require_free(wanted, found.states)
            await drop_expired(connection, bus, found)
            sale = _Sale(bus, wanted.leg, wanted.seats, wanted.prices, passengers)
            booking = self._open(sale, caller, purchase, (number, access_key), locked.now)
            states = set_leg(wanted.seats, found.states, wanted.leg, _letter(booking))
            return await _write(connection, booking, states, ask, caller)

        return await self._engine.run(request.bus_id, ask, attempt)

    async def book_hold(
        self, caller: Caller, owned: tuple[int, uuid.UUID], purchase: Purchase, ask: Ask[Booking]
    ) -> Reply:
        """Turn a live hold into a booking, at the prices it was held at.

        Locks: the buyer's count, the hold's seats, the hold, the bus row last. Raises HoldNotFound, HoldExpired,
        Departed, SalesClosed, InvalidRequest. Emits `booked`.
        """
        bus_id, hold_id = owned
        number = await self._next_number()
        access_key = secrets.token_urlsafe(16)

        async def attempt(connection: Connection, bus: Bus) -> Outcome[Booking]:
            before = await find_own(connection, bus, caller, hold_id)
            count = await lock_buyer_of(connection, before)
            locked, hold = await lock_hold(connection, bus, hold_id, ask)
            hold = require_live(hold, locked.now)
            require_on_sale(bus, hold.leg, locked.status, locked.now)
            passengers = _seat(bus, hold.seats, purchase.travellers)
            await set_buyer_of(connection, hold, count)
            sale = _Sale(bus, hold.leg, hold.seats, hold.prices, passengers)
            booking = self._open(sale, caller, purchase, (number, access_key), locked.now)
            states = set_leg(hold.seats, locked.states, hold.leg, _letter(booking))
            return await _write(connection, booking, states, ask, caller, hold)

        return await self._engine.run(bus_id, ask, attempt)

    async def _next_number(self) -> int:
        while (number := self._numbers.take()) is None:
            row = await self._engine.db.fetchrow(SQL["next_numbers"])
            assert row is not None
            self._numbers.refill(row["start"])
        return number

    def _open(
        self,
        sale: "_Sale",
        caller: Caller,
        purchase: Purchase,
        identity: tuple[int, str],
        now: datetime,
    ) -> Booking:
        number, access_key = identity
        is_paid = purchase.is_paid
        total = sum(sale.prices)
        return Booking(
            bus=sale.bus,
            booking_id=number,
            ref=self._refs.format(number),
            status=BookingStatus.CONFIRMED if is_paid else BookingStatus.PENDING,
            user_id=None if caller.works_for(sale.bus.operator_id) else caller.user_id,
            leg=sale.leg,
            seats=sale.seats,
            prices=sale.prices,
            passengers=sale.passengers,
            contact=purchase.contact,
            created_at=now,
            expires_at=None if is_paid else now + self._time_to_pay,
            payment=Payment(
                payment_id=uuid.uuid4(),
                method=purchase.method,
                status=PaymentStatus.SUCCEEDED if is_paid else PaymentStatus.PENDING,
                amount=total,
            ),
            tickets=issue_tickets(sale.seats) if is_paid else (),
            access_key=access_key,
        )


@dataclass(frozen=True, slots=True)
class _Sale:
    bus: Bus
    leg: Leg
    seats: tuple[int, ...]
    prices: tuple[int, ...]
    passengers: tuple[Passenger, ...]


def digest_access_key(access_key: str) -> bytes:
    """Return what the database keeps of an access key (128 random bits need no salt)."""
    return hashlib.sha256(access_key.encode()).digest()


def issue_tickets(seats: Sequence[int]) -> tuple[Ticket, ...]:
    return tuple(Ticket(seat, uuid.uuid4(), "VALID") for seat in seats)


def _letter(booking: Booking) -> str:
    return BOOKED if booking.status is BookingStatus.CONFIRMED else LOCKED


def _seat(
    bus: Bus, seats: tuple[int, ...], travellers: Sequence[Traveller]
) -> tuple[Passenger, ...]:
    """Put every traveller on their seat: one for each seat, none left over."""
    numbers = seats_by_label(bus, [person.seat for person in travellers], pointer="/passengers")
    if numbers != seats:
        raise InvalidRequest(
            "/passengers", "passenger_per_seat", "name exactly one passenger for every seat"
        )
    by_number = {bus.layout.by_label[person.seat].seat_no: person for person in travellers}
    return tuple(Passenger(seat, by_number[seat].name, by_number[seat].category) for seat in seats)


async def _write(
    connection: Connection,
    booking: Booking,
    states: dict[int, str],
    ask: Ask[Booking],
    caller: Caller,
    hold: Hold | None = None,
) -> Outcome[Booking]:
    bus = booking.bus
    seats = wire_seats(bus, states)
    reply = ask.encode(booking)
    confirmed_at = booking.created_at if booking.status is BookingStatus.CONFIRMED else None
    assert booking.access_key is not None
    row = await connection.fetchrow(
        SQL["write_booking_from_hold" if hold else "write_booking"],
        bus.bus_id,
        bus.operator_id,
        list(states),
        list(states.values()),
        booking.created_at,
        wire_json(seats),
        "booked",
        *ask.stored(reply),
        bus.facts,
        booking.booking_id,
        booking.ref,
        digest_access_key(booking.access_key),
        booking.status,
        booking.user_id,
        caller.user_id if caller.user_id != booking.user_id else None,
        booking.seats,
        booking.leg.start,
        booking.leg.end,
        booking.prices,
        [person.name for person in booking.passengers],
        [person.category for person in booking.passengers],
        booking.contact.email,
        booking.contact.phone,
        booking.expires_at,
        confirmed_at,
        booking.payment.payment_id,
        booking.payment.method,
        booking.payment.status,
        booking.total,
        [ticket.seat_no for ticket in booking.tickets],
        [ticket.code for ticket in booking.tickets],
        *([hold.hold_id] if hold else []),
    )
    return Outcome(booking, changed(bus, row, seats, booking.created_at, "booked"), reply)
