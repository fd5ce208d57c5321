"""Topics: boards for everybody, sales for staff. Absolute values, each telling all there is; the last one wins.

A topic that somebody watches is read from the database by one task, however many watch: when something was heard that
concerns it, every now and then without (events may be lost, and time passes), but never more than four times a second,
and never so often that the database does nothing else. A watcher whose socket is full gets the newest value once it has
drained, and nothing in between.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, Protocol

import msgspec

from realtime import frames
from realtime.counters import Counters
from realtime.protocol import Board, ErrorCode, Sales, TopicFrame, read_bus_id
from realtime.settings import TopicSettings
from realtime.supervise import cancel
from realtime.watcher import Watcher

log = logging.getLogger(__name__)

SALES: Final = "sales"
_BOARD = "board:"

Scope = frozenset[int] | None
"""The operators somebody may see; None for all of them."""


class TopicSource(Protocol):
    """Committed truth, ready to be sent."""

    async def board(self, stop_id: int) -> Board | None:
        """Return the next departures of a stop; None when there is no such stop."""

    async def sales(self, operators: Scope, watching: Mapping[int, int]) -> Sales:
        """Return today's totals; `watching` says how many watch which bus."""


def is_topic(name: str) -> bool:
    """Return whether there may be a topic of that name."""
    return name == SALES or _stop_of(name) is not None


def _stop_of(name: str) -> int | None:
    return read_bus_id(name.removeprefix(_BOARD)) if name.startswith(_BOARD) else None


class Topics:
    """All topics that this process tells of."""

    def __init__(
        self,
        source: TopicSource | None,
        settings: TopicSettings,
        counters: Counters,
        *,
        watching: Callable[[], Mapping[int, int]],
    ) -> None:
        self._source = source
        self._settings = settings
        self._counters = counters
        self._watching = watching
        self._shows: dict[tuple[str, Scope], _Show] = {}
        self._by_bus: dict[int, set[_Show]] = {}
        self._sales: set[_Show] = set()
        self._seats: dict[Watcher, dict[str, _Show]] = {}  # who watches what
        self._turns = asyncio.Semaphore(settings.reads_at_once)

    async def stop(self) -> None:
        await cancel([show.task for show in self._shows.values()])
        self._shows.clear()
        self._by_bus.clear()

    # What connections ask for.

    def subscribe(self, watcher: Watcher, request_id: int, name: str, scope: Scope) -> None:
        """Have the watcher told: at once if the value is known, else as soon as it has been read."""
        if self._source is None:
            watcher.refuse(request_id, "not_found")
            return
        self.unsubscribe(watcher, name)
        key = (name, scope if name == SALES else None)
        show = self._shows.get(key)
        if show is None:
            if len(self._shows) >= self._settings.topics_max:
                watcher.refuse(request_id, "overloaded")
                return
            show = self._shows[key] = self._open(key, self._source)
        self._seats.setdefault(watcher, {})[name] = show
        show.add(watcher, request_id)

    def unsubscribe(self, watcher: Watcher, name: str) -> None:
        mine = self._seats.get(watcher, {})
        show = mine.pop(name, None)
        if show is not None:
            show.remove(watcher)
            if not mine:
                del self._seats[watcher]

    def leave(self, watcher: Watcher) -> None:
        for name in list(self._seats.get(watcher, ())):
            self.unsubscribe(watcher, name)

    def count(self, watcher: Watcher) -> int:
        return len(self._seats.get(watcher, ()))

    def has(self, watcher: Watcher, name: str) -> bool:
        return name in self._seats.get(watcher, ())

    def restrict(self, watcher: Watcher, scope: Scope, *, is_staff: bool) -> None:
        """Somebody else speaks for the watcher now: what they may not see ends."""
        show = self._seats.get(watcher, {}).get(SALES)
        if show is not None and (not is_staff or self._shows.get((SALES, scope)) is not show):
            self.unsubscribe(watcher, SALES)

    # What happened to buses.

    def is_wanted(self, bus_id: int) -> bool:
        return bool(self._sales) or bus_id in self._by_bus

    def note(self, bus_id: int) -> None:
        """A seat of the bus has changed hands, or may have."""
        for show in self._by_bus.get(bus_id, ()):
            show.dirty.set()
        for show in self._sales:
            show.dirty.set()

    def note_audience(self) -> None:
        """Others watch than before, in another process."""
        for show in self._sales:
            show.dirty.set()

    @property
    def open_count(self) -> int:
        return len(self._shows)

    # Inside.

    def _open(self, key: tuple[str, Scope], source: TopicSource) -> "_Show":
        name, scope = key
        stop_id = _stop_of(name)

        async def read() -> TopicFrame | None:
            async with self._turns, asyncio.timeout(self._settings.source_timeout_seconds):
                if stop_id is not None:
                    return await source.board(stop_id)
                return await source.sales(scope, self._watching())

        idle_seconds = (
            self._settings.sales_idle_seconds
            if name == SALES
            else self._settings.board_idle_seconds
        )
        show = _Show(read, self._settings, idle_seconds, self._counters)
        if name == SALES:
            self._sales.add(show)
        show.task = asyncio.get_running_loop().create_task(self._tell(key, show))
        return show

    async def _tell(self, key: tuple[str, Scope], show: "_Show") -> None:
        """Keep a topic up to date until nobody has watched it for a while, or there is no such thing."""
        try:
            while show.is_wanted(time.monotonic()):
                buses = show.buses
                is_there = await show.refresh()
                if show.buses is not buses:
                    self._list(show, buses)
                if not is_there:
                    break
                await show.rest()
        except Exception:
            log.exception("telling of topic %s failed", key[0])
        finally:
            if self._shows.get(key) is show:
                del self._shows[key]
            self._sales.discard(show)
            self._unlist(show, show.buses)
            for watcher in show.dismiss():
                self._seats.get(watcher, {}).pop(key[0], None)
                if not self._seats.get(watcher):
                    self._seats.pop(watcher, None)

    def _list(self, show: "_Show", before: Iterable[int]) -> None:
        self._unlist(show, before)
        for bus_id in show.buses:
            self._by_bus.setdefault(bus_id, set()).add(show)

    def _unlist(self, show: "_Show", buses: Iterable[int]) -> None:
        for bus_id in buses:
            shows = self._by_bus.get(bus_id, set())
            shows.discard(show)
            if not shows:
                self._by_bus.pop(bus_id, None)


