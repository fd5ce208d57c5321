"""PostgreSQL is killed, the postmaster and all its processes, while the API sells; then it comes back."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from store.migrate import migrate
from tests.faults.buyers import Buyers, Journal
from tests.faults.committed import Committed
from tests.faults.process import Process
from tests.faults.shop import Shop
from tests.faults.watchers import Watcher, reach_head, watching
from tests.support.servers import ThrowawayPostgres
from tests.support.waiting import wait_until

log = logging.getLogger(__name__)

_KILLS = 8


@pytest.fixture
async def postgres(request: pytest.FixtureRequest) -> AsyncIterator[ThrowawayPostgres]:
    """A PostgreSQL that is ours to kill; everybody else's goes on."""
    with ThrowawayPostgres(bindir=request.config.getoption("--bindir")) as server:
        await migrate(server.url)
        yield server


@pytest.fixture
async def shop(postgres: ThrowawayPostgres) -> AsyncIterator[Shop]:
    opened = await Shop.open(postgres.url, buses=60, seats=100)
    yield opened
    assert await opened.find_violations() == {}


async def test_a_database_killed_under_load_loses_nothing_that_was_acknowledged(
    postgres: ThrowawayPostgres, shop: Shop, api: Process, chance: random.Random
) -> None:
    journal = Journal()
    buyers = Buyers(shop, journal, chance, [api.port])
    watchers = [Watcher([api.port], chance.sample(list(shop.stops), 16), chance) for _ in range(10)]
    refusals: Counter[str] = Counter()
    found_done = 0
    async with watching(watchers):
        for _ in range(_KILLS):
            async with buyers.buying():
                await buyers.get(chance.randint(1, 300))
                await asyncio.sleep(chance.uniform(0, 0.02))
                postgres.kill()
                await buyers.get(24, status=503)
                await wait_until(api.is_unready)
                await postgres.start_soon()
                await wait_until(api.is_ready, seconds=30)
                await buyers.get(24, status=201)
            await reach_head(watchers, shop)
            refusals.update(order.code for order in journal.open())
            found_done += await _check_and_settle(shop, journal, api)
    committed = await Committed.read(shop)
    states = sum(watcher.check(committed) for watcher in watchers)
    log.info("%s; %s, %d of them done", journal.statuses(), refusals, found_done)
    log.info("%d states of watchers", states)


async def test_a_database_that_stands_still_is_waited_for_no_longer_than_it_takes(
    postgres: ThrowawayPostgres, shop: Shop, api: Process, chance: random.Random
) -> None:
    journal = Journal()
    buyers = Buyers(shop, journal, chance, [api.port])
    async with buyers.buying():
        await buyers.get(chance.randint(1, 300))
        postgres.freeze()
        await buyers.get(48, status=503)
        await wait_until(api.is_unready)
        postgres.thaw()
        await wait_until(api.is_ready, seconds=30)
        await buyers.get(24, status=201)
    await _check_and_settle(shop, journal, api)


async def _check_and_settle(shop: Shop, journal: Journal, api: Process) -> int:
    """Nothing that was acknowledged is missing, and what nobody was told of is found by asking again."""
    made, acknowledged = await shop.made(), journal.acknowledged()
    assert acknowledged.items() <= made.items()
    assert await shop.find_faults() == {}
    assert all(order.answer for order in journal.orders)
    assert journal.complaints() == []
    replayed = await journal.settle(api.port)
    assert acknowledged | replayed == made
    assert await shop.made() == journal.acknowledged()
    return len(replayed)
