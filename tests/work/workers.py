"""Workers in the test's own process, each with a store of its own."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from server.config import Settings
from server.payments.cashier import Cashier
from server.work.attempt import attempt
from server.work.handler import Handler, Work
from server.work.runner import Pace, Runner
from store.facade import StoreOptions
from store.jobs import JobKind
from store.roles import WORKER
from tests.support.world import World
from tests.work.effects import KIND

QUICK = Pace(lease=timedelta(seconds=1), renew_seconds=0.3, poll_seconds_max=0.05)
PATIENT = Pace(poll_seconds_max=0.05)
"""With a lease that is not over before a busy machine is done."""
STALLING = Pace(
    at_once=1,
    lease=timedelta(milliseconds=300),
    renew_seconds=3600,
    poll_seconds_max=0.05,
    leave_seconds=60,
)
"""One that never renews its leases, as if it had been stopped; and takes over nothing, its hands being full."""


@dataclass(frozen=True, slots=True)
class Worker:
    runner: Runner
    task: "asyncio.Task[None]"

    async def leave(self) -> None:
        self.runner.leave()
        await self.task


@asynccontextmanager
async def working(
    world: World, *handlers: Handler, pace: Pace = QUICK, kinds: Sequence[JobKind] = (KIND,)
) -> AsyncIterator[Worker]:
    """Let a worker do the jobs that tests queue, by these handlers."""
    store = await world.open_store(StoreOptions(pool_size=4, role=WORKER))
    by_kind: Mapping[JobKind, Sequence[Handler]] = dict.fromkeys(kinds, handlers)
    attempts = partial(
        attempt, work=Work(store, Settings(), Cashier(store, [], "")), handlers=by_kind
    )
    runner = Runner(store.jobs, attempts, pace, kinds)
    task = asyncio.create_task(runner.run())
    try:
        yield Worker(runner, task)
    finally:
        runner.leave()
        await task