class _Show:
    """One topic: its newest value, who watches it, and who is still owed it."""

    task: asyncio.Task[None]

    def __init__(
        self,
        read: Callable[[], Awaitable[TopicFrame | None]],
        settings: TopicSettings,
        idle_seconds: float,
        counters: Counters,
    ) -> None:
        self.dirty = asyncio.Event()
        self.buses: frozenset[int] = frozenset()
        self._read = read
        self._settings = settings
        self._idle_seconds = idle_seconds
        self._counters = counters
        self._value: TopicFrame | None = None
        self._wire = b""
        self._watchers: dict[Watcher, int] = {}  # with the request to answer
        self._owed: set[Watcher] = set()
        self._left_at = time.monotonic()
        self._took_seconds = 0.0

    def add(self, watcher: Watcher, request_id: int) -> None:
        if not self._watchers:
            self.dirty.set()  # the value is of the time before
        self._watchers[watcher] = request_id
        if self._value is not None:
            self._send([watcher])

    def remove(self, watcher: Watcher) -> None:
        self._watchers.pop(watcher, None)
        self._owed.discard(watcher)
        if not self._watchers:
            self._left_at = time.monotonic()
            self.dirty.set()  # wakes it, to see that it may go

    def is_wanted(self, now: float) -> bool:
        """Somebody who reloads a page comes back at once: that is no reason to read again."""
        return bool(self._watchers) or now - self._left_at < self._settings.keep_seconds

    async def refresh(self) -> bool:
        """Read the value and tell it if it is another; return False when there is no such thing."""
        self.dirty.clear()
        began_at = time.monotonic()
        try:
            value = await self._read()
        except Exception:  # whatever keeps the database from answering is over some day
            log.warning("reading a topic failed", exc_info=True)
            self._counters.topic_failures += 1
            self._refuse_new("overloaded")
            return self._value is not None
        finally:
            self._took_seconds = time.monotonic() - began_at
            self._counters.topic_reads += 1
        if value is None:
            self._refuse_new("not_found")
            return False
        if self._value is None or msgspec.structs.replace(value, at=self._value.at) != self._value:
            self._value, self._wire = value, frames.pack(value)
            if isinstance(value, Board):
                self.buses = frozenset(int(each.bus) for each in value.departures)
            self._send(list(self._watchers))
        return True

    async def rest(self) -> None:
        """Wait until it is time for the next reading."""
        settings = self._settings
        seconds = max(settings.pause_seconds, settings.rest_factor * self._took_seconds)
        await asyncio.sleep(seconds)
        until = time.monotonic() + self._idle_seconds - seconds
        while (now := time.monotonic()) < until and self.is_wanted(now):
            self._send(list(self._owed))
            if not self._watchers:
                # Whatever was heard can wait for a watcher.
                await asyncio.sleep(settings.pause_seconds)
            elif self.dirty.is_set():
                return
            else:
                await self._listen(settings.pause_seconds if self._owed else until - now)

    async def _listen(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.dirty.wait()

    def dismiss(self) -> list[Watcher]:
        """It is over: return who watched."""
        watchers = list(self._watchers)
        self._watchers.clear()
        self._owed.clear()
        return watchers

    def _send(self, watchers: Iterable[Watcher]) -> None:
        for watcher in watchers:
            if watcher.outlet.offer(self._wire):
                self._owed.discard(watcher)
                self._counters.topic_deliveries += 1
            else:
                self._owed.add(watcher)

    def _refuse_new(self, code: ErrorCode) -> None:
        if self._value is None:
            for watcher, request_id in self._watchers.items():
                watcher.refuse(request_id, code)
