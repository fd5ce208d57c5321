"""Keeps waiting rooms going: draws when it is time, moves the counters on, opens and closes rooms by load.

What is measured is this process's own strain: how many requests wait for a batch, and how late its event loop is.
Where either is too much, more people were let in than can be served. The rule for opening a room by itself is as
plain: strain for seconds on end, and one bus that most of those ask for who ask for seats.
"""

import asyncio
from collections import Counter
from datetime import timedelta

from server.waiting.usher import Usher
from store import Store
from store.rooms import Room

QUEUE_BEARABLE = 32
"""More requests than that in line for a batch, and two batches are behind: whoever comes now waits for others."""
LAG_BEARABLE_SECONDS = 0.1
STRAINED_LOOKS = 3
"""So many seconds in a row open a room by load; one that is quiet is no crowd."""
QUIET_LOOKS = 60
"""So many without anybody waiting close it again."""
DEPARTED_LOOKS = 60
"""So many seconds lie between looks for rooms whose bus has left."""
_LAG_PROBE_SECONDS = 0.05


class Keeper:
    def __init__(self, store: Store, usher: Usher, *, opens_by_load: bool) -> None:
        self._store = store
        self._usher = usher
        self._opens_by_load = opens_by_load
        self._strained_looks = 0
        self._quiet_looks: dict[int, int] = {}
        self._looks = 0

    async def look(self) -> None:
        """Do what is due; costs nothing where there is no room, and none is opened by load."""
        rooms = list(self._usher.open_rooms)
        # Taken in any case: what nobody looks at must not grow.
        demand, self._usher.demand = self._usher.demand, type(self._usher.demand)()
        if not rooms and not self._opens_by_load:
            return
        if self._looks % DEPARTED_LOOKS == 0:
            await self._store.rooms.close_departed(rooms)
        self._looks += 1
        is_strained = await self._is_strained()
        now = self._usher.now()
        for room in rooms:
            if room.opened_at is None and room.opens_at <= now:
                await self._store.room_places.open_due(room)
        if moving := [room for room in rooms if room.opened_at is not None]:
            await self._store.rooms.advance(moving, is_strained=is_strained)
        if self._opens_by_load:
            await self._open_by_load(demand, is_strained=is_strained)
            await self._close_by_load(rooms)

    async def _is_strained(self) -> bool:
        loop = asyncio.get_running_loop()
        due = loop.time() + _LAG_PROBE_SECONDS
        waiting = self._store.lane.waiting
        await asyncio.sleep(_LAG_PROBE_SECONDS)
        waiting = min(waiting, self._store.lane.waiting)  # twice: a batch that fills is no queue
        return waiting > QUEUE_BEARABLE or loop.time() - due > LAG_BEARABLE_SECONDS

    async def _open_by_load(self, demand: Counter[int], *, is_strained: bool) -> None:
        self._strained_looks = self._strained_looks + 1 if is_strained else 0
        if self._strained_looks < STRAINED_LOOKS or not demand:
            return
        bus_id, asked = demand.most_common(1)[0]
        # The nearest room counts: one of ours would let a crowd past the route's or the operator's, drawn or not.
        if asked * 2 > demand.total() and await self._usher.room_before(bus_id) is None:
            self._strained_looks = 0
            await self._store.rooms.open_by_load(bus_id)

    async def _close_by_load(self, rooms: list[Room]) -> None:
        """Close rooms that load had opened once nobody has waited in them for a while."""
        quiet: dict[int, int] = {}
        for room in rooms:
            is_old = self._usher.now() - room.created_at > timedelta(seconds=QUIET_LOOKS)
            if room.is_auto and is_old and room.joined <= self._usher.serving(room):
                quiet[room.room_id] = self._quiet_looks.get(room.room_id, 0) + 1
                if quiet[room.room_id] >= QUIET_LOOKS:
                    await self._store.rooms.close_by_load(room)
        self._quiet_looks = quiet
