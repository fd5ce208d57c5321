"""Who waits for a batch: in order of arrival on each bus, and a turn for every bus.

A bus that thousands want fills what others leave of a batch; it does not keep them waiting behind it. What is asked of
one bus is decided in order of arrival: as long as a batch works on a bus, the bus is *busy* and has no turn.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar


class _OfBus(Protocol):
    @property
    def bus_id(self) -> int: ...


W = TypeVar("W", bound=_OfBus)


class Line(Generic[W]):
    """The queue of a lane. Its length counts everyone, `has_turn` says whether somebody may go now."""

    def __init__(self) -> None:
        self._by_bus: dict[int, deque[W]] = {}
        self._turns: deque[int] = deque()
        self._busy: set[int] = set()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[W]:
        for waiting in self._by_bus.values():
            yield from waiting

    @property
    def has_turn(self) -> bool:
        return bool(self._turns)

    def append(self, waiting: W) -> None:
        self._find(waiting.bus_id).append(waiting)

    def put_back(self, waiting: W) -> None:
        """Let somebody wait ahead of all others of the bus."""
        self._find(waiting.bus_id).appendleft(waiting)

    def take(self, most: int) -> list[W]:
        """Take the next batch; its buses are busy until they are `free`.

        Every bus in its turn gives one, then all give more as long as there is room.
        """
        batch: list[W] = []
        going: deque[deque[W]] = deque()
        while self._turns and len(batch) < most:
            bus_id = self._turns.popleft()
            waiting = self._by_bus[bus_id]
            batch.append(waiting.popleft())
            going.append(waiting)
            self._busy.add(bus_id)
        while going and len(batch) < most:
            waiting = going.popleft()
            if waiting:
                batch.append(waiting.popleft())
                going.append(waiting)
        self._length -= len(batch)
        return batch

    def leave(self, is_over: Callable[[W], bool]) -> list[W]:
        """Take out those at the heads of the buses' lines whose waiting `is_over`."""
        gone: list[W] = []
        for bus_id, waiting in [*self._by_bus.items()]:
            while waiting and is_over(waiting[0]):
                gone.append(waiting.popleft())
            if not waiting and bus_id not in self._busy:
                del self._by_bus[bus_id]
                self._turns.remove(bus_id)
        self._length -= len(gone)
        return gone

    def free(self, bus_ids: Iterable[int]) -> None:
        """Give buses a turn again, now that what was taken of them is decided."""
        for bus_id in bus_ids:
            self._busy.discard(bus_id)
            if self._by_bus[bus_id]:
                self._turns.append(bus_id)
            else:
                del self._by_bus[bus_id]

    def _find(self, bus_id: int) -> deque[W]:
        self._length += 1
        waiting = self._by_bus.get(bus_id)
        if waiting is None:
            waiting = self._by_bus[bus_id] = deque()
            if bus_id not in self._busy:
                self._turns.append(bus_id)
        return waiting
