"""The outbox as staff sees it, on the store itself: what is listed, counted, tried again, let be."""

import asyncio
import uuid
from datetime import timedelta

import pytest

from store.errors import Forbidden, InvalidRequest, NotFound, Refusal, WrongState
from store.jobs import Ending, JobState, Outcome
from store.model import Caller, Role
from store.outbox import Backlog, Handled, JobLine, Wanted
from store.requests import Ask, Reply
from tests.support.world import World

_ASK: Ask[Handled] = Ask(lambda _: Reply(200, b"{}"))
_HOUSE = Caller(role=Role.ADMIN)


async def given_up(world: World, count: int) -> tuple[int, list[uuid.UUID]]:
    """Let workers have given up the jobs of so many bookings of a bus."""
    bus = await world.bus()
    for row in range(1, count + 1):
        await world.book(bus, [f"{row}A"], caller=world.agent(), method="cash")
    worker = (await world.worker()).jobs
    claimed = await worker.claim(count, timedelta(minutes=1))
    dead = Outcome(Ending.DEAD, "no such letter")
    await worker.finish([(job, dead, job.claimed_at) for job in claimed])
    return bus, [job.job_id for job in claimed]


async def listed(world: World, caller: Caller = _HOUSE, **wanted: object) -> list[JobLine]:
    return await world.store.outbox.list(caller, Wanted(**wanted), limit=10)  # type: ignore[arg-type] # whichever field


async def test_each_state_is_listed_and_what_is_done_by_its_bus_only(world: World) -> None:
    bus, jobs = await given_up(world, 3)
    await world.store.outbox.retry(_HOUSE, bus, jobs[0], _ASK)
    await world.store.outbox.discard(_HOUSE, bus, jobs[1], _ASK)
    (dead,) = await listed(world, world.manager())
    (queued,) = await listed(world, state=JobState.QUEUED)
    (done,) = await listed(world, state=JobState.DONE, bus_id=bus)
    assert [queued.job_id, done.job_id, dead.job_id] == jobs
    assert [line.last_error for line in (queued, done, dead)] == [
        "no such letter",
        "discarded: no such letter",
        "no such letter",
    ]
    assert len(await listed(world, state=None, bus_id=bus)) == 3
    with pytest.raises(InvalidRequest):
        await listed(world, state=JobState.DONE)
    with pytest.raises(NotFound):
        await listed(world, world.manager(), operator_id=world.operator_id + 1)


async def test_the_backlog_counts_what_is_due_and_what_was_given_up(world: World) -> None:
    assert await world.store.outbox.backlog() == Backlog()
    bus, jobs = await given_up(world, 2)
    await world.store.outbox.retry(_HOUSE, bus, jobs[0], _ASK)
    await world.edit(
        "UPDATE jobs SET due_at = now() - interval '1 hour' WHERE bus_id = $1 AND state = 'QUEUED'",
        bus,
    )
    backlog = await world.store.outbox.backlog()
    assert (backlog.due, backlog.dead) == (1, 1)
    assert backlog.oldest is not None
    assert timedelta(hours=1) <= backlog.oldest < timedelta(hours=2)


async def test_of_two_who_decide_at_once_one_does(world: World) -> None:
    bus, (job,) = await given_up(world, 1)
    answers = await asyncio.gather(
        *(world.store.outbox.discard(_HOUSE, bus, job, _ASK) for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, Reply) for answer in answers) == 1
    assert sum(isinstance(answer, WrongState) for answer in answers) == 3
    rows = await world.edit("SELECT FROM audit_log WHERE action = 'job.discard'")
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("agent", Forbidden),
        ("stranger", NotFound),
        ("rider", NotFound),
        ("support", Forbidden),
    ],
)
async def test_whoever_does_not_manage_the_operator_decides_nothing(
    world: World, who: str, refusal: type[Refusal]
) -> None:
    bus, (job,) = await given_up(world, 1)
    callers = {
        "agent": world.agent(),
        "stranger": Caller(7, Role.OPERATOR, world.operator_id + 1),
        "rider": world.rider(1),
        "support": Caller(8, Role.SUPPORT),
    }
    for decide in (world.store.outbox.retry, world.store.outbox.discard):
        with pytest.raises(refusal):
            await decide(callers[who], bus, job, _ASK)
    (line,) = await listed(world)
    assert line.state is JobState.DEAD
