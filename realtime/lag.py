"""Are changes of other processes late? A late one has company that may be lost.

A change says when it was committed by another machine's clock. How far apart the clocks are shows in the smallest delay
there ever was; what comes later than that is on its way for too long. The smallest is forgotten slowly, for clocks are
put right now and then.
"""

from datetime import datetime

_FORGETTING = 0.001


class Lag:
    __slots__ = ("_bound_seconds", "_usual", "seconds")

    def __init__(self, bound_seconds: float) -> None:
        self._bound_seconds = bound_seconds
        self._usual: float | None = None
        self.seconds = 0.0  # of the last change

    def is_late(self, committed_at: str, *, now: float) -> bool:
        """Whether a change that says this comes too late at `now`, in seconds since 1970."""
        try:
            delay = now - datetime.fromisoformat(committed_at).timestamp()
        except ValueError:
            return False
        if self._usual is None or delay < self._usual:
            self._usual = delay
        self.seconds = delay - self._usual
        self._usual += self.seconds * _FORGETTING
        return self.seconds > self._bound_seconds
