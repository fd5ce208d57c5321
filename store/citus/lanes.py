"""A lane for each shard group: what a batch locks and writes lies on one server, in one shard of each table."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from store.buses import BUSES_KEPT, Buses
from store.citus.placement import SQL
from store.db import Connection, Database
from store.events import SeatsChanged
from store.lane import Lane, LaneOptions
from store.requests import Reply, Request


class ShardLanes(Lane):
    """Sorts requests by where their bus lies; each shard group has queue and batches of its own."""

    def __init__(
        self,
        db: Database,
        buses: Buses,
        announce: Callable[[Sequence[SeatsChanged]], None],
        options: LaneOptions,
    ) -> None:
        # The express statement is not one that the workers can run.
        super().__init__(db, buses, announce, replace(options, is_express=False))
        self._lanes: dict[int, Lane] = {}
        self._shards: OrderedDict[int, int] = OrderedDict()

    async def submit(self, request: Request[Any]) -> Reply:
        """Do as a lane does, in the one that the bus belongs to."""
        shard = await self._find_shard(request.bus_id)
        if (lane := self._lanes.get(shard)) is None:
            lane = self._lanes[shard] = Lane(self.db, self.buses, self._announce, self._options)
        return await lane.submit(request)

    @property
    def waiting(self) -> int:
        """How many requests wait for a batch, in all lanes."""
        return sum(lane.waiting for lane in self._lanes.values())

    async def close(self) -> None:
        for lane in self._lanes.values():
            await lane.close()

    async def _find_shard(self, bus_id: int) -> int:
        if (known := self._shards.get(bus_id)) is not None:
            return known

        async def ask(connection: Connection) -> int:
            return int(await connection.fetchval(SQL["shard_of"], bus_id))

        # Within a transaction a connection is waited for once, as batches wait for theirs.
        found = await self.db.read([], ask)
        # A bus never changes its shard. Where shards are split, two buses may part: their batch is split as well, then.
        self._shards[bus_id] = found
        while len(self._shards) > BUSES_KEPT:
            self._shards.popitem(last=False)
        return found
