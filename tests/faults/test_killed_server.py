"""The API process is killed, again and again, in the middle of selling."""

import asyncio
import logging
import random

from tests.faults.buyers import Buyers, Journal
from tests.faults.process import Process
from tests.faults.shop import Shop
from tests.support.waiting import wait_until

log = logging.getLogger(__name__)

_KILLS = 20
_LOCKS_GONE_SECONDS = 1.0


async def test_a_server_killed_at_any_moment_loses_nothing_and_does_nothing_twice(
    shop: Shop, api: Process, chance: random.Random
) -> None:
    journal = Journal()
    buyers = Buyers(shop, journal, chance, [api.port])
    unanswered = found_done = 0
    for _ in range(_KILLS):
        async with buyers.buying():
            await buyers.get(chance.randint(1, 300))
            # An answer follows a commit, so without this the kill would, too.
            await asyncio.sleep(chance.uniform(0, 0.02))
            await api.kill()
        await wait_until(shop.is_left_alone, seconds=_LOCKS_GONE_SECONDS)
        made, acknowledged = await shop.made(), journal.acknowledged()
        assert acknowledged.items() <= made.items()
        assert await shop.find_faults() == {}

        await api.start()
        unanswered += len(journal.open())
        replayed = await journal.settle(api.port)
        found_done += len(replayed)
        assert acknowledged | replayed == made
        assert await shop.made() == journal.acknowledged()
    assert await shop.find_faults() == {}
    assert journal.complaints() == []
    assert unanswered
    log.info("%s; %d unanswered, %d of them done", journal.statuses(), unanswered, found_done)
