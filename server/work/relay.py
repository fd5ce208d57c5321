"""The relay: takes jobs that are due from the table and hands them over to a broker.

It claims a batch under a short lease, has the broker confirm every slip, and only then notes that the broker has the
jobs. A relay that dies in between leaves jobs that are handed over once more; so does a broker that loses them, but a
minute later.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from realtime.supervise import cancel
from server.work.carriers import Carrier, CarrierLost
from server.work.carriers.lasting import keep_carrying
from store import Store
from store.carriage import Slip
from store.errors import StoreError
from store.fault_points import fault_point
from store.jobs import ATTEMPTS_MAX, Ending, Job, JobKind, Outcome

log = logging.getLogger("omnibus.work")

_SPENT = "no worker got to its end"


@dataclass(frozen=True, slots=True)
class RelayPace:
    """`handed_seconds` is how long a broker may keep a job before it is taken for lost.

    It has at most `handed_max`: more than consumers see to within that time would only be handed over twice.
    """

    batch: int = 100
    claim_seconds: float = 5.0
    handed_seconds: float = 60.0
    handed_max: int = 2000
    idle_seconds: float = 0.05
    idle_seconds_max: float = 1.0
    leave_seconds: float = 2.5


class Relay:
    def __init__(self, store: Store, url: str, pace: RelayPace = RelayPace()) -> None:
        self._store = store
        self._url = url
        self._pace = pace
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """Let `run` return after the batch that is under way."""
        self._leaving.set()

    async def run(self) -> None:
        """Hand jobs over, as long as there is a broker, until `leave`; raise CarrierMissing."""
        relaying = asyncio.create_task(keep_carrying(self._url, self._relay, prefetch=1))
        leaving = asyncio.create_task(self._leaving.wait())
        try:
            await asyncio.wait({relaying, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if relaying.done():
                await relaying
            # Its batch is soon over; a broker that is away is not worth waiting for.
            await asyncio.wait({relaying}, timeout=self._pace.leave_seconds)
        finally:
            await cancel([relaying, leaving])

    async def _relay(self, carrier: Carrier) -> None:
        idle_seconds = self._pace.idle_seconds
        while not self._leaving.is_set():
            try:
                handed = await self._hand_over(carrier)
            except CarrierLost:
                raise
            except StoreError as error:
                log.warning("jobs are not handed over: %s", error)
                handed = 0
            except Exception:
                log.exception("jobs are not handed over")
                handed = 0
            if handed:
                idle_seconds = self._pace.idle_seconds
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(idle_seconds):
                    await self._leaving.wait()
            idle_seconds = min(self._pace.idle_seconds_max, idle_seconds * 1.5)

    async def _hand_over(self, carrier: Carrier) -> int:
        """Hand over one batch; return how many jobs it had."""
        pace, store = self._pace, self._store
        room = pace.handed_max - await store.carriage.count_handed(2 * pace.handed_max)
        if room <= 0:
            return 0
        claimed = await store.jobs.claim(
            min(pace.batch, room), timedelta(seconds=pace.claim_seconds), tuple(JobKind)
        )
        spent = [job for job in claimed if job.attempts > ATTEMPTS_MAX]
        jobs = [job for job in claimed if job.attempts <= ATTEMPTS_MAX]
        await self._end(spent, Outcome(Ending.DEAD, _SPENT))
        if not jobs:
            return len(claimed)
        fault_point("before_publish_of_jobs")
        try:
            await carrier.publish([Slip.of(job) for job in jobs])
        except CarrierLost:
            await self._end(jobs, Outcome(Ending.DROPPED))
            raise
        fault_point("after_publish_of_jobs")
        until = jobs[0].claimed_at + timedelta(seconds=pace.handed_seconds)
        await store.carriage.hand_over(jobs, until)
        return len(claimed)

    async def _end(self, jobs: Sequence[Job], outcome: Outcome) -> None:
        if jobs:
            # If this fails, too, their lease is soon over.
            with suppress(StoreError):
                await self._store.jobs.finish([(job, outcome, job.claimed_at) for job in jobs])
