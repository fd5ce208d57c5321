"""Bookings as staff looks for them, and what has happened to one. Reads only, nothing is locked."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from store.authority import operator_asked_for, scope_of
from store.buses import Buses
from store.db import Connection, Database, Record
from store.errors import InvalidRequest
from store.ids import is_ref
from store.model import Booking, BookingStatus, Bus, Caller, Leg
from store.queries import Queries
from store.reader import Reader

SQL = Queries.beside(__file__)
DAYS_MAX = 92
# What is shown to somebody who has not said what they look for.
LATELY = timedelta(hours=24)
_SECONDS = 5.0
_SHORTEST_NUMBER = 4


@dataclass(frozen=True, slots=True)
class BookingQuery:
    """Which bookings, newest first: those of a bus, or of the buses that leave on some days, or those made lately.

    `text` is a ref, wherever it is; or part of a passenger's name, of an address or a telephone number there.
    """

    text: str = ""
    operator_id: int | None = None
    bus_id: int | None = None
    first: date | None = None
    last: date | None = None
    status: BookingStatus | None = None
    after: tuple[datetime, int, int] | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class BookingLine:
    bus: Bus
    booking_id: int
    ref: str
    status: BookingStatus
    leg: Leg
    seats: tuple[int, ...]
    names: tuple[str, ...]
    email: str | None
    phone: str | None
    method: str
    total: int
    created_at: datetime
    is_at_counter: bool


@dataclass(frozen=True, slots=True)
class Incident:
    """`kind` is `made`, `payment`, `ticket`, `refund`, `paid_out`, `scan`, `mail` or `ended`; `word` says how it went.

    Of a ticket that was `MOVED`, `seats` are all that it was for, in order.
    """

    at: datetime
    kind: str
    word: str
    amount: int | None
    currency: str | None
    """Of money in another currency than the bus is sold for."""
    seats: tuple[int, ...]
    user_id: int | None
    """Who of the staff took a payment in cash for what had been reserved."""


class BookingSearch:
    def __init__(self, db: Database, reader: Reader, buses: Buses) -> None:
        self._db = db
        self._reader = reader
        self._buses = buses

    async def find(self, caller: Caller, query: BookingQuery) -> list[BookingLine]:
        """Return the bookings that staff looks for, of its own operator only.

        Raises NotFound for another's operator, InvalidRequest for days that are reversed or too many, Overloaded when
        they are so many that looking takes longer than five seconds.
        """
        mine = operator_asked_for(caller, query.operator_id)
        arguments = (mine, *_reach(query), *_wish(query), query.limit)

        async def read(connection: Connection) -> list[Record]:
            await connection.execute(SQL["take_time"])
            return await connection.fetch(SQL["search"], *arguments, timeout=_SECONDS + 1)

        rows = await self._reader.read(scope_of(caller), read)
        return [_line(row, await self._buses.find(row["bus_id"])) for row in rows]

    async def history(self, caller: Caller, booking: Booking) -> list[Incident]:
        """Return what has happened to a booking that the caller may see, in order."""

        async def read(connection: Connection) -> list[Record]:
            return await connection.fetch(SQL["history"], booking.bus.bus_id, booking.booking_id)

        rows = await self._db.read(scope_of(caller), read)
        return [
            Incident(
                row["at"],
                row["kind"],
                row["word"],
                row["amount"],
                row["currency"],
                tuple(row["seats"] or ()),
                row["user_id"],
            )
            for row in rows
        ]


def _reach(query: BookingQuery) -> tuple[object, ...]:
    """Return where to look: a ref, a bus, the first and the last day, or how long ago at most."""
    # A name may look like a ref, so whatever could be one is looked for as both.
    ref = query.text.upper() if is_ref(query.text.upper()) else None
    if query.bus_id is not None:
        return ref, query.bus_id, None, None, None
    if query.first is None and query.last is None:
        return ref, None, None, None, LATELY
    first = query.first or query.last
    last = query.last or query.first
    assert first is not None and last is not None  # noqa: PT018 - both, or neither was said
    if last < first:
        raise InvalidRequest("/to", "reversed", "it ends before it begins")
    if (last - first).days >= DAYS_MAX:
        raise InvalidRequest("/to", "too_long", f"at most {DAYS_MAX} days")
    return ref, None, first, last, None


def _wish(query: BookingQuery) -> tuple[object, ...]:
    """Return the status, parts of texts and of digits, and the position to go on from."""
    is_text = bool(query.text)
    digits = "".join(filter(str.isdigit, query.text))
    is_number = len(digits) >= _SHORTEST_NUMBER and not any(map(str.isalpha, query.text))
    return (
        query.status,
        query.text if is_text else None,
        digits if is_text and is_number else None,
        *(query.after or (None, None, None)),
    )


def _line(row: Record, bus: Bus) -> BookingLine:
    return BookingLine(
        bus=bus,
        booking_id=row["booking_id"],
        ref=row["ref"],
        status=BookingStatus(row["status"]),
        leg=Leg(row["from_idx"], row["to_idx"]),
        seats=tuple(row["seats"]),
        names=tuple(row["names"]),
        email=row["email"],
        phone=row["phone"],
        method=row["method"],
        total=row["total"],
        created_at=row["created_at"],
        is_at_counter=row["is_at_counter"],
    )
