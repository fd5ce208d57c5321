"""Rows locked by someone else for a while, so that a test decides who waits for whom."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from store.citus.distribute import is_citus
from tests.support.databases import connect
from tests.support.waiting import wait_until
from tests.support.world import World

_WAITING = """
SELECT count(*) FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND cardinality(pg_blocking_pids(a.pid)) > 0
"""
# On a cluster it is mostly sessions on the workers that wait.
_WAITING_ANYWHERE = (
    f"SELECT ({_WAITING}) + count(DISTINCT w.waiting_gpid) FROM citus_lock_waits AS w"  # noqa: S608 - of constants
)


@dataclass(frozen=True, slots=True)
class Lock:
    """A session of its own that holds a lock until the block ends."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    owner: "asyncpg.Connection[asyncpg.Record]"

    async def has_waiters(self, count: int = 1) -> None:
        """Wait until so many sessions queue for locks: behind this one, or behind each other."""

        query = _WAITING_ANYWHERE if await is_citus(self.owner) else _WAITING

        async def is_met() -> bool:
            waiting: int = await self.owner.fetchval(query)
            return waiting >= count

        await wait_until(is_met)

    async def keep(self) -> None:
        """Commit what was done here instead of undoing it; ends the transaction, and its locks."""
        await self.connection.execute("COMMIT; BEGIN")


@asynccontextmanager
async def session(world: World) -> AsyncIterator[Lock]:
    """A transaction of the operator's own, rolled back at the end."""
    connection = await connect(world.url)
    try:
        await connection.execute(
            "BEGIN; SELECT set_config('omnibus.operators', array_agg(operator_id)::text, true) FROM operators"
        )
        yield Lock(connection, world.owner)
        await connection.execute("ROLLBACK")
    finally:
        await connection.close()


@asynccontextmanager
async def seat_locked(world: World, bus_id: int, label: str) -> AsyncIterator[Lock]:
    """Keep one seat as a sale under way would."""
    bus = await world.store.buses.find(bus_id)
    async with session(world) as lock:
        await lock.connection.execute(
            "SELECT FROM seats WHERE bus_id = $1 AND seat_no = $2 FOR UPDATE",
            bus_id,
            bus.layout.by_label[label].seat_no,
        )
        yield lock
