"""(y) Searches that nothing is kept for, by how many buses there are: each goes to the database."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg

from store import Store
from store.catalogue import Search
from store.day_prices import DayWish
from store.facade import StoreOptions
from store.queries import Queries
from tests.bench.effort import Effort
from tests.bench.fleet import Fleet, Fleets
from tests.bench.load import percentile
from tests.bench.report import Ratio, Round, Section, Subject

SQL = Queries.beside(__file__)
BUSES_A_LINE = 1_000
_DAYS = 100
_FIRST_STOP = 1_000_000
_LOADED = "stops, buses, bus_stops, calls, seats"
_WEEK = 7
_FIGURES = ("p95 ms", "p50 ms", "a day ms", "arrivals ms", "prices ms")
_MONTHS = """
SELECT open_month((date_trunc('month', now() AT TIME ZONE 'UTC') + n.ahead * interval '1 month')::date)
FROM generate_series(0, 13) AS n (ahead)
"""


@dataclass(frozen=True, slots=True)
class Timetable:
    """A database with so many lines, and whoever searches it."""

    store: Store
    lines: int

    def wishes(self, seed: int, count: int) -> Sequence[Search]:
        """Return what riders ask for: a line and a day, a stop and whatever leaves it, all that leaves on a day."""
        chance = random.Random(seed)  # the same wishes in both, but for which line it is
        return [self._wish(chance) for _ in range(count)]

    def wish_of_a_line(self, chance: random.Random) -> Search:
        start = _FIRST_STOP + 2 * (1 + int(chance.random() * self.lines))
        on: date = (datetime.now(UTC) + timedelta(days=1 + chance.randrange(_DAYS))).date()
        return Search(from_stop=start, to_stop=start + 1, on=on)

    def _wish(self, chance: random.Random) -> Search:
        kind, wish = chance.random(), self.wish_of_a_line(chance)
        if kind < 0.8:
            return wish
        return Search(from_stop=wish.from_stop) if kind < 0.9 else Search(on=wish.on)


async def searches_by_size(fleets: Fleets, effort: Effort) -> Section:
    """Load both, then search each in turn, one search after the other; all that differs is what nobody asks for."""
    subjects = [Subject(f"searches among {buses:,} buses") for buses in effort.timetables]
    async with AsyncExitStack() as stack:
        tables = [
            await stack.enter_async_context(open_timetable(fleets, buses // BUSES_A_LINE))
            for buses in effort.timetables
        ]
        for table in tables:
            await search(table, effort.searches // 4, seed=0)  # or the first would pay for plans
        for seed in range(1, 2 * effort.rounds + 1):
            for subject, table in zip(subjects, tables, strict=True):
                subject.rounds.append(await search(table, effort.searches, seed=seed))
    least = subjects[0]
    return Section(
        "y",
        "searches past all that is kept, by how many buses there are; pages of up to 20",
        subjects,
        [Ratio(figure, each, least, "≤ 1.5") for figure in _FIGURES for each in subjects[1:]],
        notes=(
            "p50, p95: eight in ten a line on a day, one a stop from now on, one all that leaves on a day",
            "by themselves (p50): all that leaves on a day, all that arrives at a stop, a week's prices of a line",
        ),
    )


@asynccontextmanager
async def open_timetable(fleets: Fleets, lines: int) -> AsyncIterator[Timetable]:
    async with fleets.lend() as fleet:
        await load(fleet, lines)
        store = await Store.open(fleet.url, StoreOptions(pool_size=2))
        try:
            yield Timetable(store, lines)
        finally:
            await store.close()


async def load(fleet: Fleet, lines: int) -> None:
    """Add the lines, and the statistics that go with them."""
    connection = await asyncpg.connect(fleet.superuser_url)
    try:
        await connection.execute(_MONTHS)
        await connection.execute("SET session_replication_role = replica")
        for name in SQL.names():
            await connection.execute(SQL[name], lines)
        await connection.execute(f"VACUUM (ANALYZE) {_LOADED}")
        await connection.execute("CHECKPOINT")  # or the rounds would pay for what was loaded
    finally:
        await connection.close()


async def search(table: Timetable, count: int, *, seed: int) -> Round:
    mixed = [await _time(table.store.catalogue.search(each)) for each in table.wishes(seed, count)]
    few = max(1, count // 10)
    chance = random.Random(-seed)
    days, arrivals, weeks = ([], [], [])
    for _ in range(few):
        wish = table.wish_of_a_line(chance)
        days.append(await _time(table.store.catalogue.search(Search(on=wish.on))))
        arrivals.append(await _time(table.store.catalogue.search(Search(to_stop=wish.to_stop))))
        assert wish.from_stop is not None
        asked = DayWish(wish.from_stop, wish.to_stop, wish.on, _WEEK)
        weeks.append(await _time(table.store.day_prices.of(asked)))
    return {
        "p50 ms": percentile(mixed, 0.5),
        "p95 ms": percentile(mixed, 0.95),
        "a day ms": percentile(days, 0.5),
        "arrivals ms": percentile(arrivals, 0.5),
        "prices ms": percentile(weeks, 0.5),
    }


async def _time(question: Coroutine[Any, Any, Sequence[object]]) -> float:
    """Return how many milliseconds an answer took; raise if there is none."""
    began_at = time.perf_counter()
    found = await question
    taken = time.perf_counter() - began_at
    if not found:
        raise RuntimeError("there is nothing to find")
    await asyncio.sleep(0)
    return 1e3 * taken
