"""How many requests a process works on at a time, and what becomes of the others.

A refusal that runs through the API costs as much as a sale, so that a server which is asked for three times what it can
do soon does nothing but refuse. Here it costs a write. A burst (thousands want the last seat at one instant) is no
overload: it waits at the door, in order of arrival, and is let in. Nor are thousands of clients who each ask again as
soon as they have their answer: somebody is always at the door, but not for long. When for seconds on end nobody comes
in who has not waited long, more come than can be served, and waiting helps nobody: all who wait are refused, and until
it is quiet again nobody waits. (The measure is that of CoDel, RFC 8289: the shortest stay in a queue, not its length.)

Requests have ranks. The last places are kept for the better ones, a place that becomes free goes to the best rank that
waits, and patience is lost with a rank and those below it: those who look around do not keep others from paying.

Those who come for the same bus are a crowd. So many of a crowd stand in line or are inside, the others aside until one
of their own leaves: who wants something else does not wait behind thousands.
"""

import asyncio
import math
from collections import Counter, deque
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import structlog

from server.glance import Rank

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
ROOM = {
    Rank.WEBHOOK: 2.0,
    Rank.PAYMENT: 1.5,
    Rank.CONFIRM: 1.0,
    Rank.HOLD: 0.875,
    Rank.SEARCH: 0.75,
    Rank.JOIN: 0.5,
}
"""How full the house may be, as a share of its limit, for one of this rank to be let in."""
_NOBODY = len(Rank)


class Visitor(Protocol):
    """A request, as the gate sees it. It is told once: `enter` or `turn_away`, at once or later."""

    @property
    def is_gone(self) -> bool:
        """Nobody waits for the answer any more."""

    def find_rank(self) -> Rank: ...

    def find_crowd(self) -> str:
        """Say who else wants the same, by a name; empty for nobody."""

    def enter(self, crowd: str) -> None:
        """Come in; `crowd` has to be told when leaving."""

    def turn_away(self, waited_seconds: float) -> None: ...


class _Waiting(NamedTuple):
    since: float
    rank: Rank
    crowd: str
    visitor: Visitor


