"""(i) Bookings a second on a database that has sold a thousand, a hundred thousand, a million before."""

import math
from contextlib import AsyncExitStack
from functools import partial

import asyncpg

from store.db import Database
from store.invariants import find_violations
from store.queries import Queries
from tests.bench.effort import Effort
from tests.bench.fleet import PAIRS, Fleet, Fleets
from tests.bench.report import Ratio, Section, Subject
from tests.bench.shop import open_shop

SQL = Queries.beside(__file__)
_LOADED = "buses, bus_stops, calls, seats, bookings, claims, payments, postings, tickets"


async def bookings_after_others(fleets: Fleets, effort: Effort) -> Section:
    """Load the databases, then sell the same fleet's seats in each in turn."""
    subjects = [Subject(f"omnibus, {existing:,} bookings before") for existing in effort.existing]
    async with AsyncExitStack() as stack:
        shops = [
            await stack.enter_async_context(
                open_shop(fleets, effort, prepare=partial(load, existing=existing))
            )
            for existing in effort.existing
        ]
        for _ in range(
            2 * effort.rounds
        ):  # shorter ones, so that neighbours share the machine's mood
            for subject, shop in zip(subjects, shops, strict=True):
                subject.rounds.append(await shop.sell(effort.seconds / 2))
        checked = await shops[-1].check()
        await _require_sound(shops[0].fleet)
    least = subjects[0]
    return Section(
        "i",
        f"bookings a second by what was sold before, {effort.buses:,} buses on sale in each database",
        subjects,
        [
            Ratio(figure, each, least, wanted)
            for figure, wanted in (("per second", "≥ 0.9"), ("API + PostgreSQL µs", "≤ 1.1"))
            for each in subjects[1:]
        ],
        notes=("the invariants hold in the smallest of the databases", checked),
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


async def _require_sound(fleet: Fleet) -> None:
    db = await Database.connect(fleet.url, size=1)
    try:
        if broken := await find_violations(db):
            raise RuntimeError(f"the invariants do not hold: {broken}")
    finally:
        await db.close()
