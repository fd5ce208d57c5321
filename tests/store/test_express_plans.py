"""What a batch of the express way looks up: so much for each request, whatever the planner believes of the tables."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Sequence

import pytest

from store import Store, express
from store.db import _SESSION, Connection, Database, Record
from store.facade import StoreOptions
from store.holds import SeatRequest
from store.lane import LaneOptions
from store.model import Hold
from tests.bench.searches import SQL as TIMETABLE
from tests.support.twins import locking
from tests.support.world import World, key, purchase_of, value

BATCH = 32
SEATS = ["1A", "1B"]
LINES = 2  # of a thousand buses of four seats each: of any seat there are few
EXPECTING = ("nothing", "few seats")
# Seats are locked, shown and claimed, two of each request; each request with all others would be BATCH times.
MOST = 8 * BATCH
_SCANS = "SELECT relname, idx_scan FROM pg_stat_xact_user_tables WHERE idx_scan > 0"
_EACH_WITH_ALL = re.compile(r"Join Filter: .*\bplace = ")
_FRESH = re.compile(r"^fresh AS MATERIALIZED .*?^\),$", re.DOTALL | re.MULTILINE)
# What it was: a join, whose order the planner chose by how many requests it expected.
_JOINED = """
fresh AS MATERIALIZED (
    SELECT a.*
    FROM (SELECT l.place, count(*) AS seats FROM locked AS l GROUP BY l.place) AS f
    INNER JOIN welcome AS a ON a.place = f.place
    WHERE
        f.seats = a.seat_count
        AND NOT EXISTS (SELECT FROM idempotency_keys AS k WHERE k.bus_id = a.bus_id AND k.key_hash = a.key_hash)
),
"""


class Replayed:
    """The largest batch: what it looked up, by table, in a session like the store's, and how."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.size = 0
        self.lookups: Counter[str] = Counter()
        self.plan = ""

    async def replay(self, query: str, args: Sequence[object]) -> None:
        """Run the statement and take it back."""
        size = str(args[2]).count(",") + 1  # of numbers of buses, the first column
        if size <= self.size:
            return
        self.size = size
        change = self._connection.transaction()
        await change.start()
        try:
            for name in ("plan_cache_mode", "enable_seqscan", "jit"):
                await self._connection.execute(f"SET LOCAL {name} = {_SESSION[name]}")
            before = await self._scans()
            await self._connection.fetch(query, *args)
            self.lookups = await self._scans() - before
            await self._connection.execute(f"PREPARE asked AS {query}")
            shown = await self._connection.fetch(
                f"EXPLAIN EXECUTE asked ({', '.join(['NULL'] * len(args))})"
            )
            self.plan = "\n".join(row[0] for row in shown)
            await self._connection.execute("DEALLOCATE asked")
        finally:
            await change.rollback()

    async def _scans(self) -> Counter[str]:
        rows = await self._connection.fetch(_SCANS)
        return Counter({row["relname"]: row["idx_scan"] for row in rows})


@pytest.fixture
def replayed(world: World, monkeypatch: pytest.MonkeyPatch) -> Replayed:
    """Every express statement is tried, and taken back, before it is run."""
    found = Replayed(world.owner)
    run = Database.commit_statement

    async def replay_and_run(db: Database, query: str, *args: object) -> Record:
        await found.replay(query, args)
        return await run(db, query, *args)

    monkeypatch.setattr(Database, "commit_statement", replay_and_run)
    return found


@pytest.fixture(params=EXPECTING)
async def store(request: pytest.FixtureRequest, world: World) -> Store:
    await world.bus()
    if request.param == "few seats":
        for name in TIMETABLE.names():
            await world.edit(TIMETABLE[name], LINES)
        await world.edit("ANALYZE")
    store = await world.open_store(StoreOptions(pool_size=2, lane=LaneOptions(in_flight=1)))
    await hold(world, store, await world.bus())  # or it would not know the time
    return store


async def test_fresh_seats_are_looked_up_once_for_each_request(
    world: World, store: Store, replayed: Replayed
) -> None:
    await hold_all(world, store)
    require_linear(replayed)


async def test_holds_are_looked_up_once_for_each_booking(
    world: World, store: Store, replayed: Replayed
) -> None:
    held = await hold_all(world, store)
    replayed.size = 0
    await asyncio.gather(*(book(world, store, each) for each in held))
    assert replayed.lookups["holds"]
    require_linear(replayed)


@pytest.mark.parametrize("store", ["few seats"], indirect=True)
async def test_twin_that_joins_them_compares_each_request_with_all_others(
    world: World, store: Store, replayed: Replayed
) -> None:
    with locking(lambda text: _FRESH.sub(_JOINED.strip(), text), express.SQL):
        await hold_all(world, store)
    assert _EACH_WITH_ALL.search(replayed.plan)


def require_linear(replayed: Replayed) -> None:
    assert replayed.size == BATCH
    assert replayed.lookups["idempotency_keys"]
    assert {name: each for name, each in replayed.lookups.items() if each > MOST} == {}
    assert _EACH_WITH_ALL.search(replayed.plan) is None, replayed.plan


async def hold_all(world: World, store: Store) -> list[Hold]:
    """Hold seats of many buses at once, so that they make a batch."""
    buses = [await world.bus() for _ in range(BATCH)]
    for bus in buses:
        await store.buses.find(bus)
    return await asyncio.gather(*(hold(world, store, bus) for bus in buses))


def hold(world: World, store: Store, bus: int) -> Awaitable[Hold]:
    request = SeatRequest(bus, SEATS)
    return value(lambda ask: store.holds.hold(world.rider(bus), request, ask), key(f"hold {bus}"))


def book(world: World, store: Store, held: Hold) -> Awaitable[object]:
    owned, purchase = (held.bus.bus_id, held.hold_id), purchase_of(SEATS)
    rider = world.rider(held.bus.bus_id)
    return value(
        lambda ask: store.bookings.book_hold(rider, owned, purchase, ask), key(f"book {owned[0]}")
    )
