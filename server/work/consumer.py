"""The consumer's end of a broker: to the runner of jobs it is where jobs come from, instead of the table alone.

What is delivered is a slip; whether there is anything to do the table says (`store/carriage.py`). So however a try
ends, the delivery is done with: a job that is to be tried again comes from the relay, when its time has come.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from realtime.supervise import cancel
from server.work.carriers import Carrier, CarrierLost, Delivery
from server.work.carriers.carrier import unpack
from server.work.carriers.lasting import keep_carrying
from server.work.handler import Handler, Work
from store import Store
from store.errors import StoreError
from store.jobs import Job, JobKind, Outcome

log = logging.getLogger("omnibus.work")

_WAIT_SECONDS = 0.5
_DATABASE_AWAY_SECONDS = 2.0
_GIVE_BACK_SECONDS = 1.0


@dataclass(slots=True)
class _Parcel:
    """A delivery, and who brought it.

    `told_at` is when the broker last heard of it, `kept_at` when its job was last known to be ours.
    """

    delivery: Delivery
    carrier: Carrier
    told_at: float
    kept_at: float = 0.0

    async def ack(self) -> None:
        with suppress(CarrierLost):  # then it comes again, and there is nothing to do
            await self.carrier.ack(self.delivery)

    async def nack(self, later_seconds: float) -> None:
        with suppress(CarrierLost):
            await self.carrier.nack(self.delivery, later_seconds=later_seconds)

    async def hold_on(self, now: float, quiet_seconds: float) -> None:
        self.kept_at = now
        if now - self.told_at > quiet_seconds / 3:
            self.told_at = now
            with suppress(CarrierLost):
                await self.carrier.hold_on(self.delivery)


class DeliveredJobs:
    """Jobs for a `Runner`, as a broker delivers them; `receive` has to run beside it."""

    def __init__(self, store: Store, url: str, *, prefetch: int, lease: timedelta) -> None:
        self._jobs = store.jobs
        self._carriage = store.carriage
        self._url = url
        self._prefetch = prefetch
        # Longer than the table waits, lest the broker brings what is found to be somebody's still.
        self._quiet_seconds = 1.5 * lease.total_seconds()
        self._arrived: asyncio.Queue[_Parcel] = asyncio.Queue()
        self._taken: dict[UUID, _Parcel] = {}
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """Let `receive` give back what is not begun, take leave of the broker, and return."""
        self._leaving.set()

    async def receive(self) -> None:
        """Take in what the broker delivers, as long as there is one, until `leave`; raise CarrierMissing."""
        await keep_carrying(
            self._url,
            self._receive,
            prefetch=self._prefetch,
            quiet_seconds=self._quiet_seconds,
        )

    async def claim(
        self, limit: int, lease_time: timedelta, kinds: Sequence[str] = tuple(JobKind)
    ) -> list[Job]:
        """Wait a moment for deliveries, and take up to `limit` of their jobs; nothing else as `Jobs.claim`.

        `kinds` decides nothing: who consumes, consumes whatever was handed over.
        """
        del kinds
        await self._forget(lease_time)
        parcels = await self._collect(limit)
        taken = await asyncio.gather(*(self._take(parcel, lease_time) for parcel in parcels))
        return [job for job in taken if job is not None]

    async def finish(self, ended: Sequence[tuple[Job, Outcome, datetime]]) -> set[UUID]:
        """Do as `Jobs.finish`, and then tell the broker that these deliveries are done with."""
        kept = await self._jobs.finish(ended)
        parcels = [self._taken.pop(job.job_id, None) for job, _, _ in ended]
        await asyncio.gather(*(parcel.ack() for parcel in parcels if parcel is not None))
        return kept

    async def renew(self, jobs: Sequence[Job], until: datetime) -> set[UUID]:
        """Do as `Jobs.renew`, and have the broker wait, too."""
        now = asyncio.get_running_loop().time()
        parcels = [self._taken[job.job_id] for job in jobs if job.job_id in self._taken]
        await asyncio.gather(*(parcel.hold_on(now, self._quiet_seconds) for parcel in parcels))
        return await self._jobs.renew(jobs, until)

    async def count(self, tries: Mapping[tuple[str, str], int]) -> None:
        """Do as `Jobs.count`."""
        await self._jobs.count(tries)

    async def _receive(self, carrier: Carrier) -> None:
        reading = asyncio.create_task(self._read(carrier))
        leaving = asyncio.create_task(self._leaving.wait())
        try:
            await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
        finally:
            await cancel([reading, leaving])
            # What was not begun is somebody else's: at once if the broker still hears us, else when it has missed us.
            waiting = [self._arrived.get_nowait() for _ in range(self._arrived.qsize())]
            with suppress(TimeoutError):
                async with asyncio.timeout(_GIVE_BACK_SECONDS):
                    await asyncio.gather(*(parcel.nack(0.0) for parcel in waiting))

    async def _read(self, carrier: Carrier) -> None:
        loop = asyncio.get_running_loop()
        async for delivery in carrier.deliveries():
            self._arrived.put_nowait(_Parcel(delivery, carrier, loop.time()))

    async def _collect(self, limit: int) -> list[_Parcel]:
        parcels: list[_Parcel] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(_WAIT_SECONDS):
                parcels.append(await self._arrived.get())
        while parcels and len(parcels) < limit and not self._arrived.empty():
            parcels.append(self._arrived.get_nowait())
        return parcels

    async def _take(self, parcel: _Parcel, lease_time: timedelta) -> Job | None:
        try:
            slip = unpack(parcel.delivery.body)
        except msgspec.DecodeError as error:
            log.warning("the broker delivered what is no slip of ours: %s", error)
            with suppress(CarrierLost):
                await parcel.carrier.bury(parcel.delivery)
            return None
        try:
            job = await self._carriage.take(slip, lease_time)
        except StoreError as error:
            log.warning("job %s was not taken: %s", slip.job_id, error)
            await asyncio.sleep(_DATABASE_AWAY_SECONDS)  # some brokers bring it back at once
            await parcel.nack(_DATABASE_AWAY_SECONDS)
            return None
        if job is None:
            await parcel.ack()
            return None
        if (earlier := self._taken.pop(job.job_id, None)) is not None:
            await earlier.ack()
        parcel.kept_at = asyncio.get_running_loop().time()
        self._taken[job.job_id] = parcel
        return job

    async def _forget(self, lease_time: timedelta) -> None:
        """Have done with deliveries whose jobs were not finished, the database being away: the lease is long over."""
        oldest = asyncio.get_running_loop().time() - 2 * lease_time.total_seconds()
        for job_id in [each for each, parcel in self._taken.items() if parcel.kept_at < oldest]:
            await self._taken.pop(job_id).ack()


def through_inbox(handlers: Mapping[JobKind, Sequence[Handler]]) -> dict[JobKind, list[Handler]]:
    """Return handlers that run only for jobs of which the inbox does not say that they are done with them."""
    return {kind: [_noting(handler) for handler in each] for kind, each in handlers.items()}


def _noting(handler: Handler) -> Handler:
    name = handler_name(handler)

    async def handle(job: Job, work: Work) -> None:
        if not await work.store.job_inbox.has(job, name):
            await handler(job, work)
            await work.store.job_inbox.note(job, name)

    return handle


def handler_name(handler: Callable[[Job, Work], Awaitable[None]]) -> str:
    """Return what the inbox knows a handler by."""
    function = getattr(handler, "func", handler)
    return f"{function.__module__}.{getattr(function, '__qualname__', type(function).__qualname__)}"
