"""What can be said about a database before anything is sold on it, and what is in the way of reaching it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from store.access import DatabaseUnusable
from store.migrate import MigrationError, pending
from store.queries import Queries

SQL = Queries.beside(__file__)
VERSIONS = range(15, 19)
_CONNECT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Condition:
    """`pending` are migrations that are missing; `may_sell` is whether we may become the role that sells."""

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

    @property
    def is_supported(self) -> bool:
        return self.version_number // 10_000 in VERSIONS


async def examine(dsn: str) -> Condition:
    """Look at the database and change nothing; raises DatabaseUnusable when it cannot be reached."""
    async with explaining():
        missing = tuple(await pending(dsn))
        connection = await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS)
        try:
            asked_at = datetime.now(UTC)
            row = await connection.fetchrow(SQL["examine"])
            answered_at = datetime.now(UTC)
            may_sell = await connection.fetchval(SQL["may_become_app"])
        finally:
            await connection.close()
    assert row is not None
    facts = dict(row)
    # Its clock was read somewhere between question and answer.
    clock_ahead = facts.pop("now") - (asked_at + (answered_at - asked_at) / 2)
    return Condition(**facts, clock_ahead=clock_ahead, pending=missing, may_sell=bool(may_sell))


@asynccontextmanager
async def explaining() -> AsyncIterator[None]:
    """Run the body; what PostgreSQL or the network has against it is raised as DatabaseUnusable."""
    try:
        yield
    except asyncpg.UndefinedTableError as error:
        raise DatabaseUnusable(
            "it lacks our tables; `omnibus migrate` brings it up to date"
        ) from error
    except TimeoutError as error:
        raise DatabaseUnusable("it did not answer in time") from error
    except OSError as error:
        raise DatabaseUnusable(error.strerror or str(error)) from error
    except (MigrationError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnusable(str(error) or type(error).__name__) from error
