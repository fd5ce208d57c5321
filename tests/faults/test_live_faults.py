"""What carries the news between two servers fails, or lies: nobody is shown what was not, and all end at the head.

Valkey that dies and comes back empty is `test_killed_valkey.py`, PostgreSQL that does, `test_killed_postgres.py`.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from store.fault_points import POINTS
from tests.faults.buyers import Buyers, Journal
from tests.faults.committed import Committed, read_heads
from tests.faults.process import Process
from tests.faults.shop import Shop
from tests.faults.watchers import Manner, Watcher, reach_head, watching
from tests.realtime.valkey import Valkey
from tests.support.redis_proxy import redis_proxy
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

log = logging.getLogger(__name__)

_KILLS = 8
_FROZEN_SECONDS = 30.0
_PAUSE_SECONDS = 0.02
"""Of buyers who have that long: what is frozen is asked to hold up nobody, not everything there can be."""
_SHARE = 0.2
_STEADY, _RESTLESS = 14, 6
_MINUTES = {"hold_seconds": "1200", "pending_seconds": "3600", "db_pool_size": "20"}

Pair = Callable[[str], AbstractAsyncContextManager[list[int]]]


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Valkey]:
    server = Valkey(tmp_path)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def pair(shop: Shop, tmp_path: Path) -> Pair:
    """Two servers that know of each other's sales by the Redis at this address."""

    @asynccontextmanager
    async def run(redis_url: str) -> AsyncIterator[list[int]]:
        async with AsyncExitStack() as stack:
            servers = [
                await stack.enter_async_context(
                    Process(
                        tmp_path / f"api-{number}.log",
                        database_url=shop.url,
                        redis_url=redis_url,
                        **_MINUTES,
                    )
                )
                for number in range(2)
            ]
            yield [server.port for server in servers]

    return run


def _watchers(shop: Shop, ports: list[int], chance: random.Random) -> list[Watcher]:
    manners = _STEADY * [Manner.STEADY] + _RESTLESS * [Manner.RESTLESS]
    return [Watcher(ports, chance.sample(list(shop.stops), 16), chance, how) for how in manners]


async def _were_shown_the_truth(shop: Shop, watchers: list[Watcher]) -> None:
    committed = await Committed.read(shop)
    states = sum(watcher.check(committed) for watcher in watchers)
    seen = sum((watcher.seen for watcher in watchers), Counter[str]())
    log.info("%d states of watchers, %s", states, seen)


async def test_subscriptions_that_are_killed_again_and_again_cost_no_watcher_the_truth(
    shop: Shop, redis: Valkey, pair: Pair, chance: random.Random
) -> None:
    async with pair(redis.url) as ports:
        watchers = _watchers(shop, ports, chance)
        buyers = Buyers(shop, Journal(), chance, ports)

        async def kill() -> bool:
            return bool(await redis.do("CLIENT", "KILL", "TYPE", "pubsub"))

        async with watching(watchers):
            async with buyers.buying(4):
                for _ in range(_KILLS):
                    await buyers.get(chance.randint(1, 50))
                    await wait_until(kill)  # the one before may not have been made anew
                await buyers.get(10)
                await wait_until(kill)
            await reach_head(watchers, shop)
    assert buyers.journal.complaints() == []
    await _were_shown_the_truth(shop, watchers)


async def test_while_redis_is_frozen_nobody_is_refused_and_nobody_is_left_behind(
    shop: Shop, redis: Valkey, pair: Pair, chance: random.Random
) -> None:
    async with pair(redis.url) as ports:
        watchers = _watchers(shop, ports, chance)
        journal = Journal()
        buyers = Buyers(shop, journal, chance, ports)
        async with watching(watchers):
            async with buyers.buying(2, pause_seconds=_PAUSE_SECONDS):
                await buyers.get(50)
                redis.freeze()
                await asyncio.sleep(_FROZEN_SECONDS)  # the length of the fault, nothing is awaited
                await buyers.get(50)
            await reach_head(watchers, shop)  # by asking the database
            async with buyers.buying(2):
                await buyers.get(20)
                redis.thaw()
                await buyers.get(20)
            await reach_head(watchers, shop)
    assert {order.answer.status for order in journal.orders if order.answer} == {201, 409}
    assert all(order.answer for order in journal.orders)
    assert journal.complaints() == []
    assert await shop.made() == journal.acknowledged()
    await _were_shown_the_truth(shop, watchers)


async def test_messages_lost_doubled_and_overtaken_do_no_harm(
    shop: Shop, redis: Valkey, pair: Pair, chance: random.Random
) -> None:
    async with (
        redis_proxy("127.0.0.1", redis.port, chance) as proxy,
        pair(proxy.url) as ports,
    ):
        watchers = _watchers(shop, ports, chance)
        buyers = Buyers(shop, Journal(), chance, ports)
        async with watching(watchers):
            proxy.trouble(_SHARE)
            async with buyers.buying(4):
                await buyers.get(400)
                await wait_until(lambda: min(proxy.struck[what] for what in _TROUBLES) >= 30)
            proxy.calm()
            await reach_head(watchers, shop)
            proxy.trouble(_SHARE)
            async with buyers.buying(4):
                await buyers.get(100)
            await reach_head(watchers, shop)  # also while messages are lost: the database is asked
        log.info("%s", proxy.struck)
    assert buyers.journal.complaints() == []
    await _were_shown_the_truth(shop, watchers)


_TROUBLES = ("lost", "doubled", "overtaken")


@pytest.mark.parametrize("point", ["after_commit", "after_announce"])
async def test_what_a_server_committed_and_told_nobody_is_shown_by_the_other(
    shop: Shop,
    valkey: ThrowawayValkey,
    mortal: Process,
    tmp_path: Path,
    chance: random.Random,
    point: str,
) -> None:
    assert point in POINTS
    other = Process(tmp_path / "other.log", database_url=shop.url, redis_url=valkey.url, **_MINUTES)
    async with other:
        watchers = _watchers(shop, [other.port], chance)
        buyers = Buyers(shop, Journal(), chance, [mortal.port])
        async with watching(watchers):
            async with buyers.buying(8):
                await buyers.get(chance.randint(1, 200))
                await mortal.arm()
                await mortal.has_died()
            await reach_head(watchers, shop)
    await _were_shown_the_truth(shop, watchers)


async def test_a_history_that_begins_anew_reaches_everybody_and_is_gone_on_with(
    shop: Shop, redis: Valkey, pair: Pair, chance: random.Random
) -> None:
    async with pair(redis.url) as ports:
        watchers = _watchers(shop, ports, chance)
        buyers = Buyers(shop, Journal(), chance, ports)
        async with watching(watchers):
            for _ in range(3):
                async with buyers.buying(4):
                    await buyers.get(100)
                    await shop.begin_anew(chance.sample(list(shop.stops), len(shop.stops) // 2))
                    await buyers.get(20)
                await reach_head(watchers, shop)
        assert {epoch for epoch, _ in (await read_heads(shop)).values()} > {1}
    assert buyers.journal.complaints() == []
    await _were_shown_the_truth(shop, watchers)
