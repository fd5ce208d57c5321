"""Which jobs what happens to a booking leaves behind, in the same transaction or not at all."""

import asyncio
import itertools
import json
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest

from store.db import Connection, Database
from store.errors import NotFound, SeatUnavailable
from store.jobs import Ending, Job, JobKind, Jobs, NewJob, Outcome, new_job_id, queue_job
from store.retention import JOBS_KEPT
from tests.support.world import World

_MINUTE = timedelta(minutes=1)


async def jobs(world: World, booking: int | None = None) -> list[asyncpg.Record]:
    """Return all jobs, or those of a booking, in their order."""
    return await world.edit(
        "SELECT bus_id, booking_id, job_id, operator_id, kind, detail, state, attempts, due_at, created_at, lease"
        " FROM jobs WHERE $1::bigint IS NULL OR booking_id = $1 ORDER BY booking_id, job_id",
        booking,
    )


async def kinds(world: World, booking: int | None = None) -> list[str]:
    return [row["kind"] for row in await jobs(world, booking)]


async def test_a_booking_that_waits_for_its_payment_leaves_no_job(world: World) -> None:
    bus = await world.bus()
    await world.book(bus, ["1A"])
    await world.book_hold(await world.hold(bus, ["1B"]))
    assert await jobs(world) == []


async def test_what_is_paid_at_once_and_what_is_paid_later_leave_one_each(world: World) -> None:
    bus = await world.bus()
    cash = await world.book(bus, ["1A"], caller=world.agent(), method="cash")
    paid = await world.pay(await world.book(bus, ["1B"]))
    again = await world.pay(paid)
    assert again.status == "CONFIRMED"
    rows = await jobs(world)
    assert [(row["booking_id"], row["kind"]) for row in rows] == [
        (booking.booking_id, "BOOKING_CONFIRMED") for booking in (cash, paid)
    ]
    assert [(row["bus_id"], row["operator_id"], row["state"], row["attempts"]) for row in rows] == [
        (bus, world.operator_id, "QUEUED", 0)
    ] * 2
    assert all(row["due_at"] == row["created_at"] for row in rows)


async def test_a_refusal_leaves_none(world: World) -> None:
    bus = await world.bus()
    await world.book(bus, ["1A"], caller=world.agent(), method="cash")
    with pytest.raises(SeatUnavailable):
        await world.book(bus, ["1A"], caller=world.agent(), method="cash")
    assert await kinds(world) == ["BOOKING_CONFIRMED"]


async def test_each_end_of_an_unpaid_booking_leaves_its_own(world: World) -> None:
    bus = await world.bus()
    failed, cancelled, expired = [await world.book(bus, [seat]) for seat in ("1A", "1B", "1C")]
    await world.decline(failed)
    await world.cancel(cancelled)
    await world.edit(
        "UPDATE bookings SET created_at = created_at - interval '1 hour', expires_at = now() - interval '1 minute'"
        " WHERE booking_id = $1",
        expired.booking_id,
    )
    # By the worker's role, whose sweep it is.
    assert await (await world.worker()).expiry.sweep() == 1
    assert await kinds(world, failed.booking_id) == ["BOOKING_FAILED"]
    assert await kinds(world, cancelled.booking_id) == ["BOOKING_CANCELLED"]
    assert await kinds(world, expired.booking_id) == ["BOOKING_EXPIRED"]


async def test_a_cancellation_names_its_seats_and_its_refund_which_comes_after_it(
    world: World,
) -> None:
    bus = await world.bus()
    booking = await world.pay(await world.book(bus, ["1A", "1B"]))
    await world.cancel(booking, ["1A"])
    await world.cancel(booking, ["1B"])
    rows = await jobs(world, booking.booking_id)
    assert [row["kind"] for row in rows] == [
        "BOOKING_CONFIRMED",
        *("BOOKING_CANCELLED", "REFUND", "BOOKING_CANCELLED", "REFUND"),
    ]
    details = [decoded(row) for row in rows]
    refunds = await world.edit("SELECT refund_id, seats FROM refunds ORDER BY created_at")
    assert details[1:] == [
        each
        for row in refunds
        for each in (
            {
                "seats": list(row["seats"]),
                "because": "rules",
                "refund_id": str(row["refund_id"]),
            },
            {"refund_id": str(row["refund_id"])},
        )
    ]