class Gate:
    """Lets `limit` in at a time; up to eight for each of those wait. Whoever entered has to `leave`, once."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._room = [math.ceil(limit * ROOM[rank]) for rank in Rank]
        self._calm = min(self._room)
        self._lines: list[deque[_Waiting]] = [deque() for _ in Rank]
        self._waiting_of = [0 for _ in Rank]
        self._aside: dict[str, deque[_Waiting]] = {}
        self._of_crowd: Counter[str] = Counter()
        self._waiting_max = limit * WAITING_FOR_EACH
        self._impatient_from = _NOBODY
        self._alarms: dict[Rank, asyncio.TimerHandle] = {}
        self._borne_at = [
            0.0 for _ in Rank
        ]  # when one of them last came in who had not waited long
        self._episode: _Episode | None = None
        self.inside = 0
        self.waiting = 0

    def admit(self, visitor: Visitor) -> None:
        """Let a visitor in, make them wait, or turn them away."""
        # As long as it is quiet there are neither crowds nor ranks.
        crowd = visitor.find_crowd() if self.inside >= OF_A_CROWD else ""
        is_aside = bool(crowd) and self._of_crowd[crowd] >= OF_A_CROWD
        if self.inside < self._calm and not is_aside:
            self._let_in(crowd, visitor)
            return
        rank = visitor.find_rank()
        if self.inside < self._room[rank] and not is_aside:
            self._let_in(crowd, visitor)
        elif rank < self._impatient_from and self._has_place_to_wait(rank):
            self._make_wait(rank, crowd, visitor, is_aside=is_aside)
        else:
            self._refuse(visitor, 0.0)

    def is_shut_for(self, rank: Rank) -> bool:
        """Return whether those of a rank do not even wait at present."""
        return rank >= self._impatient_from

    def go_ahead(self) -> None:
        """Count someone who is not to be stopped here."""
        self.inside += 1

    def leave(self, crowd: str = "") -> None:
        """Give a place back, and let the next in."""
        self.inside -= 1
        if crowd:
            self._follow(crowd)
        if self.waiting:
            self._let_next_in()

    def _let_in(self, crowd: str, visitor: Visitor) -> None:
        if crowd:
            self._of_crowd[crowd] += 1
        self.inside += 1
        visitor.enter(crowd)

    def _let_next_in(self) -> None:
        for room, line in zip(self._room, self._lines, strict=True):
            while line and self.inside < room:
                since, rank, crowd, visitor = line.popleft()
                self._cross_off(rank)
                if not visitor.is_gone:
                    now = asyncio.get_running_loop().time()
                    if now - since <= BEARABLE_SECONDS:
                        self._borne_at[rank] = now
                    self.inside += 1
                    visitor.enter(crowd)
                elif crowd:
                    self._follow(crowd)

    def _cross_off(self, rank: Rank) -> None:
        """Count one less of a rank who waits; nobody is impatient for nobody."""
        self.waiting -= 1
        self._waiting_of[rank] -= 1
        if not self._waiting_of[rank] and (alarm := self._alarms.pop(rank, None)) is not None:
            alarm.cancel()

    def _has_place_to_wait(self, rank: Rank) -> bool:
        """Return whether one more may wait, if need be because the last of a worse rank is refused instead."""
        if self.waiting < self._waiting_max:
            return True
        for line in reversed(self._lines[rank + 1 :]):
            if line:
                last = line.pop()
                self._cross_off(last.rank)
                if last.crowd:
                    self._follow(last.crowd)
                self._refuse(last.visitor, asyncio.get_running_loop().time() - last.since)
                return True
        return False

    def _make_wait(self, rank: Rank, crowd: str, visitor: Visitor, *, is_aside: bool) -> None:
        now = asyncio.get_running_loop().time()
        if rank not in self._alarms:
            self._borne_at[rank] = now
            self._look_again(rank)
        self.waiting += 1
        self._waiting_of[rank] += 1
        waiting = _Waiting(now, rank, crowd, visitor)
        if is_aside:
            self._aside.setdefault(crowd, deque()).append(waiting)
            return
        if crowd:
            self._of_crowd[crowd] += 1
        self._lines[rank].append(waiting)

    def _follow(self, crowd: str) -> None:
        """Let the next of a crowd stand in line, now that one of them is through."""
        aside = self._aside.get(crowd)
        while aside:
            waiting = aside.popleft()
            if not waiting.visitor.is_gone:
                self._lines[waiting.rank].append(waiting)
                return
            self._cross_off(waiting.rank)
        self._aside.pop(crowd, None)
        self._of_crowd[crowd] -= 1
        if not self._of_crowd[crowd]:
            del self._of_crowd[crowd]

    def _look_again(self, rank: Rank) -> None:
        loop = asyncio.get_running_loop()
        self._alarms[rank] = loop.call_later(PATIENCE_SECONDS / LOOKS_A_PATIENCE, self._look, rank)

    def _look(self, rank: Rank) -> None:
        """As long as anybody of a rank waits: see whether it is any use."""
        now = asyncio.get_running_loop().time()
        if now - self._borne_at[rank] >= PATIENCE_SECONDS:
            self._lose_patience(rank)
        else:
            self._look_again(rank)
            self._refuse_late(now - PATIENCE_SECONDS)

    def _refuse_late(self, latest: float) -> None:
        """Refuse who has waited since before `latest`: of a crowd that is too large, while others come and go."""
        for aside in self._aside.values():
            while aside and aside[0].since < latest:
                late = aside.popleft()
                self._cross_off(late.rank)
                if not late.visitor.is_gone:
                    self._refuse(late.visitor, PATIENCE_SECONDS)

    def _lose_patience(self, rank: Rank) -> None:
        """Refuse all of a rank who wait, and all below it."""
        self._impatient_from = min(self._impatient_from, rank)
        self._begin_episode()
        in_line = [waiting for line in self._lines[rank:] for waiting in line]
        aside = [
            waiting for crowd in self._aside.values() for waiting in crowd if waiting.rank >= rank
        ]
        self._lines[rank:] = [deque() for _ in self._lines[rank:]]
        self._aside = {
            crowd: deque(better)
            for crowd, those in self._aside.items()
            if (better := [waiting for waiting in those if waiting.rank < rank])
        }
        now = asyncio.get_running_loop().time()
        for waiting in (*in_line, *aside):
            self._cross_off(waiting.rank)
        for crowd in (waiting.crowd for waiting in in_line if waiting.crowd):
            self._follow(crowd)
        for waiting in (*in_line, *aside):
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
        self._impatient_from = _NOBODY


@dataclass(slots=True)
class _Episode:
    """A time in which requests are refused; two lines in the log, however many there are."""

    began_at: float
    refused: int = 0
    refused_before: int = 0
