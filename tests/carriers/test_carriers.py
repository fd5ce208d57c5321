"""Jobs by way of a broker, the same over each: one effect for every job, whoever dies and whatever is lost."""

import asyncio
import re
import signal
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

import pytest

from server.work.carriers import Carrier, find_carrier
from server.work.handler import GiveUp, Handler, Later, Work
from server.work.outbox import Part
from store import jobs
from store.carriage import Slip
from store.jobs import ATTEMPTS_MAX, Job, JobKind
from tests.carriers.effects import failing_at_first, leave_effect
from tests.carriers.yard import Yard
from tests.support.twins import locking
from tests.support.waiting import wait_until


def handled_by(*handlers: Handler) -> Mapping[JobKind, Sequence[Handler]]:
    return dict.fromkeys(JobKind, handlers)


async def test_a_job_goes_through_the_broker_and_has_its_effect_once(yard: Yard) -> None:
    async with AsyncExitStack() as stack:
        for part in (Part.RELAY, Part.RELAY, Part.CONSUMER, Part.CONSUMER):
            await stack.enter_async_context(yard.hauling(part))
        await yard.sell(24)
        await yard.all_done()
    await yard.each_had_one_effect(24)


async def test_what_the_broker_delivers_twice_or_nobody_can_read_changes_nothing(
    yard: Yard,
) -> None:
    await yard.sell(3)
    claimed = await yard.claim()
    carrier = await find_carrier(yard.broker.url).open(yard.broker.url, prefetch=1)
    for _ in range(3):
        await carrier.publish([Slip.of(job) for job in claimed])
    await carrier.publish([Slip(yard.bus_id, 1, uuid.uuid4(), 0, uuid.uuid4())])
    await publish_garbage(carrier)
    await carrier.close()
    async with yard.hauling(Part.CONSUMER):
        await yard.all_done()
        # Whatever came before this one has been seen to.
        await yard.sell(1, first_row=5)
        async with yard.hauling(Part.RELAY):
            await yard.all_done()
    await yard.each_had_one_effect(4)


@pytest.mark.fault
@pytest.mark.parametrize("point", ["before_publish_of_jobs", "after_publish_of_jobs"])
async def test_a_relay_that_dies_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    yard: Yard, point: str
) -> None:
    await yard.sell(12)
    relay = yard.start_process("--relay-only", die_at=point)
    async with yard.hauling(Part.CONSUMER):
        assert await relay.wait() == -signal.SIGKILL
        async with yard.hauling(Part.RELAY):
            await yard.all_done()
    await yard.each_had_one_effect(12)


@pytest.mark.fault
async def test_a_consumer_that_dies_in_the_middle_of_a_job_does_not_double_its_effect(
    yard: Yard,
) -> None:
    await yard.sell(12)
    (yard.folder / "kill").touch()
    consumer = yard.start_process("--consume-only")
    async with yard.hauling(Part.RELAY):
        assert await consumer.wait() == -signal.SIGKILL
        assert not await yard.are_over(), "it was done before it could be killed"
        async with yard.hauling(Part.CONSUMER):
            await yard.all_done()
    await yard.each_had_one_effect(12)


@pytest.mark.parametrize("has_inbox", [True, False], ids=["", "twin: without the inbox"])
async def test_a_handler_that_failed_after_its_effect_is_kept_from_a_second_one_by_the_inbox(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, *, has_inbox: bool
) -> None:
    if not has_inbox:
        monkeypatch.setattr("store.job_inbox.enter", forget)
    await yard.sell(3)
    async with yard.hauling(handlers=handled_by(failing_at_first(OSError("no answer")))):
        await yard.all_done()
    assert sorted((await yard.effects()).values()) == ([1] * 3 if has_inbox else [2] * 3)


async def test_a_handler_that_is_done_is_not_asked_again_because_another_one_failed(
    yard: Yard,
) -> None:
    runs: list[str] = []

    async def steady(_job: Job, _work: Work) -> None:
        runs.append("steady")

    async def unsteady(job: Job, _work: Work) -> None:
        runs.append("unsteady")
        if job.attempts == 1:
            raise OSError("no answer")

    await yard.sell(1)
    async with yard.hauling(handlers=handled_by(steady, unsteady)):
        await yard.all_done()
    assert sorted(runs) == ["steady", "unsteady", "unsteady"]


