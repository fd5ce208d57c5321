"""How many requests a process works on at a time, and what becomes of the others.

A refusal that runs through the API costs as much as a sale, so that a server which is asked for three times what it can
do soon does nothing but refuse. Here it costs a write. A burst (thousands want the last seat at one instant) is no
overload: it waits at the door, in order of arrival, and is let in. A door before which there has been somebody for
seconds on end means that more come than can be served, and that waiting helps nobody: all who wait are refused, and
until it is quiet again nobody waits.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import structlog

log = structlog.get_logger("omnibus.gate")

LIMIT = 512
WAITING_FOR_EACH = 8
PATIENCE_SECONDS = 4.0
"""As long as a request may wait in a lane, and so the most that anybody waits here."""
QUIET_SECONDS = 3.0


class Visitor(Protocol):
    """A request, as the gate sees it. It is told once: `enter` or `turn_away`, at once or later."""

    @property
    def is_gone(self) -> bool:
        """Nobody waits for the answer any more."""

    def enter(self) -> None: ...

    def turn_away(self, waited_seconds: float) -> None: ...


class Gate:
    """Lets `limit` in at a time; up to eight for each of those wait. Whoever entered has to `leave`, once."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._waiting: deque[tuple[float, Visitor]] = deque()
        self._waiting_max = limit * WAITING_FOR_EACH
        self._is_patient = True
        self._alarm: asyncio.TimerHandle | None = None
        self._episode: _Episode | None = None
        self.inside = 0

    def admit(self, visitor: Visitor) -> None:
        """Let a visitor in, make them wait, or turn them away."""
        if self.inside < self._limit:
            self.inside += 1
            visitor.enter()
        elif self._is_patient and len(self._waiting) < self._waiting_max:
            loop = asyncio.get_running_loop()
            if self._alarm is None:
                self._alarm = loop.call_later(PATIENCE_SECONDS, self._lose_patience)
            self._waiting.append((loop.time(), visitor))
        else:
            self._refuse(visitor, 0.0)

    @property
    def is_shut(self) -> bool:
        """Whether whoever comes now would be turned away at once."""
        return self.inside >= self._limit and not (
            self._is_patient and len(self._waiting) < self._waiting_max
        )

    def note_refusal(self) -> None:
        """Count someone who was told that it is shut without being led here."""
        self._begin_episode().refused += 1

    def has_room(self, times: int) -> bool:
        """Return whether fewer are inside than so many times the limit."""
        return self.inside < self._limit * times

    def go_ahead(self) -> None:
        """Count someone who is not to be stopped here."""
        self.inside += 1

    def leave(self) -> None:
        """Give a place back, and let the next in."""
        self.inside -= 1
        while self._waiting and self.inside < self._limit:
            _, visitor = self._waiting.popleft()
            if not visitor.is_gone:
                self.inside += 1
                visitor.enter()
        if self._alarm is not None and not self._waiting:
            self._alarm.cancel()
            self._alarm = None

    def _lose_patience(self) -> None:
        """Refuse all who wait."""
        self._alarm = None
        self._is_patient = False
        self._begin_episode()
        crowd, self._waiting = self._waiting, deque()
        now = asyncio.get_running_loop().time()
        for since, visitor in crowd:
            if not visitor.is_gone:
                self._refuse(visitor, now - since)

    def _refuse(self, visitor: Visitor, waited_seconds: float) -> None:
        self.note_refusal()
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
