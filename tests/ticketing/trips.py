"""Bookings that were never sold, to be printed: values only."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from server.ticketing.token import TicketKeys, new_ticket_key
from store.model import (
    Booking,
    BookingStatus,
    Bus,
    BusStop,
    Contact,
    Layout,
    LayoutSeat,
    Leg,
    Passenger,
    Payment,
    PaymentStatus,
    Ticket,
)

STARTS = datetime(2031, 5, 1, 6, 0, tzinfo=UTC)
KEYS = TicketKeys([new_ticket_key()])
_SEATS = ("1A", "1B", "1C", "1D")


def make_bus(
    stops: Sequence[tuple[str, str]] = (("Ahorn", "Europe/Berlin"), ("Birke", "Europe/London")),
    *,
    name: str = "The 10:05",
    operator: str = "Northline",
    bus_id: int = 42,
    facts: int = 1,
) -> Bus:
    """Return a bus of four seats that calls at these stops (name, time zone), an hour apart."""
    seats = tuple(
        LayoutSeat(number, label, 1, 1, number, "standard", (), 100)
        for number, label in enumerate(_SEATS, start=1)
    )
    layout = Layout(
        1,
        "Four",
        seats,
        {seat.label: seat for seat in seats},
        {seat.seat_no: seat for seat in seats},
    )
    calls = [
        BusStop(
            place + 1,
            stop,
            zone,
            None,
            STARTS + timedelta(hours=place),
            STARTS + timedelta(hours=place),
            can_board=True,
            can_alight=True,
        )
        for place, (stop, zone) in enumerate(stops)
    ]
    return Bus(
        bus_id,
        1,
        name,
        operator,
        facts,
        layout,
        tuple(calls),
        (1990,) * (len(stops) - 1),
        "EUR",
        timedelta(0),
    )


def make_booking(
    names: Sequence[str] = ("Ann Example",),
    *,
    bus: Bus | None = None,
    number: int = 7,
    status: BookingStatus = BookingStatus.CONFIRMED,
    tickets: Sequence[str] | None = None,
) -> Booking:
    """Return a booking of a seat for everybody, each ticket in one of these states, valid unless said otherwise."""
    bus = bus or make_bus()
    seats = tuple(range(1, len(names) + 1))
    states = tickets or ("VALID",) * len(names)
    return Booking(
        bus=bus,
        booking_id=number,
        ref="K7QX2M",
        status=status,
        user_id=None,
        leg=Leg(0, len(bus.stops) - 1),
        seats=seats,
        prices=(1990,) * len(seats),
        passengers=tuple(
            Passenger(seat, name, "adult") for seat, name in zip(seats, names, strict=True)
        ),
        contact=Contact(),
        created_at=STARTS - timedelta(days=9),
        expires_at=None,
        payment=Payment("cash", PaymentStatus.SUCCEEDED, 1990 * len(seats)),
        confirmed_at=STARTS - timedelta(days=9),
        tickets=tuple(
            Ticket(seat, uuid.uuid5(uuid.NAMESPACE_OID, f"{number} {seat}"), state)
            for seat, state in zip(seats, states, strict=True)
        ),
    )