@pytest.mark.fault
async def test_while_the_broker_is_away_sales_go_on_and_what_it_forgot_is_done_when_it_is_back(
    yard: Yard,
) -> None:
    await yard.sell(8)
    async with yard.hauling(Part.RELAY):
        await wait_until(yard.are_handed_over)
        yard.broker.stop()
        await yard.sell(8, first_row=3)
        assert (await yard.states()) == {"QUEUED": 16}
        async with yard.hauling(Part.CONSUMER):
            await yard.broker.start_soon()
            await yard.all_done()
    await yard.each_had_one_effect(16)


@pytest.mark.parametrize("is_ordered", [True, False], ids=["", "twin: whatever is due is claimed"])
async def test_jobs_of_a_booking_are_done_in_their_order_by_three_consumers(
    yard: Yard, *, is_ordered: bool
) -> None:
    bookings = await yard.sell(6)
    for booking in bookings:
        await yard.queue(booking, 5)

    put_off: set[uuid.UUID] = set()

    async def slow_at_first(job: Job, work: Work) -> None:
        # The first jobs of a booking take longest, so that whoever does not wait overtakes.
        if job.kind is JobKind.BOOKING_CONFIRMED:
            if job.job_id not in put_off:
                put_off.add(job.job_id)
                raise Later(0.05)
            await asyncio.sleep(0.05)
        await leave_effect(job, work)

    async with AsyncExitStack() as stack:
        if not is_ordered:
            stack.enter_context(locking(without_order, jobs.SQL))
        for part in (Part.RELAY, Part.CONSUMER, Part.CONSUMER, Part.CONSUMER):
            await stack.enter_async_context(yard.hauling(part, handled_by(slow_at_first)))
        await yard.all_done()
    order = await yard.order()
    assert {len(jobs) for jobs in order.values()} == {6}
    assert all(jobs == sorted(jobs) for jobs in order.values()) == is_ordered


async def test_a_job_that_comes_to_nothing_ends_dead_in_the_table(yard: Yard) -> None:
    hopeless, failing, deadly, good = [each.booking_id for each in await yard.sell(4)]
    set_attempts = "UPDATE jobs SET attempts = $2 WHERE booking_id = $1"
    await yard.world.edit(set_attempts, failing, ATTEMPTS_MAX - 1)
    await yard.world.edit(set_attempts, deadly, ATTEMPTS_MAX)  # each took its consumer with it

    async def handle(job: Job, work: Work) -> None:
        if job.booking_id == hopeless:
            raise GiveUp("there is no such address")
        if job.booking_id == failing:
            raise OSError("no answer")
        await leave_effect(job, work)

    async with yard.hauling(handlers=handled_by(handle)):
        await wait_until(yard.are_over)
    rows = await yard.world.edit("SELECT booking_id, state, last_error FROM jobs")
    assert {row["booking_id"]: (row["state"], row["last_error"]) for row in rows} == {
        hopeless: ("DEAD", "there is no such address"),
        failing: ("DEAD", "OSError: no answer"),
        deadly: ("DEAD", "no worker got to its end"),
        good: ("DONE", None),
    }


@pytest.mark.fault
async def test_a_worker_that_is_told_to_leave_ends_what_it_does_and_told_twice_leaves_it(
    yard: Yard,
) -> None:
    hold, holding = yard.folder / "hold", yard.folder / "holding"
    hold.touch()
    await yard.sell(1)
    patient = yard.start_process()
    await wait_until(holding.exists, seconds=30)
    patient.send_signal(signal.SIGTERM)
    hold.unlink()
    assert await patient.wait() == 0
    await yard.each_had_one_effect(1)
    assert (await yard.states()) == {"DONE": 1}

    hold.touch()
    holding.unlink()
    await yard.sell(1, first_row=3)
    hasty = yard.start_process()
    await wait_until(holding.exists, seconds=30)

    # Two of a kind might arrive as one.
    hasty.send_signal(signal.SIGINT)
    hasty.send_signal(signal.SIGTERM)
    assert await hasty.wait() == 0
    # It did not even give it back.
    assert [row["lease"] for row in await yard.world.edit(LEFT)] != [None]
    async with yard.hauling():
        await yard.all_done()
    await yard.each_had_one_effect(2)


LEFT = "SELECT lease FROM jobs WHERE state = 'QUEUED'"


async def publish_garbage(carrier: Carrier) -> None:
    """Publish what no relay of ours would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{type(carrier).__module__}.pack", lambda _: b'{"who": "knows"}')
        await carrier.publish([Slip(1, 1, uuid.uuid4(), 0, uuid.uuid4())])


def without_order(text: str) -> str:
    return re.sub(r"AND NOT EXISTS \(.+?\)(?=\s+ORDER BY d\.due_at)", "", text, flags=re.DOTALL)


async def forget(*_: object) -> bool:
    """Stand in for the inbox, and know of nothing."""
    return True
