"""Who travels on a bus, seat by seat, and who has boarded: for the driver, the door, and the desk. Reads only."""

import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime

from store.buses import Buses
from store.db import Connection, Record
from store.errors import Forbidden, NotFound
from store.model import Bus, Caller, Leg, Role
from store.queries import Queries
from store.reader import Reader
from store.tenancy import Tenancy

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Line:
    """One passenger's ticket. `boarded_by` is a device's name, if one has let them in."""

    seat_no: int
    leg: Leg
    name: str
    category: str
    ref: str
    code: uuid.UUID
    status: str
    boarded_at: datetime | None
    boarded_by: str | None
    former_seats: tuple[int, ...] = ()
    """Seats that the ticket was for before its passenger was moved; what is printed may still say one of them."""


@dataclass(frozen=True, slots=True)
class Manifest:
    bus: Bus
    name: str
    status: str
    epoch: int
    rev: int
    scans: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class BusOfDay:
    """A bus that a scanner may have to do with, with the position its manifest would have now."""

    bus_id: int
    name: str
    route: str | None
    departs_at: datetime
    arrives_at: datetime
    status: str
    tickets: int
    boarded: int
    epoch: int
    rev: int
    scans: int


class Manifests:
    def __init__(self, reader: Reader, buses: Buses, tenancy: Tenancy) -> None:
        self._reader = reader
        self._buses = buses
        self._tenancy = tenancy

    async def find(self, caller: Caller, bus_id: int) -> Manifest:
        """Return who travels on a bus, to its operator's staff and scanners and the house; to others there is none.

        What it is called (epoch, revision, scans) is read before its lines, so a copy that is kept is never taken for
        newer than it is. Locks nothing. Raises NotFound.
        """
        bus = await self._buses.find(bus_id)
        asking = await self._tenancy.at(caller, bus.operator_id)
        if asking.role is not Role.SUPPORT and not asking.boards_for(bus.operator_id):
            raise NotFound("bus")

        async def read(connection: Connection) -> tuple[Record, list[Record]]:
            position = await connection.fetchrow(SQL["position"], bus_id)
            if position is None:
                raise NotFound("bus")
            return position, await connection.fetch(SQL["passengers"], bus_id)

        position, rows = await self._reader.read(caller.scope_at(bus.operator_id), read)
        bus = await self._buses.find_edition(bus_id, position["facts"])
        return Manifest(
            bus,
            position["name"],
            position["status"],
            position["epoch"],
            position["rev"],
            position["scans"],
            tuple(_line(row) for row in rows),
        )

    async def buses_of(self, caller: Caller, day: date | None) -> list[BusOfDay]:
        """Return the buses of the caller's operator that start on a day, today without one, by its own clock.

        Locks nothing. Raises Forbidden for who works for no operator.
        """
        operator_id = caller.operator_id
        if operator_id is None or not caller.boards_for(operator_id):
            raise Forbidden("say it as a scanner, or as staff of an operator")

        async def read(connection: Connection) -> list[BusOfDay]:
            rows = await connection.fetch(SQL["buses_of_day"], operator_id, day)
            return [BusOfDay(**dict(row)) for row in rows]

        return await self._reader.read([operator_id], read)


def at_stop(manifest: Manifest, stop_id: int) -> Manifest:
    """Return the part of a manifest that is of those who board or alight at a stop, or any stop of a station."""
    stops = manifest.bus.stops
    lines = tuple(
        line
        for line in manifest.lines
        if stops[line.leg.start].is_at(stop_id) or stops[line.leg.end].is_at(stop_id)
    )
    return replace(manifest, lines=lines)


def _line(row: Record) -> Line:
    place = row["seats"].index(row["seat_no"])
    return Line(
        seat_no=row["seat_no"],
        leg=Leg(row["from_idx"], row["to_idx"]),
        name=row["names"][place],
        category=row["categories"][place],
        ref=row["ref"],
        code=row["code"],
        status=row["ticket_status"],
        boarded_at=row["boarded_at"],
        boarded_by=row["boarded_by"],
        former_seats=tuple(row["former_seats"] or ()),
    )
