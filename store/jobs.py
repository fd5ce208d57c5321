"""The outbox of jobs: what happened to a booking, for whoever does what must happen outside of the database.

A job is written in the transaction that made it happen, so there is one if and only if it happened. A worker claims it
under a lease, does the work, and finishes it by naming the lease: one whose lease was taken over meanwhile finishes
nothing. The work may be done twice, when a worker died in between, so whoever does it must make that once.
"""

import itertools
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
import msgspec
from asyncpg.pgproto.pgproto import UUID

from store.db import Connection, Database, Record
from store.errors import NotFound, Overloaded
from store.queries import Queries

if TYPE_CHECKING:
    from store.ledger import Changes
    from store.model import Booking

T = TypeVar("T")

SQL = Queries.beside(__file__)
ATTEMPTS_MAX = 15
"""After so many tries a job is given up: some three to five hours, as they are spaced."""
_ERROR_LENGTH = 300
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BITS_OF_TURN, _BITS_OF_CHANCE = 32, 30
# Two jobs of one moment keep their order if one process made them, as it does if one transaction did.
_turns = itertools.count(random.getrandbits(_BITS_OF_TURN - 1))


class JobKind(StrEnum):
    """What happened; workers know what is to be done about it (`server/work/handlers.py`)."""

    BOOKING_CONFIRMED = "BOOKING_CONFIRMED"
    BOOKING_CANCELLED = "BOOKING_CANCELLED"
    """In part or as a whole: detail has `seats`, their numbers, and `refund_id` if money goes back."""
    BOOKING_EXPIRED = "BOOKING_EXPIRED"
    BOOKING_FAILED = "BOOKING_FAILED"
    PAYMENT_LATE = "PAYMENT_LATE"
    REFUND = "REFUND"
    """Money is to go back, or was just handed over at a counter: detail has `refund_id`."""
    BUS_CHANGED = "BUS_CHANGED"
    """The bus of a paid booking: detail has `change`, which is `cancelled` or `rescheduled`."""
    REMINDER = "REMINDER"
    PASSENGER_MOVED = "PASSENGER_MOVED"
    """To another seat of the same bus: detail has `before` and `after`, numbers of seats."""
    MAIL_AGAIN = "MAIL_AGAIN"
    """Staff has what stands of a booking told once more."""


class JobState(StrEnum):
    QUEUED = "QUEUED"
    DONE = "DONE"
    DEAD = "DEAD"


@dataclass(frozen=True, slots=True)
class Job:
    """One that this worker has under its lease; `attempts` counts this try."""

    bus_id: int
    booking_id: int
    job_id: uuid.UUID
    operator_id: int
    kind: JobKind
    detail: Mapping[str, Any]
    attempts: int
    due_at: datetime
    created_at: datetime
    lease: uuid.UUID
    claimed_at: datetime
    last_error: str | None = None
    """What was in the way the last time."""


