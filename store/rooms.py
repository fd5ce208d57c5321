"""Waiting rooms: opened by staff or by load, before a bus, a route or an operator. docs/waiting-room.md has the rules.

What every process must know of a room is one row: whom it is before, and how far the counter has come. The counter is a
number at a time and so many a second since then, so that every process counts alike, and goes on when it hears nothing.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from store.authority import (
    note,
    operator_asked_for,
    require_manager,
    scope_of,
    sees,
)
from store.db import Connection, Database, Record
from store.errors import NotFound, WrongState
from store.model import Caller, SaleStatus
from store.queries import Queries

SQL = Queries.beside(__file__)
FIRST_PACE = 5.0
"""Admissions a second to begin with, where nothing has been measured yet."""
SLOWEST_PACE, FASTEST_PACE = 0.5, 1000.0
UNSEEN_PACE = 100.0
"""As fast as numbers pass that hardly anybody uses: what a server carries until it notices strain, should all who are
behind them come in."""
OPEN_MAX = 20
"""Of one operator: every process knows all open rooms by heart, and looks after each of them every second."""
_SEED_BYTES = 32
_PURGED_AT_A_TIME, _PURGE_ROUNDS = 5_000, 200


class Scope(StrEnum):
    """What a room is before."""

    BUS = "bus"
    ROUTE = "route"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Room:
    """One room. `served` are the numbers whose turn had come at `served_at`; `pace` more a second since then."""

    room_id: int
    operator_id: int
    scope: Scope
    subject_id: int
    name: str
    seed: bytes = field(repr=False)
    draw: bytes | None
    is_auto: bool
    created_at: datetime
    opens_at: datetime
    opened_at: datetime | None
    closed_at: datetime | None
    per_minute: int | None
    pace: float
    served: float
    served_at: datetime
    is_sold_out: bool
    joined: int

    @property
    def commitment(self) -> bytes:
        """What is told of the seed before the draw."""
        return hashlib.sha256(self.seed).digest()

    def serving_at(self, now: datetime) -> int:
        """Return the highest number whose turn has come: never past those who wait and one second's worth."""
        if self.opened_at is None:
            return 0
        seconds = 0.0 if self.is_sold_out else max(0.0, (now - self.served_at).total_seconds())
        most = self.joined + max(self.pace, 1.0)
        return int(max(self.served, min(most, self.served + self.pace * seconds)))


@dataclass(frozen=True, slots=True)
class Watched:
    """A room as staff sees it; `entered` are those who came in."""

    room: Room
    entered: int


@dataclass(frozen=True, slots=True)
class NewRoom:
    """`opens_at` None: at once; `per_minute` None: as many as are measured to be served."""

    scope: Scope
    subject_id: int
    opens_at: datetime | None = None
    per_minute: int | None = None


