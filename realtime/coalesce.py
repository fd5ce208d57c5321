"""When watchers are told, and of how much at once.

A change that comes alone leaves with the turn of the event loop that brought it. Where many watch or
much happens, changes gather for a tick and leave as one delta: its values are absolute, so that the
last word on a seat stands for all of them, and what a thousand sockets cost is paid once a tick.
"""

from realtime.effects import Change
from realtime.protocol import BusStatus
from realtime.settings import FeedSettings


class Untold:
    """What has happened to a bus since its watchers were last told, as one delta."""

    __slots__ = ("_first", "_last", "_seats", "_status", "count")

    def __init__(self) -> None:
        self.clear()

    def __bool__(self) -> bool:
        return self._first is not None

    @property
    def prev(self) -> int:
        """Where everybody is who has been told of all before."""
        assert self._first is not None
        return self._first.prev

    def clear(self) -> None:
        self._first: Change | None = None
        self._last: Change | None = None
        self._seats: dict[str, str] = {}
        self._status: BusStatus | None = None
        self.count = 0

    def add(self, change: Change) -> None:
        """Changes of one epoch, each on top of those before."""
        if self._first is None:
            self._first = change
        elif self.count == 1:
            self._seats = dict(self._first.seats)
        if self.count:
            self._seats.update(change.seats)
        self._last = change
        self._status = change.status or self._status
        self.count += 1

    def take(self) -> Change:
        """All of it; a change that stayed alone is the one that came, framed as it is."""
        first, last = self._first, self._last
        assert first is not None
        assert last is not None
        seats, status = self._seats, self._status
        self.clear()
        if first is last:
            return first
        return Change(
            last.epoch, first.prev, last.rev, tuple(seats.items()), at=last.at, status=status
        )


class Pace:
    """How long changes of one bus gather: not at all, or for a tick since watchers were last told."""

    __slots__ = ("_before", "_count", "_second", "_settings", "_told_at")

    def __init__(self, settings: FeedSettings) -> None:
        self._settings = settings
        self._second = 0  # of the clock; what is counted is counted by its seconds
        self._count = 0
        self._before = 0
        self._told_at = -1.0

    def note(self, now: float) -> None:
        """Something happened."""
        second = int(now)
        if second != self._second:
            self._before = self._count if second == self._second + 1 else 0
            self._count = 0
            self._second = second
        self._count += 1

    def told(self, now: float) -> None:
        self._told_at = now

    def tell_at(self, now: float, watchers: int) -> float:
        """When they may be told what happened just now."""
        settings = self._settings
        is_calm = (
            watchers <= settings.calm_watchers
            and max(self._count, self._before) <= settings.calm_per_second
        )
        if is_calm:
            return now
        # A tick never takes more of a core than a fixed share, however many watch.
        tick = max(settings.tick_seconds, watchers * settings.tick_seconds_a_watcher)
        return max(now, self._told_at + min(tick, settings.tick_seconds_max))
