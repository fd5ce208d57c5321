"""(i) Bookings a second by what was sold before, and by how many other buses there are: tenfold, twice, of each."""

import math
from contextlib import AsyncExitStack
from functools import partial

import asyncpg

from store.db import Database
from store.invariants import find_violations
from store.queries import Queries
from tests.bench import searches
from tests.bench.effort import Effort
from tests.bench.fleet import PAIRS, Fleet, Fleets
from tests.bench.report import Ratio, Section, Subject
from tests.bench.shop import open_shop

SQL = Queries.beside(__file__)
_LOADED = "buses, bus_stops, calls, seats, bookings, claims, payments, postings, tickets"


async def bookings_after_others(fleets: Fleets, effort: Effort) -> Section:
    """Load the databases, then sell the same fleet's seats in each in turn."""
    subjects = [Subject(f"omnibus, {existing:,} bookings before") for existing in effort.existing]
    crowded = [
        Subject(f"omnibus, {effort.buses + others:,} buses") for others in effort.other_buses
    ]
    loads = [
        *(partial(load, existing=existing) for existing in effort.existing),
        *(partial(load_buses, others=others) for others in effort.other_buses),
    ]
    subjects += crowded
    async with AsyncExitStack() as stack:
        shops = [
            await stack.enter_async_context(open_shop(fleets, effort, prepare=prepare))
            for prepare in loads
        ]
        pairs = list(zip(subjects, shops, strict=True))
        # Shorter ones, so that neighbours share the machine's mood; each is as often before another as after it.
        for number in range(2 * effort.rounds):
            for subject, shop in reversed(pairs) if number % 2 else pairs:
                subject.rounds.append(await shop.sell(effort.seconds / 2))
        checked = [await shop.check() for shop in shops[len(effort.existing) - 1 :]]
        await _require_sound(shops[0].fleet)
    least = subjects[0]
    return Section(
        "i",
        f"bookings a second by what was sold before and by all buses; {effort.buses:,} are sold from in each database",
        subjects,
        [
            Ratio(figure, each, least, wanted)
            for figure, wanted in (("per second", "≥ 0.9"), ("API + PostgreSQL µs", "≤ 1.1"))
            for each in subjects[1:]
        ],
        notes=("the invariants hold in the smallest of the databases", *checked),
    )


async def load(fleet: Fleet, *, existing: int) -> int:
    """Add buses that are sold out, `existing` bookings on them, and the statistics that go with them."""
    connection = await asyncpg.connect(fleet.superuser_url)
    try:
        await connection.execute("SET session_replication_role = replica")
        for name in SQL.names():
            await connection.execute(SQL[name], math.ceil(existing / PAIRS))
        await connection.execute(f"VACUUM (ANALYZE) {_LOADED}")
        await connection.execute("CHECKPOINT")  # or the rounds would pay for what was loaded
        return int(await connection.fetchval("SELECT count(*) FROM bookings"))
    finally:
        await connection.close()


async def load_buses(fleet: Fleet, *, others: int) -> int:
    """Add so many buses of lines that nobody buys from here; they have no bookings."""
    await searches.load(fleet, others // searches.BUSES_A_LINE)
    return 0


async def _require_sound(fleet: Fleet) -> None:
    db = await Database.connect(fleet.url, size=1)
    try:
        if broken := await find_violations(db):
            raise RuntimeError(f"the invariants do not hold: {broken}")
    finally:
        await db.close()
