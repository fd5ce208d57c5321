"""(t) How fast one worker empties the outbox; (u) what the outbox costs a sale that writes into it.

Jobs are queued by SQL, one for each of so many bookings that were paid long ago; the worker is the product's own, in
the bench's process. Beside it: the same rows marked one after the other, each by a statement of its own.
"""

import itertools
import time
from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg

from server.config import Settings
from server.payments.cashier import Cashier
from server.work.attempt import attempt
from server.work.handler import Handler, Work
from server.work.runner import Runner
from store import Store
from store.facade import StoreOptions
from store.jobs import Job, JobKind, Outcome
from store.queries import Queries
from store.roles import WORKER
from tests.bench.effort import Effort
from tests.bench.fleet import Fleet, Fleets
from tests.bench.growth import load
from tests.bench.machine import CLIENT, POSTGRES
from tests.bench.report import Bound, Ratio, Round, Section, Subject
from tests.bench.rig import Rig
from tests.bench.shop import open_shop

SQL = Queries.beside(__file__)
_POOL = 10
_SILENT = ("-m", "tests.bench.silent_server", "serve")


async def backlog_drained(fleets: Fleets, effort: Effort) -> Section:
    """Empty the same backlog in three ways, in turn: nothing to do for each job, one row to write, and the baseline."""
    nothing = Subject("one worker, jobs that do nothing")
    writing = Subject("one worker, jobs that write a row each")
    plain = Subject("one UPDATE for each, one after the other")
    async with fleets.lend() as fleet:
        await load(fleet, existing=effort.backlog)
        for _ in range(effort.rounds):
            for subject, drain in (
                (plain, _mark),
                (nothing, partial(work_off, do_nothing)),
                (writing, partial(work_off, _write)),
            ):
                subject.rounds.append(await drain_backlog(fleets.rig, fleet, effort.backlog, drain))
    return Section(
        "t",
        f"a backlog of {effort.backlog:,} jobs, a booking each, drained",
        (nothing, writing, plain),
        [Ratio("per second", mine, plain, "≥ 1.0") for mine in (nothing, writing)],
        [Bound("per second", mine, "≥ 500") for mine in (nothing, writing)],
        ("every job was done once, in the worker's own count and in the database",),
    )


async def bookings_with_jobs(fleets: Fleets, effort: Effort) -> Section:
    """Sell for cash, which confirms at once and so writes a job, with and without the writing, in turn."""
    on, off = Subject("omnibus"), Subject("the same server, writing no jobs")
    async with (
        open_shop(fleets, effort, is_cash=True) as shop,
        open_shop(fleets, effort, is_cash=True, program=_SILENT) as silent,
    ):
        for turn in range(4 * effort.rounds):  # short ones, so that neighbours share the mood
            pairs = [(on, shop), (off, silent)]
            for subject, each in pairs if turn % 2 else reversed(pairs):
                subject.rounds.append(await each.sell(effort.seconds / 2))
        checked = [await each.check() for each in (shop, silent)]
        written = await shop.fleet.ask("SELECT count(*) FROM jobs")
        unwritten = await silent.fleet.ask("SELECT count(*) FROM jobs")
    if (written, unwritten) != (shop.sold, 0):
        raise RuntimeError(
            f"{written} and {unwritten} jobs for {shop.sold} and {silent.sold} sales"
        )
    return Section(
        "u",
        f"bookings a second for cash, each with a job in the outbox, {effort.clients} clients",
        (on, off),
        (
            Ratio("per second", on, off, "≥ 0.95"),
            Ratio("API + PostgreSQL µs", on, off, "≤ 1.05"),
        ),
        notes=(f"with jobs: {shop.breakdown()}", f"without: {silent.breakdown()}", *checked),
    )


async def drain_backlog(
    rig: Rig, fleet: Fleet, backlog: int, drain: Callable[[Store, int], Awaitable[None]]
) -> Round:
    """Queue a job for each of so many bookings, and return what it took a worker to drain them."""
    await _queue(fleet, backlog)
    store = await Store.open(fleet.url, StoreOptions(_POOL, role=WORKER))
    try:
        before, started_at = rig.read_cpu(), time.perf_counter()
        await drain(store, backlog)
        seconds, cpu = time.perf_counter() - started_at, rig.read_cpu() - before
    finally:
        await store.close()
    if left := await fleet.ask("SELECT count(*) FROM jobs WHERE state <> 'DONE' OR attempts > 1"):
        raise RuntimeError(f"{left} of {backlog} jobs were not done at the first try")
    return {
        "per second": backlog / seconds,
        "worker µs": cpu.of(CLIENT) / backlog * 1e6,
        "PostgreSQL µs": cpu.of(*POSTGRES) / backlog * 1e6,
    }


async def _queue(fleet: Fleet, backlog: int) -> None:
    connection = await asyncpg.connect(fleet.superuser_url)
    try:
        await connection.execute(SQL["clear"])
        await connection.execute(SQL["queue"], backlog)
        await connection.execute("VACUUM (ANALYZE) jobs")
        await connection.execute("CHECKPOINT")  # or the round would pay for what was queued
    finally:
        await connection.close()


async def work_off(handler: Handler, store: Store, backlog: int) -> None:
    """Let a worker leave when it has come to the last job: leaving, it writes what came of all it has."""
    handlers = {JobKind.BOOKING_CONFIRMED: (handler,)}
    work = Work(store, Settings(), Cashier(store, [], ""))
    left = itertools.count(backlog - 1, -1)

    async def attempt_one(job: Job) -> Outcome:
        outcome = await attempt(job, work, handlers)
        if next(left) == 0:
            runner.leave()
        return outcome

    runner = Runner(store.jobs, attempt_one)
    await runner.run()


async def _mark(store: Store, _backlog: int) -> None:
    for row in await store.db.fetch(SQL["find"]):
        await store.db.fetch(SQL["mark"], *row)


async def do_nothing(_job: Job, _work: Work) -> None:
    return


async def _write(job: Job, work: Work) -> None:
    await work.store.db.fetch(SQL["write"], job.job_id)
