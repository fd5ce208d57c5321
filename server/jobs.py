"""What runs by the clock: expired holds are told, old rows are forgotten."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from server.metrics import EXPIRED
from store import Store
from store.errors import StoreError

log = logging.getLogger("omnibus.jobs")


@dataclass(frozen=True, slots=True)
class Job:
    """`run` every `seconds`, give or take a fifth, so that processes do not march in step."""

    name: str
    seconds: float
    run: Callable[[], Awaitable[object]]


def sweep_jobs(store: Store) -> list[Job]:
    """Return what every process does: any of them may be the last one alive."""

    async def sweep() -> None:
        EXPIRED.inc(await store.expiry.sweep())

    return [Job("sweep", 1.0, sweep)]


def house_jobs(store: Store) -> list[Job]:
    """Return what one worker is enough for."""
    return [
        Job("purge", 600.0, store.retention.purge),
        Job("purge sessions", 3600.0, store.sessions.purge),
    ]


async def run_jobs(jobs: list[Job]) -> None:
    """Run jobs until cancelled. A job that fails is logged and comes around again."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(job), name=job.name)


async def _repeat(job: Job) -> None:
    while True:
        await asyncio.sleep(job.seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
        try:
            await job.run()
        except StoreError as error:
            log.warning("%s put off: %s", job.name, error)
        except Exception:
            log.exception("%s failed", job.name)