async def test_a_job_of_a_plain_transaction_is_there_if_and_only_if_it_commits(
    world: World,
) -> None:
    bus = await world.bus()
    booking = await world.book(bus, ["1A"])
    own = uuid.uuid5(uuid.NAMESPACE_URL, "reminder")
    due = datetime.now(UTC) + timedelta(days=1)
    job = NewJob(booking.booking_id, JobKind.REMINDER, {"hours": 24}, due, own)

    async def work(connection: Connection) -> None:
        await queue_job(connection, bus, job)

    async def fail(connection: Connection) -> None:
        await work(connection)
        raise LookupError

    store = await world.worker()
    with pytest.raises(LookupError):
        await store.db.transaction(None, fail)
    assert await jobs(world) == []
    for _ in range(2):  # its number is its own, so it is queued once
        await store.db.transaction(None, work)
    (row,) = await jobs(world)
    assert (row["job_id"], row["kind"], row["due_at"], decoded(row)) == (
        own,
        "REMINDER",
        due,
        {"hours": 24},
    )


async def test_there_is_no_job_of_a_booking_that_is_not_there_or_not_in_scope(world: World) -> None:
    bus = await world.bus()
    booking = await world.book(bus, ["1A"])

    for scope, number in ((None, booking.booking_id + 1), ([], booking.booking_id)):
        with pytest.raises(NotFound):
            await world.store.db.transaction(scope, partial(remind, bus, number))
    assert await jobs(world) == []


async def remind(bus: int, number: int, connection: Connection) -> None:
    await queue_job(connection, bus, NewJob(number, JobKind.REMINDER))


def test_numbers_grow_with_time_and_within_a_moment() -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    moments = [moment + timedelta(microseconds=micros) for micros in (0, 0, 1, 999, 1000, 10**9)]
    numbers = [new_job_id(each) for each in moments for _ in range(3)]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == len(numbers)
    assert {number.version for number in numbers} == {7}
    assert {number.variant for number in numbers} == {uuid.RFC_4122}


# Claims. Both ways to them: in one statement, and as a cluster has it, found first and taken bus by bus.


@pytest.fixture(params=[False, True], ids=["one statement", "bus by bus"])
async def shared(world: World, request: pytest.FixtureRequest) -> Jobs:
    db = (await world.worker()).db
    return Jobs(Database(db._pool, is_spread=request.param or db.is_spread))


async def sold(world: World, count: int) -> None:
    buses = [await world.bus() for _ in range(3)]
    seats = [f"{row}A" for row in range(1, 11)]
    for bus, seat in itertools.islice(((bus, seat) for seat in seats for bus in buses), count):
        await world.book(bus, [seat], caller=world.agent(), method="cash")


async def test_what_one_worker_claims_no_other_gets_before_its_lease_is_over(
    world: World, shared: Jobs
) -> None:
    await sold(world, 20)
    claims = await asyncio.gather(*(shared.claim(8, _MINUTE) for _ in range(4)))
    # On a cluster all may find the same ones first, and all but one come too late.
    claims += [await shared.claim(20, _MINUTE), await shared.claim(20, _MINUTE)]
    claimed = [job.job_id for jobs in claims for job in jobs]
    assert len(claimed) == len(set(claimed)) == 20
    assert claims[-1] == []
    await world.edit("UPDATE jobs SET leased_until = now() - interval '1 second'")
    again = await shared.claim(100, _MINUTE)
    assert {job.attempts for job in again} == {2}
    assert len(again) == 20


