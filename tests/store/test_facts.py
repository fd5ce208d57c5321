"""Facts of a bus may be stale in memory and never hurt: their edition is compared under lock."""

import asyncio
from functools import partial

import pytest

from store.errors import Overloaded, SalesClosed, SeatUnavailable
from store.holds import SeatRequest
from store.model import GUEST, Hold, Leg
from tests.store import deeds
from tests.support.locks import seat_locked
from tests.support.world import World, decide, value


async def test_a_fare_that_changed_elsewhere_is_the_fare_that_is_asked(world: World) -> None:
    bus = await world.bus(price=1000)
    await world.hold(bus, ["1A"])
    await world.edit("UPDATE buses SET fares = '{1500}', facts = facts + 1 WHERE bus_id = $1", bus)
    assert (await world.hold(bus, ["1B"])).prices == (1500,)
    assert (await world.book(bus, ["1C"])).prices == (1500,)


async def test_a_fare_that_changes_while_a_buyer_waits_is_the_fare_that_is_asked(
    world: World,
) -> None:
    bus = await world.bus(price=1000)
    await world.store.buses.find(bus)
    async with seat_locked(world, bus, "1A") as lock:
        waiting = asyncio.create_task(world.hold(bus, ["1A"]))
        await lock.has_waiters()
        await world.edit(
            "UPDATE buses SET fares = '{1500}', facts = facts + 1 WHERE bus_id = $1", bus
        )
    assert (await waiting).prices == (1500,)


@pytest.mark.parametrize("name", ["hold", "book", "replace", "book_hold"])
async def test_a_bus_that_goes_off_sale_while_a_buyer_waits_sells_nothing(
    world: World, name: str
) -> None:
    bus = await world.bus()
    deed = await deeds.ALL[name](world, bus)
    before = await world.states(bus)
    async with seat_locked(world, bus, "1A") as lock:
        waiting = asyncio.create_task(decide(partial(deed, world.store)))
        await lock.has_waiters()
        await world.edit("UPDATE buses SET status = 'CLOSED' WHERE bus_id = $1", bus)
    with pytest.raises(SalesClosed):
        await waiting
    assert await world.states(bus) == before


async def test_a_hold_that_is_swapped_while_its_release_waits_is_released_whole(
    world: World,
) -> None:
    bus = await world.bus()
    other = await world.open_store()
    hold = await world.hold(bus, ["1A", "1B"])
    owned = bus, hold.hold_id
    async with seat_locked(world, bus, "1A") as lock:
        swap = asyncio.create_task(
            decide(lambda ask: other.holds.replace(GUEST, owned, ["1B", "2A"], ask))
        )
        await lock.has_waiters(1)
        release = asyncio.create_task(world.release(hold))
        await lock.has_waiters(2)
    await swap
    await release
    assert set((await world.states(bus)).values()) == {"A"}


async def test_a_swap_and_a_booking_of_one_hold_sell_what_is_held(world: World) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["1A", "1B"])
    outcomes = await asyncio.gather(
        world.replace(hold, ["1A", "2A"]), world.book_hold(hold), return_exceptions=True
    )
    assert len(outcomes) == 2
    (claimed,) = await world.edit("SELECT array_agg(seat_no ORDER BY seat_no) AS seats FROM claims")
    letters = {seat for seat, letter in (await world.states(bus)).items() if letter == "L"}
    assert letters == {hold.bus.layout.label(seat) for seat in claimed["seats"]}


async def test_a_bus_edited_again_and_again_is_said_to_be_busy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = await world.bus()
    find = world.store.buses.find

    async def find_and_edit(bus_id: int) -> object:
        facts = await find(bus_id)
        await world.edit("UPDATE buses SET facts = facts + 1 WHERE bus_id = $1", bus)
        return facts

    monkeypatch.setattr(world.store.buses, "find", find_and_edit)
    with pytest.raises(Overloaded):
        await world.hold(bus, ["1A"])
    assert set((await world.states(bus)).values()) == {"A"}


async def test_a_stop_added_elsewhere_is_known_to_the_next_request(world: World) -> None:
    bus = await world.bus(segments=2)
    other = await world.open_store()
    stops = [stop.stop_id for stop in (await other.buses.find(bus)).stops]
    (new,) = await world.edit(
        "INSERT INTO stops (source, code, name, time_zone) VALUES ('test', 'new', 'New', 'UTC')"
        " RETURNING stop_id"
    )
    await world.edit(
        "UPDATE bus_stops SET stop_id = $2 WHERE bus_id = $1 AND stop_id = $3",
        bus,
        new[0],
        stops[1],
    )
    await world.edit("UPDATE buses SET facts = facts + 1 WHERE bus_id = $1", bus)
    request = SeatRequest(bus, ["1A"], from_stop=new[0])
    hold = await decide(lambda ask: other.holds.hold(GUEST, request, ask))
    assert hold.leg == Leg(1, 2)


async def test_seats_read_with_stale_facts_come_with_the_new_ones(world: World) -> None:
    bus = await world.bus(price=1000)
    await world.store.buses.find(bus)
    await world.edit("UPDATE buses SET fares = '{1500}', facts = facts + 1 WHERE bus_id = $1", bus)
    assert (await world.store.buses.seat_states(bus)).bus.fares == (1500,)


async def test_the_loser_of_a_seat_decides_by_what_the_winner_wrote(world: World) -> None:
    bus = await world.bus(segments=2)
    stores = [world.store, *[await world.open_store() for _ in range(2)]]
    requests = [await world.request(bus, ["1A"], leg) for leg in ((0, 1), (0, 2), (1, 2))]
    waiting: list[asyncio.Task[Hold]] = []
    async with seat_locked(world, bus, "1A") as lock:
        for store, request in zip(stores, requests, strict=True):
            hold = partial(store.holds.hold, GUEST, request)
            waiting.append(asyncio.create_task(value(hold)))
            await lock.has_waiters(len(waiting))
    first, second, third = waiting
    await first
    with pytest.raises(SeatUnavailable):
        await second
    await third
    assert (await world.states(bus))["1A"] == "LL"
