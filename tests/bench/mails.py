"""(v) How many mails one worker writes a second, each into a file that is on the disk when it is marked as sent.

The postman is the product's own, in the bench's process; the bookings are paid, of two passengers each. Beside it: jobs
that do nothing, for what comes before a mail is the same either way, a row that is taken, and one that is marked.
"""

import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from server.mail.letters import House
from server.mail.postman import Postman
from server.mail.sink import FileSink
from store import Store
from store.facade import StoreOptions
from store.mails import Template
from store.queries import Queries
from store.roles import WORKER
from tests.bench.effort import Effort
from tests.bench.fleet import Fleet, Fleets
from tests.bench.growth import load
from tests.bench.machine import CLIENT, POSTGRES
from tests.bench.outbox import do_nothing, drain_backlog, work_off
from tests.bench.report import Bound, Ratio, Round, Section, Subject
from tests.bench.rig import Rig

SQL = Queries.beside(__file__)
_POOL = 10
_HOUSE = House("https://tickets.example")


async def mails_a_second(fleets: Fleets, effort: Effort) -> Section:
    """Write tickets and notes of cancellation, and drain as many jobs that do nothing, in turn."""
    tickets = Subject("tickets: a PDF of two pages and a calendar's entry with each")
    notes = Subject("notes of a cancellation, nothing attached")
    plain = Subject("one worker, jobs that do nothing")
    async with fleets.lend() as fleet:
        await load(fleet, existing=effort.mails)
        for _ in range(effort.rounds):
            nothing = partial(work_off, do_nothing)
            plain.rounds.append(await drain_backlog(fleets.rig, fleet, effort.mails, nothing))
            for subject, template in (
                (tickets, Template.TICKET),
                (notes, Template.BOOKING_CANCELLED),
            ):
                subject.rounds.append(await _deliver(fleets.rig, fleet, effort.mails, template))
    return Section(
        "v",
        f"{effort.mails:,} mails written into files by one worker",
        (tickets, notes, plain),
        [
            Ratio("per second", tickets, plain, "≥ 0.01"),
            Ratio("per second", notes, plain, "≥ 0.05"),
        ],
        [Bound("per second", tickets, "≥ 10"), Bound("per second", notes, "≥ 50")],
        ("every mail is one whole file, and marked as sent",),
    )


async def _deliver(rig: Rig, fleet: Fleet, mails: int, template: Template) -> Round:
    await _queue(fleet, mails, template)
    store = await Store.open(fleet.url, StoreOptions(_POOL, role=WORKER))
    with TemporaryDirectory(prefix="omnibus-mails-") as folder:
        postman = Postman(store, FileSink(Path(folder)), _HOUSE)
        try:
            before, started_at = rig.read_cpu(), time.perf_counter()
            sent = await postman.deliver()
            seconds, cpu = time.perf_counter() - started_at, rig.read_cpu() - before
        finally:
            await postman.close()
            await store.close()
        files = _sizes(Path(folder))
    left = await fleet.ask("SELECT count(*) FROM mails WHERE state <> 'SENT' OR attempts > 1")
    if (sent, len(files), left) != (mails, mails, 0):
        raise RuntimeError(f"of {mails} mails {sent} left, {len(files)} arrived, {left} did not")
    return {
        "per second": mails / seconds,
        "worker µs": cpu.of(CLIENT) / mails * 1e6,
        "PostgreSQL µs": cpu.of(*POSTGRES) / mails * 1e6,
        "KiB": sum(files) / mails / 1024,
    }


def _sizes(folder: Path) -> list[int]:
    return [path.stat().st_size for path in folder.glob("*.eml")]


async def _queue(fleet: Fleet, mails: int, template: Template) -> None:
    connection = await asyncpg.connect(fleet.superuser_url)
    try:
        await connection.execute(SQL["clear"])
        await connection.execute(SQL["queue"], mails, template)
        await connection.execute("VACUUM (ANALYZE) mails")
        await connection.execute("CHECKPOINT")  # or the round would pay for what was queued
    finally:
        await connection.close()
