"""The position check: the one means against staleness that needs neither traffic nor Redis."""

import asyncio
import logging
import random
from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from realtime.counters import Counters
from realtime.effects import Head
from realtime.health import Health
from realtime.loader import SeatSource
from realtime.settings import HubSettings
from store.events import Position

log = logging.getLogger(__name__)


class Holder(Protocol):
    """Whoever believes to know how far buses have come."""

    def heads(self) -> dict[int, Head]:
        """Return what is held, at which heads."""

    def learn(self, asked: dict[int, Head], positions: Sequence[Position]) -> None:
        """Hear the answer for the buses in `asked`, which were at these heads."""


class PositionCheck:
    """Compares every bus this process holds with the database, in one query for all of them."""

    def __init__(
        self,
        holder: Holder,
        source: SeatSource,
        settings: HubSettings,
        *,
        health: Health,
        counters: Counters,
    ) -> None:
        self.holder = holder
        self._source = source
        self._settings = settings
        self._health = health
        self._counters = counters
        self._hurried = asyncio.Event()

    def hurry(self) -> None:
        """Something may have been missed: check now, not at the next interval."""
        self._hurried.set()

    async def run(self) -> None:
        while True:
            await self.check()
            await self._rest()

    async def check(self) -> None:
        self._hurried.clear()
        self._counters.checks += 1
        todo = iter(self.holder.heads().items())
        while True:
            asked = dict(islice(todo, self._settings.check_batch))
            if not asked and self._health.part("source"):
                return
            # A database that failed is asked even when nobody watches: how else would it be known
            # to be back?
            if not await self._compare(asked) or not asked:
                return

    async def _compare(self, asked: dict[int, Head]) -> bool:
        try:
            async with asyncio.timeout(self._settings.source_timeout_seconds):
                positions = await self._source.positions(list(asked))
        except Exception:  # whatever keeps the database from answering is over some day
            log.warning("checking %d positions failed", len(asked), exc_info=True)
            self._counters.check_failures += 1
            self._health.report("source", is_well=False)
            return False
        self._health.report("source", is_well=True)
        self.holder.learn(asked, positions)
        return True

    async def _rest(self) -> None:
        settings = self._settings
        is_live = self._health.is_live
        seconds = settings.check_seconds if is_live else settings.check_degraded_seconds
        # Shorter at times, never longer: processes fall out of step and the bound still holds.
        jittered = seconds * random.uniform(0.8, 1.0)  # noqa: S311 - spreads load, keeps no secret
        try:
            async with asyncio.timeout(jittered):
                await self._hurried.wait()
        except TimeoutError:
            pass
