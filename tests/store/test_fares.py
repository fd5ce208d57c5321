"""Price by leg: pairs of stops with a fare of their own, and what becomes of it when fares change."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from store.catalogue import Search
from store.errors import Forbidden, InvalidRequest, NotFound
from store.fares import LARGEST_FARE, NewFares, StopFare
from store.model import GUEST, Caller
from store.timetable import NewBus
from tests.support.locks import seat_locked
from tests.support.world import World

Amounts = dict[tuple[int, int], int]


async def set_fares(
    world: World,
    bus: int,
    amounts: Amounts,
    *,
    segments: list[int] | None = None,
    caller: Caller | None = None,
) -> None:
    """Give legs, by the places of their stops, fares of their own."""
    stops = await world.stops(bus)
    pairs = [StopFare(stops[start], stops[end], fare) for (start, end), fare in amounts.items()]
    await world.store.fares.change(caller or world.manager(), bus, NewFares(pairs, segments))


async def prices(world: World, bus: int, leg: tuple[int, int], seat: str) -> set[int]:
    """Return what a leg costs wherever it is asked: in a search, when held, when booked."""
    stops = await world.stops(bus)
    search = Search(from_stop=stops[leg[0]], to_stop=stops[leg[1]])
    (found,) = await world.store.catalogue.search(search)
    hold = await world.hold(bus, [seat], leg=leg)
    await world.release(hold)
    booked = await world.book(bus, [seat], leg=leg)
    return {found.price, *hold.prices, *booked.prices}


async def test_a_leg_costs_its_own_fare_or_the_sum_of_its_segments(world: World) -> None:
    bus = await world.bus(segments=4, price=4000)
    await set_fares(world, bus, {(0, 4): 3000, (1, 3): 1700, (2, 3): 1200})
    (found,) = await world.store.catalogue.search(Search())
    assert found.price == 3000
    assert await prices(world, bus, (0, 4), "1A") == {3000}
    assert await prices(world, bus, (1, 3), "1B") == {1700}
    assert await prices(world, bus, (2, 3), "1C") == {1200}
    assert await prices(world, bus, (2, 4), "1D") == {2000}
    assert await prices(world, bus, (0, 2), "2A") == {2000}


async def test_what_is_held_or_sold_keeps_its_price_and_what_is_added_gets_the_new_one(
    world: World,
) -> None:
    bus = await world.bus(segments=2, price=2000)
    hold = await world.hold(bus, ["1A"])
    booking = await world.book(bus, ["2A"])
    await set_fares(world, bus, {(0, 2): 1500})
    hold = await world.replace(hold, ["1A", "1B"])
    assert hold.prices == (2000, 1500)
    assert (await world.book_hold(hold)).prices == (2000, 1500)
    assert (await world.pay(booking)).payment.amount == 2000


async def test_a_process_that_knew_the_old_fares_sells_at_the_new_ones(world: World) -> None:
    bus = await world.bus(segments=2, price=2000)
    other = await world.open_store()
    assert (await other.buses.find(bus)).pair_fares == {}
    await set_fares(world, bus, {(0, 2): 1500})
    world.store, changed = other, world.store
    assert (await world.hold(bus, ["1A"])).prices == (1500,)
    assert (await other.buses.seat_states(bus)).bus.pair_fares == {(0, 2): 1500}
    world.store = changed


async def test_fares_that_change_while_a_buyer_waits_are_the_fares_that_are_asked(
    world: World,
) -> None:
    bus = await world.bus(segments=2, price=2000)
    async with seat_locked(world, bus, "1A") as lock:
        waiting = asyncio.create_task(world.hold(bus, ["1A"]))
        await lock.has_waiters()
        await set_fares(world, bus, {(0, 2): 1500})
    assert (await waiting).prices == (1500,)


async def test_new_fares_are_a_revision_of_their_own_told_once(world: World) -> None:
    bus = await world.bus(segments=2)
    await world.hold(bus, ["1A"])
    await set_fares(world, bus, {(0, 2): 1500})
    await set_fares(world, bus, {(0, 2): 1500})
    assert [(event.kind, event.rev, event.seats) for event in world.events[1:]] == [
        ("repriced", 2, ())
    ]
    assert (await world.store.buses.seat_states(bus)).rev == 2


async def test_all_fares_are_set_at_once_and_pairs_left_out_are_gone(world: World) -> None:
    bus = await world.bus(segments=3, price=3000)
    await set_fares(world, bus, {(0, 3): 2500, (0, 2): 1800})
    await set_fares(world, bus, {(0, 2): 1700}, segments=[900, 1000, 1100])
    facts = await world.store.buses.find(bus)
    assert (facts.fares, facts.pair_fares) == ((900, 1000, 1100), {(0, 2): 1700})
    await set_fares(world, bus, {})
    facts = await world.store.buses.find(bus)
    assert (facts.fares, facts.pair_fares) == ((900, 1000, 1100), {})


async def test_editors_at_the_same_time_follow_each_other(world: World) -> None:
    bus = await world.bus(segments=3)
    stores = [world.store, *[await world.open_store() for _ in range(3)]]
    stops = await world.stops(bus)

    async def change(number: int) -> None:
        whole = StopFare(stops[0], stops[3], 1000 + number)
        await stores[number].fares.change(world.manager(), bus, NewFares([whole]))

    await asyncio.gather(*(change(number) for number in range(4)))
    assert sorted(event.rev for event in world.events) == [1, 2, 3, 4]
    world.store.buses.forget(bus)
    (fare,) = (await world.store.buses.find(bus)).pair_fares.values()
    assert fare in range(1000, 1004)


async def test_the_log_says_who_changed_fares(world: World) -> None:
    bus = await world.bus(segments=2, price=2000)
    await set_fares(world, bus, {(0, 2): 1500}, segments=[700, 900], caller=world.manager(7))
    (entry,) = await world.edit("SELECT * FROM audit_log WHERE action = 'bus.fares'")
    assert (entry["actor_id"], entry["subject"]) == (307, f"bus {bus}")
    assert json.loads(entry["detail"]) == {"segments": [700, 900], "pairs": 1}


async def test_fares_are_set_by_the_operators_administrators_only(world: World) -> None:
    bus = await world.bus(segments=2)
    for stranger in (GUEST, world.agent(), world.rider(1)):
        with pytest.raises(Forbidden):
            await set_fares(world, bus, {(0, 2): 1}, caller=stranger)
    with pytest.raises(NotFound):
        await world.store.fares.change(world.admin, 4711, NewFares([]))


@pytest.mark.parametrize(
    ("legs", "pointer", "code"),
    [
        ([(2, 1)], "/fares/0/to_stop", "leg_reversed"),
        ([(1, 1)], "/fares/0/to_stop", "leg_reversed"),
        ([(0, 2), (0, 9)], "/fares/1/to_stop", "unknown_stop"),
        ([(9, 2)], "/fares/0/from_stop", "unknown_stop"),
        ([(0, 1), (0, 2), (0, 1)], "/fares/2", "duplicate_fare"),
    ],
)
async def test_fares_for_what_nobody_can_travel_are_refused(
    world: World, legs: list[tuple[int, int]], pointer: str, code: str
) -> None:
    bus = await world.bus(segments=3)
    stops = [*await world.stops(bus), *[987654] * 9]
    pairs = [StopFare(stops[start], stops[end], 100) for start, end in legs]
    with pytest.raises(InvalidRequest) as refusal:
        await world.store.fares.change(world.manager(), bus, NewFares(pairs))
    assert (refusal.value.pointer, refusal.value.code) == (pointer, code)
    assert (await world.store.buses.find(bus)).pair_fares == {}


@pytest.mark.parametrize(
    ("segments", "code"),
    [
        ([100], "segments_differ"),
        ([100, 100, 100], "segments_differ"),
        ([LARGEST_FARE, 1], "fare_too_large"),
    ],
)
async def test_segments_have_one_fare_each_and_a_route_costs_what_can_be_paid(
    world: World, segments: list[int], code: str
) -> None:
    bus = await world.bus(segments=2)
    with pytest.raises(InvalidRequest) as refusal:
        await set_fares(world, bus, {}, segments=segments)
    assert (refusal.value.pointer, refusal.value.code) == ("/segments", code)


async def test_the_dearest_seat_of_the_dearest_leg_can_be_sold(world: World) -> None:
    bus = await world.bus(segments=2)
    await set_fares(world, bus, {(0, 1): LARGEST_FARE}, segments=[LARGEST_FARE, 0])
    seats = ["1A", "1B", "1C", "1D", "2A", "2B"]
    booking = await world.book(bus, seats, leg=(0, 1))
    assert (await world.pay(booking)).payment.amount == 6 * LARGEST_FARE


async def test_a_bus_is_put_on_sale_with_its_fares_or_not_at_all(world: World) -> None:
    route = await world.line(4)
    rows = await world.edit("SELECT stop_id FROM route_stops WHERE route_id = $1 ORDER BY 1", route)
    stops = [row["stop_id"] for row in rows]

    def wanted(*fares: StopFare) -> NewBus:
        leaves = datetime.now(UTC) + timedelta(days=1)
        return NewBus("N1", leaves, 3000, total_seats=8, route_id=route, fares=fares)

    whole, part = StopFare(stops[0], stops[3], 2500), StopFare(stops[1], stops[3], 1900, "EUR")
    added = await world.store.timetable.add_bus(world.manager(), wanted(whole, part))
    bus = await world.store.buses.find(added.bus_id)
    assert (bus.fares, bus.pair_fares) == ((1000, 1000, 1000), {(0, 3): 2500, (1, 3): 1900})
    for bad in (StopFare(stops[3], stops[0], 1), StopFare(stops[0], stops[1], 1, "USD"), whole):
        with pytest.raises(InvalidRequest):
            await world.store.timetable.add_bus(world.manager(), wanted(whole, bad))
    assert len(await world.edit("SELECT FROM buses")) == 1


async def test_an_operator_cannot_write_fares_into_anothers_bus(world: World) -> None:
    bus = await world.bus(segments=2)
    await world.owner.execute("SET ROLE omnibus_app")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await world.owner.execute("INSERT INTO leg_fares VALUES ($1, 0, 2, 1, 1)", bus)
    await world.owner.execute("RESET ROLE")
