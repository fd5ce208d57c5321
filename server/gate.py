"""How many requests a process works on at a time, and what becomes of the others.

A refusal that runs through the API costs as much as a sale, so that a server which is asked for three times what it can
do soon does nothing but refuse. Here it costs a write. A burst (thousands want the last seat at one instant) is no
overload: it waits at the door, in order of arrival, and is let in. Nor are thousands of clients who each ask again as
soon as they have their answer: somebody is always at the door, but not for long. When for seconds on end nobody comes
in who has not waited long, more come than can be served, and waiting helps nobody: all who wait are refused, and until
it is quiet again nobody waits. (The measure is that of CoDel, RFC 8289: the shortest stay in a queue, not its length.)

Those who come for the same bus are a crowd. So many of a crowd stand in line or are inside, the others aside until one
of their own leaves: who wants something else does not wait behind thousands.
"""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, Protocol

import structlog

log = structlog.get_logger("omnibus.gate")

LIMIT = 512
WAITING_FOR_EACH = 8
OF_A_CROWD = 128
"""Enough to fill batches while others are answered; fewer would cost each of them more."""
PATIENCE_SECONDS = 4.0
"""As long as a request may wait in a lane, and so the most that anybody waits here."""
BEARABLE_SECONDS = 0.5
"""Who has waited no longer than that had a queue before him, but not an overload."""
LOOKS_A_PATIENCE = 8
QUIET_SECONDS = 3.0


class Visitor(Protocol):
    """A request, as the gate sees it. It is told once: `enter` or `turn_away`, at once or later."""

    @property
    def is_gone(self) -> bool:
        """Nobody waits for the answer any more."""

    def find_crowd(self) -> str:
        """Say who else wants the same, by a name; empty for nobody."""

    def enter(self, crowd: str) -> None:
        """Come in; `crowd` has to be told when leaving."""

    def turn_away(self, waited_seconds: float) -> None: ...


class _Waiting(NamedTuple):
    since: float
    crowd: str
    visitor: Visitor


