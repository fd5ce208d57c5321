"""What is for sale, and what the database says has been sold: asked of it directly, past the servers."""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import asyncpg

from store.db import Database
from store.facade import StoreOptions
from store.ids import format_owned
from store.invariants import find_violations
from tests.support.world import World

Made = dict[str, tuple[str, tuple[str, ...]]]
"""Holds by id and bookings by ref: the bus and the seats of each."""

_SCOPE = """
SELECT set_config('omnibus.operators', array_agg(operator_id)::text, true) FROM operators
"""
_BOOKINGS = """
SELECT b.ref, b.bus_id, array_agg(l.label ORDER BY l.label) AS seats
FROM bookings AS b INNER JOIN buses USING (bus_id)
INNER JOIN layout_seats AS l ON l.layout_id = buses.layout_id AND l.seat_no = ANY(b.seats)
GROUP BY b.ref, b.bus_id
"""
_HOLDS = """
SELECT h.hold_id, h.bus_id, array_agg(l.label ORDER BY l.label) AS seats
FROM holds AS h INNER JOIN buses USING (bus_id)
INNER JOIN layout_seats AS l ON l.layout_id = buses.layout_id AND l.seat_no = ANY(h.seats)
GROUP BY h.hold_id, h.bus_id
"""
_UNEVEN = """
SELECT (SELECT count(*) FROM claims)
    - (SELECT coalesce(sum(cardinality(seats) * (to_idx - from_idx)), 0) FROM holds WHERE state = 'ACTIVE')
    - (SELECT coalesce(sum(cardinality(seats) * (to_idx - from_idx)), 0) FROM bookings
       WHERE status IN ('PENDING', 'CONFIRMED'))
"""
_BEGIN_ANEW = "UPDATE buses SET epoch = epoch + 1 WHERE bus_id = ANY($1::bigint[])"
_SESSIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'omnibus'
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """Seats of a bus from one of its stops to another."""

    bus: str
    seats: tuple[str, ...]
    from_stop: str
    to_stop: str


@dataclass(frozen=True, slots=True)
class Shop:
    url: str
    stops: Mapping[str, Sequence[str]]
    """The stops of every bus, in order."""
    labels: Sequence[str]

    @classmethod
    async def open(cls, url: str, *, buses: int, seats: int, segments: int = 3) -> Self:
        """Put buses on sale in a migrated database."""
        world = await World.open(url, StoreOptions(pool_size=2))
        try:
            numbers = [await world.bus(segments=segments, seats=seats) for _ in range(buses)]
            stops = {str(bus): [str(stop) for stop in await world.stops(bus)] for bus in numbers}
            return cls(url, stops, list(await world.states(numbers[0])))
        finally:
            await world.close()

    def wish(self, chance: random.Random, seats_max: int = 3) -> Wish:
        bus = chance.choice(list(self.stops))
        start, end = sorted(chance.sample(range(len(self.stops[bus])), 2))
        seats = chance.sample(self.labels, chance.randint(1, seats_max))
        return Wish(bus, tuple(seats), self.stops[bus][start], self.stops[bus][end])

    async def made(self) -> Made:
        """Return all holds and bookings ever made."""
        async with self.reading() as connection:
            bookings = await connection.fetch(_BOOKINGS)
            holds = await connection.fetch(_HOLDS)
        found: Made = {row["ref"]: (str(row["bus_id"]), tuple(row["seats"])) for row in bookings}
        for row in holds:
            bus = row["bus_id"]
            found[format_owned(bus, row["hold_id"])] = str(bus), tuple(row["seats"])
        return found

    async def find_faults(self) -> dict[str, list[str]]:
        """Ask all invariants, and whether the claims are those of the live holds and bookings, to the seat.

        The last is true as long as nothing has expired or was cancelled.
        """
        faults = await self.find_violations()
        async with self.reading() as connection:
            uneven = await connection.fetchval(_UNEVEN)
        return faults if uneven == 0 else {**faults, "claims_add_up": [str(uneven)]}

    async def find_violations(self) -> dict[str, list[str]]:
        """Ask all invariants; they hold at any time."""
        database = await Database.connect(self.url, size=1)
        try:
            return await find_violations(database)
        finally:
            await database.close()

    async def is_left_alone(self) -> bool:
        """Whether no server has a session, and so no lock, in the database."""
        async with self.reading() as connection:
            sessions: int = await connection.fetchval(_SESSIONS)
        return sessions == 0

    async def begin_anew(self, buses: Sequence[str]) -> None:
        """Start another epoch of these buses, as a restore would: their seats stay as they are."""
        connection = await asyncpg.connect(self.url)
        try:
            async with connection.transaction():
                await connection.execute(_SCOPE)
                await connection.execute(_BEGIN_ANEW, [int(bus) for bus in buses])
        finally:
            await connection.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """Lend a connection as the owner, on one snapshot of everything."""
        connection = await asyncpg.connect(self.url)
        try:
            async with connection.transaction(isolation="repeatable_read"):
                await connection.execute(_SCOPE)
                yield connection
        finally:
            await connection.close()
