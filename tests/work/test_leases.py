"""A worker that was stalled finishes nothing that somebody else has taken over, and long work keeps its lease."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from server.work.handler import Work
from store import jobs
from store.jobs import Job
from tests.support.twins import locking
from tests.support.waiting import wait_until
from tests.support.world import World
from tests.work.effects import (
    are_done,
    book,
    effects,
    ends,
    lay_tables,
    leave_effect,
    queue,
)
from tests.work.workers import PATIENT, QUICK, STALLING, working

_FENCE = " AND j.lease = w.lease"


def waiting_for(event: asyncio.Event) -> Callable[[Job, Work], Awaitable[None]]:
    async def handle(_job: Job, _work: Work) -> None:
        await event.wait()

    return handle


async def stall(world: World) -> dict[str, int]:
    """Let a worker come to the end of a job long after another one took it over and finished it; return its counts."""
    await lay_tables(world)
    bus, bookings = await book(world, 1)
    await queue(world, bus, bookings)
    awake = asyncio.Event()
    async with working(world, waiting_for(awake), leave_effect(), pace=STALLING) as stalled:
        await wait_until(lambda: is_leased(world))
        async with working(world, leave_effect(), pace=PATIENT):
            await wait_until(lambda: are_done(world))
        awake.set()
        await stalled.leave()
    rows = await world.owner.fetch("SELECT outcome, tries FROM job_counts")
    return {row["outcome"]: row["tries"] for row in rows}


async def test_a_worker_that_wakes_after_its_lease_was_taken_finishes_nothing(world: World) -> None:
    counts = await stall(world)
    assert counts == {"done": 1, "lost": 1}
    assert await ends(world) == [1]
    assert await effects(world) == 1


async def test_twin_without_the_fence_finishes_the_same_job_twice(world: World) -> None:
    with locking(lambda text: text.replace(_FENCE, ""), jobs.SQL):
        counts = await stall(world)
    assert counts == {"done": 2}
    assert await ends(world) == [2]


async def test_work_that_takes_longer_than_a_lease_keeps_it(world: World) -> None:
    await lay_tables(world)
    bus, bookings = await book(world, 1)
    await queue(world, bus, bookings)
    may_end = asyncio.Event()
    # Long enough for a process that does not get its turn in time.
    patient = replace(QUICK, lease=timedelta(seconds=3))
    async with working(world, waiting_for(may_end), leave_effect(), pace=patient):
        await wait_until(lambda: is_leased(world))
        first = await lease(world)
        await wait_until(lambda: outlives(world, first[1]))
        async with working(world, leave_effect()):
            later = await lease(world)
            may_end.set()
            await wait_until(lambda: are_done(world))
    assert later[0] == first[0], "it was taken over"
    assert await world.owner.fetchval("SELECT count(*) FROM tries WHERE is_end") == 1


async def test_what_was_running_when_the_worker_left_is_given_back_as_it_was(world: World) -> None:
    await lay_tables(world)
    bus, bookings = await book(world, 2)
    await queue(world, bus, bookings[:1])
    never, soon = asyncio.Event(), asyncio.Event()

    async def handle(job: Job, work: Work) -> None:
        await (never if job.booking_id == bookings[0] else soon).wait()
        await leave_effect()(job, work)

    async with working(world, handle, pace=replace(QUICK, leave_seconds=0.5)) as worker:
        await queue(world, bus, bookings[1:])
        await wait_until(lambda: is_leased(world, 2))
        worker.runner.leave()
        soon.set()
        await worker.task
    rows = await world.edit(
        "SELECT booking_id, state, attempts, lease IS NULL AS is_free FROM jobs"
        " WHERE kind = 'BUS_CHANGED' ORDER BY booking_id"
    )
    assert [tuple(row)[1:] for row in rows] == [("QUEUED", 0, True), ("DONE", 1, True)]


async def test_a_worker_that_is_leaving_claims_no_more(world: World) -> None:
    await lay_tables(world)
    bus, bookings = await book(world, 2)
    await queue(world, bus, bookings[:1])
    may_end = asyncio.Event()
    async with working(world, waiting_for(may_end)) as worker:
        await wait_until(lambda: is_leased(world))
        worker.runner.leave()
        await queue(world, bus, bookings[1:])
        may_end.set()
        await worker.task
    rows = await world.edit(
        "SELECT state, attempts FROM jobs WHERE kind = 'BUS_CHANGED' ORDER BY booking_id"
    )
    assert [tuple(row) for row in rows] == [("DONE", 1), ("QUEUED", 0)]


async def is_leased(world: World, count: int = 1) -> bool:
    rows = await world.edit("SELECT FROM jobs WHERE lease IS NOT NULL")
    return len(rows) == count


async def lease(world: World) -> tuple[object, datetime]:
    (row,) = await world.edit("SELECT lease, leased_until FROM jobs WHERE kind = 'BUS_CHANGED'")
    return row["lease"], row["leased_until"]


async def outlives(world: World, moment: datetime) -> bool:
    """Whether the time is past this moment, by the clock that leases go by."""
    return bool(await world.owner.fetchval("SELECT clock_timestamp() > $1", moment))
