"""Which way the outbox is worked off: by workers straight from the table, or through a broker."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial
from typing import Protocol

from realtime.supervise import cancel
from server.work.attempt import attempt
from server.work.carriers import find_carrier
from server.work.consumer import DeliveredJobs, through_inbox
from server.work.handler import Handler, Work
from server.work.handlers import HANDLERS
from server.work.relay import Relay, RelayPace
from server.work.runner import Pace, Runner
from store.jobs import JobKind

_FAREWELL_SECONDS = 2.0


class Part(StrEnum):
    """What of a broker's work one process does."""

    WHOLE = "whole"
    RELAY = "relay"
    CONSUMER = "consumer"


class Outbox(Protocol):
    def leave(self) -> None:
        """Begin nothing more; let `run` return when what runs has ended, within bounds."""

    async def run(self) -> None:
        """Work until told to leave."""


def open_outbox(work: Work, part: Part = Part.WHOLE) -> Outbox:
    """Return what works the outbox off as the settings say; raise CarrierMissing."""
    if work.settings.broker_url is None:
        return Runner(work.store.jobs, partial(attempt, work=work))
    find_carrier(work.settings.broker_url)
    return CarriedOutbox(work, part)


class CarriedOutbox:
    """A relay that hands jobs over to a broker, a consumer that does what it delivers, or both."""

    def __init__(
        self,
        work: Work,
        part: Part = Part.WHOLE,
        *,
        handlers: Mapping[JobKind, Sequence[Handler]] = HANDLERS,
        pace: Pace | None = None,
        relay_pace: RelayPace | None = None,
    ) -> None:
        url = work.settings.broker_url
        assert url is not None, "there is no broker"
        store, pace = work.store, pace or Pace()
        self._relay = Relay(store, url, relay_pace or RelayPace())
        self._delivered = DeliveredJobs(store, url, prefetch=pace.at_once, lease=pace.lease)
        # Asking waits for a delivery, so there is nothing to be gained by asking more rarely.
        pace = replace(pace, poll_seconds_max=pace.poll_seconds)
        self._runner = Runner(
            self._delivered, partial(attempt, work=work, handlers=through_inbox(handlers)), pace
        )
        self._part = part

    def leave(self) -> None:
        self._relay.leave()
        self._runner.leave()

    async def run(self) -> None:
        working = set()
        receiving = set()
        if self._part is not Part.CONSUMER:
            working.add(asyncio.create_task(self._relay.run()))
        if self._part is not Part.RELAY:
            working.add(asyncio.create_task(self._runner.run()))
            receiving.add(asyncio.create_task(self._delivered.receive()))
        try:
            await _all_done(working, receiving)
            self._delivered.leave()
            if receiving:
                await asyncio.wait(receiving, timeout=_FAREWELL_SECONDS)
        finally:
            await cancel(working | receiving)


async def _all_done(working: "set[asyncio.Task[None]]", others: "set[asyncio.Task[None]]") -> None:
    """Wait for those who work; raise what any of these or of the others fails with."""
    while working:
        done, _ = await asyncio.wait(working | others, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        working = working - done
