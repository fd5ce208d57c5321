"""A trip as mails tell of it, made of values alone: the same to the letter, today and next year."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from store.letters import Trip
from store.mails import Mail, Template
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
    SaleStatus,
    Ticket,
)

HOME = "https://tickets.example"
LEAVES = datetime(2026, 11, 24, 9, 5, tzinfo=UTC)
OF_TRIPS = (
    Template.TICKET,
    Template.BOOKING_CANCELLED,
    Template.BUS_CANCELLED,
    Template.BUS_CHANGED,
    Template.PAYMENT_LATE,
    Template.REMINDER,
    Template.SEAT_CHANGED,
)
GIVEN: Mapping[Template, Mapping[str, str]] = {
    Template.BOOKING_CANCELLED: {"seats": "2A", "refund": "2050"},
    Template.BUS_CANCELLED: {"refund": "4100"},
    Template.BUS_CHANGED: {"before": "2026-11-24T08:35:00+00:00"},
    Template.PAYMENT_LATE: {"refund": "4100"},
    Template.SEAT_CHANGED: {"before": "4D", "after": "2A"},
}


def layout(labels: tuple[str, ...]) -> Layout:
    seats = tuple(
        LayoutSeat(number, label, 1, number, 1, "standard", (), 100)
        for number, label in enumerate(labels, 1)
    )
    return Layout(
        1,
        "a few seats",
        seats,
        {seat.label: seat for seat in seats},
        {seat.seat_no: seat for seat in seats},
    )


def trip(
    locale: str = "en",
    *,
    names: tuple[str, ...] = ("Ann Smith", "José Müller"),
    cancelled: tuple[int, ...] = (),
    status: BookingStatus = BookingStatus.CONFIRMED,
    bus_status: SaleStatus = SaleStatus.SCHEDULED,
    email: str | None = "ann@example.org",
    origin: str = "Berlin ZOB",
    destination: str = "Wien, Erdberg",
    zones: tuple[str, str] = ("Europe/Berlin", "Europe/Vienna"),
    operator: str = "Northline",
    method: str = "demo",
    now: datetime = LEAVES - timedelta(days=3),
) -> Trip:
    labels = tuple(f"{number}A" for number in range(1, len(names) + 1))
    stops = tuple(
        BusStop(number, name, zone, None, moment, moment, can_board=True, can_alight=True)
        for number, (name, zone, moment) in enumerate(
            zip((origin, destination), zones, (LEAVES, LEAVES + timedelta(hours=8)), strict=True), 1
        )
    )
    bus = Bus(
        bus_id=7,
        operator_id=1,
        name="The 10:05",
        operator=operator,
        facts=1,
        layout=layout(labels),
        stops=stops,
        fares=(2050,),
        currency="EUR",
        sales_close=timedelta(0),
    )
    seats = tuple(range(1, len(names) + 1))
    booking = Booking(
        bus=bus,
        booking_id=42,
        ref="K7QX2M",
        status=status,
        user_id=None,
        leg=Leg(0, 1),
        seats=seats,
        prices=(2050,) * len(names),
        passengers=tuple(
            Passenger(seat, name, "adult" if seat % 2 else "child")
            for seat, name in zip(seats, names, strict=True)
        ),
        contact=Contact(email),
        created_at=now,
        expires_at=None,
        payment=Payment(method, PaymentStatus.SUCCEEDED, 2050 * len(names)),
        confirmed_at=now,
        tickets=tuple(
            Ticket(seat, uuid.UUID(int=seat), "CANCELLED" if seat in cancelled else "VALID")
            for seat in seats
        ),
    )
    return Trip(booking, bus_status, "4", locale, now)


def mail(template: Template, locale: str = "en", given: Mapping[str, str] | None = None) -> Mail:
    return Mail(
        uuid.UUID(int=7),
        template,
        "ann@example.org",
        GIVEN.get(template, {}) if given is None else given,
        1,
        datetime(2026, 11, 21, tzinfo=UTC),
        "k3y-_",
        locale,
        (7, 42),
    )


def told_of(template: Template, locale: str = "en") -> Trip:
    """Return the trip that such a mail would tell of."""
    if template is Template.BOOKING_CANCELLED:
        return trip(locale, cancelled=(2,), status=BookingStatus.PARTIALLY_CANCELLED)
    if template is Template.BUS_CANCELLED:
        return trip(locale, bus_status=SaleStatus.CANCELLED)
    if template is Template.PAYMENT_LATE:
        return trip(locale, cancelled=(1, 2), status=BookingStatus.EXPIRED)
    return trip(locale)