class Gate:
    """Lets `limit` in at a time; up to eight for each of those wait. Whoever entered has to `leave`, once."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._line: deque[_Waiting] = deque()
        self._aside: dict[str, deque[_Waiting]] = {}
        self._of_crowd: Counter[str] = Counter()
        self._waiting_max = limit * WAITING_FOR_EACH
        self._is_patient = True
        self._alarm: asyncio.TimerHandle | None = None
        self._borne_at = 0.0  # when somebody last came in who had not waited long
        self._episode: _Episode | None = None
        self.inside = 0
        self.waiting = 0

    def admit(self, visitor: Visitor) -> None:
        """Let a visitor in, make them wait, or turn them away."""
        # As long as it is quiet there are no crowds.
        crowd = visitor.find_crowd() if self.inside >= OF_A_CROWD else ""
        is_aside = bool(crowd) and self._of_crowd[crowd] >= OF_A_CROWD
        if self.inside < self._limit and not is_aside:
            if crowd:
                self._of_crowd[crowd] += 1
            self._let_in(crowd, visitor)
        elif self._is_patient and self.waiting < self._waiting_max:
            self._make_wait(crowd, visitor, is_aside=is_aside)
        else:
            self._refuse(visitor, 0.0)

    def has_room(self, times: int) -> bool:
        """Return whether fewer are inside than so many times the limit."""
        return self.inside < self._limit * times

    def go_ahead(self) -> None:
        """Count someone who is not to be stopped here."""
        self.inside += 1

    def leave(self, crowd: str = "") -> None:
        """Give a place back, and let the next in."""
        self.inside -= 1
        if crowd:
            self._follow(crowd)
        while self._line and self.inside < self._limit:
            since, crowd, visitor = self._line.popleft()
            self.waiting -= 1
            if not visitor.is_gone:
                now = asyncio.get_running_loop().time()
                if now - since <= BEARABLE_SECONDS:
                    self._borne_at = now
                self._let_in(crowd, visitor)
            elif crowd:
                self._follow(crowd)
        if self._alarm is not None and not self.waiting:
            self._alarm.cancel()
            self._alarm = None

    def _let_in(self, crowd: str, visitor: Visitor) -> None:
        self.inside += 1
        visitor.enter(crowd)

    def _make_wait(self, crowd: str, visitor: Visitor, *, is_aside: bool) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._alarm is None:
            self._borne_at = now
            self._look_again(loop)
        self.waiting += 1
        waiting = _Waiting(now, crowd, visitor)
        if is_aside:
            self._aside.setdefault(crowd, deque()).append(waiting)
            return
        if crowd:
            self._of_crowd[crowd] += 1
        self._line.append(waiting)

    def _follow(self, crowd: str) -> None:
        """Let the next of a crowd stand in line, now that one of them is through."""
        aside = self._aside.get(crowd)
        while aside:
            waiting = aside.popleft()
            if not waiting.visitor.is_gone:
                self._line.append(waiting)
                return
            self.waiting -= 1
        self._aside.pop(crowd, None)
        self._of_crowd[crowd] -= 1
        if not self._of_crowd[crowd]:
            del self._of_crowd[crowd]

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarm = loop.call_later(PATIENCE_SECONDS / LOOKS_A_PATIENCE, self._look)

    def _look(self) -> None:
        """As long as anybody waits: see whether it is any use."""
        loop = asyncio.get_running_loop()
        if not self.waiting:
            self._alarm = None
        elif loop.time() - self._borne_at >= PATIENCE_SECONDS:
            self._lose_patience()
        else:
            self._look_again(loop)
            self._refuse_late(loop.time() - PATIENCE_SECONDS)

    def _refuse_late(self, latest: float) -> None:
        """Refuse who has waited since before `latest`: of a crowd that is too large, while others come and go."""
        for aside in self._aside.values():
            while aside and aside[0].since < latest:
                late = aside.popleft()
                self.waiting -= 1
                if not late.visitor.is_gone:
                    self._refuse(late.visitor, PATIENCE_SECONDS)

    def _lose_patience(self) -> None:
        """Refuse all who wait."""
        self._alarm = None
        self._is_patient = False
        self._begin_episode()
        self._of_crowd -= Counter(waiting.crowd for waiting in self._line)
        crowd = [*self._line, *chain.from_iterable(self._aside.values())]
        self._line, self._aside, self.waiting = deque(), {}, 0
        now = asyncio.get_running_loop().time()
        for waiting in crowd:
            if not waiting.visitor.is_gone:
                self._refuse(waiting.visitor, now - waiting.since)

    def _refuse(self, visitor: Visitor, waited_seconds: float) -> None:
        self._begin_episode().refused += 1
        visitor.turn_away(waited_seconds)

    def _begin_episode(self) -> "_Episode":
        if self._episode is None:
            loop = asyncio.get_running_loop()
            self._episode = _Episode(loop.time())
            loop.call_later(QUIET_SECONDS, self._listen, self._episode)
            log.warning("overloaded: requests are refused", inside=self.inside)
        return self._episode

    def _listen(self, episode: "_Episode") -> None:
        """Be patient again once nobody was refused for a while."""
        loop = asyncio.get_running_loop()
        if episode.refused > episode.refused_before:
            episode.refused_before = episode.refused
            loop.call_later(QUIET_SECONDS, self._listen, episode)
            return
        seconds = round(loop.time() - episode.began_at - QUIET_SECONDS, 1)
        log.warning("the overload is over", refused=episode.refused, seconds=seconds)
        self._episode = None
        self._is_patient = True


@dataclass(slots=True)
class _Episode:
    """A time in which requests are refused; two lines in the log, however many there are."""

    began_at: float
    refused: int = 0
    refused_before: int = 0