class Rooms:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def read_known(self) -> tuple[Sequence[Room], datetime | None]:
        """Return what `read_rooms` does, outside of a transaction. Locks nothing; raises Overloaded."""
        return _known(await self._db.fetch(SQL["read_rooms"]))

    async def list(
        self, caller: Caller, operator_id: int | None, *, before: int | None, limit: int
    ) -> list[Watched]:
        """Return rooms, newest first: an operator's administrators see their own, the house all. Locks nothing.

        Raises NotFound for another operator's, Overloaded.
        """
        wanted = operator_asked_for(caller, operator_id)

        async def read(connection: Connection) -> list[Watched]:
            rows = await connection.fetch(SQL["list_rooms"], wanted, before, limit)
            return [_watched(row) for row in rows]

        return await self._db.read(scope_of(caller), read)

    async def open(self, caller: Caller, new: NewRoom) -> Watched:
        """Put a room before a bus, a route or an operator; writes the audit log and tells every process.

        Locks the operator's openings. Raises NotFound, Forbidden, WrongState while another room of it or as many of the
        operator's as there may be are open, and for a bus that has left or is cancelled.
        """

        async def work(connection: Connection) -> Watched:
            subject = await _find_subject(connection, new)
            operator_id = subject["operator_id"]
            await require_manager(connection, caller, operator_id)
            if not await _has_room_left(connection, operator_id):
                raise WrongState("too_many", f"{OPEN_MAX} waiting rooms are open; close one first")
            room_id = await _add(connection, new, subject, is_auto=False)
            if room_id is None:
                raise WrongState("open", "a waiting room of this is open already")
            told = {"scope": new.scope.value, "before": new.subject_id}
            await note(connection, caller, operator_id, "room.open", f"room {room_id}", **told)
            return await _find(connection, caller, room_id)

        return await self._db.transaction(scope_of(caller), work)

    async def open_by_load(self, bus_id: int) -> None:
        """Put a room before a bus that more people want than can be served.

        Nothing if there is one before it, be it the route's or the operator's, or as many as there may be. Locks the
        operator's openings. Writes the audit log, as nobody's deed, and tells every process.
        """
        new = NewRoom(Scope.BUS, bus_id)
        rows = await self._db.fetch(SQL["find_bus"], bus_id)
        if not rows or _why_none_before(rows[0]) is not None:
            return
        operator_id = rows[0]["operator_id"]

        async def work(connection: Connection) -> None:
            is_left = await _has_room_left(connection, operator_id)
            if not is_left or await connection.fetchval(SQL["is_covered"], bus_id):
                return
            room_id = await _add(connection, new, rows[0], is_auto=True)
            if room_id is not None:
                told = {"scope": "bus", "before": bus_id, "by": "load"}
                await note(
                    connection, Caller(), operator_id, "room.open", f"room {room_id}", **told
                )

        await self._db.transaction([operator_id], work)

    async def change_pace(self, caller: Caller, room_id: int, per_minute: int | None) -> Watched:
        """Let so many in a minute from now on, or (None) as many as are measured; writes the audit log.

        Locks the room. Raises NotFound, Forbidden, WrongState for a closed one.
        """

        async def work(connection: Connection) -> Watched:
            room = await _find_own(connection, caller, room_id)
            await connection.execute(SQL["set_pace"], room_id, per_minute)
            await note(
                connection,
                caller,
                room.operator_id,
                "room.pace",
                f"room {room_id}",
                per_minute=per_minute,
            )
            await connection.execute(SQL["tell"])
            return await _find(connection, caller, room_id)

        return await self._db.transaction(scope_of(caller), work)

    async def close(self, caller: Caller, room_id: int) -> Watched:
        """Close a room: whoever waits in it may buy at once. Writes the audit log and tells every process.

        Locks the room. Raises NotFound, Forbidden, WrongState for one that is closed.
        """

        async def work(connection: Connection) -> Watched:
            room = await _find_own(connection, caller, room_id)
            await connection.fetchval(SQL["close_room"], room_id)
            await note(connection, caller, room.operator_id, "room.close", f"room {room_id}")
            await connection.execute(SQL["tell"])
            return await _find(connection, caller, room_id)

        return await self._db.transaction(scope_of(caller), work)

    async def close_by_load(self, room: Room) -> None:
        """Close a room that load had opened, now that nobody waits. Locks the room; writes the audit log."""

        async def work(connection: Connection) -> None:
            if await connection.fetchval(SQL["close_room"], room.room_id) is not None:
                subject = f"room {room.room_id}"
                await note(connection, Caller(), room.operator_id, "room.close", subject, by="load")
                await connection.execute(SQL["tell"])

        await self._db.transaction([room.operator_id], work)

    async def close_departed(self, rooms: Sequence[Room]) -> None:
        """Close those of these rooms whose bus has left or is cancelled. Locks them; writes the audit log.

        Any process may; what another one closes is closed once.
        """
        before_buses = [room for room in rooms if room.scope is Scope.BUS]
        if not before_buses:
            return
        ids = [room.room_id for room in before_buses]

        async def work(connection: Connection) -> None:
            closed = await connection.fetch(SQL["close_departed"], ids)
            for row in closed:
                subject = f"room {row['room_id']}"
                await note(
                    connection, Caller(), row["operator_id"], "room.close", subject, by="departure"
                )
            if closed:
                await connection.execute(SQL["tell"])

        await self._db.transaction(sorted({room.operator_id for room in before_buses}), work)

    async def advance(self, rooms: Sequence[Room], *, is_strained: bool) -> None:
        """Move the counters of open rooms on, and their paces with what was measured. Locks the rooms' rows.

        Any process may, each second; the second one within it changes nothing.
        """
        ids = [room.room_id for room in rooms]

        async def work(connection: Connection) -> None:
            bounds = (SLOWEST_PACE, FASTEST_PACE, UNSEEN_PACE)
            await connection.execute(SQL["advance"], ids, is_strained, *bounds)

        await self._db.transaction(sorted({room.operator_id for room in rooms}), work)

    async def subjects_of(self, bus_id: int) -> tuple[int | None, int] | None:
        """Return the route and the operator of a bus; None for a bus that does not exist. Locks nothing."""
        row = await self._db.fetchrow(SQL["subjects_of"], bus_id)
        return None if row is None else (row["route_id"], row["operator_id"])

    async def purge(self) -> None:
        """Forget who waited in rooms that have been closed for a week, in small transactions, and the rooms.

        Locks what it deletes: at most a million places at a time; the rest, and their rooms, the next time.
        """

        async def slice_off(connection: Connection) -> int:
            done = await connection.execute(SQL["purge_places"], _PURGED_AT_A_TIME)
            return int(done.split()[-1])

        for _ in range(_PURGE_ROUNDS):
            if await self._db.transaction(None, slice_off) < _PURGED_AT_A_TIME:
                break

        async def forget_rooms(connection: Connection) -> None:
            await connection.execute(SQL["purge_rooms"])

        await self._db.transaction(None, forget_rooms)


