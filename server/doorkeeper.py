"""Who has been let out: sessions that are over while access tokens of theirs still look good.

A dictionary that every request asks costs nothing; keeping it true is what `store/bulletin.py` is for. While that hears
nothing, whoever wants to change something is looked up in the database first.
"""

import time
from collections.abc import Callable, Sequence

from server.problems import unauthenticated
from server.tokens import Verified
from store.bulletin import Bulletin, Hearing
from store.session_ends import KEPT, SessionEnd, SessionEnds

_KEPT_SECONDS = KEPT.total_seconds()


class Doorkeeper:
    """`show_out` is told of each session once, to close what it has open."""

    def __init__(self) -> None:
        self.show_out: Callable[[int, str], None] = lambda _user_id, _session_id: None
        self.ended: dict[str, float] = {}
        """Sessions, each with the time at which no token of it is left. To look into, not to change."""
        self._bulletin: Bulletin | None = None

    def read(self, bulletin: Bulletin) -> None:
        """Rely on this from now on."""
        self._bulletin = bulletin

    @property
    def hearing(self) -> Hearing:
        return Hearing.NOT if self._bulletin is None else self._bulletin.hearing

    @property
    def hears(self) -> bool:
        """Whether this process knows who has been let out, at once or a second later."""
        bulletin = self._bulletin
        return bulletin is not None and bulletin.hearing is not Hearing.NOT

    def note(self, ends: Sequence[SessionEnd]) -> None:
        """Let these sessions do nothing any more; the same one may be told again."""
        now = time.monotonic()
        for end in ends:
            if end.session_id not in self.ended:
                self.ended[end.session_id] = now + _KEPT_SECONDS
                self.show_out(end.user_id, end.session_id)
        self._forget(now)

    def _forget(self, now: float) -> None:
        # In the order in which they came, and so in that of their times.
        while self.ended:
            oldest = next(iter(self.ended))
            if self.ended[oldest] > now:
                return
            del self.ended[oldest]


async def require_open(ends: SessionEnds, verified: Verified) -> None:
    """Look a token's session up in the database; raise HttpProblem if it is over, Overloaded if nobody can say."""
    if not await ends.is_open(verified.caller, verified.session_id):
        raise unauthenticated("this session is over; sign in again")
