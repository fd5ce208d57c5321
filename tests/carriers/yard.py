"""Where jobs are loaded onto brokers and off them: in this process, or in some that can be killed."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from server.config import Settings
from server.payments.cashier import Cashier
from server.work.handler import Handler, Work
from server.work.outbox import CarriedOutbox, Part
from server.work.relay import RelayPace
from server.work.runner import Pace
from store.facade import StoreOptions
from store.jobs import Job, JobKind, NewJob, new_job_id, queue_jobs
from store.model import Booking
from store.roles import WORKER
from tests.carriers.effects import TABLE, leave_effect
from tests.support import forked
from tests.support.brokers import Broker
from tests.support.waiting import wait_until
from tests.support.world import World

PACE = Pace(at_once=4, lease=timedelta(seconds=1), renew_seconds=0.3, poll_seconds_max=0.1)
RELAY_PACE = RelayPace(batch=10, claim_seconds=1.0, handed_seconds=2.0, idle_seconds_max=0.1)
PATIENCE_SECONDS = 30.0
_LEAVE_EFFECTS: Mapping[JobKind, Sequence[Handler]] = dict.fromkeys(JobKind, (leave_effect,))


@dataclass(slots=True)
class Yard:
    world: World
    broker: Broker
    folder: Path
    bus_id: int
    _work: Work
    _processes: list[forked.Process] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def open(cls, world: World, broker: Broker, folder: Path) -> AsyncIterator[Self]:
        await world.owner.execute(TABLE)
        await world.owner.execute("GRANT SELECT, INSERT ON effects TO omnibus_worker")
        store = await world.open_store(StoreOptions(pool_size=8, role=WORKER))
        settings = Settings(database_url=world.url, broker_url=broker.url)
        yard = cls(
            world, broker, folder, await world.bus(), Work(store, settings, Cashier(store, [], ""))
        )
        try:
            yield yard
        finally:
            for process in yard._processes:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    # Jobs.

    async def sell(self, seats: int, *, first_row: int = 1) -> list[Booking]:
        """Sell so many seats, each by itself; each leaves a job."""
        rows = range(first_row, first_row + (seats + 3) // 4)
        labels = [f"{row}{letter}" for row in rows for letter in "ABCD"][:seats]
        return [await self.world.book(self.bus_id, [label], method="cash") for label in labels]

    async def queue(self, booking: Booking, jobs: int) -> None:
        """Queue that many more jobs of a booking, in the order of their numbers."""
        now = datetime.now(UTC)
        new = [
            NewJob(booking.booking_id, JobKind.BUS_CHANGED, job_id=new_job_id(now))
            for _ in range(jobs)
        ]
        async with self.world.owner.transaction():
            await self.world.owner.execute(
                "SELECT set_config('omnibus.operators', $1, true)", f"{{{self.world.operator_id}}}"
            )
            await queue_jobs(self.world.owner, self.bus_id, new)

    async def states(self) -> Counter[str]:
        return Counter(row["state"] for row in await self.world.edit("SELECT state FROM jobs"))

    async def claim(self) -> list[Job]:
        """Claim everything, as a relay would that then is slow."""
        return await self._work.store.jobs.claim(100, timedelta(minutes=1))

    async def are_over(self) -> bool:
        return not (await self.states())["QUEUED"]

    async def all_done(self) -> None:
        """Wait until no job is left, and see that each is done."""
        await wait_until(self.are_over, seconds=PATIENCE_SECONDS)
        assert (await self.states()).keys() == {"DONE"}

    async def are_handed_over(self) -> bool:
        rows = await self.world.edit(
            "SELECT lease IS NOT DISTINCT FROM $1 AS is_handed FROM jobs", uuid.UUID(int=0)
        )
        return all(row["is_handed"] for row in rows)

    # Effects.

    async def effects(self) -> Counter[uuid.UUID]:
        """Return how many effects each job had; without fail, for each job there is."""
        rows = await self.world.edit(
            "SELECT j.job_id, count(e.job_id) AS times FROM jobs AS j LEFT JOIN effects AS e USING (job_id)"
            " GROUP BY j.job_id"
        )
        return Counter({row["job_id"]: row["times"] for row in rows})

    async def each_had_one_effect(self, jobs: int) -> None:
        effects = await self.effects()
        assert len(effects) == jobs
        assert set(effects.values()) == {1}

    async def order(self) -> dict[int, list[uuid.UUID]]:
        """Return the jobs of each booking, in the order of their effects."""
        found: dict[int, list[uuid.UUID]] = {}
        for row in await self.world.edit("SELECT booking_id, job_id FROM effects ORDER BY number"):
            found.setdefault(row["booking_id"], []).append(row["job_id"])
        return found

    # Who carries them.

    @asynccontextmanager
    async def hauling(
        self,
        part: Part = Part.WHOLE,
        handlers: Mapping[JobKind, Sequence[Handler]] = _LEAVE_EFFECTS,
    ) -> AsyncIterator[None]:
        """Relay or consume, in this process, and leave in good order."""
        outbox = CarriedOutbox(
            self._work, part, handlers=handlers, pace=PACE, relay_pace=RELAY_PACE
        )
        running = asyncio.create_task(outbox.run())
        try:
            yield
            assert not running.done(), running.exception()
        finally:
            outbox.leave()
            await running

    def start_process(self, *flags: str, die_at: str = "-") -> forked.Process:
        """Start a worker in a process of its own, which may die at a point of the relay."""
        with (self.folder / "worker.log").open("ab") as log:
            process = forked.Process.start(
                *("tests.carriers.hauler", str(self.folder), die_at, "worker", *flags),
                environment={
                    "OMNIBUS_DATABASE_URL": self.world.url,
                    "OMNIBUS_BROKER_URL": self.broker.url,
                    "OMNIBUS_DATA_DIR": str(self.folder / "data"),
                },
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        return process
