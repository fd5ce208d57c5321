"""What becomes of a job that fails, is put off, is hopeless, or takes its worker with it."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from server.work.attempt import pause_after
from server.work.handler import GiveUp, Handler, Later, Work
from store.jobs import ATTEMPTS_MAX, Job
from tests.support.waiting import wait_until
from tests.support.world import World
from tests.work.effects import are_done, book, effects, lay_tables, leave_effect, queue
from tests.work.workers import working


def failing(error: Exception, booking: int) -> Callable[[Job, Work], Awaitable[None]]:
    """Return a handler that fails at the first job of one booking."""

    async def handle(job: Job, _work: Work) -> None:
        if job.booking_id == booking and job.detail["n"] == 0:
            raise error

    return handle


async def row_of(world: World, booking: int) -> dict[str, Any]:
    (row,) = await world.edit(
        "SELECT state, attempts, last_error, due_at - clock_timestamp() AS wait, lease FROM jobs"
        " WHERE booking_id = $1 AND detail @> '{\"n\": 0}'",
        booking,
    )
    return dict(row)


async def test_one_bad_job_holds_up_no_other_booking_and_once_given_up_not_its_own(
    world: World,
) -> None:
    await lay_tables(world)
    bus, bookings = await book(world, 6)
    await queue(world, bus, bookings, each=3)
    bad = bookings[0]
    async with working(world, failing(ValueError("no such letter"), bad), leave_effect()):
        await wait_until(lambda: has_tried(world, bad, 1))
        await wait_until(lambda: count_done(world, 15))
        # Its second and third job wait for it, as long as there is hope.
        assert (await row_of(world, bad))["state"] == "QUEUED"
        await world.edit(
            "UPDATE jobs SET attempts = $1, due_at = now() WHERE state = 'QUEUED' AND attempts > 0",
            ATTEMPTS_MAX - 1,
        )
        await wait_until(lambda: count_done(world, 17))
    row = await row_of(world, bad)
    assert (row["state"], row["attempts"], row["lease"]) == ("DEAD", ATTEMPTS_MAX, None)
    assert row["last_error"] == "ValueError: no such letter"
    assert await effects(world) == 18, "the other handler did its part"


@pytest.mark.parametrize(
    ("error", "state", "attempts", "said"),
    [
        (GiveUp("there is no such address"), "DEAD", 1, "there is no such address"),
        (Later(3600, "the provider is away"), "QUEUED", 0, "the provider is away"),
        (OSError("no route"), "QUEUED", 1, "OSError: no route"),
    ],
    ids=["hopeless", "put off", "failed"],
)
async def test_what_a_handler_says_decides(
    world: World, error: Exception, state: str, attempts: int, said: str
) -> None:
    await lay_tables(world)
    bus, bookings = await book(world, 1)
    await queue(world, bus, bookings)
    async with working(world, failing(error, bookings[0])):
        await wait_until(lambda: has_said(world, bookings[0], said))
        if isinstance(error, Later):
            # Whoever comes after it waits: it is in trouble, not merely set for later.
            await queue(world, bus, bookings)
    row = await row_of(world, bookings[0])
    assert (row["state"], row["attempts"], row["lease"]) == (state, attempts, None)
    if isinstance(error, Later):
        assert timedelta(minutes=59) < row["wait"] <= timedelta(hours=1)
        assert not await are_done(world)


async def test_a_job_that_takes_its_worker_with_it_every_time_is_given_up(world: World) -> None:
    await lay_tables(world)
    bus, bookings = await book(world, 1)
    await queue(world, bus, bookings)
    await world.edit("UPDATE jobs SET attempts = $1 WHERE state = 'QUEUED'", ATTEMPTS_MAX)
    async with working(world, leave_effect()):
        await wait_until(lambda: has_said(world, bookings[0], "no worker got to its end"))
    assert (await row_of(world, bookings[0]))["state"] == "DEAD"
    assert await effects(world) == 0


async def test_a_kind_that_a_worker_does_not_know_waits_for_one_that_does(world: World) -> None:
    await lay_tables(world)
    bus, bookings = await book(world, 2)
    await queue(world, bus, bookings)
    await world.edit("UPDATE jobs SET kind = 'SUNRISE' WHERE booking_id = $1", bookings[0])
    async with working(world, leave_effect()):
        await wait_until(lambda: count_done(world, 1))
    assert (await row_of(world, bookings[0]))["attempts"] == 0


@pytest.mark.parametrize(
    ("errors", "state"),
    [
        ([GiveUp("a"), OSError("b")], "QUEUED"),
        ([GiveUp("a"), Later(60, "b")], "QUEUED"),
        ([GiveUp("a"), None], "DEAD"),
        ([OSError("a"), Later(60, "b")], "QUEUED"),
    ],
    ids=str,
)
async def test_the_handler_that_has_most_hope_decides_whether_there_is_another_try(
    world: World, errors: list[Exception | None], state: str
) -> None:
    await lay_tables(world)
    bus, bookings = await book(world, 1)
    await queue(world, bus, bookings)
    handlers: list[Handler] = [failing(error, bookings[0]) for error in errors if error]
    async with working(world, *handlers, leave_effect()):
        await wait_until(lambda: has_said(world, bookings[0]))
    assert (await row_of(world, bookings[0]))["state"] == state
    assert await effects(world) == 1, "those that can do their part have done it"


def test_pauses_double_up_to_an_hour_and_never_fall_together() -> None:
    for attempts, longest in ((1, 1.0), (2, 2.0), (7, 64.0), (13, 3600.0), (40, 3600.0)):
        pauses = {pause_after(attempts).total_seconds() for _ in range(50)}
        assert len(pauses) > 25
        assert longest / 2 <= min(pauses) <= max(pauses) <= longest


async def has_tried(world: World, booking: int, times: int) -> bool:
    return bool((await row_of(world, booking))["attempts"] >= times)


async def has_said(world: World, booking: int, said: str | None = None) -> bool:
    error = (await row_of(world, booking))["last_error"]
    return error is not None if said is None else error == said


async def count_done(world: World, wanted: int) -> bool:
    rows = await world.edit("SELECT FROM jobs WHERE state = 'DONE' AND kind = 'BUS_CHANGED'")
    return len(rows) == wanted
