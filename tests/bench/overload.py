"""(j) What is still sold when three times as many want to buy as the server can serve.

An open loop: requests fall due at three times the peak that was measured just before, over more connections than the
server's queue has places, and whoever is refused comes back later with the same request. Client and server share the
machine, so the client takes cores from the server that it would not take in life; how much stands beside, and a second
ratio compares the sales that a second of the server's own CPU makes.
"""

from collections import deque
from collections.abc import Iterator

from tests.bench import load
from tests.bench.effort import Effort
from tests.bench.fleet import Fleets
from tests.bench.machine import API, CLIENT, POSTGRES, Cpu, allow_files
from tests.bench.report import Bound, Ratio, Round, Section, Subject
from tests.bench.shop import Shop, open_shop

_TIMES = 3
_CORES = {"API cores": (API,), "PostgreSQL cores": POSTGRES, "client cores": (CLIENT,)}


async def sales_under_overload(fleets: Fleets, effort: Effort) -> Section:
    """Measure peak, then overload, each round on a fresh fleet: so many seats are sold."""
    overload, peak = Subject(f"omnibus, {_TIMES} times its peak"), Subject("its peak, just before")
    clients = effort.overload_clients
    allow_files(2 * clients + 1_000)
    for _ in range(effort.rounds):
        async with open_shop(fleets, effort) as shop:
            peak.rounds.append(await _peak(shop, effort.seconds))
            rate = _TIMES * peak.rounds[-1]["per second"]
            overload.rounds.append(await _overload(shop, rate, effort.overload_seconds, clients))
            await shop.check()
    return Section(
        "j",
        f"goodput at {_TIMES} times the peak rate for {effort.overload_seconds:.0f} s",
        (overload, peak),
        (
            Ratio("per second", overload, peak, "≥ 0.85"),
            Ratio("per server CPU second", overload, peak, "≥ 0.85"),
        ),
        (Bound("refused without Retry-After", overload, "≤ 0"),),
        notes=(
            f"up to {clients:,} requests under way; what is due while all of them wait is never sent",
            "every acknowledged booking is in the database, every refusal was 503 overloaded",
        ),
    )


async def _peak(shop: Shop, seconds: float) -> Round:
    before = shop.rig.read_cpu(shop.served)
    outcome = await shop.run(seconds)
    return _figures(outcome, shop.rig.read_cpu(shop.served) - before)


async def _overload(shop: Shop, rate: float, seconds: float, clients: int) -> Round:
    refused: deque[bytes] = deque()
    before = shop.rig.read_cpu(shop.served)
    outcome = await load.open_loop(
        shop.served.addresses,
        _with_second_tries(shop.requests, refused),
        rate=rate,
        seconds=seconds,
        clients=clients,
        refused=refused,
    )
    cpu = shop.rig.read_cpu(shop.served) - before
    if set(outcome.statuses) - {201, 503}:
        raise RuntimeError(f"expected 201 and 503: {dict(outcome.statuses)}")
    shop.sold += outcome.sales
    sent = outcome.statuses.total()
    return {
        **_figures(outcome, cpu),
        "p99 ms": outcome.percentile(0.99) * 1e3,
        "due a second": rate,
        "sent a second": sent / seconds,
        "refused a second": len(outcome.refusals) / outcome.seconds,
        "refusal p50 ms": load.percentile(outcome.refusals, 0.5) * 1e3,
        "refusal p99 ms": load.percentile(outcome.refusals, 0.99) * 1e3,
        "refused without Retry-After": outcome.without_retry_after,
    }


def _figures(outcome: load.Outcome, cpu: Cpu) -> Round:
    return {
        "per second": outcome.rate,
        "per server CPU second": outcome.sales / cpu.of(API, *POSTGRES),
        **{name: cpu.of(*parts) / outcome.seconds for name, parts in _CORES.items()},
        "p50 ms": outcome.percentile(0.5) * 1e3,
    }


def _with_second_tries(fresh: load.Requests, refused: deque[bytes]) -> Iterator[bytes]:
    """Yield who has not come yet, then, when all have, those who were refused, for as long as there are any."""
    yield from fresh
    while refused:
        yield refused.popleft()
