"""What is read at the door of a bus: who may board, once.

A scan has the number that its scanner gave it, so it may be reported again. Every bus is a transaction of its own.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from store.buses import Buses
from store.db import Connection, Database, Record
from store.errors import NotFound, Overloaded
from store.model import Bus, Caller, Leg
from store.queries import Queries

SQL = Queries.beside(__file__)
OPENS_BEFORE = timedelta(hours=24)
"""So long before the bus leaves a passenger's stop they may board there."""
CLOSES_AFTER = timedelta(hours=6)
"""So long after it should have brought them to theirs: no bus is known to be later."""
_TRIES = 4
Place = tuple[int, int]
"""A ticket of a bus: booking, seat."""


class Verdict(StrEnum):
    BOARDED = "boarded"
    ALREADY_BOARDED = "already_boarded"
    WRONG_BUS = "wrong_bus"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"
    ID_REUSED = "id_reused"
    """Told, never stored: the number belongs to another scan."""


@dataclass(frozen=True, slots=True)
class TicketCode:
    """What a ticket's own code says: its bus and its number there."""

    bus_id: int
    code: uuid.UUID


@dataclass(frozen=True, slots=True)
class RefSeat:
    """A ticket as it is read out: the booking's ref, the seat's label."""

    ref: str
    seat: str


@dataclass(frozen=True, slots=True)
class Scan:
    """`reading` is what was read, `ticket` what that means, None for nothing; `at` counts for those made offline."""

    scan_id: uuid.UUID
    bus_id: int
    reading: str
    ticket: TicketCode | RefSeat | None
    at: datetime | None = None
    is_offline: bool = False


@dataclass(frozen=True, slots=True)
class Passenger:
    name: str
    ref: str
    seat_no: int
    leg: Leg


@dataclass(frozen=True, slots=True)
class Boarding:
    """When somebody boarded on a ticket, and by which device, standing where."""

    at: datetime
    by: str | None
    where: str | None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket under its booking's lock."""

    passenger: Passenger
    is_valid: bool
    boarding: Boarding | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    scan: Scan
    verdict: Verdict
    bus: Bus | None = None
    passenger: Passenger | None = None
    boarding: Boarding | None = None
    right_bus_id: int | None = None
    is_replayed: bool = False


class _Raced(Exception):
    """Somebody wrote one of these scans, or boarded one of these tickets, without our waiting for it."""


def judge(bus: Bus, ticket: Ticket, at: datetime) -> Verdict:
    """Decide whether somebody may board with a ticket of this bus."""
    leg = ticket.passenger.leg
    if not ticket.is_valid:
        return Verdict.CANCELLED
    if ticket.boarding is not None:
        return Verdict.ALREADY_BOARDED
    if at < bus.stops[leg.start].departs_at - OPENS_BEFORE:
        return Verdict.TOO_EARLY
    if at > bus.stops[leg.end].arrives_at + CLOSES_AFTER:
        return Verdict.TOO_LATE
    return Verdict.BOARDED


class Scans:
    def __init__(self, db: Database, buses: Buses) -> None:
        self._db = db
        self._buses = buses

    async def record(self, caller: Caller, scans: Sequence[Scan]) -> list[Outcome]:
        """Decide and keep scans, in the order in which they come; one that came before is answered as it was then.

        Bus by bus, each in a transaction that locks the bookings of its tickets in order; whoever cancels one waits.
        A bus that the caller does not board for is none: its scans are unknown, and not kept. Raises Overloaded,
        OutcomeUnknown (send them again). Emits nothing.
        """
        by_bus: dict[int, list[Scan]] = {}
        for scan in scans:
            by_bus.setdefault(scan.bus_id, []).append(scan)
        found: dict[int, list[Outcome]] = {}
        for bus_id, of_bus in by_bus.items():
            bus = await self._find_bus(caller, bus_id)
            if bus is None:
                found[bus_id] = [Outcome(scan, Verdict.UNKNOWN) for scan in of_bus]
                continue
            found[bus_id] = await self._record(caller, bus, of_bus)
        turns = {bus_id: iter(outcomes) for bus_id, outcomes in found.items()}
        return [next(turns[scan.bus_id]) for scan in scans]

    async def _find_bus(self, caller: Caller, bus_id: int) -> Bus | None:
        try:
            bus = await self._buses.find(bus_id)
        except NotFound:
            return None
        return bus if caller.boards_for(bus.operator_id) else None

    async def _record(self, caller: Caller, bus: Bus, scans: Sequence[Scan]) -> list[Outcome]:
        async def look(connection: Connection) -> dict[TicketCode | RefSeat, tuple[int, Place]]:
            return await _locate(connection, bus, scans)

        async def work(connection: Connection) -> list[Outcome]:
            return await _decide(connection, caller, bus, scans, where)

        where = await self._db.read([bus.operator_id], look)
        for _ in range(_TRIES):
            try:
                return await self._db.transaction([bus.operator_id], work)
            except _Raced:
                continue
        raise Overloaded


