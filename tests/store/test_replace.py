import asyncio
from datetime import timedelta

import pytest

from store.errors import InvalidRequest, SeatUnavailable, TooManySeats
from store.layouts import double_deck
from tests.support.world import World


async def test_a_hold_swaps_its_seats_in_one_step(world: World) -> None:
    bus = await world.bus(segments=2)
    hold = await world.hold(bus, ["1A", "1B"], leg=(0, 1))
    heard = len(world.events)
    replaced = await world.replace(hold, ["1B", "1C"])
    states = await world.states(bus)
    assert (states["1A"], states["1B"], states["1C"]) == ("AA", "LA", "LA")
    assert len(world.events) == heard + 1
    assert dict(world.events[-1].seats) == {"1A": "AA", "1C": "LA"}
    assert replaced.expires_at == hold.expires_at


async def test_a_refused_swap_leaves_the_hold_as_it_was(world: World) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["1A", "1B"])
    await world.hold(bus, ["1C"])
    before = await world.states(bus)
    with pytest.raises(SeatUnavailable) as refusal:
        await world.replace(hold, ["1A", "1C"])
    assert refusal.value.seats == (("1C", "L"),)
    assert await world.states(bus) == before
    assert await world.store.holds.find(world.rider(1), (bus, hold.hold_id)) == hold


async def test_the_same_seats_again_change_nothing(world: World) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["1A", "1B"])
    heard = len(world.events)
    assert await world.replace(hold, ["1B", "1A"]) == hold
    assert len(world.events) == heard


async def test_a_hold_can_shrink_and_grow(world: World) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["1A", "1B", "1C"])
    hold = await world.replace(hold, ["1B"])
    assert hold.prices == (2000,)
    hold = await world.replace(hold, ["1B", "2A", "2B", "2C"])
    assert hold.prices == (2000,) * 4
    held = {seat for seat, letter in (await world.states(bus)).items() if letter == "L"}
    assert held == {"1B", "2A", "2B", "2C"}


async def test_a_seat_that_stays_keeps_its_price_and_a_new_one_costs_what_it_costs_now(
    world: World,
) -> None:
    bus = await world.bus(plan=double_deck(), price=1000)
    hold = await world.hold(bus, ["1A"])
    await world.edit("UPDATE buses SET fares = '{2000}', facts = facts + 1 WHERE bus_id = $1", bus)
    replaced = await world.replace(hold, ["1A", "1B", "U2A"])
    prices = {
        hold.bus.layout.label(seat): price
        for seat, price in zip(replaced.seats, replaced.prices, strict=True)
    }
    assert prices == {"1A": 1300, "1B": 2600, "U2A": 2000}


async def test_a_swap_may_take_a_seat_whose_hold_has_expired(world: World) -> None:
    bus = await world.bus()
    late = await world.hold(bus, ["1A", "1B"])
    await world.let_time_pass(late)
    hold = await world.hold(bus, ["2A"])
    await world.replace(hold, ["1B"])
    assert dict(world.events[-1].seats) == {"1B": "L", "2A": "A"}
    assert await world.store.expiry.sweep() == 1
    states = await world.states(bus)
    assert (states["1A"], states["1B"], states["2A"]) == ("A", "L", "A")


async def test_unknown_seats_make_no_sense_in_a_swap(world: World) -> None:
    hold = await world.hold(await world.bus(), ["1A"])
    with pytest.raises(InvalidRequest):
        await world.replace(hold, ["1A", "99Z"])


async def test_a_hold_of_nothing_makes_no_sense(world: World) -> None:
    hold = await world.hold(await world.bus(), ["1A"])
    with pytest.raises(InvalidRequest):
        await world.replace(hold, [])


async def test_a_swap_counts_against_the_cap_without_what_it_gives_up(world: World) -> None:
    rider = world.rider(1)
    bus = await world.bus()
    await world.hold(bus, ["1A", "1B", "1C"], caller=rider)
    hold = await world.hold(bus, ["2A", "2B"], caller=rider)
    hold = await world.replace(hold, ["2B", "2C", "2D"], caller=rider)
    with pytest.raises(TooManySeats) as refusal:
        await world.replace(hold, ["3A", "3B", "3C", "3D"], caller=rider)
    assert refusal.value.most == 6


async def test_swaps_of_one_hold_at_once_end_with_one_of_them(world: World) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["1A"])
    sets = [["1B", "1C"], ["2A"], ["1A", "3A", "3B"]]
    await asyncio.gather(*(world.replace(hold, seats) for seats in sets))
    held = sorted(seat for seat, letter in (await world.states(bus)).items() if letter == "L")
    assert held in sets
    assert hold.expires_at - hold.created_at == timedelta(seconds=300)
