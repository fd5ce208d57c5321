"""The store behind PgBouncer in transaction mode, where whoever asks next gets another session."""

import asyncio
import inspect
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from store import Store
from store.checkup import examine
from store.db import Connection, Database
from store.facade import StoreOptions
from store.invariants import find_violations
from store.migrate import MigrationError, migrate, pending
from store.pooler import Address
from tests.store import test_db, test_express
from tests.support.pgbouncer import SESSIONS, PgBouncer, needs_pgbouncer, pgbouncer
from tests.support.world import World

Journey = Callable[[World], Awaitable[None]]
_DIRECT = "postgresql://omnibus:secret@/omnibus?host=/run/omnibus"


def _journeys() -> Iterator[Journey]:
    """Yield the tests of other modules that need a world and nothing else."""
    for module in (test_db, test_express):
        for name, test in vars(module).items():
            is_plain = inspect.iscoroutinefunction(test) and not hasattr(test, "pytestmark")
            if (
                is_plain
                and name.startswith("test_")
                and list(inspect.signature(test).parameters) == ["world"]
                and "fault_proxy" not in inspect.getsource(test)  # which has an address of its own
            ):
                yield test


JOURNEYS = list(_journeys())


@pytest.fixture
async def pooler(database_url: str) -> AsyncIterator[PgBouncer]:
    with tempfile.TemporaryDirectory(prefix="omnibus-pooler-") as folder:
        async with pgbouncer(Path(folder), database_url) as running:
            yield running


@pytest.fixture
async def world(pooler: PgBouncer, database_url: str) -> AsyncIterator[World]:
    """A world whose stores reach PostgreSQL through the pooler alone."""
    opened = await World.open(database_url, StoreOptions(pool_size=1))
    await opened.store.close()
    opened.pooled_url = pooler.url
    opened.store = await Store.open(pooler.url, StoreOptions(pool_size=24), opened.events.extend)
    yield opened
    violations = await find_violations(opened.store.db)
    await opened.close()
    assert violations == {}


@needs_pgbouncer
@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda each: each.__name__[5:])
async def test_what_holds_without_a_pooler_holds_with_one(world: World, journey: Journey) -> None:
    await journey(world)


@needs_pgbouncer
async def test_sessions_are_shared_and_nothing_of_a_transaction_stays_in_one(
    world: World, pooler: PgBouncer
) -> None:
    met = asyncio.Barrier(SESSIONS)

    async def look(connection: Connection) -> tuple[int, str]:
        async with asyncio.timeout(1):
            await met.wait()
        return await connection.fetchval("SELECT pg_backend_pid()"), await connection.fetchval(
            "SELECT current_user || ' ' || current_setting('lock_timeout')"
        )

    seen = await asyncio.gather(
        *(world.store.db.transaction([], look) for _ in range(SESSIONS * 4))
    )
    assert len({pid for pid, _ in seen}) == SESSIONS
    assert {who for _, who in seen} == {"omnibus_app 1s"}
    rows = await world.store.db.fetch("SELECT current_user AS who, pg_backend_pid() AS pid")
    assert rows[0]["who"] == "omnibus_app"


@needs_pgbouncer
async def test_without_the_word_about_a_pooler_there_is_no_start(pooler: PgBouncer) -> None:
    """The control: what the store asks of a session of its own, a pooler refuses to lend."""
    with pytest.raises(Exception, match="unsupported startup parameter"):
        await Database.connect(Address.read(pooler.url).dsn, size=1)


@needs_pgbouncer
async def test_who_looks_may_come_through_the_pooler_and_who_migrates_may_not(
    pooler: PgBouncer,
) -> None:
    assert await pending(pooler.url) == []
    assert (await examine(pooler.url)).may_sell
    with pytest.raises(MigrationError, match="OMNIBUS_DATABASE_DIRECT_URL"):
        await migrate(pooler.url)


@pytest.mark.parametrize("kind", ["transaction", "prepared"])
def test_an_address_says_what_is_between(kind: str) -> None:
    assert Address.read(f"{_DIRECT}&pooler={kind}") == Address(_DIRECT, kind)
    assert Address.read(_DIRECT) == Address(_DIRECT)
    with pytest.raises(ValueError, match="must be transaction or prepared"):
        Address.read(f"{_DIRECT}&pooler=session")
