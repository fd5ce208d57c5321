"""Many watchers, two servers, one long random sale: everyone is shown what was committed, and nothing else."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from store.db import Database
from store.invariants import find_violations
from tests.faults.committed import Committed, glancing
from tests.faults.process import Process
from tests.faults.sale import Customer
from tests.faults.shop import Shop
from tests.faults.watchers import Manner, Watcher, reach_head, watching
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

log = logging.getLogger(__name__)

_SALE_SECONDS = 60.0
_CUSTOMERS = 12
_THINK_SECONDS = 0.2
"""A hundred changes a second are enough to be wrong about; more would only leave less of the machine to others."""
_MANNERS = 36 * (Manner.STEADY,) + 8 * (Manner.RESTLESS,) + 6 * (Manner.SLOW,)
_SOLD_KINDS = {"held", "released", "booked", "confirmed", "cancelled", "expired"}
_LIVE = """
SELECT (SELECT count(*) FROM holds WHERE state = 'ACTIVE' AND expires_at < now() + interval '1 minute')
    + (SELECT count(*) FROM bookings WHERE status = 'PENDING')
"""


@pytest.fixture
async def shop(database_url: str) -> Shop:
    return await Shop.open(database_url, buses=20, seats=40)


@pytest.fixture
async def ports(shop: Shop, valkey: ThrowawayValkey, tmp_path: Path) -> AsyncIterator[list[int]]:
    """Two servers, at which holds and unpaid bookings do not last."""
    async with AsyncExitStack() as stack:
        processes = [
            Process(
                tmp_path / f"api-{number}.log",
                database_url=shop.url,
                redis_url=valkey.url,
                db_pool_size="20",
                hold_seconds="2",
                pending_seconds="3",
            )
            for number in range(2)
        ]
        for process in processes:
            await stack.enter_async_context(process)
        yield [process.port for process in processes]


async def test_every_watcher_is_shown_committed_states_and_ends_at_the_last(
    shop: Shop, ports: list[int], chance: random.Random
) -> None:
    buses = list(shop.stops)
    watchers = [
        Watcher(ports, chance.sample(buses, 16 if manner is Manner.SLOW else 8), chance, manner)
        for manner in _MANNERS
    ]
    customers = [
        Customer(shop, ports, chance, pause_seconds=_THINK_SECONDS) for _ in range(_CUSTOMERS)
    ]
    async with watching(watchers), glancing(shop) as glances:
        await _sell(customers)
        for watcher in watchers:
            watcher.wake()
        await wait_until(lambda: _is_all_over(shop), seconds=20)
        await reach_head(watchers, shop)
    committed = await Committed.read(shop)
    for glance in glances:
        committed.check(glance)
    assert committed.kinds.keys() >= _SOLD_KINDS
    passed = sum(watcher.check(committed) for watcher in watchers)
    assert await _find_violations(shop) == {}
    seen = sum((watcher.seen for watcher in watchers), Counter[str]())
    outcomes = sum((customer.outcomes for customer in customers), Counter[str]())
    log.info("%d states passed, %d glances", passed, len(glances))
    log.info("%s", committed.kinds)
    log.info("%s", seen)
    log.info("%s", outcomes)


async def _sell(customers: list[Customer]) -> None:
    clock = asyncio.get_running_loop().time
    ends_at = clock() + _SALE_SECONDS
    async with asyncio.TaskGroup() as group:
        for customer in customers:
            group.create_task(customer.shop_until(lambda: clock() >= ends_at))


async def _is_all_over(shop: Shop) -> bool:
    """Whether all has ended that ends soon (extended holds do not), so that nothing changes any more."""
    async with shop.reading() as connection:
        live: int = await connection.fetchval(_LIVE)
    return live == 0


async def _find_violations(shop: Shop) -> dict[str, list[str]]:
    database = await Database.connect(shop.url, size=1)
    try:
        return await find_violations(database)
    finally:
        await database.close()
