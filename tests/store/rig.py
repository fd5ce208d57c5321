"""Where the state machine plays: two stores on one small database, and the ways in which a request may come to them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

from hypothesis import strategies as st

from store import Store
from store.facade import StoreOptions
from store.model import GUEST, Caller
from store.requests import Ask, Key, Reply
from tests.store.ownership import SEATS_PER_BUYER
from tests.support.clearing import clear
from tests.support.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.support.world import World

T = TypeVar("T")
Run = Callable[[Store, Ask[Any]], Awaitable[Reply]]
RIDERS = (World.rider(1), World.rider(2))
BUYERS: tuple[Caller, ...] = (GUEST, *RIDERS)
SEATS = 6
SEGMENTS = (3, 2)
FARES = ((700, 500, 300), (1250, 950))

LOOK = """
SELECT b.bus_id, b.rev,
    (SELECT array_agg(s.states::text ORDER BY s.seat_no) FROM seats AS s WHERE s.bus_id = b.bus_id) AS states,
    ARRAY(SELECT ARRAY[c.seat_no::text, c.segment::text,
            coalesce(c.hold_id::text, c.booking_id::text, c.block_id::text)]
        FROM claims AS c WHERE c.bus_id = b.bus_id) AS claims,
    ARRAY(SELECT e.seats FROM events AS e WHERE e.bus_id = b.bus_id AND e.rev > w.rev ORDER BY e.rev) AS news,
    (SELECT coalesce(sum(p.amount), 0) FROM payments AS p
     WHERE p.bus_id = b.bus_id AND p.status = 'SUCCEEDED')::integer AS captured,
    (SELECT coalesce(sum(r.amount), 0) FROM refunds AS r WHERE r.bus_id = b.bus_id)::integer AS refunded
FROM unnest($1::bigint[], $2::bigint[]) AS w (bus_id, rev)
INNER JOIN buses AS b ON b.bus_id = w.bus_id
ORDER BY b.bus_id
"""
BOOKINGS = """
SELECT b.booking_id::text AS number, b.status,
    ARRAY(SELECT l.label FROM tickets AS t INNER JOIN layout_seats AS l ON l.seat_no = t.seat_no
        WHERE t.bus_id = b.bus_id AND t.booking_id = b.booking_id AND t.status = 'VALID'
        AND l.layout_id = buses.layout_id) AS valid
FROM bookings AS b INNER JOIN buses USING (bus_id)
"""


class Rig:
    """Two processes' worth of store on one database: `near`, and `far` by way of a proxy that cuts connections."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.run(self._open(url))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _open(self, url: str) -> None:
        options = StoreOptions(pool_size=2)
        self.world = await World.open(url, options)
        self.near = self.world.store
        self._proxying = fault_proxy(url)
        self.proxy: FaultProxy = await self._proxying.__aenter__()
        self.far = await Store.open(self.proxy.url, options, self.world.events.extend)
        await self.world.edit("UPDATE operators SET seats_per_buyer = $1", SEATS_PER_BUYER)
        self.buses = [await self.world.bus(segments=n, seats=SEATS) for n in SEGMENTS]
        self.labels = list(await self.world.states(self.buses[0]))

    async def _close(self) -> None:
        await self.far.close()
        await self._proxying.__aexit__(None, None, None)
        await self.world.close()

    async def start_over(self) -> None:
        await clear(self.world, *self.buses)
        for bus, fares in zip(self.buses, FARES, strict=True):
            await self.set_fares(bus, fares)

    async def set_fares(self, bus: int, fares: Sequence[int]) -> None:
        edit = "UPDATE buses SET fares = $2, facts = facts + 1 WHERE bus_id = $1"
        await self.world.edit(edit, bus, list(fares))


@dataclass(slots=True)
class Deed:
    """Something that was asked for with a key, and the answer that the key stands for."""

    run: Run
    key: Key
    reply: Reply


@dataclass(frozen=True, slots=True)
class Wish:
    bus: int
    seats: tuple[int, ...]
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Way:
    """How a request travels: to which of the two stores, with a key or without, and what becomes of its COMMIT."""

    is_far: bool = False
    is_keyed: bool = False
    fault: Fault | None = None


WISHES = st.builds(
    Wish,
    st.integers(0, 1),
    st.sets(st.integers(0, SEATS - 1), min_size=1, max_size=3).map(
        lambda seats: tuple(sorted(seats))
    ),
    st.integers(0, 2),
    st.integers(1, 3),
)
_FAR = Way(is_far=True, is_keyed=True)
WAYS = st.sampled_from(
    [
        *(Way(), Way(), Way(is_keyed=True), Way(is_keyed=True), Way(is_far=True), _FAR),
        replace(_FAR, fault=Fault.CUT_BEFORE),
        replace(_FAR, fault=Fault.CUT_AFTER),
    ]
)
WHICH = st.integers(0, 7)
"""One of those there are, counted from the newest."""
METHODS = st.sampled_from(["demo", "demo", "cash"])
