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
LATE = timedelta(minutes=5)
"""What was scanned offline and is told of so much later is marked: others have decided without knowing of it."""
_TRIES = 4
Place = tuple[int, int]
"""A ticket of a bus: booking, seat."""


class Verdict(StrEnum):
    OK = "ok"
    ALREADY_BOARDED = "already_boarded"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    WRONG_BUS = "wrong_bus"
    WRONG_STOP = "wrong_stop"
    UNKNOWN = "unknown"
    BAD_SIGNATURE = "bad_signature"
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
class SignedTicket:
    """What the signed code of a ticket says; `code_start` is how the ticket's own code begins."""

    bus_id: int
    booking_id: int
    seat_no: int
    leg: Leg
    code_start: bytes


@dataclass(frozen=True, slots=True)
class BadSignature:
    """A code in the shape of a signed one that none of our keys has signed."""


@dataclass(frozen=True, slots=True)
class RefSeat:
    """A ticket as it is read out: the booking's ref, the seat's label."""

    ref: str
    seat: str


Named = TicketCode | SignedTicket | RefSeat
"""What names a ticket."""
Where = dict[Named, tuple[int, Place]]
"""Of which bus tickets are, and which there."""


@dataclass(frozen=True, slots=True)
class Scan:
    """`reading` is what was read, `ticket` what that means, None for nothing; `at` counts for those made offline.

    `stop_id` is where the bus stands, if whoever scans says so.
    """

    scan_id: uuid.UUID
    bus_id: int
    reading: str
    ticket: Named | BadSignature | None
    at: datetime | None = None
    is_offline: bool = False
    stop_id: int | None = None


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
    status: str
    boarding: Boarding | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`is_late` is a scan made offline that was told of much later; `is_undone` a boarding that was taken back."""

    scan: Scan
    verdict: Verdict
    bus: Bus | None = None
    passenger: Passenger | None = None
    boarding: Boarding | None = None
    right_bus_id: int | None = None
    is_replayed: bool = False
    is_late: bool = False
    is_undone: bool = False


class _Raced(Exception):
    """Somebody wrote one of these scans, or boarded one of these tickets, without our waiting for it."""


def judge(bus: Bus, ticket: Ticket, at: datetime, *, is_elsewhere: bool = False) -> Verdict:
    """Decide whether somebody may board with a ticket of this bus, at this moment, where the bus stands."""
    leg = ticket.passenger.leg
    if ticket.status != "VALID":
        return Verdict.NO_SHOW if ticket.status == "NO_SHOW" else Verdict.CANCELLED
    if ticket.boarding is not None:
        return Verdict.ALREADY_BOARDED
    if is_elsewhere:
        return Verdict.WRONG_STOP
    if at < bus.stops[leg.start].departs_at - OPENS_BEFORE:
        return Verdict.TOO_EARLY
    if at > bus.stops[leg.end].arrives_at + CLOSES_AFTER:
        return Verdict.TOO_LATE
    return Verdict.OK


def is_off_leg(bus: Bus, leg: Leg, stop_id: int) -> bool | None:
    """Return whether a stop is none at which a passenger of this leg boards; None when the bus does not call there.

    Whoever comes aboard later than they have paid for is let in: nobody else had the seat.
    """
    calls = [index for index, stop in enumerate(bus.stops) if stop.is_at(stop_id)]
    if not calls:
        return None
    return not any(leg.start <= index < leg.end for index in calls)


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
        async def look(connection: Connection) -> tuple[int, Where]:
            facts = await connection.fetchval(SQL["find_edition"], bus.bus_id)
            return facts, await _locate(connection, bus, scans)

        async def work(connection: Connection) -> list[Outcome]:
            return await _decide(connection, caller, present, scans, where)

        scope = caller.scope_at(bus.operator_id)
        facts, where = await self._db.read(scope, look)
        # A bus that leaves at another time is boarded at another time.
        present = await self._buses.find_edition(bus.bus_id, facts)
        for _ in range(_TRIES):
            try:
                return await self._db.transaction(scope, work)
            except _Raced:
                continue
        raise Overloaded


async def _locate(connection: Connection, bus: Bus, scans: Sequence[Scan]) -> Where:
    """Return of which bus the tickets are, and which booking and seat there; what is of another bus has no seat."""
    where: Where = {}
    read = {scan.ticket for scan in scans}
    if codes := [each for each in read if isinstance(each, TicketCode)]:
        buses = sorted({each.bus_id for each in codes})
        rows = await connection.fetch(SQL["find_by_code"], buses, [each.code for each in codes])
        for row in rows:
            place = row["booking_id"], row["seat_no"]
            where[TicketCode(row["bus_id"], row["code"])] = row["bus_id"], place
    if signed := [each for each in read if isinstance(each, SignedTicket)]:
        where |= await _locate_signed(connection, signed)
    if spoken := [each for each in read if isinstance(each, RefSeat)]:
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


async def _locate_signed(connection: Connection, signed: Sequence[SignedTicket]) -> Where:
    """Return where tickets are, by any seat they were for; a signature proves what was sold, not what is so still."""
    bookings = {(each.bus_id, each.booking_id) for each in signed}
    rows = await connection.fetch(SQL["find_of_bookings"], *zip(*bookings, strict=True))
    sold: dict[tuple[int, int, int], list[Record]] = {}
    for row in rows:
        for seat in (row["seat_no"], *(row["former_seats"] or ())):
            sold.setdefault((row["bus_id"], row["booking_id"], seat), []).append(row)
    return {
        each: (each.bus_id, (each.booking_id, row["seat_no"]))
        for each in signed
        for row in sold.get((each.bus_id, each.booking_id, each.seat_no), ())
        if row["code"].bytes.startswith(each.code_start)
    }


async def _decide(
    connection: Connection, caller: Caller, bus: Bus, scans: Sequence[Scan], where: Where
) -> list[Outcome]:
    bookings = sorted({place[0] for bus_id, place in where.values() if bus_id == bus.bus_id})
    await connection.execute(SQL["lock_bookings"], bus.bus_id, bookings)
    now: datetime = await connection.fetchval(SQL["clock"])
    tickets = await connection.fetch(SQL["find_tickets"], bus.bus_id, bookings)
    ids = [scan.scan_id for scan in scans]
    known = await connection.fetch(SQL["find_scans"], bus.bus_id, ids)
    post: int | None = None
    if caller.device_id is not None:
        post = await connection.fetchval(SQL["find_post"], caller.device_id)
    door = _Door(
        bus,
        now,
        where,
        post,
        tickets={(row["booking_id"], row["seat_no"]): _ticket(row) for row in tickets},
        known={row["scan_id"]: _Kept(**dict(row)) for row in known},
        moved={
            (row["booking_id"], seat): (row["booking_id"], row["seat_no"])
            for row in tickets
            for seat in row["former_seats"] or ()
        },
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
    is_offline: bool
    scanned_at: datetime
    received_at: datetime
    undone_at: datetime | None = None

    @property
    def is_late(self) -> bool:
        return self.is_offline and self.received_at - self.scanned_at > LATE

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
    post: int | None
    """The stop at which the scanner stands, if it stands anywhere."""
    tickets: dict[Place, Ticket]
    known: dict[uuid.UUID, _Kept]
    moved: dict[Place, Place]
    """Where those sit now who had another seat, maybe until a moment ago."""
    fresh: list[tuple[object, ...]] = field(default_factory=list)
    """Rows of scans that are to be kept."""

    def let_in(self, scan: Scan) -> Outcome:
        """Decide a scan, in the light of those before it."""
        if (before := self.known.get(scan.scan_id)) is not None:
            return self._repeat(scan, before)
        at = min(scan.at, self.now) if scan.is_offline and scan.at is not None else self.now
        if isinstance(scan.ticket, BadSignature):
            return self._keep(Outcome(scan, Verdict.BAD_SIGNATURE, self.bus), None, at)
        found = self.where.get(scan.ticket) if scan.ticket is not None else None
        if found is not None and found[0] != self.bus.bus_id:
            outcome = Outcome(scan, Verdict.WRONG_BUS, self.bus, right_bus_id=found[0])
            return self._keep(outcome, None, at)
        place = found[1] if found is not None else None
        if place is not None and place not in self.tickets:
            place = self.moved.get(place)
        if place is None:
            return self._keep(Outcome(scan, Verdict.UNKNOWN, self.bus), None, at)
        ticket = self.tickets[place]
        is_elsewhere = self._is_elsewhere(scan, ticket.passenger.leg)
        verdict = judge(self.bus, ticket, at, is_elsewhere=is_elsewhere)
        if verdict is Verdict.OK:
            self.tickets[place] = replace(ticket, boarding=Boarding(at))
        return self._keep(self._about(scan, verdict, place), place, at)

    def _is_elsewhere(self, scan: Scan, leg: Leg) -> bool:
        """Where whoever scans says that they are, no doubt is left; where a device stands may be beside the road."""
        if scan.stop_id is not None:
            return is_off_leg(self.bus, leg, scan.stop_id) is not False
        return self.post is not None and is_off_leg(self.bus, leg, self.post) is True

    def _about(self, scan: Scan, verdict: Verdict, place: Place | None) -> Outcome:
        ticket = self.tickets.get(place) if place is not None else None
        if ticket is None:
            return Outcome(scan, verdict, self.bus)
        return Outcome(scan, verdict, self.bus, ticket.passenger, ticket.boarding)

    def _repeat(self, scan: Scan, before: _Kept) -> Outcome:
        if before.reading != scan.reading:
            return Outcome(scan, Verdict.ID_REUSED, self.bus)
        told = self._about(scan, Verdict(before.verdict), before.place)
        is_undone = before.undone_at is not None
        return replace(told, is_replayed=True, is_late=before.is_late, is_undone=is_undone)

    def _keep(self, outcome: Outcome, place: Place | None, at: datetime) -> Outcome:
        scan, (booking_id, seat_no) = outcome.scan, place or (None, None)
        row = scan.scan_id, scan.reading, outcome.verdict, booking_id, seat_no
        kept = _Kept(*row, scan.is_offline, at, self.now)
        self.known[scan.scan_id] = kept
        self.fresh.append((*row, scan.is_offline, at, self.now))
        return replace(outcome, is_late=kept.is_late)


def _ticket(row: Record) -> Ticket:
    name = row["names"][row["seats"].index(row["seat_no"])]
    passenger = Passenger(name, row["ref"], row["seat_no"], Leg(row["from_idx"], row["to_idx"]))
    boarding = None
    if row["boarded_at"] is not None:
        boarding = Boarding(row["boarded_at"], row["boarded_by"], row["boarded_where"])
    return Ticket(passenger, row["status"], boarding)
