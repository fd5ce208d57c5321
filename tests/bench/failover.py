"""(z) How long nothing is sold when the primary is killed and its synchronous standby takes over at once.

How long it takes somebody to decide that the primary is dead is not in it: here the one who kills is the one who
promotes. Buyers press on all the while; what they were told of is counted on the new primary when it is over.
"""

import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from store.migrate import migrate
from tests.bench.effort import Effort
from tests.bench.fleet import Fleets
from tests.bench.report import Bound, Round, Section, Subject
from tests.faults.buyers import Buyers, Journal
from tests.faults.process import Process
from tests.faults.shop import Shop
from tests.support.servers import ThrowawayPostgres, ThrowawayValkey
from tests.support.standbys import ThrowawayStandby, forget_changes, several, wait_for
from tests.support.waiting import wait_until

_BUSES, _SEATS = 200, 100
_BUYERS = 24
_SOLD_BEFORE = 500


@dataclass(frozen=True, slots=True)
class _Pair:
    primary: ThrowawayPostgres
    standby: ThrowawayStandby
    shop: Shop
    api: Process


async def sales_through_a_failover(fleets: Fleets, effort: Effort) -> Section:
    """Kill a primary under load, promote its standby, and see when something is sold again and what is missing."""
    omnibus = Subject("omnibus, one process, two servers in its URL")
    for _ in range(effort.rounds):
        async with _pair(fleets.rig.valkey) as pair:
            omnibus.rounds.append(await _fail_over(pair))
    return Section(
        "z",
        f"a killed primary and its synchronous standby, {_BUYERS} clients",
        (omnibus,),
        bounds=(
            Bound("promotion to sale ms", omnibus, "≤ 2,000"),
            Bound("kill to sale ms", omnibus, "≤ 3,000"),
            Bound("acknowledged and lost", omnibus, "= 0"),
        ),
        notes=("the promotion is ordered as soon as the primary is dead",),
    )


async def _fail_over(pair: _Pair) -> Round:
    journal = Journal()
    buyers = Buyers(pair.shop, journal, random.Random(), [pair.api.port])
    async with buyers.buying(_BUYERS):
        await buyers.get(_SOLD_BEFORE, status=201)
        killed_at = time.perf_counter()
        pair.primary.kill()
        sent_before = len(journal.orders)
        ordered_at = time.perf_counter()
        await pair.standby.promote()
        promoted_at = time.perf_counter()
        await wait_until(
            lambda: any(order.is_made for order in journal.orders[sent_before:]), seconds=30
        )
        sold_at = time.perf_counter()
        await buyers.get(_SOLD_BEFORE, status=201)
    acknowledged, made = journal.acknowledged(), await pair.shop.made()
    if (faults := await pair.shop.find_faults()) or (complaints := journal.complaints()):
        raise RuntimeError(f"{faults or complaints}")
    return {
        "kill to sale ms": (sold_at - killed_at) * 1e3,
        "promotion to sale ms": (sold_at - ordered_at) * 1e3,
        "of it promoting ms": (promoted_at - ordered_at) * 1e3,
        "acknowledged": float(len(acknowledged)),
        "acknowledged and lost": float(len(acknowledged.keys() - made.keys())),
    }


@asynccontextmanager
async def _pair(valkey: ThrowawayValkey) -> AsyncIterator[_Pair]:
    with ThrowawayPostgres() as primary, ThrowawayStandby(primary, "one") as standby:
        try:
            await migrate(primary.url)
            await wait_for(primary, standby)
            url = several(primary, standby)
            shop = await Shop.open(
                f"{url}&target_session_attrs=read-write", buses=_BUSES, seats=_SEATS
            )
            with TemporaryDirectory(prefix="omnibus-failover-") as folder:
                api = Process(
                    Path(folder) / "api.log",
                    database_url=url,
                    redis_url=valkey.url,
                    hold_seconds="1200",
                    pending_seconds="3600",
                )
                async with api:
                    yield _Pair(primary, standby, shop, api)
        finally:
            primary.stop()
            forget_changes(primary)
