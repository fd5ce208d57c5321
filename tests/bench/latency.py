"""(d) How long a booking takes at half of what the server can do; (g) when nobody else is there."""

from tests.bench import load
from tests.bench.effort import Effort
from tests.bench.fleet import Fleets
from tests.bench.report import Bound, Ratio, Round, Section, Subject
from tests.bench.shop import Shop, open_shop

_PLAIN_SERVER = ("-m", "tests.bench.plain_server", "serve")


async def bookings_at_half_rate(fleets: Fleets, effort: Effort) -> Section:
    """Find the peak, then let bookings fall due at half of it, round by round."""
    half, peak = Subject("omnibus, half of its peak"), Subject("its peak, just before")
    async with open_shop(fleets, effort) as shop:
        for _ in range(effort.rounds):
            peak.rounds.append(await shop.sell(effort.seconds / 2))
            rate = peak.rounds[-1]["per second"] / 2
            half.rounds.append(await _at(rate, shop, effort.seconds * 1.5))
    return Section(
        "d",
        "latency of bookings that fall due at half of the peak rate",
        (half, peak),
        bounds=(Bound("p99 ms", half, "≤ 50"), Bound("p99 ÷ p50", half, "≤ 10")),
        notes=("every one was answered 201; latency counts from when a request was due",),
    )


async def lone_bookings(fleets: Fleets, effort: Effort) -> Section:
    """Measure one client alone with Omnibus and with the same server that books in plain transactions, in turn."""
    omnibus, plain = Subject("omnibus, 1 client"), Subject("a transaction for each request")
    async with (
        open_shop(fleets, effort, processes=1) as shop,
        open_shop(fleets, effort, processes=1, program=_PLAIN_SERVER) as single,
    ):
        for _ in range(effort.rounds):
            for subject, each in ((plain, single), (omnibus, shop)):
                outcome = await each.run(effort.seconds / 2, clients=1)
                subject.rounds.append({"per second": outcome.rate, **_latencies(outcome)})
        checked = [await each.check() for each in (shop, single)]
    return Section(
        "g",
        "a lone booking's latency, one client",
        (omnibus, plain),
        (Ratio("p50 ms", omnibus, plain, "≤ 1.15"),),
        notes=(
            "beside it: the same endpoint and process, with BEGIN, lock, decide, one statement that writes, COMMIT",
            *checked,
        ),
    )


async def _at(rate: float, shop: Shop, seconds: float) -> Round:
    outcome = await load.open_loop(shop.served.addresses, shop.requests, rate=rate, seconds=seconds)
    outcome.require(201)
    if outcome.unsent:
        raise RuntimeError(f"{outcome.unsent} bookings found no connection free")
    return {"per second": outcome.rate, **_latencies(outcome)}


def _latencies(outcome: load.Outcome) -> Round:
    p50, p95, p99 = (outcome.percentile(share) * 1e3 for share in (0.5, 0.95, 0.99))
    return {"p50 ms": p50, "p95 ms": p95, "p99 ms": p99, "p99 ÷ p50": p99 / p50}
