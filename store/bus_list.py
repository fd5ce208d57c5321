"""Buses as their operator sees them: drafts among them, with what is sold of each. Reads only, nothing is locked."""

from dataclasses import dataclass
from datetime import date, datetime

from store.authority import operator_asked_for, scope_of, sees
from store.db import Connection, Database, Record
from store.errors import NotFound
from store.model import Caller, SaleStatus
from store.queries import Queries
from store.reader import Reader

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class BusQuery:
    """Which buses: of a day (of the operator's clock), else those that have not arrived; after a position."""

    operator_id: int | None = None
    on: date | None = None
    status: SaleStatus | None = None
    route_id: int | None = None
    after: tuple[datetime, int] | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class BusLine:
    bus_id: int
    name: str
    operator_id: int
    operator: str
    route_id: int | None
    route: str | None
    status: SaleStatus
    departs_at: datetime
    arrives_at: datetime
    seats_total: int
    seats_available: int
    version: int


@dataclass(frozen=True, slots=True)
class CallLine:
    """A bus's call at a stop, as staff sees it."""

    stop_id: int
    name: str
    arrives_at: datetime
    departs_at: datetime
    bay: str | None
    delay_seconds: int | None


@dataclass(frozen=True, slots=True)
class SalesCount:
    """Seats by their worst letter on any segment, and bookings that are paid, and that may still be."""

    available: int
    locked: int
    booked: int
    blocked: int
    paid: int
    unpaid: int


@dataclass(frozen=True, slots=True)
class BusDetail:
    line: BusLine
    sales_close_seconds: int
    currency: str
    fare: int
    layout_id: int
    layout: str
    vehicle_id: int | None
    registration: str | None
    vehicle: str | None
    calls: tuple[CallLine, ...]
    sales: SalesCount


class BusList:
    def __init__(self, db: Database, reader: Reader) -> None:
        self._db = db
        self._reader = reader

    async def list(self, caller: Caller, query: BusQuery) -> list[BusLine]:
        """Return buses in order of departure; raise NotFound for another's operator."""
        mine = operator_asked_for(caller, query.operator_id)
        rows = await self._reader.fetch(
            SQL["list_buses"],
            mine,
            query.on,
            query.status,
            query.route_id,
            *(query.after or (None, None)),
            query.limit,
        )
        return [_line(row) for row in rows]

    async def find(self, caller: Caller, bus_id: int) -> BusDetail:
        """Return one bus with what is sold of it; raise NotFound, also for another operator's."""

        async def read(connection: Connection) -> BusDetail:
            row = await connection.fetchrow(SQL["find_bus"], bus_id)
            if row is None or not sees(caller, row["operator_id"]):
                raise NotFound("bus")
            calls = await connection.fetch(SQL["list_calls"], bus_id)
            seats = await connection.fetchrow(SQL["count_seats"], bus_id)
            bookings = await connection.fetchrow(SQL["count_bookings"], bus_id)
            assert seats is not None
            assert bookings is not None
            return _detail(row, calls, SalesCount(**dict(seats), **dict(bookings)))

        return await self._db.read(scope_of(caller), read)


def _detail(row: Record, calls: list[Record], sales: SalesCount) -> BusDetail:
    return BusDetail(
        line=_line(row),
        sales_close_seconds=row["sales_close_seconds"],
        currency=row["currency"],
        fare=row["fare"],
        layout_id=row["layout_id"],
        layout=row["layout"],
        vehicle_id=row["vehicle_id"],
        registration=row["registration"],
        vehicle=row["vehicle"],
        calls=tuple(CallLine(**dict(call)) for call in calls),
        sales=sales,
    )


def _line(row: Record) -> BusLine:
    return BusLine(
        bus_id=row["bus_id"],
        name=row["name"],
        operator_id=row["operator_id"],
        operator=row["operator"],
        route_id=row["route_id"],
        route=row["route"],
        status=SaleStatus(row["status"]),
        departs_at=row["departs_at"],
        arrives_at=row["arrives_at"],
        seats_total=row["total_seats"],
        seats_available=row["seats_available"],
        version=row["facts"],
    )
