"""What is read at the door of a bus: who may board, once.

A scan has the number that its scanner gave it, so it may be reported again. Every bus is a transaction of its own.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from store.buses import Buses
from store.db import Connection, Database, Record
from store.errors import NotFound, Overloaded
from store.model import Bus, Caller, Leg
from store.queries import Queries
from store.tenancy import Tenancy

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


Where = dict[TicketCode | RefSeat, tuple[int, Place]]
"""Of which bus tickets are, and which there."""


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
    by: str | None = None
    where: str | None = None


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
    def __init__(self, db: Database, buses: Buses, tenancy: Tenancy) -> None:
        self._db = db
        self._buses = buses
        self._tenancy = tenancy

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
        asking = await self._tenancy.at(caller, bus.operator_id)
        return bus if asking.boards_for(bus.operator_id) else None

    async def _record(self, caller: Caller, bus: Bus, scans: Sequence[Scan]) -> list[Outcome]:
        async def look(connection: Connection) -> Where:
            return await _locate(connection, bus, scans)

        async def work(connection: Connection) -> list[Outcome]:
            return await _decide(connection, caller, bus, scans, where)

        scope = caller.scope_at(bus.operator_id)
        where = await self._db.read(scope, look)
        for _ in range(_TRIES):
            try:
                return await self._db.transaction(scope, work)
            except _Raced:
                continue
        raise Overloaded


async def _locate(connection: Connection, bus: Bus, scans: Sequence[Scan]) -> Where:
    """Return of which bus the tickets are, and which booking and seat there; what is of another bus has no seat."""
    codes = {scan.ticket for scan in scans if isinstance(scan.ticket, TicketCode)}
    spoken = {scan.ticket for scan in scans if isinstance(scan.ticket, RefSeat)}
    where: Where = {}
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
    connection: Connection, caller: Caller, bus: Bus, scans: Sequence[Scan], where: Where
) -> list[Outcome]:
    bookings = sorted({place[0] for bus_id, place in where.values() if bus_id == bus.bus_id})
    await connection.execute(SQL["lock_bookings"], bus.bus_id, bookings)
    now: datetime = await connection.fetchval(SQL["clock"])
    tickets = await connection.fetch(SQL["find_tickets"], bus.bus_id, bookings)
    ids = [scan.scan_id for scan in scans]
    known = await connection.fetch(SQL["find_scans"], bus.bus_id, ids)
    door = _Door(
        bus,
        now,
        where,
        tickets={(row["booking_id"], row["seat_no"]): _ticket(row) for row in tickets},
        known={row["scan_id"]: _Kept(**dict(row)) for row in known},
    )
    outcomes = [door.let_in(scan) for scan in scans]
    if door.fresh:
        whose = bus.bus_id, bus.operator_id, caller.device_id, caller.user_id
        columns = zip(*door.fresh, strict=True)
        added = await connection.fetch(SQL["add_scans"], *whose, *columns)
        if len(added) < len(door.fresh):
            raise _Raced
    return outcomes


@dataclass(frozen=True, slots=True)
class _Kept:
    """A scan that is known by its number."""

    scan_id: uuid.UUID
    reading: str
    verdict: str
    booking_id: int | None
    seat_no: int | None

    @property
    def place(self) -> Place | None:
        if self.booking_id is None or self.seat_no is None:
            return None
        return self.booking_id, self.seat_no


@dataclass(slots=True)
class _Door:
    """What is known at the door of a bus, under lock, and what has been decided there; no I/O."""

    bus: Bus
    now: datetime
    where: Where
    tickets: dict[Place, Ticket]
    known: dict[uuid.UUID, _Kept]
    fresh: list[tuple[object, ...]] = field(default_factory=list)
    """Rows of scans that are to be kept."""

    def let_in(self, scan: Scan) -> Outcome:
        """Decide a scan, in the light of those before it."""
        if (before := self.known.get(scan.scan_id)) is not None:
            return self._repeat(scan, before)
        at = min(scan.at, self.now) if scan.is_offline and scan.at is not None else self.now
        found = self.where.get(scan.ticket) if scan.ticket is not None else None
        if found is not None and found[0] != self.bus.bus_id:
            outcome = Outcome(scan, Verdict.WRONG_BUS, self.bus, right_bus_id=found[0])
            return self._keep(outcome, None, at)
        place = found[1] if found is not None and found[1] in self.tickets else None
        if place is None:
            return self._keep(Outcome(scan, Verdict.UNKNOWN, self.bus), None, at)
        verdict = judge(self.bus, self.tickets[place], at)
        if verdict is Verdict.BOARDED:
            self.tickets[place] = replace(self.tickets[place], boarding=Boarding(at))
        return self._keep(self._about(scan, verdict, place), place, at)

    def _about(self, scan: Scan, verdict: Verdict, place: Place | None) -> Outcome:
        ticket = self.tickets.get(place) if place is not None else None
        if ticket is None:
            return Outcome(scan, verdict, self.bus)
        return Outcome(scan, verdict, self.bus, ticket.passenger, ticket.boarding)

    def _repeat(self, scan: Scan, before: _Kept) -> Outcome:
        if before.reading != scan.reading:
            return Outcome(scan, Verdict.ID_REUSED, self.bus)
        told = self._about(scan, Verdict(before.verdict), before.place)
        return replace(told, is_replayed=True)

    def _keep(self, outcome: Outcome, place: Place | None, at: datetime) -> Outcome:
        scan, (booking_id, seat_no) = outcome.scan, place or (None, None)
        row = scan.scan_id, scan.reading, outcome.verdict, booking_id, seat_no
        self.known[scan.scan_id] = _Kept(*row)
        self.fresh.append((*row, scan.is_offline, at, self.now))
        return outcome


def _ticket(row: Record) -> Ticket:
    name = row["names"][row["seats"].index(row["seat_no"])]
    passenger = Passenger(name, row["ref"], row["seat_no"], Leg(row["from_idx"], row["to_idx"]))
    boarding = None
    if row["boarded_at"] is not None:
        boarding = Boarding(row["boarded_at"], row["boarded_by"], row["boarded_where"])
    return Ticket(passenger, row["status"] == "VALID", boarding)
