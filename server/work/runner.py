"""The worker of jobs: claims what is due, has it done, writes what came of it; any number of processes share the work.

Nothing is timed to be fast: whoever ends while a statement is under way is written by the next one, and while there is
something to do the next claim follows at once. When there is nothing, the questions grow rarer, up to one a second.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from store.errors import StoreError
from store.fault_points import fault_point
from store.jobs import Ending, Job, JobKind, Outcome

log = logging.getLogger("omnibus.work")
_LOST = "lost"
_RETRY_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Pace:
    """How much at once, how long a lease lasts and when it is renewed, how often is asked when nothing is due.

    `leave_seconds` is what running jobs get to end by themselves when the worker is told to leave.
    """

    at_once: int = 16
    lease: timedelta = timedelta(seconds=10)
    renew_seconds: float = 3.0
    poll_seconds: float = 0.02
    poll_seconds_max: float = 1.0
    leave_seconds: float = 2.5


@dataclass(slots=True, eq=False)
class _Held:
    """A job under our lease; `began` is when we took it, by the loop's clock."""

    job: Job
    began: float
    outcome: Outcome | None = None
    is_told: asyncio.Event = field(default_factory=asyncio.Event)


class JobSource(Protocol):
    """Where jobs come from, and where it is told what came of them: `Jobs`, or what stands before it."""

    async def claim(
        self, limit: int, lease_time: timedelta, kinds: Sequence[str] = ...
    ) -> list[Job]: ...

    async def finish(self, ended: Sequence[tuple[Job, Outcome, datetime]]) -> set[UUID]: ...

    async def renew(self, jobs: Sequence[Job], until: datetime) -> set[UUID]: ...

    async def count(self, tries: Mapping[tuple[str, str], int]) -> None: ...


