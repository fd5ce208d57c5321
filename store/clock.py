"""What time it is in the database, as far as a process knows without asking."""

import asyncio
import math
from datetime import UTC, datetime

_LATELY_SECONDS = 10.0
_SET_BACK_SECONDS = 0.4


class DatabaseClock:
    """The database's clock as far as it is known here: how far it is ahead of this process's own.

    Its word is old when it arrives, so the furthest ahead that was heard lately is the nearest to the truth. Good for
    what the database checks again: the statement writes nothing when this is off by half a second.
    """

    def __init__(self) -> None:
        self._ahead: float | None = None
        self._ahead_before = -math.inf
        self._since = 0.0

    def hear(self, now: datetime) -> None:
        """Take the database's word for the time; one that is far behind means that its clock was set back."""
        here = asyncio.get_running_loop().time()
        ahead = now.timestamp() - here
        best = self._best()
        if best is not None and best - ahead > _SET_BACK_SECONDS:
            self._ahead, self._ahead_before, self._since = ahead, -math.inf, here
        elif here - self._since > _LATELY_SECONDS:
            self._ahead_before = -math.inf if self._ahead is None else self._ahead
            self._ahead, self._since = ahead, here
        else:
            self._ahead = ahead if self._ahead is None else max(ahead, self._ahead)

    def now(self) -> datetime | None:
        """Return the time, or None before the first word."""
        best = self._best()
        if best is None:
            return None
        return datetime.fromtimestamp(asyncio.get_running_loop().time() + best, UTC)

    def _best(self) -> float | None:
        return None if self._ahead is None else max(self._ahead, self._ahead_before)
