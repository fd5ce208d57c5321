"""One PostgreSQL and one Valkey for the whole run; a database of its own for every test that asks for one."""

import gc
import itertools
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import asyncpg
import pytest

from store import Store
from store.facade import StoreOptions
from store.invariants import find_violations
from store.migrate import migrate
from tests.support.cluster import CLUSTER_URL, lend_cluster_databases
from tests.support.databases import Databases, connect
from tests.support.memory import in_memory
from tests.support.servers import ThrowawayPostgres, ThrowawayValkey
from tests.support.world import World

_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--bindir",
        type=Path,
        default=None,
        help="programs of another PostgreSQL (15 to 18) to run the tests on",
    )
    parser.addoption(
        "--long",
        action="store_true",
        help="run what has a long form at its full length: 5,000 examples of 80 steps of the store's model",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with those that ask for more time than the others: one that came last would be waited for by all."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let nobody look for garbage among tests that are still being made: it takes a quarter of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Let the collector look at what tests make, and not, again and again, at the tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """Find what a module has left open while it can still be blamed for it, and not whoever comes later."""
    yield
    for kept in ("last_exc", "last_value", "last_traceback"):  # what a failed test had in hand
        setattr(sys, kept, None)
    gc.collect()


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[ThrowawayPostgres]:
    """A PostgreSQL with the product's settings."""
    with in_memory():
        server = ThrowawayPostgres(bindir=request.config.getoption("--bindir"))
    with server:
        yield server


@pytest.fixture(scope="session")
def valkey() -> Iterator[ThrowawayValkey]:
    with ThrowawayValkey() as server:
        yield server


@pytest.fixture(scope="session")
async def databases(postgres: ThrowawayPostgres) -> AsyncIterator[Databases]:
    """Makes databases from one that is migrated already."""
    made = Databases(postgres.superuser_url, postgres.url)
    await made.prepare(migrate)
    yield made
    await made.close()


if CLUSTER_URL:
    # The same tests, on a cluster: of those of the store and of the API all that are not about one server.
    databases = pytest.fixture(scope="session")(lend_cluster_databases)


@pytest.fixture
async def database_url(databases: Databases) -> AsyncIterator[str]:
    """A fresh, migrated, empty database; its login owns it."""
    async with databases.fresh() as url:
        yield url


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection as the owner of the test's database."""
    connection = await connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def app_role(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection as the application is: owning nothing, scoped to nobody."""
    connection = await connect(database_url)
    await connection.execute("SET ROLE omnibus_app")
    yield connection
    await connection.close()


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    """The store on the test's database, ways to put buses on sale, and everything that was announced.

    Ends with the invariants: whatever the test did, the data must be sound.
    """
    opened = await World.open(database_url, StoreOptions(pool_size=24))
    yield opened
    violations = await find_violations(opened.store.db)
    await opened.close()
    assert violations == {}


@pytest.fixture
def store(world: World) -> Store:
    return world.store