class Ending(StrEnum):
    """What becomes of a job that was tried: `DROPPED` is one that was not, and goes back as it was."""

    DONE = "done"
    RETRIED = "retried"
    PUT_OFF = "put_off"
    DEAD = "dead"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try; `pause` is how long the next one waits, `reason` what was in the way."""

    ending: Ending
    reason: str | None = None
    pause: timedelta = field(default=timedelta(0))


@dataclass(frozen=True, slots=True)
class NewJob:
    """One to be queued. With a number of its own (`uuid.uuid5`) it is queued once, however often that is asked."""

    booking_id: int
    kind: JobKind
    detail: Mapping[str, Any] = field(default_factory=dict)
    due_at: datetime | None = None
    job_id: uuid.UUID | None = None


class Jobs:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def claim(
        self, limit: int, lease_time: timedelta, kinds: Sequence[str] = tuple(JobKind)
    ) -> list[Job]:
        """Take up to so many jobs that are due, each for nobody else until the lease is over; oldest first.

        Of a booking's jobs the earliest alone. Locks the jobs (SKIP LOCKED, so that workers share them); on a cluster,
        where they are found first and locked bus by bus, whoever is late leaves them. Raises Overloaded.
        """
        lease = uuid.uuid4()
        if self._db.is_spread:
            rows, now = await self._claim_by_bus(limit, lease, lease_time, kinds)
        else:
            rows = await self._db.fetch(SQL["claim"], limit, lease, lease_time, list(kinds))
            now = rows[0]["now"] if rows else None
        jobs = [read_job(row, lease, now) for row in rows if now is not None]
        return sorted(jobs, key=lambda job: (job.due_at, job.job_id))

    async def _claim_by_bus(
        self, limit: int, lease: uuid.UUID, lease_time: timedelta, kinds: Sequence[str]
    ) -> tuple[list[Record], datetime | None]:
        found = await self._db.fetch(SQL["find_due"], limit, list(kinds))
        by_bus: dict[int, list[Record]] = {}
        for row in found:
            by_bus.setdefault(row["bus_id"], []).append(row)
        if not found:
            return [], None
        now: datetime = found[0]["now"]
        claimed: list[Record] = []
        for bus_id, rows in by_bus.items():
            claimed += await self._db.fetch(
                SQL["claim_found"],
                bus_id,
                [row["booking_id"] for row in rows],
                [row["job_id"] for row in rows],
                lease,
                now + lease_time,
                now,
            )
        return claimed, now

    async def finish(self, ended: Sequence[tuple[Job, Outcome, datetime]]) -> set[uuid.UUID]:
        """Write what came of jobs, each at its moment; return those that were still ours to finish.

        Locks the jobs that carry our lease. Raises Overloaded, and may be asked again then: what was written already
        has no lease any more, and is not among those returned.
        """
        parts = self._parts(ended, [job.bus_id for job, _, _ in ended])
        kept: set[uuid.UUID] = set()
        for part in parts:
            rows = sorted(_ended(*each) for each in part)
            kept |= await self._change("finish", *zip(*rows, strict=True))
        return kept

    async def renew(self, jobs: Sequence[Job], until: datetime) -> set[uuid.UUID]:
        """Keep jobs under their leases for longer; return those that nobody has taken over. Raises Overloaded."""
        parts = self._parts(jobs, [job.bus_id for job in jobs])
        kept: set[uuid.UUID] = set()
        for part in parts:
            places = sorted((job.bus_id, job.booking_id, job.job_id, job.lease) for job in part)
            kept |= await self._change("renew", *zip(*places, strict=True), until)
        return kept

    async def _change(self, query: str, *columns: object) -> set[uuid.UUID]:
        """Change rows in the order of their keys, as whoever else changes several does; return which were changed."""
        try:
            return {row["job_id"] for row in await self._db.fetch(SQL[query], *columns)}
        except asyncpg.DeadlockDetectedError as error:
            # The planner may join in another order; whoever is put off asks again.
            raise Overloaded from error

    def _parts(self, things: Sequence[T], buses: Sequence[int]) -> list[list[T]]:
        """Return what one statement each may change: everything, or on a cluster what is of one bus."""
        parts: dict[int, list[T]] = {}
        for thing, bus_id in zip(things, buses, strict=True):
            parts.setdefault(bus_id if self._db.is_spread else 0, []).append(thing)
        return list(parts.values())

    async def count(self, tries: Mapping[tuple[str, str], int]) -> None:
        """Add to what is counted for good, by kind and ending. Locks the counts in order. Raises Overloaded."""
        columns = zip(*((*what, number) for what, number in sorted(tries.items())), strict=True)
        arrays = [list(column) for column in columns]

        async def work(connection: Connection) -> None:
            await connection.execute(SQL["add_counts"], *arrays)

        if tries:
            await self._db.transaction([], work)


def note_job(
    changes: "Changes",
    booking: "Booking",
    kind: JobKind,
    detail: Mapping[str, Any] | None = None,
    due_at: datetime | None = None,
) -> None:
    """Note a job of a booking that a request of the engine decides about; it is written with everything else."""
    bus = booking.bus
    changes.write(
        "add_jobs",
        (
            bus.bus_id,
            booking.booking_id,
            new_job_id(changes.at),
            bus.operator_id,
            kind,
            msgspec.json.encode(detail).decode() if detail else "{}",
            due_at or changes.at,
            changes.at,
        ),
    )


async def queue_job(connection: Connection, bus_id: int, job: NewJob) -> None:
    """Queue one job in the transaction that is open on `connection`; raise NotFound when there is no such booking."""
    await queue_jobs(connection, bus_id, [job])


async def queue_jobs(connection: Connection, bus_id: int, jobs: Sequence[NewJob]) -> None:
    """Queue jobs of bookings of one bus, in their order, in the transaction that is open on `connection`.

    Locks nothing: whoever needs them in the order of what happened holds the bookings or the bus row. Raises NotFound
    when one of the bookings is not there, or not in scope.
    """
    wanted = {job.booking_id for job in jobs}
    found = await connection.fetch(SQL["find_bookings"], bus_id, sorted(wanted))
    if len(found) < len(wanted):
        raise NotFound("booking")
    if not found:
        return
    now = found[0]["now"]
    rows = [
        (
            job.booking_id,
            job.job_id or new_job_id(now),
            job.kind,
            msgspec.json.encode(job.detail).decode(),
            job.due_at or now,
        )
        for job in jobs
    ]
    columns = zip(*rows, strict=True)
    await connection.execute(SQL["queue"], bus_id, found[0]["operator_id"], *columns, now)


def new_job_id(at: datetime) -> uuid.UUID:
    """Return a number that is larger than those of earlier moments, and than any this process gave before for this one.

    A UUID of version 7: milliseconds, then microseconds, then a turn that counts up, then chance.
    """
    millis, micros = divmod((at - _EPOCH) // _MICROSECOND, 1000)
    turn = next(_turns) & ((1 << _BITS_OF_TURN) - 1)
    low = turn << _BITS_OF_CHANCE | random.getrandbits(_BITS_OF_CHANCE)
    number = millis << 80 | 7 << 76 | micros << 66 | 2 << 62 | low
    return UUID(number.to_bytes(16))


def read_job(row: Record, lease: uuid.UUID, now: datetime) -> Job:
    """Return the job of a row that was taken under a lease at that moment."""
    return Job(
        bus_id=row["bus_id"],
        booking_id=row["booking_id"],
        job_id=row["job_id"],
        operator_id=row["operator_id"],
        kind=JobKind(row["kind"]),
        detail=msgspec.json.decode(row["detail"]),
        attempts=row["attempts"],
        due_at=row["due_at"],
        created_at=row["created_at"],
        lease=lease,
        claimed_at=now,
        last_error=row["last_error"],
    )


def _ended(job: Job, outcome: Outcome, at: datetime) -> tuple[Any, ...]:
    """Return what `finish` takes of one job."""
    ending = outcome.ending
    state, due_at, done_at, error = JobState.QUEUED, at + outcome.pause, None, outcome.reason
    if ending is Ending.DONE:
        state, due_at, done_at, error = JobState.DONE, job.due_at, at, None
    elif ending is Ending.DEAD:
        state, due_at = JobState.DEAD, job.due_at
    elif ending is Ending.DROPPED:
        due_at, error = job.due_at, job.last_error
    return (
        job.bus_id,
        job.booking_id,
        job.job_id,
        job.lease,
        state,
        due_at,
        int(ending in {Ending.PUT_OFF, Ending.DROPPED}),
        done_at,
        error and error[:_ERROR_LENGTH],
    )
