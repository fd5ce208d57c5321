"""Reads buses from the database: each once at a time, many in one query, few queries at once."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from realtime.counters import Counters
from realtime.settings import HubSettings
from realtime.supervise import cancel
from store.events import Position, SeatMap

log = logging.getLogger(__name__)


class SeatSource(Protocol):
    """Committed truth: a read that starts after a commit sees it, so ask a primary."""

    async def seat_maps(self, bus_ids: Sequence[int]) -> Sequence[SeatMap]:
        """Each map is one snapshot; unknown buses are absent."""

    async def positions(self, bus_ids: Sequence[int]) -> Sequence[Position]:
        """One query for all of them; unknown buses are absent."""


class LoadTarget(Protocol):
    def loaded(self, bus_id: int, seat_map: SeatMap) -> None: ...
    def missing(self, bus_id: int) -> None: ...
    def load_failed(self, bus_id: int) -> None: ...
    def source_answered(self, *, is_healthy: bool) -> None: ...


class Loader:
    def __init__(
        self, source: SeatSource, target: LoadTarget, settings: HubSettings, counters: Counters
    ) -> None:
        self._source = source
        self._target = target
        self._settings = settings
        self._counters = counters
        self._wanted: dict[int, None] = {}  # in order of arrival
        self._reads: set[asyncio.Task[None]] = set()
        self._is_starting = False

    def request(self, bus_id: int) -> None:
        """Ends in exactly one of loaded, missing and load_failed; until then, do not ask again."""
        self._wanted[bus_id] = None
        if not self._is_starting:
            # One turn of the loop later, so that a burst of subscribes shares a query.
            self._is_starting = True
            asyncio.get_running_loop().call_soon(self._start)

    async def stop(self) -> None:
        self._wanted.clear()
        await cancel(self._reads)

    def _start(self) -> None:
        self._is_starting = False
        while self._wanted and len(self._reads) < self._settings.load_concurrency:
            batch = list(self._wanted)[: self._settings.load_batch]
            for bus_id in batch:
                del self._wanted[bus_id]
            read = asyncio.get_running_loop().create_task(self._read(batch))
            self._reads.add(read)
            read.add_done_callback(self._finish)

    def _finish(self, read: asyncio.Task[None]) -> None:
        self._reads.discard(read)
        if not read.cancelled():
            self._start()

    async def _read(self, bus_ids: list[int]) -> None:
        self._counters.loads += len(bus_ids)
        try:
            async with asyncio.timeout(self._settings.source_timeout_seconds):
                seat_maps = await self._source.seat_maps(bus_ids)
        except Exception:  # whatever keeps the database from answering is over some day
            log.warning("reading %d buses failed", len(bus_ids), exc_info=True)
            self._counters.load_failures += len(bus_ids)
            self._target.source_answered(is_healthy=False)
            for bus_id in bus_ids:
                self._target.load_failed(bus_id)
            return
        self._target.source_answered(is_healthy=True)
        found = {seat_map.bus_id: seat_map for seat_map in seat_maps}
        for bus_id in bus_ids:
            if bus_id in found:
                self._target.loaded(bus_id, found[bus_id])
            else:
                self._target.missing(bus_id)
