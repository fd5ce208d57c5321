"""What runs by the clock: expired holds are told, old rows are forgotten."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from server.mail.postman import Postman
from server.metrics import EXPIRED
from server.payments.cashier import Cashier
from server.webhooks.sender import Sender
from store import Store
from store.errors import StoreError
from store.invariants import Violations

log = logging.getLogger("omnibus.jobs")


@dataclass(frozen=True, slots=True)
class Job:
    """`run` every `seconds`, give or take a fifth, so that processes do not march in step.

    `first_seconds` is how long the first time is waited for, if not as long.
    """

    name: str
    seconds: float
    run: Callable[[], Awaitable[object]]
    first_seconds: float | None = None


def sweep_jobs(store: Store) -> list[Job]:
    """Return what every process does: any of them may be the last one alive."""

    async def sweep() -> None:
        EXPIRED.inc(await store.expiry.sweep())

    return [Job("sweep", 1.0, sweep)]


def money_jobs(cashier: Cashier) -> list[Job]:
    """Return what every process does that can reach the providers; each payment is one process's at a time."""
    return [
        Job("webhooks", 1.0, cashier.read_inbox),
        Job("open payments", 1.0, cashier.look_due),
    ]


def house_jobs(store: Store, postman: Postman) -> list[Job]:
    """Return what one worker is enough for."""
    alarm = Alarm()

    async def watch() -> None:
        alarm.tell(await store.watch.look())

    async def verify() -> None:
        for broken in await store.audit_chains.look():
            log.critical(
                "AUDIT LOG BROKEN: chain of operator %s at position %s: %s",
                broken.chain.operator_id,
                broken.broken_at,
                broken.reason,
            )

    async def keep_months() -> None:
        done = await store.months.keep()
        if not done.is_whole:
            log.warning("months of calls put off: something else has a lock on them")

    return [
        Job("watch", 60.0, watch, first_seconds=2.0),
        Job("verify audit log", 86_400.0, verify, first_seconds=5.0),
        Job("purge", 600.0, store.retention.purge),
        Job("months", 21_600.0, keep_months, first_seconds=10.0),
        Job("purge sessions", 3600.0, store.sessions.purge),
        Job("mails", 1.0, postman.deliver),
        Job("purge mails", 3600.0, postman.forget),
        Job("purge codes", 3600.0, store.pairing.purge),
        Job("purge webhooks", 3600.0, store.inbox.purge),
        Job("purge waiting rooms", 3600.0, store.rooms.purge),
        Job("purge imports", 3600.0, store.imports.purge),
        Job("no-shows", 30.0, store.no_shows.sweep),
    ]


def webhook_jobs(store: Store, sender: Sender) -> list[Job]:
    """Return what any number of workers share: each takes what is due."""
    return [
        Job("webhooks", 0.5, sender.deliver),
        Job("webhook counts", 5.0, sender.leave_counts),
        Job("purge webhooks", 3600.0, store.webhook_outbox.purge),
    ]


class Alarm:
    """Says which invariants are broken, once for every change: an alarm that never stops is soon switched off."""

    def __init__(self) -> None:
        self._told: dict[str, Violations] = {}

    def tell(self, found: Mapping[str, Violations]) -> None:
        """Log what is broken since the last time, or otherwise, and what is whole again."""
        for name, broken in found.items():
            if broken != self._told.get(name):
                rows = "; ".join(broken.rows)
                log.critical("INVARIANT BROKEN: %s, %d rows: %s", name, broken.count, rows)
        for name in self._told.keys() - found.keys():
            log.warning("invariant whole again: %s", name)
        self._told = dict(found)


async def run_jobs(jobs: list[Job]) -> None:
    """Run jobs until cancelled. A job that fails is logged and comes around again."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(job), name=job.name)


async def _repeat(job: Job) -> None:
    seconds = job.first_seconds or job.seconds
    while True:
        await asyncio.sleep(seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
        seconds = job.seconds
        try:
            await job.run()
        except StoreError as error:
            log.warning("%s put off: %s", job.name, error)
        except Exception:
            log.exception("%s failed", job.name)
