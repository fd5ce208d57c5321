"""Every state that buses were ever in, worked out from their events and compared with what was read meanwhile."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from tests.faults.shop import Shop

State = dict[str, str]
Head = tuple[int, int]
"""Epoch and revision."""

_EVENTS = "SELECT bus_id, epoch, rev, kind, seats FROM events ORDER BY bus_id, rev"
_MAPS = """
SELECT b.bus_id, b.epoch, b.rev, array_agg(l.label) AS labels, array_agg(s.states::text) AS states
FROM buses AS b INNER JOIN seats AS s USING (bus_id)
INNER JOIN layout_seats AS l ON l.layout_id = b.layout_id AND l.seat_no = s.seat_no
GROUP BY b.bus_id
"""
_HEADS = "SELECT bus_id, epoch, rev FROM buses"
_BETWEEN_GLANCES_SECONDS = 0.5


@dataclass(slots=True)
class Committed:
    """`states` by bus and head; `kinds` counts the events."""

    states: dict[str, dict[Head, State]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)

    @classmethod
    async def read(cls, shop: Shop) -> "Committed":
        """Replay the events of all buses; they must lead to the seats as they are."""
        async with shop.reading() as connection:
            events = await connection.fetch(_EVENTS)
            maps = await _read_maps(connection)
        committed = cls()
        for bus, (_, state) in maps.items():
            committed.states[bus] = {(1, 0): {label: "A" * len(state[label]) for label in state}}
        for event in events:
            bus, epoch, rev = str(event["bus_id"]), event["epoch"], event["rev"]
            before = committed._begin(bus, epoch, rev - 1)
            committed.states[bus][epoch, rev] = {**before, **dict(json.loads(event["seats"]))}
            committed.kinds[event["kind"]] += 1
        for bus, ((epoch, rev), _) in maps.items():
            committed._begin(bus, epoch, rev)
        committed.check(maps)
        return committed

    def _begin(self, bus: str, epoch: int, rev: int) -> State:
        """Return the state at this head; an epoch begins as the one before it has ended."""
        states = self.states[bus]
        if (epoch, rev) not in states:
            assert epoch > 1, f"there is no event of bus {bus} at {rev}"
            states[epoch, rev] = self._begin(bus, epoch - 1, rev)
        return states[epoch, rev]

    def check(self, maps: "Maps") -> None:
        for bus, (head, state) in maps.items():
            assert self.states[bus][head] == state, f"bus {bus} was never so at {head}"


Maps = Mapping[str, tuple[Head, State]]


async def read_heads(shop: Shop) -> dict[str, Head]:
    async with shop.reading() as connection:
        rows = await connection.fetch(_HEADS)
    return {str(row["bus_id"]): (row["epoch"], row["rev"]) for row in rows}


@asynccontextmanager
async def glancing(shop: Shop) -> AsyncIterator[list[Maps]]:
    """Read all seats now and then, each time on one snapshot, so that events can be held against them."""
    glances: list[Maps] = []

    async def glance() -> None:
        while True:
            async with shop.reading() as connection:
                glances.append(await _read_maps(connection))
            await asyncio.sleep(_BETWEEN_GLANCES_SECONDS)

    glancer = asyncio.create_task(glance())
    try:
        yield glances
    finally:
        glancer.cancel()
        await asyncio.gather(glancer, return_exceptions=True)


async def _read_maps(connection: "asyncpg.Connection[asyncpg.Record]") -> Maps:
    return {
        str(row["bus_id"]): (
            (row["epoch"], row["rev"]),
            dict(zip(row["labels"], row["states"], strict=True)),
        )
        for row in await connection.fetch(_MAPS)
    }
