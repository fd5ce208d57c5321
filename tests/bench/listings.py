"""(x) Searches read a second, against an empty endpoint; and what they ask PostgreSQL while seats are sold."""

import asyncio
import itertools
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg

from server.cursors import write_cursor
from store.db import Connection
from store.migrate import migrate
from tests.bench import load
from tests.bench.effort import Effort
from tests.bench.fleet import Fleet, Fleets, get
from tests.bench.reads import measure
from tests.bench.report import Bound, Ratio, Round, Section, Subject
from tests.bench.rig import Rig, Served, serve
from tests.support.databases import Databases
from tests.support.servers import ThrowawayPostgres

PAGES = 20
_BUSES_A_PAGE = 20
_READ_A_SECOND = 1_000
_SOLD_A_SECOND = 100
_QUERIES = "queries each 10,000"
# What searches and seat maps ask, and what is asked for all that is kept of them; sales have other words.
_WORDS = (
    "FROM legs AS l",
    "OR s.parent_id = ",
    "WHERE s.stop_id = any(",
    "array_agg(s.seat_no) AS seat_nos",
    "SELECT b.bus_id, b.epoch, b.rev FROM buses AS b WHERE",
    "array_agg(s.stop_id ORDER BY s.idx) AS stop_ids",
)
_COUNT = """
SELECT coalesce(sum(s.calls), 0)::bigint
FROM pg_stat_statements AS s
INNER JOIN pg_database AS d ON d.oid = s.dbid
WHERE d.datname = current_database() AND EXISTS (SELECT FROM unnest($1::text[]) AS w WHERE strpos(s.query, w) > 0)
"""


async def listings_a_second(fleets: Fleets, effort: Effort) -> Section:
    """Measure whole pages, unchanged ones (304) and the empty endpoint in turn; then read and sell together."""
    pages, unchanged = Subject("search, 20 buses"), Subject("search, unchanged (304)")
    empty, selling = Subject("empty Starlette endpoint"), Subject("searches beside 100 bookings/s")
    nothing, seconds = itertools.repeat(get("/")), effort.seconds / 2
    async with (
        counting(fleets) as counted,
        counted.lend() as fleet,
        counted.rig.omnibus(fleet.url) as served,
        serve(lambda port: ("-m", "tests.bench.empty_server", str(port)), {}, probe="/") as bare,
    ):
        rig, paths = counted.rig, await find_pages(fleet)
        tags = [await asyncio.to_thread(_tag_of, served, path) for path in paths]
        whole = itertools.cycle([get(path) for path in paths])
        same = itertools.cycle(
            [get(path, if_none_match=tag) for path, tag in zip(paths, tags, strict=True)]
        )
        for _ in range(effort.rounds):
            empty.rounds.append(await measure(rig, bare, nothing, seconds, 200))
            pages.rounds.append(await measure(rig, served, whole, seconds, 200))
            unchanged.rounds.append(await measure(rig, served, same, seconds, 304))
        for number in range(effort.rounds):
            selling.rounds.append(await read_and_sell(fleet, served, paths, effort, seed=number))
    return Section(
        "x",
        f"searches read a second over {PAGES} pages of {_BUSES_A_PAGE} buses",
        (pages, unchanged, empty, selling),
        (
            Ratio("per second", pages, empty, "≥ 0.6"),
            Ratio("per second", unchanged, empty, "≥ 0.6"),
        ),
        (Bound(_QUERIES, selling, "≤ 200"),),
        notes=(
            "queries as pg_stat_statements counts them: pages, seats, places, and the comparison every three seconds",
        ),
    )


@asynccontextmanager
async def counting(fleets: Fleets) -> AsyncIterator[Fleets]:
    """Lend fleets on a PostgreSQL of their own, which counts statements: nobody else's figures shall pay for that."""
    with ThrowawayPostgres(settings={"shared_preload_libraries": "pg_stat_statements"}) as postgres:
        databases = Databases(postgres.superuser_url, postgres.url)
        await databases.prepare(migrate)
        yield Fleets(Rig(postgres, fleets.rig.valkey, databases), fleets.buses)
        await databases.close()


async def find_pages(fleet: Fleet) -> list[str]:
    """Return the addresses of the first pages of what leaves where the fleet does."""
    connection: Connection = await asyncpg.connect(fleet.superuser_url)
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        rows = await connection.fetch(
            "SELECT bus_id, stop_id, departs_at FROM bus_stops WHERE idx = 0 ORDER BY departs_at, bus_id LIMIT $1",
            PAGES * _BUSES_A_PAGE,
        )
    finally:
        await connection.close()
    start = f"/api/v1/buses?from={rows[0]['stop_id']}&limit={_BUSES_A_PAGE}"
    lasts = rows[_BUSES_A_PAGE - 1 : -1 : _BUSES_A_PAGE]
    return [start] + [
        f"{start}&cursor={write_cursor(row['departs_at'], row['bus_id'])}" for row in lasts
    ]


async def read_and_sell(
    fleet: Fleet, served: Served, paths: Sequence[str], effort: Effort, *, seed: int
) -> Round:
    """Read so many pages at an even pace, and sell seats of the buses that they show meanwhile."""
    seconds = effort.reads / _READ_A_SECOND
    before = await _count_queries(fleet)
    read, sold = await asyncio.gather(
        load.open_loop(
            served.addresses,
            itertools.cycle([get(path) for path in paths]),
            rate=_READ_A_SECOND,
            seconds=seconds,
            clients=64,
        ),
        load.open_loop(
            served.addresses,
            await _shown(fleet, paths).bookings(seed=seed),
            rate=_SOLD_A_SECOND,
            seconds=seconds,
            clients=64,
        ),
    )
    read.require(200)
    queries = await _count_queries(fleet) - before
    return {
        _QUERIES: 10_000 * queries / read.sales,
        "reads": read.sales,
        "bookings": sold.sales,
        "p95 ms": 1e3 * read.percentile(0.95),
    }


def _shown(fleet: Fleet, paths: Sequence[str]) -> Fleet:
    """Return the buses that the pages show, as a fleet: sales elsewhere would cost readers nothing."""
    return replace(fleet, buses=min(fleet.buses, len(paths) * _BUSES_A_PAGE))


async def _count_queries(fleet: Fleet) -> int:
    connection: Connection = await asyncpg.connect(fleet.superuser_url)
    try:
        return int(await connection.fetchval(_COUNT, list(_WORDS)))
    finally:
        await connection.close()


def _tag_of(served: Served, path: str) -> str:
    host, port = served.addresses[0]
    with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=30) as answer:
        return str(answer.headers["etag"])
