"""The committed history of some buses: the oracle, and the hub's source of truth in these tests."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from store.events import Position, SeatMap, SeatsChanged

State = dict[str, str]


class Unavailable(Exception):
    pass


class Ledger:
    """A SeatSource over a list of committed states; it can be slow, and it can be down."""

    def __init__(self) -> None:
        self.states: dict[int, dict[tuple[int, int], State]] = {}
        self.heads: dict[int, tuple[int, int]] = {}
        self.is_down = False
        self.reading = asyncio.Event()  # cleared: snapshots are read, but not returned yet
        self.reading.set()
        self.reads: list[list[int]] = []
        self.checks = 0

    def add(self, bus_id: int, labels: str = "1A 1B 2A 2B", *, epoch: int = 1) -> None:
        self.rebuild(bus_id, dict.fromkeys(labels.split(), "A"), epoch=epoch, rev=0)

    def rebuild(self, bus_id: int, state: State, *, epoch: int, rev: int) -> None:
        self.states.setdefault(bus_id, {})[epoch, rev] = state
        self.heads[bus_id] = (epoch, rev)

    def state(self, bus_id: int) -> State:
        return self.states[bus_id][self.heads[bus_id]]

    def commit(self, bus_id: int, **seats: str) -> SeatsChanged:
        """Seats are named backwards, A1 for 1A, to be Python names."""
        changed = {label[1:] + label[0]: states for label, states in seats.items()}
        epoch, rev = self.heads[bus_id]
        self.rebuild(bus_id, {**self.state(bus_id), **changed}, epoch=epoch, rev=rev + 1)
        return SeatsChanged(
            bus_id=bus_id,
            epoch=epoch,
            prev=rev,
            rev=rev + 1,
            seats=tuple(changed.items()),
            at=datetime.now(UTC),
            kind="held",
        )

    async def seat_maps(self, bus_ids: Sequence[int]) -> Sequence[SeatMap]:
        self.reads.append(list(bus_ids))
        if self.is_down:
            raise Unavailable
        found = [
            SeatMap(bus_id, *self.heads[bus_id], tuple(self.state(bus_id).items()))
            for bus_id in bus_ids
            if bus_id in self.heads
        ]
        await self.reading.wait()
        return found

    async def positions(self, bus_ids: Sequence[int]) -> Sequence[Position]:
        self.checks += 1
        if self.is_down:
            raise Unavailable
        return [Position(bus_id, *self.heads[bus_id]) for bus_id in bus_ids if bus_id in self.heads]
