"""Jobs that a broker carries: handed over by a relay, taken by a consumer.

The table stays the truth. A broker carries the names of jobs; whatever it loses is handed over again, whatever it
doubles, delays or reorders finds here that there is nothing to do.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

import asyncpg

from store.db import Database
from store.errors import Overloaded
from store.jobs import Job, read_job
from store.queries import Queries

SQL = Queries.beside(__file__)
WITH_BROKER: Final = uuid.UUID(int=0)
"""The lease of jobs that a broker has: nobody works on them, and nobody hands them over, until it is over."""


@dataclass(frozen=True, slots=True)
class Slip:
    """What a broker carries: which job, which try of it, and the lease of the relay that hands it over.

    Nothing of the booking itself leaves the database.
    """

    bus_id: int
    booking_id: int
    job_id: uuid.UUID
    attempt: int
    lease: uuid.UUID

    @classmethod
    def of(cls, job: Job) -> Self:
        """Return that of a job that was claimed to be handed over: claiming has counted a try that is yet to come."""
        return cls(job.bus_id, job.booking_id, job.job_id, job.attempts - 1, job.lease)


class Carriage:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def count_handed(self, limit: int) -> int:
        """Return how many of the first `limit` jobs a broker has; raise Overloaded."""
        row = await self._db.fetchrow(SQL["count_handed"], limit, WITH_BROKER)
        return row["handed"] if row else 0

    async def hand_over(self, jobs: Sequence[Job], until: datetime) -> None:
        """Note that a broker has these jobs, which we have claimed: until then nobody hands them over again.

        Locks those that still carry our lease. What a consumer has taken meanwhile stays with it. Raises Overloaded,
        and may be asked again then.
        """
        for part in _parts(jobs, is_spread=self._db.is_spread):
            # In the order of their keys, as those lock them who finish what consumers have taken already.
            places = sorted((job.bus_id, job.booking_id, job.job_id, job.lease) for job in part)
            columns = zip(*places, strict=True)
            try:
                await self._db.fetch(SQL["hand_over"], *columns, WITH_BROKER, until)
            except asyncpg.DeadlockDetectedError as error:
                raise Overloaded from error

    async def take(self, slip: Slip, lease_time: timedelta) -> Job | None:
        """Take the job of a slip that was delivered, under a lease of ours.

        None if there is nothing to do: it is done or dead, somebody works on it, or the slip is of an earlier try.
        So however many copies of a slip there are, one is taken. Locks the job. Raises Overloaded; it may then be
        taken all the same, and comes again when that lease is over.
        """
        lease = uuid.uuid4()
        place = (slip.bus_id, slip.booking_id, slip.job_id)
        row = await self._db.fetchrow(
            *(SQL["take"], *place, slip.attempt),
            *(slip.lease, WITH_BROKER, lease, lease_time),
        )
        return None if row is None else read_job(row, lease, row["now"])


def _parts(jobs: Sequence[Job], *, is_spread: bool) -> list[list[Job]]:
    """Return what one statement may change: everything, or on a cluster what is of one bus."""
    parts: dict[int, list[Job]] = {}
    for job in jobs:
        parts.setdefault(job.bus_id if is_spread else 0, []).append(job)
    return list(parts.values())
