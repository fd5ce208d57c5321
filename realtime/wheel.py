"""Timers by the thousand for the price of one: who is due soon lies in the same slot."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Wheel(Generic[T]):
    """Nothing is due further ahead than `horizon_seconds`; precision is one slot of it."""

    def __init__(self, horizon_seconds: float, *, now: float, slots: int = 64) -> None:
        self.slot_seconds = horizon_seconds / slots
        self._slots: list[set[T]] = [set() for _ in range(slots + 2)]
        self._slot_of: dict[T, int] = {}
        self._turned = self._index(now)

    def __len__(self) -> int:
        return len(self._slot_of)

    def put(self, item: T, due: float) -> None:
        """Once per item: putting it again moves it."""
        self.remove(item)
        # Never into the slot that is being emptied, never so far that the wheel laps itself.
        index = min(max(self._index(due), self._turned) + 1, self._turned + len(self._slots) - 1)
        slot = index % len(self._slots)
        self._slots[slot].add(item)
        self._slot_of[item] = slot

    def remove(self, item: T) -> None:
        slot = self._slot_of.pop(item, None)
        if slot is not None:
            self._slots[slot].discard(item)

    def turn(self, now: float) -> list[T]:
        """Takes out and returns all that is due."""
        due: list[T] = []
        target = self._index(now)
        first = max(self._turned + 1, target - len(self._slots) + 1)
        for index in range(first, target + 1):
            slot = index % len(self._slots)
            due += self._slots[slot]
            self._slots[slot] = set()
        self._turned = max(self._turned, target)
        for item in due:
            del self._slot_of[item]
        return due

    def _index(self, moment: float) -> int:
        return int(moment / self.slot_seconds)
