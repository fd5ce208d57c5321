"""What workers of a test do, in tables that tell: each try, each effect under its job's number, each end of a job."""

import asyncio
from collections.abc import Awaitable, Callable

from server.work.handler import Work
from store.db import Connection, Database
from store.jobs import Job, JobKind, NewJob, queue_jobs
from tests.support.world import World

KIND = JobKind.BUS_CHANGED
"""Of the jobs that tests queue: nothing that a booking does by itself brings one."""
_SEATS = [f"{row}{letter}" for row in range(1, 11) for letter in "ABCD"]
_TABLES = (
    "CREATE TABLE effects (job_id uuid PRIMARY KEY)",
    "CREATE TABLE tries (number bigserial, booking_id bigint, n integer, is_end boolean)",
    "CREATE TABLE ends (number bigserial, job_id uuid, state text)",
    "GRANT SELECT, INSERT ON effects, tries, ends TO omnibus_worker",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO omnibus_worker",
    """CREATE FUNCTION note_end() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO ends (job_id, state) VALUES (new.job_id, new.state); RETURN NULL; END'""",
    # Of its state: a worker that renews the lease of what somebody else has ended does not end it.
    """CREATE TRIGGER jobs_note_end AFTER UPDATE OF state ON jobs
    FOR EACH ROW WHEN (new.state <> 'QUEUED') EXECUTE FUNCTION note_end()""",
)


async def lay_tables(world: World) -> None:
    for statement in _TABLES:
        await world.owner.execute(statement)


async def book(world: World, count: int) -> tuple[int, list[int]]:
    """Sell seats of a new bus for cash, one a booking; return the bus and the bookings. Their own jobs are done."""
    bus = await world.bus()
    bookings = [
        await world.book(bus, [seat], caller=world.agent(), method="cash")
        for seat in _SEATS[:count]
    ]
    await world.edit("UPDATE jobs SET state = 'DONE', done_at = clock_timestamp()")
    await world.owner.execute("TRUNCATE ends")
    return bus, [booking.booking_id for booking in bookings]


async def queue(world: World, bus: int, bookings: list[int], *, each: int = 1) -> None:
    """Queue numbered jobs of every booking; the numbers go on where those before left off."""
    (row,) = await world.edit(
        "SELECT count(*) / $1::integer AS n FROM jobs WHERE kind = $2", len(bookings), KIND.value
    )
    jobs = [
        NewJob(booking, KIND, {"n": row["n"] + number})
        for number in range(each)
        for booking in bookings
    ]

    async def work(connection: Connection) -> None:
        await queue_jobs(connection, bus, jobs)

    await world.store.db.transaction([world.operator_id], work)


def leave_effect(
    *, pause: float = 0.0, strike: Callable[[str], None] = lambda _: None
) -> Callable[[Job, Work], Awaitable[None]]:
    """Return a handler that does something once for a job, and says when it began and when it ended."""

    async def handle(job: Job, work: Work) -> None:
        await note(work.store.db, job, is_end=False)
        strike("before_effect")
        await asyncio.sleep(pause)
        await work.store.db.fetch(
            "INSERT INTO effects (job_id) VALUES ($1) ON CONFLICT DO NOTHING", job.job_id
        )
        strike("after_effect")
        await note(work.store.db, job, is_end=True)

    return handle


async def note(db: Database, job: Job, *, is_end: bool) -> None:
    await db.fetch(
        "INSERT INTO tries (booking_id, n, is_end) VALUES ($1, $2, $3)",
        job.booking_id,
        job.detail["n"],
        is_end,
    )


async def states(world: World) -> dict[str, int]:
    """Return how many of the queued jobs are in which state."""
    rows = await world.edit(
        "SELECT state, count(*)::integer AS jobs FROM jobs WHERE kind = $1 GROUP BY state",
        KIND.value,
    )
    return {row["state"]: row["jobs"] for row in rows}


async def are_done(world: World) -> bool:
    return set(await states(world)) == {"DONE"}


async def effects(world: World) -> int:
    return int(await world.owner.fetchval("SELECT count(*) FROM effects"))


async def ends(world: World) -> list[int]:
    """Return how often each job was ended, of those that were."""
    rows = await world.owner.fetch("SELECT count(*)::integer AS times FROM ends GROUP BY job_id")
    return [row["times"] for row in rows]
