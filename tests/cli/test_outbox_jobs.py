"""`omnibus outbox jobs`, as an operator would run it; and a worker that tells what it did."""

from pathlib import Path

from store.ids import format_owned
from tests.api.served import Served
from tests.cli.commands import omnibus
from tests.cli.test_worker import metrics, working
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until
from tests.support.world import World


async def given_up(world: World, count: int) -> tuple[int, list[str]]:
    """Let workers have given up the jobs of so many bookings; return the bus, and the jobs, newest first."""
    bus = await world.bus()
    for row in range(1, count + 1):
        await world.book(bus, [f"{row}A"], caller=world.agent(), method="cash")
    rows = await world.edit(
        "UPDATE jobs SET state = 'DEAD', attempts = 15, last_error = 'no such letter' RETURNING job_id"
    )
    return bus, [
        format_owned(bus, number) for number in sorted((r["job_id"] for r in rows), reverse=True)
    ]


async def test_jobs_that_were_given_up_are_listed_tried_again_and_discarded(world: World) -> None:
    bus, jobs = await given_up(world, 3)
    ran = omnibus("outbox", "jobs", DATABASE_URL=world.url)
    assert ran.code == 0, ran.err
    assert [line.split()[0] for line in ran.out.splitlines()] == jobs
    assert ran.out.splitlines()[0].endswith("(15 tries: no such letter)")
    ran = omnibus("outbox", "jobs", "discard", jobs[0], DATABASE_URL=world.url)
    assert (ran.code, ran.out) == (0, f"{jobs[0]} was discarded\n"), ran.err
    ran = omnibus("outbox", "jobs", "retry", "--all", "--json", DATABASE_URL=world.url)
    assert (ran.code, ran.json) == (0, {"jobs": jobs[1:]}), ran.err
    assert omnibus("outbox", "jobs", DATABASE_URL=world.url).out == ""
    listed = omnibus("outbox", "jobs", "--bus", str(bus), "--json", DATABASE_URL=world.url).json[
        "items"
    ]
    assert [(item["id"], item["state"]) for item in listed] == [
        (jobs[0], "DONE"),
        *((job, "QUEUED") for job in jobs[1:]),
    ]
    assert listed[0]["last_error"] == "discarded: no such letter"
    rows = await world.edit("SELECT action, actor_id FROM audit_log WHERE action LIKE 'job.%'")
    assert sorted(tuple(row) for row in rows) == [("job.discard", None), *[("job.retry", None)] * 2]


async def test_what_cannot_be_decided_is_said(world: World) -> None:
    _, (job,) = await given_up(world, 1)
    omnibus("outbox", "jobs", "discard", job, DATABASE_URL=world.url)
    ran = omnibus("outbox", "jobs", "retry", job, DATABASE_URL=world.url)
    assert (ran.code, ran.err) == (1, f"omnibus: {job}: this job is done\n")
    ran = omnibus("outbox", "jobs", "retry", "nothing", DATABASE_URL=world.url)
    assert (ran.code, ran.err) == (1, "omnibus: there is no job nothing\n")
    ran = omnibus("outbox", "jobs", "retry", DATABASE_URL=world.url)
    assert (ran.code, ran.err) == (1, "omnibus: name jobs by their numbers, or say --all\n")
    ran = omnibus("outbox", "jobs", "--state", "DONE", DATABASE_URL=world.url)
    assert ran.code == 1
    assert "--bus" in ran.err


async def test_the_worker_does_what_waits_and_its_counts_are_in_the_metrics_of_the_api(
    world: World, valkey: ThrowawayValkey, tmp_path: Path
) -> None:
    bus = await world.bus()
    await world.book(bus, ["1A"], caller=world.agent(), method="cash")
    async with Served(world.url, valkey.url) as served:
        async with working(world.url, valkey.url, tmp_path / "worker.log"):
            await wait_until(
                lambda: world.edit("SELECT FROM jobs WHERE state = 'DONE'"), seconds=30
            )
        # Told to stop, it has left its counts.
        text = await metrics(served)
    assert '\nomnibus_jobs_total{kind="BOOKING_CONFIRMED",outcome="done"} 1.0\n' in text
    assert "\nomnibus_jobs_due 0.0\n" in text
    assert "\nomnibus_jobs_dead 0.0\n" in text
