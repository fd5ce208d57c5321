"""A worker is killed at each place where that hurts, beside another one: every job comes to its end once."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from store.fault_points import WORK_POINTS
from tests.support import forked
from tests.support.servers import ThrowawayValkey
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
    states,
)
from tests.work.workers import working

POINTS = (*WORK_POINTS, "before_effect", "after_effect")
_BOOKINGS = 12


@asynccontextmanager
async def started(
    world: World,
    valkey: ThrowawayValkey,
    point: str,
    times: int = 1,
    *,
    mail: Path | None = None,
) -> AsyncIterator[forked.Process]:
    settings = {"OMNIBUS_DATABASE_URL": world.url, "OMNIBUS_REDIS_URL": valkey.url}
    if mail is not None:
        settings["OMNIBUS_MAIL_DIR"] = str(mail)
    process = forked.Process.start(
        *("tests.work.mortal_worker", point, str(times), "worker"), environment=settings
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("point", POINTS)
async def test_a_worker_that_dies_leaves_every_job_to_be_done_once_by_another(
    world: World, valkey: ThrowawayValkey, point: str
) -> None:
    await lay_tables(world)
    bus, bookings = await book(world, _BOOKINGS)
    async with started(world, valkey, point, times=4) as mortal, working(world, leave_effect()):
        while mortal.returncode is None:
            await queue(world, bus, bookings, each=5)
            await wait_until(lambda: is_over(mortal, world), seconds=30)
        assert mortal.returncode == -signal.SIGKILL
        await wait_until(lambda: are_done(world), seconds=20)
    total = (await states(world))["DONE"]
    assert await effects(world) == total
    assert await ends(world) == [1] * total
    again = await world.owner.fetch(
        "SELECT FROM tries WHERE NOT is_end GROUP BY booking_id, n HAVING count(*) > 1"
    )
    # What it had begun and nobody heard the end of was begun once more, and had its effect once all the same.
    assert again or point in {"after_claim", "after_finish"}


async def is_over(process: forked.Process, world: World) -> bool:
    return process.returncode is not None or await are_done(world)


async def test_told_to_stop_a_worker_gives_back_what_it_cannot_end(
    world: World, valkey: ThrowawayValkey
) -> None:
    await lay_tables(world)
    bus, bookings = await book(world, 3)
    await queue(world, bus, bookings)
    async with started(world, valkey, "slow") as worker:
        await wait_until(lambda: are_begun(world, 3), seconds=30)
        worker.terminate()
        assert await asyncio.wait_for(worker.wait(), 20) == 0
    rows = await world.edit(
        "SELECT state, attempts, lease, last_error FROM jobs WHERE kind = 'BUS_CHANGED'"
    )
    assert [tuple(row) for row in rows] == [("QUEUED", 0, None, None)] * 3


async def test_told_twice_a_worker_leaves_at_once_and_its_leases_are_over_soon(
    world: World, valkey: ThrowawayValkey
) -> None:
    await lay_tables(world)
    bus, bookings = await book(world, 1)
    await queue(world, bus, bookings)
    async with started(world, valkey, "slow") as worker:
        await wait_until(lambda: are_begun(world, 1), seconds=30)
        worker.terminate()
        await wait_until(lambda: has_taken_signals(worker.pid))
        worker.terminate()
        assert await asyncio.wait_for(worker.wait(), 20) == 0
    (row,) = await world.edit("SELECT state, attempts, lease FROM jobs WHERE kind = 'BUS_CHANGED'")
    assert (row["state"], row["attempts"], row["lease"] is None) == ("QUEUED", 1, False)
    async with working(world, leave_effect()):
        await wait_until(lambda: are_done(world), seconds=20)


async def are_begun(world: World, count: int) -> bool:
    begun: int = await world.owner.fetchval("SELECT count(*) FROM tries WHERE NOT is_end")
    return begun >= count


def has_taken_signals(pid: int) -> bool:
    """Whether the kernel keeps none back: a signal that comes while its like waits is none."""
    status = Path(f"/proc/{pid}/status").read_text()
    return all(
        int(mask, 16) == 0 for mask in re.findall(r"^S\w*Pnd:\s*(\w+)$", status, re.MULTILINE)
    )
