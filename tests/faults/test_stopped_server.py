"""The API is asked to leave while it sells and is watched."""

import asyncio
import logging
import random
from collections import Counter

from tests.faults.buyers import Buyers, Journal
from tests.faults.process import Process
from tests.faults.shop import Shop
from tests.faults.watchers import Watcher, watching
from tests.support.waiting import wait_until

log = logging.getLogger(__name__)

_STOPS = 5
_WATCHERS = 20
_BUSES_EACH = 16
_STOPPED_SECONDS = 10.0
_CROSSED_MAX = 2
"""A request that sets out on an idle connection just as it is closed crosses it on the wire (RFC 9112 section 9.5)."""


async def test_a_server_that_is_told_to_leave_answers_everybody_and_says_goodbye(
    shop: Shop, api: Process, chance: random.Random
) -> None:
    journal = Journal()
    buyers = Buyers(shop, journal, chance, [api.port])
    turned_away = crossed = 0
    for _ in range(_STOPS):
        seen = await _stop_it(buyers, api, chance)
        assert seen["bye"] == seen["closed 4200"] == _WATCHERS
        crossed += sum(order.is_sent and not order.answer for order in journal.orders)
        assert journal.complaints() == []
        assert await shop.made() == journal.acknowledged()
        assert await shop.find_faults() == {}
        await api.start()
        turned_away += len(journal.open())
        assert await journal.settle(api.port) == {}
    assert crossed <= _CROSSED_MAX
    assert api.errors() == []
    log.info("%s, %d turned away", journal.statuses(), turned_away)


async def _stop_it(buyers: Buyers, api: Process, chance: random.Random) -> Counter[str]:
    """Stop it in the middle of a sale; return what its watchers saw."""
    buses = list(buyers.shop.stops)
    watchers = [
        Watcher([api.port], chance.sample(buses, _BUSES_EACH), chance) for _ in range(_WATCHERS)
    ]
    async with watching(watchers), buyers.buying():
        await wait_until(lambda: all(len(one.at) == _BUSES_EACH for one in watchers))
        await buyers.get(chance.randint(1, 300))
        await asyncio.sleep(chance.uniform(0, 0.02))
        async with asyncio.timeout(_STOPPED_SECONDS):
            assert await api.stop() == 0
    return sum((watcher.seen for watcher in watchers), Counter[str]())
