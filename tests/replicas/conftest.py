"""One primary with two standbys for all tests, and a world to sell in on it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from store.facade import StoreOptions
from store.invariants import find_violations
from store.migrate import migrate
from store.standbys import StandbyOptions
from tests.support.servers import ThrowawayPostgres
from tests.support.standbys import ThrowawayStandby, trio, wait_caught_up
from tests.support.world import World

LAG_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Trio:
    primary: ThrowawayPostgres
    standbys: list[ThrowawayStandby]

    async def catch_up(self) -> None:
        await wait_caught_up(self.primary, *self.standbys)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Trio]:
    with trio(request.config.getoption("--bindir")) as (primary, standbys):
        yield Trio(primary, standbys)


@pytest.fixture(scope="session")
async def following(servers: Trio) -> AsyncIterator[World]:
    """A store that reads from both standbys and looks at them often; they may lag for longer than any test."""
    await migrate(servers.primary.url)
    urls = tuple(standby.url for standby in servers.standbys)
    await servers.catch_up()
    options = StandbyOptions(urls, lag_seconds=LAG_SECONDS, size=4, look_seconds=0.05)
    world = await World.open(servers.primary.url, StoreOptions(pool_size=6, standbys=options))
    try:
        yield world
        assert await find_violations(world.store.db) == {}
    finally:
        await world.close()
