"""What legs cost: a fare for every segment, and fares for pairs of stops where their sum is not meant."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from store.authority import Versions, require_in_business, require_version
from store.buses import Buses
from store.db import Connection, Database
from store.errors import InvalidRequest, NotFound, Overloaded
from store.events import SeatsChanged
from store.model import Bus, BusStop, Caller, PairFares
from store.queries import Queries
from store.rules import leg_between
from store.tenancy import Tenancy

SQL = Queries.beside(__file__)
LARGEST_FARE = 100_000_000
_TRIES = 5


@dataclass(frozen=True, slots=True)
class StopFare:
    """What an adult pays from one stop to another, as the operator says it: stops by id, `currency` if it was said."""

    from_stop: int
    to_stop: int
    amount: int
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class NewFares:
    """All pairs that shall have a fare of their own; `segments` stay as they are if None."""

    pairs: Sequence[StopFare]
    segments: Sequence[int] | None = None


class _Edited(Exception):
    """Someone else has edited the bus between our look at it and our lock."""


class Fares:
    def __init__(
        self,
        db: Database,
        buses: Buses,
        tenancy: Tenancy,
        announce: Callable[[Sequence[SeatsChanged]], None],
    ) -> None:
        self._db = db
        self._tenancy = tenancy
        self._buses = buses
        self._announce = announce

    async def change(
        self, caller: Caller, bus_id: int, new: NewFares, expected: Versions = None
    ) -> None:
        """Set what legs of a bus cost from now on; what is held or sold keeps its price. Doing it twice is once.

        Locks the bus row, and nothing after it that anyone else locks. Raises NotFound, Forbidden, Stale,
        InvalidRequest. Emits `repriced`, a revision in which no seat changes, and writes the audit log.
        """
        for _ in range(_TRIES):
            bus = await self._buses.read(bus_id)
            await self._tenancy.require_manager(
                caller,
                bus.operator_id,
                what="bus",
                why="only the operator's administrators set fares",
            )
            require_in_business(caller, is_suspended=bus.is_suspended)
            require_version(bus.facts, expected)
            try:
                return await self._change(caller, bus, new)
            except _Edited:
                continue
        raise Overloaded

    async def _change(self, caller: Caller, bus: Bus, new: NewFares) -> None:
        segments = tuple(bus.fares if new.segments is None else new.segments)
        require_fares(segments, of=len(bus.fares))
        pairs = find_pairs(bus.stops, new.pairs, bus.currency)

        async def work(connection: Connection) -> SeatsChanged | None:
            edition = await connection.fetchval(SQL["lock_bus"], bus.bus_id)
            if edition is None:
                raise NotFound("bus")
            if edition != bus.facts:
                raise _Edited
            if (segments, pairs) == (bus.fares, bus.pair_fares):
                return None
            await connection.execute(SQL["drop_fares"], bus.bus_id)
            await add_fares(connection, bus.bus_id, bus.operator_id, pairs)
            row = await connection.fetchrow(
                SQL["reprice"], bus.bus_id, segments, caller.user_id, _logged(segments, pairs)
            )
            assert row is not None
            rev = row["rev"]
            return SeatsChanged(bus.bus_id, row["epoch"], rev - 1, rev, (), row["at"], "repriced")

        try:
            event = await self._db.transaction(caller.scope_at(bus.operator_id), work)
        finally:
            self._buses.forget(bus.bus_id)
        if event is not None:
            self._announce([event])


def require_fares(segments: Sequence[int], *, of: int) -> None:
    """Refuse fares that are not one for each of `of` segments, or that make the whole route cost too much."""
    if len(segments) != of:
        raise InvalidRequest("/segments", "segments_differ", f"the bus has {of} segments")
    if sum(segments) > LARGEST_FARE:
        raise InvalidRequest(
            "/segments", "fare_too_large", f"the whole route may cost at most {LARGEST_FARE}"
        )


def find_pairs(stops: Sequence[BusStop], fares: Sequence[StopFare], currency: str) -> PairFares:
    """Return what legs cost, by their places among the stops.

    Raises InvalidRequest for legs that nobody can travel or that come twice, and for money that is not the bus's.
    """
    pairs: dict[tuple[int, int], int] = {}
    for index, fare in enumerate(fares):
        pointer = f"/fares/{index}"
        leg = leg_between(stops, fare.from_stop, fare.to_stop, pointer=pointer)
        if (leg.start, leg.end) in pairs:
            raise InvalidRequest(pointer, "duplicate_fare", "this leg has a fare already")
        if fare.currency not in (None, currency):
            raise InvalidRequest(
                f"{pointer}/price/currency", "currency_differs", f"the bus is sold in {currency}"
            )
        pairs[leg.start, leg.end] = fare.amount
    return pairs


async def add_fares(
    connection: Connection, bus_id: int, operator_id: int, pairs: PairFares
) -> None:
    """Write the fares of pairs of stops, inside the transaction that makes or edits the bus."""
    if pairs:
        starts, ends = zip(*pairs, strict=True)
        await connection.execute(
            SQL["add_fares"], bus_id, operator_id, starts, ends, list(pairs.values())
        )


def _logged(segments: Sequence[int], pairs: PairFares) -> str:
    # How many pairs, not which: what the log keeps of one action is bounded, and a table of fares is not small.
    return msgspec.json.encode({"segments": segments, "pairs": len(pairs)}).decode()
