"""Asks the invariants in production, a few buses at a time, and keeps what came of it where every process sees it.

Every invariant is about one bus, so a look at some buses is a whole look at them. Each round takes the buses that
changed since the last one, those that were broken before, and the next sixtieth of all others: what the store does
wrong shows within a minute, and what somebody does past the store within an hour, at an even cost.
"""

import asyncio
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from store.db import Connection, Database
from store.invariants import SQL as INVARIANTS
from store.invariants import Violations, find_violations_on
from store.queries import Queries

SQL = Queries.beside(__file__)
PARTS = 60
BUSES_AT_A_TIME = 200
CHANGED_MAX = 5000
_STATEMENT_SECONDS = 5
_BUSES_KEPT = 1000
_FIRST_LOOK = timedelta(minutes=5)
_UNDER_WAY = timedelta(seconds=30)
"""An event says when it was decided; it may be seen that much later, when its commit was slow."""


@dataclass(frozen=True, slots=True)
class Check:
    """What the last round found of one invariant."""

    name: str
    violations: int
    checked_at: datetime


class Watch:
    def __init__(self, db: Database) -> None:
        self._db = db
        # Processes that come and go must not look at the same part again and again.
        self._parts = itertools.count(random.randrange(PARTS))  # noqa: S311 - a start, no secret
        self._since: datetime | None = None

    async def look(self) -> dict[str, Violations]:
        """Do one round, store its result and return the invariants that are broken; empty is good.

        Locks only the rows of the result. Every statement has five seconds; between groups of 200 buses it rests as
        long as it has worked, so that it never takes more than half of a connection. Raises Overloaded when the
        database is too busy: the result before stands, and its age tells.
        """
        began_at, buses = await self._next_buses()
        found: dict[str, Violations] = {}
        loop = asyncio.get_running_loop()
        for start in range(0, len(buses), BUSES_AT_A_TIME):
            at = loop.time()
            some = await find_violations_on(
                self._db,
                buses[start : start + BUSES_AT_A_TIME],
                statement_seconds=_STATEMENT_SECONDS,
            )
            _add(found, some)
            await asyncio.sleep(loop.time() - at)
        await self._keep(began_at, found)
        self._since = began_at - _UNDER_WAY
        return found

    async def last(self) -> list[Check]:
        """Return what the last round found, by whichever process; empty when there was none. Raises Overloaded."""
        rows = await self._db.fetch(SQL["last_checks"], INVARIANTS.names())
        return [Check(row["name"], row["violations"], row["checked_at"]) for row in rows]

    async def _next_buses(self) -> tuple[datetime, list[int]]:
        part = next(self._parts) % PARTS

        async def read(connection: Connection) -> tuple[datetime, list[int]]:
            # allow sql-text: a constant
            await connection.execute(f"SET LOCAL statement_timeout = '{_STATEMENT_SECONDS}s'")
            now: datetime = await connection.fetchval("SELECT clock_timestamp()")
            since = self._since or now - _FIRST_LOOK
            query = SQL["next_buses"]
            rows = await connection.fetch(
                query, since, CHANGED_MAX, PARTS, part, timeout=_STATEMENT_SECONDS + 1
            )
            return now, [row["bus_id"] for row in rows]

        return await self._db.read(None, read)

    async def _keep(self, checked_at: datetime, found: Mapping[str, Violations]) -> None:
        names = INVARIANTS.names()
        none = Violations(0, (), frozenset())
        results = [found.get(name, none) for name in names]
        counts = [result.count for result in results]
        buses = [_array(sorted(result.buses)[:_BUSES_KEPT]) for result in results]

        async def write(connection: Connection) -> None:
            await connection.execute(SQL["keep_checks"], names, counts, buses, checked_at)

        await self._db.transaction([], write)


def _add(found: dict[str, Violations], some: Mapping[str, Violations]) -> None:
    for name, more in some.items():
        before = found.get(name)
        found[name] = (
            more
            if before is None
            else Violations(
                before.count + more.count, before.rows + more.rows, before.buses | more.buses
            )
        )


def _array(values: Sequence[int]) -> str:
    return "{" + ",".join(map(str, values)) + "}"