async def _locate(
    connection: Connection, bus: Bus, scans: Sequence[Scan]
) -> dict[TicketCode | RefSeat, tuple[int, Place]]:
    """Return of which bus the tickets are, and which booking and seat there; what is of another bus has no seat."""
    codes = {scan.ticket for scan in scans if isinstance(scan.ticket, TicketCode)}
    spoken = {scan.ticket for scan in scans if isinstance(scan.ticket, RefSeat)}
    where: dict[TicketCode | RefSeat, tuple[int, Place]] = {}
    if codes:
        buses = sorted({each.bus_id for each in codes})
        rows = await connection.fetch(SQL["find_by_code"], buses, [each.code for each in codes])
        for row in rows:
            place = row["booking_id"], row["seat_no"]
            where[TicketCode(row["bus_id"], row["code"])] = row["bus_id"], place
    if spoken:
        rows = await connection.fetch(SQL["find_by_ref"], sorted({each.ref for each in spoken}))
        booked = {row["ref"]: row for row in rows}
        for each in (each for each in spoken if each.ref in booked):
            found = booked[each.ref]
            seat = bus.layout.by_label.get(each.seat)
            if found["bus_id"] != bus.bus_id:
                where[each] = found["bus_id"], (found["booking_id"], 0)
            elif seat is not None:
                where[each] = bus.bus_id, (found["booking_id"], seat.seat_no)
    return where


async def _decide(
    connection: Connection,
    caller: Caller,
    bus: Bus,
    scans: Sequence[Scan],
    where: Mapping[TicketCode | RefSeat, tuple[int, Place]],
) -> list[Outcome]:
    bookings = sorted({place[0] for bus_id, place in where.values() if bus_id == bus.bus_id})
    await connection.execute(SQL["lock_bookings"], bus.bus_id, bookings)
    now: datetime = await connection.fetchval(SQL["clock"])
    rows = await connection.fetch(SQL["find_tickets"], bus.bus_id, bookings)
    tickets = {(row["booking_id"], row["seat_no"]): _ticket(row) for row in rows}
    ids = [scan.scan_id for scan in scans]
    known = {
        row["scan_id"]: (
            row["reading"],
            Verdict(row["verdict"]),
            (row["booking_id"], row["seat_no"]),
        )
        for row in await connection.fetch(SQL["find_scans"], bus.bus_id, ids)
    }
    fresh: dict[uuid.UUID, tuple[object, ...]] = {}
    outcomes: list[Outcome] = []
    for scan in scans:
        if (before := known.get(scan.scan_id)) is not None:
            outcomes.append(_again(bus, scan, before, tickets))
            continue
        at = min(scan.at, now) if scan.is_offline and scan.at is not None else now
        bus_id, place = where.get(scan.ticket, (None, None)) if scan.ticket else (None, None)
        outcome = _outcome(bus, scan, bus_id, tickets.get(place) if place else None, at)
        if outcome.verdict is Verdict.BOARDED:
            assert place is not None
            boarding = Boarding(at, None, None)
            tickets[place] = replace(tickets[place], boarding=boarding)
            outcome = replace(outcome, boarding=boarding)
        is_here = place is not None and place in tickets and bus_id == bus.bus_id
        booking_id, seat_no = place if is_here and place else (None, None)
        known[scan.scan_id] = scan.reading, outcome.verdict, (booking_id, seat_no)
        fresh[scan.scan_id] = (
            *(scan.scan_id, scan.reading, booking_id, seat_no, outcome.verdict),
            *(scan.is_offline, at, now),
        )
        outcomes.append(outcome)
    await _keep(connection, caller, bus, list(fresh.values()))
    return outcomes


async def _keep(
    connection: Connection, caller: Caller, bus: Bus, rows: Sequence[tuple[object, ...]]
) -> None:
    if not rows:
        return
    whose = bus.bus_id, bus.operator_id, caller.device_id, caller.user_id
    added = await connection.fetch(SQL["add_scans"], *whose, *zip(*rows, strict=True))
    if len(added) < len(rows):
        raise _Raced


def _outcome(
    bus: Bus, scan: Scan, bus_id: int | None, ticket: Ticket | None, at: datetime
) -> Outcome:
    if bus_id is not None and bus_id != bus.bus_id:
        return Outcome(scan, Verdict.WRONG_BUS, bus, right_bus_id=bus_id)
    if ticket is None:
        return Outcome(scan, Verdict.UNKNOWN, bus)
    return Outcome(scan, judge(bus, ticket, at), bus, ticket.passenger, ticket.boarding)


def _again(
    bus: Bus,
    scan: Scan,
    before: tuple[str, Verdict, tuple[int | None, int | None]],
    tickets: Mapping[Place, Ticket],
) -> Outcome:
    """Return what a scan was told when it came first."""
    reading, verdict, (booking_id, seat_no) = before
    if reading != scan.reading:
        return Outcome(scan, Verdict.ID_REUSED, bus)
    ticket = None
    if booking_id is not None and seat_no is not None:
        ticket = tickets.get((booking_id, seat_no))
    if ticket is None:
        return Outcome(scan, verdict, bus, is_replayed=True)
    return Outcome(scan, verdict, bus, ticket.passenger, ticket.boarding, is_replayed=True)


def _ticket(row: Record) -> Ticket:
    name = row["names"][row["seats"].index(row["seat_no"])]
    passenger = Passenger(name, row["ref"], row["seat_no"], Leg(row["from_idx"], row["to_idx"]))
    boarding = None
    if row["boarded_at"] is not None:
        boarding = Boarding(row["boarded_at"], row["boarded_by"], row["boarded_where"])
    return Ticket(passenger, row["status"] == "VALID", boarding)
