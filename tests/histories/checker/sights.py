"""What watchers saw: committed states in the order of revisions, never one that is not, and the last one at last."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from tests.histories.checker.verdict import Violation
from tests.histories.records import BusRow, EventRow, Glimpse

PASSER_BY = 0
"""Whoever reads a seat map once; from several servers, so in no order."""


class Sights:
    """All committed states of a bus."""

    def __init__(self, bus: BusRow, segments: int, events: Sequence[EventRow]) -> None:
        self._bus = bus
        self._events = events
        self._free = "A" * segments
        self._revs: defaultdict[str, list[int]] = defaultdict(list)
        self._letters: defaultdict[str, list[str]] = defaultdict(list)
        for event in events:
            for label, letters in event.seats:
                self._revs[label].append(event.rev)
                self._letters[label].append(letters)

    def check(self, glimpses: Iterable[Glimpse]) -> Iterator[Violation]:
        """Hold every glimpse against what was committed, each watcher's in the order of arrival."""
        heads: dict[int, int] = {}
        for glimpse in glimpses:
            head = heads.get(glimpse.watcher)
            yield from self._check_one(glimpse, head)
            if glimpse.watcher != PASSER_BY:
                heads[glimpse.watcher] = glimpse.rev
        for watcher, head in heads.items():
            if head != self._bus.rev:
                yield self._blame(
                    "watcher-behind", f"watcher {watcher} ends at {head}, not {self._bus.rev}"
                )

    def _check_one(self, glimpse: Glimpse, head: int | None) -> Iterator[Violation]:
        who = f"watcher {glimpse.watcher} at rev {glimpse.rev}"
        if glimpse.epoch != self._bus.epoch or glimpse.rev > len(self._events):
            yield self._blame("uncommitted-state", f"{who}: there was no such revision")
            return
        if glimpse.rev and glimpse.at < self._events[glimpse.rev - 1].at:
            yield self._blame("seen-too-early", f"{who}, at {glimpse.at}")
        if head is not None and glimpse.rev < head:
            yield self._blame("watcher-went-back", f"{who}, from {head}")
        elif glimpse.prev is not None and (head is None or glimpse.prev > head):
            yield self._blame("watcher-went-back", f"{who}: from {glimpse.prev}, being at {head}")
        elif not self._is_committed(glimpse, head or 0):
            yield self._blame("uncommitted-state", who)

    def _is_committed(self, glimpse: Glimpse, head: int) -> bool:
        seen = dict(glimpse.seats)
        if any(letters != self._at(label, glimpse.rev) for label, letters in seen.items()):
            return False
        if glimpse.prev is None:
            return seen.keys() == self._bus.seats.keys()
        # A seat that changed and changed back may be left out.
        changed = {label for event in self._events[head : glimpse.rev] for label, _ in event.seats}
        return all(
            label in seen or self._at(label, head) == self._at(label, glimpse.rev)
            for label in changed
        )

    def _at(self, label: str, rev: int) -> str:
        place = bisect_right(self._revs[label], rev)
        return self._letters[label][place - 1] if place else self._free

    def _blame(self, reason: str, detail: str) -> Violation:
        return Violation(reason, self._bus.bus, detail)
