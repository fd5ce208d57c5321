"""Reaching a database for one command: whatever is in the way becomes a sentence for the person at the terminal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from store.db import CommitUnknown
from store.errors import Overloaded, StoreError
from store.migrate import MigrationError, pending


@dataclass(eq=False)
class DatabaseUnusable(StoreError):
    reason: str


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
    except asyncpg.InsufficientPrivilegeError as error:
        if "set role" in str(error):
            advice = "; `omnibus migrate --roles` prints what an administrator of it has to run"
            raise DatabaseUnusable(f"{error}{advice}") from error
        raise DatabaseUnusable(str(error)) from error
    except (MigrationError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnusable(str(error) or type(error).__name__) from error


@asynccontextmanager
async def reaching(dsn: str) -> AsyncIterator[None]:
    """See that the database is there and migrated, then run the body; raises DatabaseUnusable when it fails us."""
    try:
        async with explaining():
            if missing := await pending(dsn):
                raise DatabaseUnusable(
                    f"it lacks {len(missing)} migration(s); `omnibus migrate` brings it up to date"
                )
            yield
    except Overloaded as error:
        raise DatabaseUnusable("it did not answer in time; try again") from error
    except CommitUnknown as error:
        raise DatabaseUnusable(
            "the connection was lost at the last moment, so it may or may not have taken the changes;"
            " run the same command again: what is there is not added twice"
        ) from error
