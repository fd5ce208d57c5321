"""How often is too often: one allowance of every caller, kept by all processes of an installation together.

Redis counts, but its answer is seldom waited for: each process lets a few requests of a caller through unasked, and
tells of them afterwards, in the round trip of all others. What they let through together never exceeds the burst and
what has come back since, in any order of arrival: see `Allowance`.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from realtime.bus import Entry, TallyLink, pack_terms

_SHARE_UNASKED = 4
"""One in so many of a burst is let through unasked, by all processes together."""
_PRUNE_SECONDS = 1.0
_ROUNDING = 1e-6


class UseCounter(Protocol):
    """Where uses are counted for all processes."""

    @property
    def is_well(self) -> bool: ...

    def find(self, key: bytes) -> tuple[TallyLink, bytes] | None: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """`burst` at once, and as many again in every `window_seconds`, one by one."""

    name: str
    burst: int
    window_seconds: float

    @property
    def interval_seconds(self) -> float:
        return self.window_seconds / self.burst


class Standing(NamedTuple):
    """What became of a request, and how much its caller has left."""

    pace: Pace
    is_admitted: bool
    remaining: int
    reset_seconds: float
    """Until the whole burst is there again."""
    retry_seconds: float = 0.0


@dataclass(slots=True)
class _Known:
    """What this process knows of a caller: debt-free at `until`, if nobody else lets them through."""

    until: float
    unreported: int = 0
    asked: int = 0
    """Questions whose answers are not known yet: until then nothing is let through unasked."""


class Allowance:
    """One pace, as one of `processes` keeps it.

    A caller's debt is how long it takes until their burst is whole again. Redis, asked, lets it grow up to `most`, and
    so does a process by what it knows. That may be less than is true: each process lets up to `unasked` requests
    through of which Redis does not know yet. `most` is as many below the burst, so nobody gets more than the burst in
    all. It follows that a process must not forget a debt before it is paid.
    """

    def __init__(
        self,
        pace: Pace,
        counter: UseCounter | None = None,
        *,
        processes: int = 1,
        known_max: int = 50_000,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pace = pace
        self._counter = counter
        self._processes = processes
        self._known_max = known_max
        self._now = now
        self._known: dict[bytes, _Known] = {}
        self._pruned_at = now()
        self._prefix = pace.name.encode() + b":"
        unasked = pace.burst // (_SHARE_UNASKED * processes)
        withheld = unasked * processes if processes > 1 else 0
        self._unasked = unasked
        self._cost = pace.interval_seconds
        self._most = (pace.burst - withheld) * self._cost
        cost_us, most_us = round(self._cost * 1e6), round(self._most * 1e6)
        self._told_terms = pack_terms(cost_us, most_us, is_asked=False)
        self._asked_terms = pack_terms(cost_us, most_us, is_asked=True)
        self._back_terms = pack_terms(-cost_us, most_us, is_asked=False)

    def take(self, key: bytes) -> Standing | None:
        """Let a request through or refuse it, by what this process knows; None: it does not know, `ask`."""
        now = self._now()
        place = self._find(key)
        if place is None:
            return self._decide_alone(key, now)
        known = self._known.get(key)
        debt = max(0.0, known.until - now) if known else 0.0
        after = debt + self._cost
        if after > self._most + _ROUNDING:
            return self._refuse(debt)
        if known is None:
            known = self._remember(key, now)
        if known is None or known.asked or known.unreported >= self._unasked:
            return None
        known.until = now + after
        known.unreported += 1
        link, name = place
        link.tell(Entry(name, self._told_terms, self._note_told, known))
        return self._admit(after)

    async def ask(self, key: bytes) -> Standing:
        """Have Redis let a request through or refuse it; alone where it does not answer in time."""
        place = self._find(key)
        if place is None:
            return self._decide_alone(key, self._now())
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[int | None] = loop.create_future()
        link, name = place
        if (known := self._known.get(key)) is not None:
            known.asked += 1
        loop.call_later(link.answer_seconds, _stop_waiting, answer)
        link.ask(Entry(name, self._asked_terms, self._note_asked, (known, answer)))
        debt_us = await answer
        if debt_us is None:
            return self._decide_alone(key, self._now())
        if debt_us < 0:
            return self._refuse((-1 - debt_us) / 1e6)
        return self._admit(debt_us / 1e6)

    def give_back(self, key: bytes) -> None:
        """Forget about a request that was let through: it was none of those that are bounded."""
        known, place = self._known.get(key), self._find(key)
        if known is not None:
            known.until -= self._cost
        if place is not None:
            link, name = place
            link.tell(Entry(name, self._back_terms, _ignore, None))

    def _find(self, key: bytes) -> tuple[TallyLink, bytes] | None:
        return None if self._counter is None else self._counter.find(self._prefix + key)

    def _note_told(self, known: _Known, debt_us: int | None) -> None:
        known.unreported -= 1
        if debt_us is not None:
            self._learn(known, debt_us)

    def _note_asked(
        self, context: "tuple[_Known | None, asyncio.Future[int | None]]", debt_us: int | None
    ) -> None:
        known, answer = context
        if known is not None:
            known.asked -= 1
            if debt_us is not None:
                self._learn(known, -1 - debt_us if debt_us < 0 else debt_us)
        if not answer.done():
            answer.set_result(debt_us)

    def _learn(self, known: _Known, debt_us: int) -> None:
        known.until = self._now() + debt_us / 1e6 + known.unreported * self._cost

    def _decide_alone(self, key: bytes, now: float) -> Standing:
        """Keep the pace of one of several processes: what each lets through costs as much as if all of them had."""
        known = self._known.get(key)
        if known is None:
            known = self._remember(key, now)
        if known is None:
            # So many callers at a time, and no Redis: start over rather than grow.
            self._known.clear()
            known = self._known[key] = _Known(now)
        cost = self._cost * self._processes
        most = max(self.pace.burst * self._cost, cost)
        debt = max(0.0, known.until - now)
        if debt + cost > most + _ROUNDING:
            return Standing(
                self.pace,
                is_admitted=False,
                remaining=0,
                reset_seconds=debt,
                retry_seconds=debt + cost - most,
            )
        known.until = now + debt + cost
        left = int((most - debt - cost + _ROUNDING) / cost)
        return Standing(self.pace, is_admitted=True, remaining=left, reset_seconds=debt + cost)

    def _admit(self, debt: float) -> Standing:
        left = int((self._most - debt + _ROUNDING) / self._cost)
        return Standing(self.pace, is_admitted=True, remaining=left, reset_seconds=debt)

    def _refuse(self, debt: float) -> Standing:
        return Standing(
            self.pace,
            is_admitted=False,
            remaining=0,
            reset_seconds=debt,
            retry_seconds=debt + self._cost - self._most,
        )

    def _remember(self, key: bytes, now: float) -> _Known | None:
        """Begin to know a caller, debt-free so far; None if there is no room: then only Redis knows them."""
        if len(self._known) >= self._known_max:
            if now - self._pruned_at < _PRUNE_SECONDS:
                return None
            self._pruned_at = now
            self._known = {
                key: known
                for key, known in self._known.items()
                if known.until > now or known.unreported or known.asked
            }
            if len(self._known) >= self._known_max:
                return None
        known = self._known[key] = _Known(now)
        return known


def _stop_waiting(answer: "asyncio.Future[int | None]") -> None:
    if not answer.done():
        answer.set_result(None)


def _ignore(_context: None, _debt_us: int | None) -> None:
    pass
