"""Bookings behind the counter: looked for, and with everything that has happened to them."""

import datetime as dt
from typing import Annotated, Literal

import msgspec

from server.api.bookings import find_allowed
from server.api.shapes import Money, Named, Page, parse_id, parse_operator, require_calendar, utc
from server.contract import Access, Call, Operation
from server.cursors import read_cursor, write_cursor
from store.booking_search import BookingLine, BookingQuery, Incident
from store.errors import InvalidRequest, NotFound, Overloaded
from store.model import BookingStatus, Bus


class SearchQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`q` is a booking's code, wherever it is; or part of a name, an e-mail address or a telephone number.

    The others say where to look: on a `bus`, or on buses that leave on the days `from` to `to`, at most 92, by their
    operator's clock; else among what was made in the last 24 hours.
    """

    q: Annotated[str, msgspec.Meta(max_length=100)] = ""
    bus: str | None = None
    from_: dt.date | None = msgspec.field(name="from", default=None)
    to: dt.date | None = None
    status: BookingStatus | None = None
    operator: str | None = None
    limit: Page = 20
    cursor: str | None = None


class BookingLineShape(msgspec.Struct, frozen=True):
    """`departs_at` is when the bus leaves the passengers' stop.

    `at_counter` is whether an agent sold it, or took the cash for what a kiosk had reserved.
    """

    ref: str
    status: BookingStatus
    bus_id: str
    bus_name: str
    operator: Named
    from_stop_name: str
    to_stop_name: str
    time_zone: str
    departs_at: dt.datetime
    seats: list[str]
    names: list[str]
    email: str | None
    phone: str | None
    method: str
    total: Money
    created_at: dt.datetime
    at_counter: bool


class FoundPage(msgspec.Struct, frozen=True):
    items: list[BookingLineShape]
    next_cursor: str | None


class IncidentShape(msgspec.Struct, frozen=True):
    """What happened, and in `word` how.

    Where it was `made` (`online`, `counter`, or `kiosk`: there, for cash), how a `payment` went, what became of
    `ticket`s (one that was `MOVED` has all of its seats in order), by which method a `refund` goes, the verdict of a
    `scan` or that it was `undone`, that a `mail` was sent `again`, how it `ended`. `user` is the agent who took a
    payment in cash for reserved seats.
    """

    at: dt.datetime
    kind: Literal["made", "payment", "ticket", "refund", "paid_out", "scan", "mail", "ended"]
    word: str
    amount: Money | None
    seats: list[str]
    user: str | None


class History(msgspec.Struct, frozen=True):
    items: list[IncidentShape]


async def search_bookings(call: Call, query: SearchQuery) -> FoundPage:
    """Find bookings by code, passenger, contact, bus, day or state, newest first."""
    for pointer, day in (("/from", query.from_), ("/to", query.to)):
        if day is not None:
            require_calendar(day, pointer)
    found = await call.services.store.booking_search.find(
        call.caller,
        BookingQuery(
            text="".join(char for char in query.q if char.isprintable()).strip(),
            operator_id=parse_operator(query.operator),
            bus_id=parse_id(query.bus, "/bus"),
            first=query.from_,
            last=query.to,
            status=query.status,
            after=read_cursor(query.cursor, tuple[dt.datetime, int, int]),
            limit=query.limit,
        ),
    )
    last = found[-1] if len(found) == query.limit else None
    return FoundPage(
        [_line(line) for line in found],
        write_cursor(last.created_at, last.bus.bus_id, last.booking_id) if last else None,
    )


async def read_booking_history(call: Call) -> History:
    """Show what has happened to a booking, in order."""
    booking = await find_allowed(call)
    incidents = await call.services.store.booking_search.history(call.caller, booking)
    return History([_incident(booking.bus, incident) for incident in incidents])


def _line(line: BookingLine) -> BookingLineShape:
    bus = line.bus
    boarding, alighting = bus.stops[line.leg.start], bus.stops[line.leg.end]
    return BookingLineShape(
        ref=line.ref,
        status=line.status,
        bus_id=str(bus.bus_id),
        bus_name=bus.name,
        operator=Named(str(bus.operator_id), bus.operator),
        from_stop_name=boarding.name,
        to_stop_name=alighting.name,
        time_zone=boarding.time_zone,
        departs_at=boarding.departs_at,
        seats=[bus.layout.label(seat) for seat in line.seats],
        names=list(line.names),
        email=line.email,
        phone=line.phone,
        method=line.method,
        total=Money(line.total, bus.currency),
        created_at=utc(line.created_at),
        at_counter=line.is_at_counter,
    )


def _incident(bus: Bus, incident: Incident) -> IncidentShape:
    currency = incident.currency or bus.currency
    return msgspec.convert(
        {
            "at": utc(incident.at),
            "kind": incident.kind,
            "word": incident.word,
            "amount": None if incident.amount is None else Money(incident.amount, currency),
            "seats": [bus.layout.label(seat) for seat in incident.seats],
            "user": None if incident.user_id is None else str(incident.user_id),
        },
        IncidentShape,
    )


OPERATIONS = (
    Operation(
        "GET",
        "/admin/bookings",
        search_bookings,
        FoundPage,
        access=Access.STAFF,
        problems=(NotFound, InvalidRequest, Overloaded),
    ),
    Operation(
        "GET",
        "/admin/bookings/{ref}/history",
        read_booking_history,
        History,
        access=Access.STAFF,
        problems=(NotFound, Overloaded),
    ),
)