async def test_of_a_bookings_jobs_the_earliest_is_claimed_and_nothing_beside_it(
    world: World, shared: Jobs
) -> None:
    bus = await world.bus()
    booking = await world.pay(await world.book(bus, ["1A"]))
    await world.cancel(booking)
    seen: list[JobKind] = []
    while claimed := await shared.claim(10, _MINUTE):
        (job,) = claimed
        assert await shared.claim(10, _MINUTE) == []
        seen.append(job.kind)
        await finish(shared, job, Ending.DONE)
    assert seen == [JobKind.BOOKING_CONFIRMED, JobKind.BOOKING_CANCELLED, JobKind.REFUND]


async def test_one_that_was_given_up_lets_those_after_it_pass(world: World, shared: Jobs) -> None:
    bus = await world.bus()
    booking = await world.pay(await world.book(bus, ["1A"]))
    await world.cancel(booking)
    (first,) = await shared.claim(10, _MINUTE)
    await finish(shared, first, Ending.RETRIED, pause=_MINUTE)
    assert await shared.claim(10, _MINUTE) == [], "it is tried again soon"
    await world.edit("UPDATE jobs SET due_at = now() WHERE attempts > 0")
    (first,) = await shared.claim(10, _MINUTE)
    await finish(shared, first, Ending.DEAD)
    (second,) = await shared.claim(10, _MINUTE)
    assert second.kind is JobKind.BOOKING_CANCELLED


async def test_a_lease_that_is_renewed_lasts_and_one_that_was_taken_is_not(
    world: World, shared: Jobs
) -> None:
    await sold(world, 2)
    first = await shared.claim(2, _MINUTE)
    until = first[0].claimed_at + timedelta(hours=1)
    assert await shared.renew(first, until) == {job.job_id for job in first}
    rows = await world.edit("SELECT DISTINCT leased_until FROM jobs")
    assert [row["leased_until"] for row in rows] == [until]
    await world.edit("UPDATE jobs SET leased_until = now() WHERE job_id = $1", first[0].job_id)
    (second,) = await shared.claim(2, _MINUTE)
    assert await shared.renew(first, until) == {first[1].job_id}
    assert await finish(shared, first[0], Ending.DONE) == set()
    assert await finish(shared, second, Ending.DONE) == {second.job_id}
    assert await finish(shared, second, Ending.DONE) == set(), "its lease is gone"


async def test_counts_of_several_workers_add_up(world: World) -> None:
    store = await world.worker()
    tries = {("REFUND", "done"): 2, ("REFUND", "dead"): 1}
    await asyncio.gather(*(store.jobs.count(tries) for _ in range(5)))
    await store.jobs.count({})
    assert await world.store.outbox.counts() == {key: 5 * value for key, value in tries.items()}


async def test_what_was_done_long_ago_is_forgotten_and_what_was_given_up_is_not(
    world: World,
) -> None:
    await sold(world, 4)
    store = await world.worker()
    done, dead, *_ = await store.jobs.claim(4, _MINUTE)
    await finish(store.jobs, done, Ending.DONE)
    await finish(store.jobs, dead, Ending.DEAD)
    await world.edit(
        "UPDATE jobs SET created_at = created_at - $1::interval, done_at = done_at - $1::interval",
        JOBS_KEPT + _MINUTE,
    )
    await store.retention.purge()
    rows = await jobs(world)
    assert done.job_id not in {row["job_id"] for row in rows}
    assert sorted(row["state"] for row in rows) == ["DEAD", "QUEUED", "QUEUED"]


async def finish(
    shared: Jobs, job: Job, ending: Ending, *, pause: timedelta = timedelta(0)
) -> set[uuid.UUID]:
    return await shared.finish([(job, Outcome(ending, "because", pause), job.claimed_at)])


def decoded(row: asyncpg.Record) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row["detail"])
    return found