async def read_rooms(connection: Connection) -> tuple[Sequence[Room], datetime | None]:
    """Return the rooms that a process must know, and the database's time; None for the time where there is no room."""
    return _known(await connection.fetch(SQL["read_rooms"]))


def _known(rows: Sequence[Record]) -> tuple[Sequence[Room], datetime | None]:
    return [_room(row) for row in rows], rows[0]["now"] if rows else None


async def _find_subject(connection: Connection, new: NewRoom) -> Record:
    query = {Scope.BUS: "find_bus", Scope.ROUTE: "find_route", Scope.OPERATOR: "find_operator"}
    row = await connection.fetchrow(SQL[query[new.scope]], new.subject_id)
    if row is None:
        raise NotFound(new.scope.value)
    if new.scope is Scope.BUS and (why := _why_none_before(row)) is not None:
        raise why
    return row


def _why_none_before(bus: Record) -> WrongState | None:
    """Return why nobody needs to wait before a bus any more."""
    if bus["status"] == SaleStatus.CANCELLED:
        return WrongState(bus["status"], "this bus goes for nobody")
    if bus["has_left"]:
        return WrongState("DEPARTED", "this bus has left")
    return None


async def _has_room_left(connection: Connection, operator_id: int) -> bool:
    """Lock out others who open rooms of an operator; return whether it may have one more."""
    await connection.execute(SQL["lock_operator"], operator_id)
    is_left: bool = await connection.fetchval(SQL["count_open"], operator_id) < OPEN_MAX
    return is_left


async def _add(
    connection: Connection, new: NewRoom, subject: Record, *, is_auto: bool
) -> int | None:
    pace = FIRST_PACE if new.per_minute is None else new.per_minute / 60
    room_id: int | None = await connection.fetchval(
        SQL["add_room"],
        subject["operator_id"],
        new.scope.value,
        new.subject_id,
        subject["name"],
        secrets.token_bytes(_SEED_BYTES),
        is_auto,
        new.opens_at,
        new.per_minute,
        pace,
    )
    if room_id is not None:
        await connection.execute(SQL["tell"])
    return room_id


async def _find(connection: Connection, caller: Caller, room_id: int) -> Watched:
    row = await connection.fetchrow(SQL["find_room"], room_id)
    if row is None or not sees(caller, row["operator_id"]):
        raise NotFound("room")
    return _watched(row)


async def _find_own(connection: Connection, caller: Caller, room_id: int) -> Room:
    """Return an open room to those who may change it."""
    room = (await _find(connection, caller, room_id)).room
    await require_manager(connection, caller, room.operator_id)
    if room.closed_at is not None:
        raise WrongState("closed", "this waiting room is closed")
    return room


def _watched(row: Record) -> Watched:
    return Watched(_room(row), row["entered"])


def _room(row: Record) -> Room:
    return Room(
        room_id=row["room_id"],
        operator_id=row["operator_id"],
        scope=Scope(row["scope"]),
        subject_id=row["subject_id"],
        name=row["name"],
        seed=row["seed"],
        draw=row["draw"],
        is_auto=row["is_auto"],
        created_at=row["created_at"],
        opens_at=row["opens_at"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        per_minute=row["per_minute"],
        pace=row["pace"],
        served=row["served"],
        served_at=row["served_at"],
        is_sold_out=row["is_sold_out"],
        joined=row["joined"],
    )
