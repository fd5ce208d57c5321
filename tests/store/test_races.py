"""Many buyers, few seats: nobody gets what somebody else has, and nobody gets half of what they asked for."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeGuard

from store import Store
from store.errors import SeatUnavailable
from store.facade import StoreOptions
from store.holds import SeatRequest
from store.invariants import find_violations
from store.lane import LaneOptions
from store.model import GUEST, Booking, Hold
from tests.store import deeds
from tests.support.databases import connect
from tests.support.twins import locking
from tests.support.waiting import wait_until
from tests.support.world import World, purchase_of, value

# Big batches would leave little to race for, and a process has one batch of a bus under way at a time.
SMALL_BATCHES = StoreOptions(pool_size=2, lane=LaneOptions(batch_max=4))
_PROCESSES = 8
_COACHES = 4  # one may fill without any


async def test_two_hundred_buyers_of_one_seat_have_one_winner(world: World) -> None:
    bus = await world.bus(seats=5)
    stores = [world.store, await world.open_store(StoreOptions(pool_size=20))]
    for seat in await world.states(bus):
        outcomes = await asyncio.gather(
            *(deeds.hold_one(stores[buyer % 2], bus, seat) for buyer in range(200)),
            return_exceptions=True,
        )
        kinds = Counter(type(outcome) for outcome in outcomes)
        assert kinds == {Hold: 1, SeatUnavailable: 199}


async def test_five_hundred_buyers_share_a_coach_without_a_seat_sold_twice(
    database_url: str,
) -> None:
    async with crowded(database_url) as world:
        sold = [outcome for outcome in await fill_coach(world, 500, 40) if is_sold(outcome)]
        taken = [
            (seat, segment)
            for booking in sold
            for seat in booking.seats
            for segment in booking.leg.segments
        ]
        assert len(taken) == len(set(taken))
        claims = await world.edit("SELECT seat_no, segment, booking_id FROM claims")
        assert {(claim["seat_no"], claim["segment"]) for claim in claims} == set(taken)
        whole = {
            booking.booking_id: len(booking.seats) * len(booking.leg.segments) for booking in sold
        }
        assert Counter(claim["booking_id"] for claim in claims) == whole
        states = await world.states(sold[0].bus.bus_id)
        assert "".join(states.values()).count("L") == len(taken)
        assert await find_violations(world.store.db) == {}
    assert await deadlocks(database_url) == 0


async def test_twin_seats_locked_in_any_order_do_deadlock(database_url: str) -> None:
    """What the fixed order prevents; and that the count of deadlocks would have told."""
    orders = random.Random(7)

    def shuffle(text: str) -> str:
        order = orders.choice(["ORDER BY s.bus_id, s.seat_no", "ORDER BY s.bus_id, s.seat_no DESC"])
        return text.replace("ORDER BY s.bus_id, s.seat_no", order)

    async with crowded(database_url) as world:
        with locking(shuffle):
            for _ in range(_COACHES):
                await fill_coach(world, 60, 6)
    assert await deadlocks(database_url) > 0


@asynccontextmanager
async def crowded(url: str) -> AsyncIterator[World]:
    """A world for many buyers, closed before its sessions' statistics are read."""
    world = await World.open(url, SMALL_BATCHES)
    try:
        yield world
    finally:
        await world.close()


def is_sold(outcome: Booking | BaseException) -> TypeGuard[Booking]:
    """Whether there is a booking, or else a decent refusal."""
    assert isinstance(outcome, Booking | SeatUnavailable)
    return isinstance(outcome, Booking)


async def fill_coach(world: World, buyers: int, seats: int) -> list[Booking | BaseException]:
    """Let them all ask at once for one to six seats on some leg of a bus with five stops."""
    chance = random.Random(20)
    bus = await world.bus(segments=4, seats=seats)
    stores = [await world.open_store(SMALL_BATCHES) for _ in range(_PROCESSES)]
    labels, stops = list(await world.states(bus)), await world.stops(bus)

    async def buy(store: Store) -> Booking:
        start, end = sorted(chance.sample(range(5), 2))
        wanted = chance.sample(labels, chance.randint(1, 6))
        request = SeatRequest(bus, wanted, stops[start], stops[end])
        purchase = purchase_of(wanted)
        return await value(lambda ask: store.bookings.book(GUEST, request, purchase, ask))

    return await asyncio.gather(
        *(buy(stores[buyer % _PROCESSES]) for buyer in range(buyers)), return_exceptions=True
    )


async def deadlocks(url: str) -> int:
    """Count the deadlocks of a database once every session, and what it has to report, is gone."""
    connection = await connect(url)
    alone = (
        "SELECT count(*) = 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND backend_type = 'client backend'"
    )
    await wait_until(lambda: connection.fetchval(alone))
    found: int = await connection.fetchval(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    await connection.close()
    return found
