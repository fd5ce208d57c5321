"""What seats look like, kept in memory for those who ask instead of watching: searches and seat maps over HTTP.

A bus that somebody asked for is read once. From then on every commit that this process makes or hears of is written
through: by revision, so that what is older than what is known changes nothing, and what does not fit to it makes us
read again. The position check of the live layer compares all of it with the database every three seconds. While live
updates may lag, nothing is kept and everybody is sent to the database.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from realtime.effects import Head
from server.metrics import SEATS_READ
from store.buses import Buses, SeatStates
from store.errors import NotFound
from store.events import Position
from store.model import Bus, Leg

BUSES_KEPT = 10_000
SEATS_KEPT = 500_000
"""On all buses together, 100 bytes each; 10,000 coaches of fifty."""
BODIES_KEPT_BYTES = 64 << 20
_BODIES_EACH = 8
AHEAD_MAX = 64
"""Changes of one bus that wait for the one before them, or for a read that is under way."""
_IDLE_SECONDS = 60.0


class SeatsKept:
    """A bus as it is at one revision, and what was made of it: free seats by leg, bodies of answers by leg."""

    __slots__ = (
        *("ahead", "bodies", "bus", "epoch", "etag", "free", "read_at", "rev", "states", "status"),
    )

    def __init__(self, found: SeatStates) -> None:
        labels = found.bus.layout.by_number
        self.bus: Bus = found.bus
        self.epoch = found.epoch
        self.rev = found.rev
        self.status = found.status
        self.states = {labels[number].label: states for number, states in found.states.items()}
        self.read_at = time.monotonic()
        self.ahead: list[Noted] = []
        """What was heard of before the change that it follows: until that comes, this is not what the bus is like."""
        self._forget()

    @property
    def head(self) -> Head:
        return Head(self.epoch, self.rev)

    def count_free(self, leg: Leg) -> int:
        """Return how many seats can be had on all of a leg."""
        known = self.free.get(leg)
        if known is None:
            start, end = leg.start, leg.end
            wanted = "A" * (end - start)
            known = sum(states[start:end] == wanted for states in self.states.values())
            self.free[leg] = known
        return known

    def take(self, change: "Noted") -> bool:
        """Write a later change through, and what waited for it; or keep it until the one before it comes.

        Return whether either could be done; otherwise the bus is to be read again.
        """
        known = self.states
        # Without seats it is the bus that changed: what it costs, when it leaves, whether it is sold at all.
        is_apt = bool(change.seats) and all(label in known for label, _ in change.seats)
        if change.epoch != self.epoch or not is_apt or len(self.ahead) >= AHEAD_MAX:
            return False
        self.ahead.append(change)
        self.ahead.sort(key=_by_revision)
        before = self.rev
        while self.ahead and self.ahead[0].prev <= self.rev:
            due = self.ahead.pop(0)
            if due.rev > self.rev:
                self.rev = due.rev
                known.update(due.seats)
        if self.rev != before:
            self._forget()
        return True

    def _forget(self) -> None:
        self.etag = b'"%d-%d"' % (self.epoch, self.rev)
        self.free: dict[Leg, int] = {}
        self.bodies: dict[Leg, bytes] = {}


class Noted(NamedTuple):
    """A change as it was heard of: absolute states of seats."""

    epoch: int
    prev: int
    rev: int
    seats: Sequence[tuple[str, str]]


def _by_revision(change: Noted) -> tuple[int, int]:
    return change.prev, change.rev


class SeatMaps:
    """The live layer's `Onlooker`. `is_fresh` says whether this process hears of commits at once.

    Locks nothing and decides nothing: every sale asks the database, whatever is shown here.
    """

    def __init__(self, buses: Buses, *, is_fresh: Callable[[], bool]) -> None:
        self.is_fresh = is_fresh
        self.changes = 0
        """Counted up with everything that may make an earlier answer untrue."""
        self._buses = buses
        self._kept: OrderedDict[int, SeatsKept] = OrderedDict()
        self._loading: dict[int, _Loads] = {}
        self._bodies_bytes = 0
        self._seats = 0

    # For whoever asks.

    async def find(self, bus_id: int, *, least: Head | None = None) -> SeatsKept:
        """Return a bus as this process knows it, or as the database has it; raise NotFound.

        The database is asked when nothing is known here, or less than `least`.
        """
        if self.is_fresh():
            kept = self._kept.get(bus_id)
            if kept is not None and not kept.ahead and (least is None or least <= kept.head):
                kept.read_at = time.monotonic()
                self._kept.move_to_end(bus_id)
                return kept
        return await self._load(bus_id)

    async def find_many(self, bus_ids: Iterable[int]) -> dict[int, SeatsKept]:
        """Return those of these buses that there are, with as few questions to the database as can be."""
        found: dict[int, SeatsKept] = {}
        missing: list[int] = []
        is_fresh, now = self.is_fresh(), time.monotonic()
        for bus_id in bus_ids:
            kept = self._kept.get(bus_id)
            if kept is not None and is_fresh and not kept.ahead:
                kept.read_at = now
                found[bus_id] = kept
            else:
                missing.append(bus_id)
        if missing:
            loaded = await asyncio.gather(*map(self._load, missing), return_exceptions=True)
            for bus_id, each in zip(missing, loaded, strict=True):
                if isinstance(each, SeatsKept):
                    found[bus_id] = each
                elif not isinstance(each, NotFound):
                    raise each
        return found

    def keep_body(self, kept: SeatsKept, leg: Leg, body: bytes) -> None:
        """Remember the answer for a leg until a seat changes."""
        if len(kept.bodies) >= _BODIES_EACH:
            return
        if self._bodies_bytes > BODIES_KEPT_BYTES:
            self._drop_bodies()
        kept.bodies[leg] = body
        self._bodies_bytes += len(body)

    # For the live layer.

    def is_known(self, bus_id: int) -> bool:
        return bus_id in self._kept or bus_id in self._loading

    def note(
        self, bus_id: int, epoch: int, prev: int, rev: int, seats: Sequence[tuple[str, str]]
    ) -> None:
        """Write a change through. Costs a look into a dictionary for a bus that nobody asks for."""
        change = Noted(epoch, prev, rev, seats)
        loads = self._loading.get(bus_id)
        if loads is not None:
            loads.hear(change)
        kept = self._kept.get(bus_id)
        if kept is None or (epoch == kept.epoch and rev <= kept.rev) or epoch < kept.epoch:
            return
        self.changes += 1
        if not kept.take(change):
            self._let_go(bus_id)

    def heads(self) -> dict[int, Head]:
        """Return what is kept, once what nobody has asked for lately is let go."""
        long_ago = time.monotonic() - _IDLE_SECONDS
        idle = [bus_id for bus_id, kept in self._kept.items() if kept.read_at < long_ago]
        for bus_id in idle:
            self._drop(bus_id)
        return {bus_id: kept.head for bus_id, kept in self._kept.items()}

    def learn(self, asked: dict[int, Head], positions: Sequence[Position]) -> None:
        """Let go of what the database has otherwise: ahead of us, gone, or put back to an earlier day."""
        found = {each.bus_id: Head(each.epoch, each.rev) for each in positions}
        for bus_id, asked_at in asked.items():
            kept, position = self._kept.get(bus_id), found.get(bus_id)
            if kept is not None and (
                position is None or position < asked_at or position > kept.head
            ):
                self._drop(bus_id)

    def distrust(self) -> None:
        """Have everything read anew."""
        self.changes += 1
        self._kept.clear()
        self._bodies_bytes = self._seats = 0
        for loads in self._loading.values():
            loads.is_doubted = True
        self._loading.clear()  # who reads from now on is not to be doubted with those

    # Inside.

    async def _load(self, bus_id: int) -> SeatsKept:
        loads = self._loading.setdefault(bus_id, _Loads())
        loads.under_way += 1
        try:
            kept = await self._read(bus_id)
            # What was committed meanwhile is written through as well: a bus that many buy on is never at rest.
            if not loads.bring_up(kept):
                # A commit that was heard of is seen by every read that begins later.
                kept = await self._read(bus_id)
        finally:
            loads.under_way -= 1
            if loads.under_way == 0 and self._loading.get(bus_id) is loads:
                del self._loading[bus_id]
        if loads.bring_up(kept) and not loads.is_doubted and self.is_fresh():
            return self._keep(bus_id, kept)
        return kept

    async def _read(self, bus_id: int) -> SeatsKept:
        SEATS_READ.inc()
        return SeatsKept(await self._buses.seat_states(bus_id))

    def _keep(self, bus_id: int, kept: SeatsKept) -> SeatsKept:
        known = self._kept.get(bus_id)
        if known is not None:
            if known.head >= kept.head:
                return kept if known.ahead else known
            for change in known.ahead:
                if change.rev > kept.rev:
                    kept.take(change)
            self._let_go(bus_id)
        self.changes += 1
        self._kept[bus_id] = kept
        self._seats += len(kept.states)
        while len(self._kept) > BUSES_KEPT or self._seats > SEATS_KEPT:
            self._let_go(next(iter(self._kept)))
        return kept

    def _drop(self, bus_id: int) -> None:
        self.changes += 1
        self._let_go(bus_id)

    def _let_go(self, bus_id: int) -> None:
        self._seats -= len(self._kept.pop(bus_id).states)

    def _drop_bodies(self) -> None:
        """Count anew, as what changes made void was never taken off; of what is too much still, the older half goes."""
        some = list(self._kept.values())
        if _weigh(some) > BODIES_KEPT_BYTES:
            for kept in some[: (len(some) + 1) // 2]:
                kept.bodies.clear()
        self._bodies_bytes = _weigh(some)


def _weigh(some: Iterable[SeatsKept]) -> int:
    return sum(len(body) for kept in some for body in kept.bodies.values())


class _Loads:
    """Reads of a bus that are under way, and what was heard of meanwhile."""

    __slots__ = ("_noted", "heard", "is_doubted", "under_way")

    def __init__(self) -> None:
        self.under_way = 0
        self.heard = Head(0, 0)
        self.is_doubted = False
        self._noted: deque[Noted] = deque(maxlen=AHEAD_MAX)

    def hear(self, change: Noted) -> None:
        self.heard = max(self.heard, Head(change.epoch, change.rev))
        self._noted.append(change)

    def bring_up(self, kept: SeatsKept) -> bool:
        """Write through what was heard of since it was read; return whether it is as far as that now."""
        for change in sorted(self._noted, key=_by_revision):
            if change.epoch == kept.epoch and change.prev <= kept.rev < change.rev:
                kept.take(change)
        return self.heard <= kept.head and not kept.ahead
