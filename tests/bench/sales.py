"""(a) Bookings a second over HTTP against `pgbench`, (e) on buses of eight segments, (f) by hold and booking."""

from tests.bench import pgbench
from tests.bench.effort import Effort
from tests.bench.fleet import SEATS, Fleets
from tests.bench.report import Bound, Ratio, Section, Subject
from tests.bench.shop import open_shop

_PLAIN = "pgbench, 16 clients, barest schema"
_SAME = "pgbench, 16 clients, the same rows and constraints"
_SEGMENTS = 8


async def bookings_a_second(fleets: Fleets, effort: Effort) -> Section:
    """Measure one process, two, and both baselines in turn, round by round."""
    one, two = (
        Subject(f"omnibus, {count}, {effort.clients} clients")
        for count in ("1 process", "2 processes")
    )
    plain, same = Subject(_PLAIN), Subject(_SAME)
    async with (
        open_shop(fleets, effort, processes=1) as single,
        open_shop(fleets, effort, processes=2) as double,
        fleets.lend() as beside,
        pgbench.plain(fleets.rig) as barest,
        pgbench.same(fleets.rig, beside, rounds=effort.rounds) as equal,
    ):
        for _ in range(effort.rounds):
            plain.rounds.append(await barest.run(effort.seconds))
            one.rounds.append(await single.sell(effort.seconds))
            same.rounds.append(await equal.run(effort.seconds))
            two.rounds.append(await double.sell(effort.seconds))
        checked = [await shop.check() for shop in (single, double)]
    return Section(
        "a",
        f"bookings a second, two seats each, {effort.buses:,} buses of {SEATS} seats",
        (one, two, plain, same),
        [
            Ratio("per second", mine, theirs, "≥ 1.5")
            for mine in (one, two)
            for theirs in (plain, same)
        ]
        + [Ratio("per second", two, one, "≥ 1.2")],
        [Bound("API + PostgreSQL µs", mine, "≤ 330") for mine in (one, two)],
        (
            f"1 process: {single.breakdown()}",
            f"2 processes, a port each: {double.breakdown()}",
            *checked,
        ),
    )


async def bookings_of_legs(fleets: Fleets, effort: Effort) -> Section:
    """Measure whole-route legs of eight segments against buses of one, in turn."""
    legs = Subject(f"omnibus, {_SEGMENTS} segments, whole route")
    whole = Subject("omnibus, 1 segment")
    async with (
        open_shop(fleets, effort, segments=_SEGMENTS) as long,
        open_shop(fleets, effort) as short,
    ):
        for _ in range(effort.rounds):
            whole.rounds.append(await short.sell(effort.seconds))
            legs.rounds.append(await long.sell(effort.seconds))
        checked = await long.check()
    return Section(
        "e",
        f"bookings a second on buses of {_SEGMENTS} segments, {_processes(effort)}",
        (legs, whole),
        (Ratio("per second", legs, whole, "≥ 0.8"),),
        notes=(f"{_SEGMENTS} segments: {long.breakdown()}", checked),
    )


async def held_sales_a_second(fleets: Fleets, effort: Effort) -> Section:
    """Measure sales of two requests each, a hold and its booking, against the baselines, in turn."""
    held, plain, same = Subject("omnibus, hold, then booking"), Subject(_PLAIN), Subject(_SAME)
    async with (
        open_shop(fleets, effort, is_holding=True) as shop,
        fleets.lend() as beside,
        pgbench.plain(fleets.rig) as barest,
        pgbench.same(fleets.rig, beside, rounds=effort.rounds) as equal,
    ):
        for _ in range(effort.rounds):
            plain.rounds.append(await barest.run(effort.seconds))
            held.rounds.append(await shop.sell(effort.seconds))
            same.rounds.append(await equal.run(effort.seconds))
        checked = await shop.check()
    return Section(
        "f",
        f"sales a second by hold and booking, two requests a sale, {_processes(effort)}",
        (held, plain, same),
        [Ratio("per second", held, theirs, "≥ 1.0") for theirs in (plain, same)],
        notes=(shop.breakdown(), checked),
    )


def _processes(effort: Effort) -> str:
    return f"{effort.processes} API process{'es' * (effort.processes > 1)}"
