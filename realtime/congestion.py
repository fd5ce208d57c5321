"""Sockets that do not take what they are sent: wait for them a while, then let them go.

While a socket is full its client gets nothing, so no backlog grows; once it has drained it gets the
present instead of the past.
"""

import asyncio
import time
from collections.abc import Callable

from realtime.counters import Counters
from realtime.protocol import CloseCode
from realtime.settings import HubSettings
from realtime.watcher import Watcher


class Congestion:
    def __init__(
        self, settings: HubSettings, counters: Counters, *, drained: Callable[[Watcher], None]
    ) -> None:
        self._settings = settings
        self._counters = counters
        self._drained = drained
        self._full_since: dict[Watcher, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._full_since)

    def __contains__(self, watcher: Watcher) -> bool:
        return watcher in self._full_since

    def note(self, watcher: Watcher) -> None:
        """Its socket is full."""
        self._full_since.setdefault(watcher, time.monotonic())
        self._schedule()

    def forget(self, watcher: Watcher) -> None:
        self._full_since.pop(watcher, None)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _schedule(self) -> None:
        # Looking is cheap and there are few to look at; a callback from every transport would cost
        # something on each connection for the sake of these.
        if self._full_since and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._settings.relief_seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        settings = self._settings
        now = time.monotonic()
        for watcher, since in list(self._full_since.items()):
            if watcher.outlet.buffered() > settings.hard_cap_bytes:
                self.forget(watcher)
                self._counters.aborted += 1
                watcher.abort()
            elif not watcher.outlet.is_full:
                self.forget(watcher)
                self._drained(watcher)
            elif now - since > settings.slow_seconds:
                self.forget(watcher)
                watcher.close(CloseCode.TOO_SLOW)
        self._schedule()
