"""What can be said about a database before anything is sold on it, and what is in the way of reaching it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from store.access import explaining
from store.citus.placement import Spread, find_spread
from store.migrate import pending
from store.outbox import Backlog, read_backlog
from store.pooler import Address
from store.queries import Queries
from store.roles import APP, WORKER

SQL = Queries.beside(__file__)
VERSIONS = range(15, 19)
_CONNECT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Condition:
    """`pending` are migrations that are missing; `may_sell` is whether we may become the roles that work.

    `broken` are the invariants that the worker's last round found broken, `checked_ago` is its age, if there was one.
    `spread` is how the data lies if this is the coordinator of a Citus cluster. `jobs` is what waits in the outbox.
    `months_ahead` is how many months that searches look through are there after this one; None: there are none to make.
    """

    version_number: int
    version: str
    is_standby: bool
    has_fsync: bool
    has_full_pages: bool
    synchronous_commit: str
    connections_max: int
    clock_ahead: timedelta
    pending: tuple[str, ...]
    may_sell: bool
    broken: tuple[str, ...] = ()
    checked_ago: timedelta | None = None
    spread: Spread | None = None
    jobs: Backlog | None = None
    months_ahead: int | None = None

    @property
    def is_supported(self) -> bool:
        return self.version_number // 10_000 in VERSIONS


async def examine(dsn: str) -> Condition:
    """Look at the database and change nothing; raises DatabaseUnusable when it cannot be reached."""
    async with explaining():
        missing = tuple(await pending(dsn))
        connection = await asyncpg.connect(
            Address.read(dsn).dsn, timeout=_CONNECT_SECONDS, statement_cache_size=0
        )
        try:
            asked_at = datetime.now(UTC)  # allow own-clock: it is compared with the database's
            row = await connection.fetchrow(SQL["examine"])
            answered_at = datetime.now(UTC)  # allow own-clock: the same
            barred = await connection.fetch(SQL["may_become"], [APP, WORKER])
            checks = None if missing else await connection.fetchrow(SQL["last_checks"])
            spread = await find_spread(connection)
            jobs = None if missing or barred else await _look_at_jobs(connection)
            is_whole = missing or spread is not None
            months = None if is_whole else await connection.fetchval(SQL["months_ahead"])
        finally:
            await connection.close()
    assert row is not None
    facts = dict(row)
    # Its clock was read somewhere between question and answer.
    clock_ahead = facts.pop("now") - (asked_at + (answered_at - asked_at) / 2)
    return Condition(
        **facts,
        clock_ahead=clock_ahead,
        pending=missing,
        may_sell=not barred,
        broken=tuple(checks["broken"]) if checks else (),
        checked_ago=checks["checked_ago"] if checks else None,
        spread=spread,
        jobs=jobs,
        months_ahead=months,
    )


async def _look_at_jobs(connection: "asyncpg.Connection[asyncpg.Record]") -> Backlog:
    """Whoever owns the tables sees nobody's rows; a worker sees the jobs of all."""
    async with connection.transaction(readonly=True):
        # allow sql-text: one of our roles
        await connection.execute(f"SET LOCAL ROLE {WORKER}")
        return await read_backlog(connection)
