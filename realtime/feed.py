"""One bus, as its observers must see it: a state machine without clock, socket or event loop.

Inputs are method calls that carry the time; each answers with effects for the hub to carry out at
once and in order. The invariant: a watcher in `current` has been sent a state between `told` and
`head`, is owed what lies between and no more, and whoever missed one delta gets nothing but a
snapshot next.
"""

import math
from dataclasses import dataclass
from typing import Generic

from realtime.coalesce import Pace, Untold
from realtime.counters import Counters
from realtime.effects import (
    Answer,
    Broadcast,
    Change,
    Effects,
    Evict,
    Forget,
    Head,
    Load,
    Refuse,
    Resync,
    W,
)
from realtime.settings import FeedSettings
from store.events import SeatMap

NEVER = math.inf
REWINDS_BELIEVED = 2


@dataclass(frozen=True, slots=True)
class _Request:
    request_id: int
    claim: Head | None  # where the client says it is
    by_load: int  # the load whose end is the last moment to answer


class Feed(Generic[W]):
    def __init__(self, settings: FeedSettings, counters: Counters) -> None:
        self.head: Head | None = None
        self.seats: dict[str, str] = {}
        # In order of arrival, which is about that of memory: told in any other, thousands cost a fifth more each.
        self.current: dict[W, None] = {}
        self.behind: set[W] = set()  # owed a snapshot as soon as their socket drains
        self.spoke_at = -NEVER  # when watchers were last told anything
        self._untold = Untold()
        self._pace = Pace(settings)
        self._tell_at = NEVER
        self._telling: Change | None = None  # on its way to the watchers
        self._settings = settings
        self._counters = counters
        self._waiting: dict[W, list[_Request]] = {}
        self._early: dict[tuple[int, int], Change] = {}  # by (epoch, prev)
        # The latest point anybody has spoken of, and the load that proves or refutes it: a commit
        # that was heard of is visible to every read that starts later.
        self._goal: Head | None = None
        self._goal_load = 0
        self._told_by = ""  # what spoke of it first
        self._loads = 0  # started so far
        self._loads_answered = (
            0  # the last that came back with the truth; a failed one says nothing
        )
        self._is_loading = False
        self._load_at = NEVER
        self._forget_at = NEVER
        self._failures = 0
        self._rewinds = 0

    @property
    def due(self) -> float:
        """When `tick` has something to do."""
        tell_at = NEVER if self._telling else self._tell_at
        return tell_at if self._is_loading else min(tell_at, self._load_at, self._forget_at)

    @property
    def told(self) -> Head | None:
        """What every watcher in `current` has been sent at least."""
        head, telling = self.head, self._telling
        if head is None:
            return None
        if telling is not None and telling.epoch == head.epoch:
            return Head(head.epoch, telling.prev)
        return Head(head.epoch, self._untold.prev) if self._untold else head

    @property
    def is_watched(self) -> bool:
        return bool(self.current or self.behind or self._waiting)

    @property
    def is_idle(self) -> bool:
        """Nobody watches and no answer is outstanding: it may be dropped before its time."""
        return not self.is_watched and not self._is_loading

    # Watchers come and go.

    def subscribe(
        self, watcher: W, request_id: int, claim: Head | None, *, now: float
    ) -> Effects[W]:
        self._forget_at = NEVER
        if self.head is not None and (claim is None or claim <= self.head):
            return [self._answer(watcher, request_id, claim)]
        requests = self._waiting.setdefault(watcher, [])
        if len(requests) >= self._settings.waiting_max:
            return [Refuse(watcher, request_id, "overloaded")]
        requests.append(_Request(request_id, claim, self._loads + 1))
        if claim is not None:
            # The client has seen more than this process: a delta is under way, or it errs. It must
            # not be sent back in time before the database has been asked.
            self._aim(claim, now, "client")
        return self._load_first()

    def unsubscribe(self, watcher: W, *, now: float) -> None:
        self.current.pop(watcher, None)
        self.behind.discard(watcher)
        self._waiting.pop(watcher, None)
        if not self.current:
            self._keep_quiet()
        self._keep_warm(now)

    def fell_behind(self, watcher: W) -> None:
        if watcher in self.current:
            del self.current[watcher]
            self.behind.add(watcher)
            if not self.current:
                self._keep_quiet()

    def drained(self, watcher: W, *, now: float) -> Effects[W]:
        if watcher not in self.behind:
            return []
        self.behind.remove(watcher)
        self.current[watcher] = None
        self.spoke_at = now
        return [Resync((watcher,))]

    # News arrives, in any order, more than once, or not at all.

    def apply(self, change: Change, *, now: float) -> Effects[W]:
        head = self.head
        if head is None:
            self._keep_early(change)
            self._aim(Head(change.epoch, change.rev), now, "gap")
            return []
        if change.epoch < head.epoch or (change.epoch == head.epoch and change.rev <= head.rev):
            self._counters.deltas_duplicate += 1
            return []
        if not self._fits(change, head):
            self._counters.deltas_early += 1
            self._keep_early(change)
            self._aim(Head(change.epoch, change.rev), now, "gap")
            if change.epoch != head.epoch:
                self._load_at = now  # no delta leads from one epoch to the next
            return self.tick(now=now)
        self._advance(change)
        changes = [change]
        if self._early:
            changes += self._take_early()
        return self._tell(changes, now)

    def learned(self, position: Head, *, asked_at: Head | None, now: float) -> Effects[W]:
        """A position check's answer; `asked_at` is the head when the question was sent."""
        if self.head is None:
            return []
        if asked_at is not None and position < asked_at:
            # Committed history cannot shrink. Ask once more, then believe that it was restored.
            self._rewinds += 1
            return self._rebuild() if self._rewinds >= REWINDS_BELIEVED else []
        self._rewinds = 0
        if position > self.head:
            self._aim(position, now, "position")
        return []

    def suspect(self) -> Effects[W]:
        """A position check did not find the bus: see whether it is gone."""
        return [] if self._is_loading else self._load()

    # A load ends, in one of three ways.

    def loaded(self, seat_map: SeatMap, *, now: float) -> Effects[W]:
        self._is_loading = False
        self._loads_answered = self._loads
        self._failures = 0
        effects = self._adopt(seat_map, now)
        self._settle(now)
        effects += self._answer_waiting()
        self._keep_warm(now)
        return effects

    def missing(self) -> Effects[W]:
        self._is_loading = False
        refusals: Effects[W] = [
            Refuse(watcher, request.request_id, "not_found")
            for watcher, requests in self._waiting.items()
            for request in requests
        ]
        self._waiting.clear()
        return [*refusals, *self._rebuild(), Forget()]

    def failed(self, *, now: float) -> Effects[W]:
        self._is_loading = False
        if self.head is None and not self.is_watched:
            return [Forget()]
        delay = self._settings.retry_seconds * 2 ** min(self._failures, 16)
        self._failures += 1
        self._load_at = now + min(delay, self._settings.retry_max_seconds)
        return []

    # Time passes.

    def tick(self, *, now: float) -> Effects[W]:
        effects = self._let_out(now)
        if self._is_loading:
            return effects
        if now >= self._forget_at:
            return [*effects, Forget()]
        return effects + self._load() if now >= self._load_at else effects

    def delivered(self) -> None:
        """The last broadcast has reached its last watcher; until then the next one gathers."""
        self._telling = None

    # What all of it is made of.

    def _load_first(self) -> Effects[W]:
        is_retrying = self._load_at != NEVER
        return [] if self.head is not None or self._is_loading or is_retrying else self._load()

    def _load(self) -> Effects[W]:
        self._is_loading = True
        self._load_at = NEVER
        self._loads += 1
        return [Load()]

    def _aim(self, goal: Head, now: float, told_by: str) -> None:
        if self._goal is None:
            self._told_by = told_by
        if self._goal is None or goal > self._goal:
            self._goal = goal
        self._goal_load = self._loads + 1
        if self.head is not None:
            self._load_at = min(self._load_at, now + self._settings.patience_seconds)

    def _settle(self, now: float) -> None:
        """After a load: is everything there that was spoken of, or proved to be hearsay?"""
        if self._goal is None or self.head is None:
            return
        if self.head >= self._goal or self._loads >= self._goal_load:
            self._goal = None
            self._load_at = NEVER
            self._early.clear()
        else:
            self._load_at = min(self._load_at, now + self._settings.patience_seconds)

    def _fits(self, change: Change, head: Head) -> bool:
        # An unknown seat means another layout, hence another epoch that this process missed.
        return (
            change.epoch == head.epoch
            and change.prev <= head.rev
            and all(label in self.seats for label, _ in change.seats)
        )

    def _advance(self, change: Change) -> None:
        self.seats.update(change.seats)
        self.head = Head(change.epoch, change.rev)
        self._counters.deltas_applied += 1

    def _keep_early(self, change: Change) -> None:
        key = (change.epoch, change.prev)
        known = self._early.get(key)
        if (known is None and len(self._early) < self._settings.early_max) or (
            known is not None and known.rev < change.rev
        ):
            self._early[key] = change

    def _take_early(self) -> list[Change]:
        taken = []
        for key in sorted(self._early):
            change = self._early[key]
            head = self.head
            if head is None:
                break
            if Head(change.epoch, change.rev) > head:
                if not self._fits(change, head):
                    break
                self._advance(change)
                taken.append(change)
            del self._early[key]
        return taken

    def _tell(self, changes: list[Change], now: float) -> Effects[W]:
        for change in changes:
            self._pace.note(now)
            if self.current:
                self._untold.add(change)
        if self._untold:
            self._tell_at = min(self._tell_at, self._pace.tell_at(now, len(self.current)))
        if self._goal is not None and self.head is not None and self.head >= self._goal:
            self._goal = None
            self._load_at = NEVER
        return self._answer_waiting() if self._waiting else []

    def _let_out(self, now: float) -> Effects[W]:
        if now < self._tell_at or self._telling is not None:
            return []
        self._counters.deltas_merged += self._untold.count - 1
        self._telling = self._untold.take()
        self._tell_at = NEVER
        self._pace.told(now)
        self.spoke_at = now
        return [Broadcast(self._telling, tuple(self.current))]

    def _keep_quiet(self) -> None:
        """Nobody is owed what has not been told, or all of them get the whole state instead."""
        self._untold.clear()
        self._tell_at = NEVER

    def _adopt(self, seat_map: SeatMap, now: float) -> Effects[W]:
        old, new = self.head, Head(seat_map.epoch, seat_map.rev)
        if old is not None and new <= old:
            taken = self._take_early()
            return self._tell(taken, now) if taken else []
        before, self.seats, self.head = self.seats, dict(seat_map.seats), new
        if old is None:
            self._take_early()  # nobody is current yet: the answers carry the result
            return []
        if self.current or self.behind:
            self._counters.repairs += 1
            self._counters.repaired[self._told_by if self._goal is not None else "reload"] += 1
        if old.epoch == new.epoch and before.keys() == self.seats.keys():
            seats = tuple(item for item in self.seats.items() if before[item[0]] != item[1])
            repair = Change(new.epoch, old.rev, new.rev, seats)
            return self._tell([repair, *self._take_early()], now)
        self._take_early()
        self._keep_quiet()
        self.spoke_at = now
        return [Resync(tuple(self.current))] if self.current else []

    def _answer(self, watcher: W, request_id: int, claim: Head | None) -> Answer[W]:
        self.behind.discard(watcher)
        self.current[watcher] = None
        return Answer(watcher, request_id, claim == self.head)

    def _answer_waiting(self) -> Effects[W]:
        effects: Effects[W] = []
        for watcher, requests in list(self._waiting.items()):
            later = []
            for request in requests:
                if self._is_answerable(request):
                    effects.append(self._answer(watcher, request.request_id, request.claim))
                else:
                    later.append(request)
            if later:
                self._waiting[watcher] = later
            else:
                del self._waiting[watcher]
        return effects

    def _is_answerable(self, request: _Request) -> bool:
        if self.head is None:
            return False
        claim = request.claim
        return claim is None or claim <= self.head or request.by_load <= self._loads_answered

    def _keep_warm(self, now: float) -> None:
        if not self.is_watched and self._forget_at == NEVER:
            self._forget_at = now + self._settings.keep_seconds

    def _rebuild(self) -> Effects[W]:
        watchers = (*self.current, *self.behind)
        self.current.clear()
        self.behind.clear()
        self._keep_quiet()
        self.head, self._goal = None, None
        self.seats = {}
        self._early.clear()
        self._load_at = NEVER
        self._failures = self._rewinds = 0
        effects: Effects[W] = []
        if watchers:
            self._counters.rebuilds += 1
            effects.append(Evict(watchers))
        return effects + (self._load() if self._waiting and not self._is_loading else [])
