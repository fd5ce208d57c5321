"""(k) What each way to guarantee that a seat has one owner costs PostgreSQL, on short lines and on long ones."""

import random
from dataclasses import dataclass

import asyncpg

from store.queries import Queries
from tests.bench.effort import Effort
from tests.bench.fleet import Fleets
from tests.bench.machine import POSTGRES
from tests.bench.report import Ratio, Round, Section, Subject
from tests.bench.rig import Rig

SQL = Queries.beside(__file__)
_BUSES, _SEATS, _BATCH = 4_000, 40, 64
_BATCHES_A_SECOND = 100
_WARM_UP = 40
LINES = (1, 8)


@dataclass(frozen=True, slots=True)
class Shape:
    """One way: the table, what watches over its references, and the statement that claims."""

    name: str
    table: str
    references: str | None
    claim: str


SHAPES = (
    Shape("a row for each segment, checked once a statement", "rows", "trigger", "claim_rows"),
    Shape("a row for each segment, foreign keys", "rows", "foreign_keys", "claim_rows"),
    Shape("a row for each segment, nothing checked", "rows", None, "claim_rows"),
    Shape(
        "a range with an exclusion constraint, foreign keys",
        "ranges",
        "foreign_keys",
        "claim_ranges",
    ),
    Shape("a range with an exclusion constraint, nothing checked", "ranges", None, "claim_ranges"),
)
_NOTHING = Shape("no claims at all", "rows", None, "claim_nothing")


async def guarantees(fleets: Fleets, effort: Effort) -> Section:
    """Claim two seats a booking, 64 bookings a transaction, in each shape in turn; whole-route legs."""
    batches = _WARM_UP + round(_BATCHES_A_SECOND * effort.seconds)
    subjects = {
        (shape, segments): Subject(f"{segments} segment{'s' * (segments > 1)}: {shape.name}")
        for segments in LINES
        for shape in (*SHAPES, _NOTHING)
    }
    for _ in range(effort.rounds):
        for (shape, segments), subject in subjects.items():
            subject.rounds.append(await _measure(fleets.rig, shape, segments, batches))
    return Section(
        "k",
        "PostgreSQL's CPU for the claims of a booking of two seats, by how one owner is guaranteed",
        [*subjects.values()],
        [
            Ratio(
                "PostgreSQL µs",
                subjects[shape, segments],
                subjects[SHAPES[0], segments],
                "no bound",
            )
            for segments in LINES
            for shape in SHAPES[1:]
        ],
        notes=("the first of each is what Omnibus has",),
    )


async def _measure(rig: Rig, shape: Shape, segments: int, batches: int) -> Round:
    async with rig.databases.fresh(is_migrated=False) as url:
        connection = await asyncpg.connect(rig.as_superuser(url))
        try:
            await _build(connection, shape)
            return await _fill(rig, connection, shape, segments, batches)
        finally:
            await connection.close()


async def _build(connection: "asyncpg.Connection[asyncpg.Record]", shape: Shape) -> None:
    parents = SQL["parents"].replace("$1", str(_BUSES)).replace("$2", str(_SEATS))
    await connection.execute(parents)
    await connection.execute(SQL[shape.table])
    if shape.references:
        await connection.execute(SQL[shape.references])
    await connection.execute("SET plan_cache_mode = force_generic_plan; SET jit = off; ANALYZE")


async def _fill(
    rig: Rig,
    connection: "asyncpg.Connection[asyncpg.Record]",
    shape: Shape,
    segments: int,
    batches: int,
) -> Round:
    pairs = [(bus, seat) for bus in range(1, _BUSES + 1) for seat in range(1, _SEATS, 2)]
    random.Random(1).shuffle(pairs)
    before = rig.read_cpu()
    for number in range(batches):
        if number == _WARM_UP:
            # Plans made for empty tables would be kept.
            await connection.execute("ANALYZE; DISCARD PLANS")
            before = rig.read_cpu()
        first = number * _BATCH % len(pairs)
        part = sorted(pairs[first : first + _BATCH])
        ids = range(number * _BATCH, number * _BATCH + len(part))
        buses = [bus for bus, _ in part]
        async with connection.transaction():
            await connection.execute(SQL["book"], buses, [*ids])
            await connection.execute(
                SQL[shape.claim],
                [bus for bus in buses for _ in range(2)],
                [seat + side for _, seat in part for side in range(2)],
                [each for each in ids for _ in range(2)],
                segments,
            )
    cpu = rig.read_cpu() - before
    size = await connection.fetchval("SELECT pg_total_relation_size('claims')")
    return {
        "PostgreSQL µs": cpu.of(*POSTGRES) / ((batches - _WARM_UP) * _BATCH) * 1e6,
        "bytes": size / (batches * _BATCH),
    }
