"""(y) Searches that nothing is kept for, by how many buses there are: each goes to the database."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import asyncpg

from store import Store
from store.catalogue import Search
from store.facade import StoreOptions
from store.queries import Queries
from tests.bench.effort import Effort
from tests.bench.fleet import Fleet, Fleets
from tests.bench.load import percentile
from tests.bench.report import Ratio, Round, Section, Subject

SQL = Queries.beside(__file__)
_BUSES_A_LINE = 1_000
_DAYS = 100
_FIRST_STOP = 1_000_000
_LOADED = "stops, buses, bus_stops, calls, seats"
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

    def _wish(self, chance: random.Random) -> Search:
        kind, line = chance.random(), 1 + int(chance.random() * self.lines)
        start = _FIRST_STOP + 2 * line
        on: date = (datetime.now(UTC) + timedelta(days=1 + chance.randrange(_DAYS))).date()
        if kind < 0.8:
            return Search(from_stop=start, to_stop=start + 1, on=on)
        return Search(from_stop=start) if kind < 0.9 else Search(on=on)


async def searches_by_size(fleets: Fleets, effort: Effort) -> Section:
    """Load both, then search each in turn, one search after the other; all that differs is what nobody asks for."""
    subjects = [Subject(f"searches among {buses:,} buses") for buses in effort.timetables]
    async with AsyncExitStack() as stack:
        tables = [
            await stack.enter_async_context(open_timetable(fleets, buses // _BUSES_A_LINE))
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
        [Ratio("p95 ms", each, least, "≤ 1.5") for each in subjects[1:]],
        notes=(
            "eight in ten: a line on a day; one: a stop from now on; one: all that leaves on a day",
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
    taken: list[float] = []
    for wish in table.wishes(seed, count):
        began_at = time.perf_counter()
        found = await table.store.catalogue.search(wish)
        taken.append(time.perf_counter() - began_at)
        if not found:
            raise RuntimeError(f"there is nothing to find for {wish}")
        await asyncio.sleep(0)
    return {"p50 ms": 1e3 * percentile(taken, 0.5), "p95 ms": 1e3 * percentile(taken, 0.95)}
