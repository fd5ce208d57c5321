"""(q) What a frozen Redis costs a booking: nothing waits for it, so it should cost nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.bench import load
from tests.bench.effort import Effort
from tests.bench.fleet import Fleets, get
from tests.bench.report import Bound, Ratio, Round, Section, Subject
from tests.bench.rig import Address
from tests.bench.shop import Shop, open_shop
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

_SHARE = 1 / 3
"""Of the peak: what is asked is what Redis adds, not what queues do."""
_WELL = b'"live":"ok"'
_WELL_SECONDS = 30.0


async def bookings_with_redis_frozen(fleets: Fleets, effort: Effort) -> Section:
    """Let bookings fall due at a third of the peak, round by round, with Redis well and stopped by SIGSTOP."""
    well, frozen = Subject("Redis is well"), Subject("Redis is frozen")
    async with open_shop(fleets, effort) as shop:
        rate = (await shop.sell(effort.seconds / 2))["per second"] * _SHARE
        for number in range(2 * effort.rounds):
            is_frozen = number % 4 in {1, 2}  # neither is always the first of the two
            if is_frozen:
                with _freezing(fleets.rig.valkey):
                    frozen.rounds.append(await _at(rate, shop, effort.seconds))
                await _recovers(shop.served.addresses)
            else:
                well.rounds.append(await _at(rate, shop, effort.seconds))
        checked = await shop.check()
    return Section(
        "q",
        f"latency of bookings at {rate:,.0f} a second while Redis is well and frozen",
        (frozen, well),
        (Ratio("p99 ms", frozen, well, "≤ 1.1"), Ratio("p50 ms", frozen, well, "≤ 1.1")),
        (Bound("failed", frozen, "= 0"),),
        (checked,),
    )


async def _at(rate: float, shop: Shop, seconds: float) -> Round:
    outcome = await load.open_loop(shop.served.addresses, shop.requests, rate=rate, seconds=seconds)
    shop.sold += outcome.sales
    return {
        "per second": outcome.rate,
        "p50 ms": outcome.percentile(0.5) * 1e3,
        "p99 ms": outcome.percentile(0.99) * 1e3,
        "failed": float(outcome.statuses.total() - outcome.statuses[201] + outcome.unsent),
    }


@contextmanager
def _freezing(valkey: ThrowawayValkey) -> Iterator[None]:
    valkey.freeze()
    try:
        yield
    finally:
        valkey.thaw()


async def _recovers(addresses: tuple[Address, ...]) -> None:
    """Wait until every process has its subscription again."""
    for address in addresses:
        await wait_until(partial(_is_well, *address), seconds=_WELL_SECONDS)


async def _is_well(host: str, port: int) -> bool:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(get("/readyz").replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    answer = await reader.read()
    writer.close()
    return _WELL in answer
