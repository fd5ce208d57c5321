"""Valkey is killed and comes back while two servers sell and are watched: it carries hints, and nothing else."""

import logging
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.faults.buyers import Buyers, Journal
from tests.faults.committed import Committed
from tests.faults.process import Process
from tests.faults.shop import Shop
from tests.faults.watchers import Watcher, reach_head, watching
from tests.realtime.valkey import Valkey

log = logging.getLogger(__name__)

_KILLS = 6
_WATCHERS = 20


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Valkey]:
    server = Valkey(tmp_path)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def ports(shop: Shop, redis: Valkey, tmp_path: Path) -> AsyncIterator[list[int]]:
    """Two servers that know of each other's sales by Valkey, or by asking the database."""
    async with AsyncExitStack() as stack:
        processes = [
            Process(
                tmp_path / f"api-{number}.log",
                database_url=shop.url,
                redis_url=redis.url,
                db_pool_size="20",
                hold_seconds="1200",
                pending_seconds="3600",
            )
            for number in range(2)
        ]
        for process in processes:
            await stack.enter_async_context(process)
        yield [process.port for process in processes]


async def test_without_valkey_every_sale_goes_on_and_every_watcher_reaches_the_head(
    shop: Shop, redis: Valkey, ports: list[int], chance: random.Random
) -> None:
    journal = Journal()
    buyers = Buyers(shop, journal, chance, ports)
    watchers = [
        Watcher(ports, chance.sample(list(shop.stops), 16), chance) for _ in range(_WATCHERS)
    ]
    async with watching(watchers):
        for number in range(_KILLS):
            is_back_at_once = number % 2 == 0
            async with buyers.buying(8):
                await buyers.get(chance.randint(1, 200))
                await redis.stop()  # by SIGKILL
                await buyers.get(200)
                if is_back_at_once:
                    await redis.start()
                    await buyers.get(100)
            await reach_head(watchers, shop)
            if not is_back_at_once:
                await redis.start()
        await reach_head(watchers, shop)
    assert all(order.answer and order.answer.status != 503 for order in journal.orders)
    assert journal.complaints() == []
    assert await shop.made() == journal.acknowledged()
    assert await shop.find_faults() == {}
    committed = await Committed.read(shop)
    states = sum(watcher.check(committed) for watcher in watchers)
    seen = sum((watcher.seen for watcher in watchers), Counter[str]())
    log.info("%s; %d states of watchers, %s", journal.statuses(), states, seen)