class Runner:
    """Runs until `leave` is called or it is cancelled; cancelled, it leaves its jobs to their leases."""

    def __init__(
        self,
        jobs: JobSource,
        attempt: Callable[[Job], Awaitable[Outcome]],
        pace: Pace = Pace(),
        kinds: Sequence[str] = tuple(JobKind),
    ) -> None:
        self._jobs = jobs
        self._attempt = attempt
        self._pace = pace
        self._kinds = kinds
        self._held: dict[UUID, _Held] = {}
        self._handed: asyncio.Queue[_Held] = asyncio.Queue()
        self._ended: list[_Held] = []
        self._has_ended = asyncio.Event()
        self._idle = 0
        self._is_leaving = False
        self._stir = asyncio.Event()
        self._tries: Counter[tuple[str, str]] = Counter()

    def leave(self) -> None:
        """Claim no more; finish what runs, within bounds; give back the rest."""
        self._is_leaving = True
        self._stir.set()

    async def run(self) -> None:
        """Work until told to leave."""
        async with asyncio.TaskGroup() as group:
            helpers = [group.create_task(self._write_ends()), group.create_task(self._keep())]
            slots = [group.create_task(self._work()) for _ in range(self._pace.at_once)]
            await self._claim()
            await self._let_end()
            for task in slots:
                task.cancel()
            await asyncio.wait(slots)
            for task in helpers:
                task.cancel()
            await self._give_back()

    # Claiming.

    async def _claim(self) -> None:
        pause = self._pace.poll_seconds
        while not self._is_leaving:
            wanted = self._idle - self._handed.qsize()
            if wanted < 1:
                await self._stirred(None)
                continue
            claimed = await self._claim_some(wanted)
            began = asyncio.get_running_loop().time()
            for job in claimed:
                held = self._held[job.job_id] = _Held(job, began)
                self._handed.put_nowait(held)
            pause = self._pace.poll_seconds if claimed else pause * 2
            pause = min(pause, self._pace.poll_seconds_max)
            if len(claimed) < wanted:
                await self._stirred(pause)

    async def _claim_some(self, limit: int) -> list[Job]:
        try:
            return await self._jobs.claim(limit, self._pace.lease, self._kinds)
        except StoreError as error:
            log.warning("no jobs claimed: %s", error)
        except Exception:
            log.exception("no jobs claimed")
        return []

    async def _stirred(self, seconds: float | None) -> None:
        """Wait so long, give or take; until told to leave; or, without a time, until a slot is free."""
        if seconds is None:
            self._stir.clear()
            if not self._is_leaving and self._idle <= self._handed.qsize():
                await self._stir.wait()
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds * random.uniform(0.8, 1.2)):  # noqa: S311 - jitter
                while not self._is_leaving:
                    self._stir.clear()
                    await self._stir.wait()

    # Working.

    async def _work(self) -> None:
        while True:
            self._idle += 1
            self._stir.set()
            try:
                held = await self._handed.get()
            finally:
                self._idle -= 1
            fault_point("after_claim")
            held.outcome = await self._try(held.job)
            fault_point("before_finish")
            self._ended.append(held)
            self._has_ended.set()
            await held.is_told.wait()

    async def _try(self, job: Job) -> Outcome:
        try:
            return await self._attempt(job)
        except Exception as error:
            log.exception("%s %s was not even tried", job.kind, job.job_id)
            return Outcome(Ending.RETRIED, type(error).__name__, self._pace.lease)

    async def _write_ends(self) -> None:
        while True:
            await self._has_ended.wait()
            self._has_ended.clear()
            ended, self._ended = self._ended, []
            await self._write(ended)
            fault_point("after_finish")
            for held in ended:
                held.is_told.set()

    async def _write(self, ended: Sequence[_Held]) -> None:
        """Write what came of jobs; while the database is away, until their leases are over anyway."""
        loop = asyncio.get_running_loop()
        patience = loop.time() + self._pace.lease.total_seconds()
        kept = await self._finish(ended)
        while kept is None and loop.time() < patience:
            await asyncio.sleep(_RETRY_SECONDS)
            kept = await self._finish(ended)
        for held in ended:
            job = held.job
            self._held.pop(job.job_id, None)
            is_kept = job.job_id in (kept or ())
            self._tries[job.kind, _ending(held) if is_kept else _LOST] += 1
            if not is_kept:
                log.warning("%s %s was taken over", job.kind, job.job_id)
        self._stir.set()

    async def _finish(self, ended: Sequence[_Held]) -> set[UUID] | None:
        """Return which jobs were still ours to finish; None when there was no telling."""
        rows = [(held.job, held.outcome or _DROPPED, self._now(held)) for held in ended]
        try:
            return await self._jobs.finish(rows)
        except StoreError as error:
            log.warning("%d jobs are not finished yet: %s", len(ended), error)
        except Exception:
            log.exception("%d jobs are not finished yet", len(ended))
        return None

    # Keeping.

    async def _keep(self) -> None:
        """Renew the leases of what takes long, and leave our counts where everybody reads them."""
        while True:
            await asyncio.sleep(self._pace.renew_seconds)
            try:
                await self._renew()
                await self._count()
            except StoreError as error:
                log.warning("no leases renewed: %s", error)
            except Exception:
                log.exception("no leases renewed")

    async def _renew(self) -> None:
        now = asyncio.get_running_loop().time()
        old = [held for held in self._held.values() if now - held.began >= self._pace.renew_seconds]
        if old:
            until = max(map(self._now, old)) + self._pace.lease
            await self._jobs.renew([held.job for held in old], until)

    async def _count(self) -> None:
        tries, self._tries = self._tries, Counter()
        try:
            await self._jobs.count(tries)
        except BaseException:
            self._tries.update(tries)
            raise

    def _now(self, held: _Held) -> datetime:
        """The time by the database's clock, as it was when it gave us the job and as long ago as that is."""
        passed = asyncio.get_running_loop().time() - held.began
        return held.job.claimed_at + timedelta(seconds=passed)

    # Leaving.

    async def _let_end(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.leave_seconds):
                while self._held:
                    self._stir.clear()
                    await self._stir.wait()

    async def _give_back(self) -> None:
        if left := list(self._held.values()):
            await self._finish(left)
        with suppress(StoreError):
            await self._count()


_DROPPED = Outcome(Ending.DROPPED)


def _ending(held: _Held) -> str:
    return (held.outcome or _DROPPED).ending
