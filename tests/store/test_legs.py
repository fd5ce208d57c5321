"""A seat is sold by segments: who alights makes room for who boards."""

import asyncio
from datetime import timedelta

import pytest

from store.errors import InvalidRequest, SeatUnavailable
from store.holds import SeatRequest
from store.model import GUEST, Hold, Leg
from tests.support.world import World, value


async def test_a_seat_sold_up_to_a_stop_is_free_from_there(world: World) -> None:
    bus = await world.bus(segments=3)
    first = await world.book(bus, ["1A"], leg=(0, 2), method="cash")
    second = await world.book(bus, ["1A"], leg=(2, 3), method="cash")
    assert (first.leg, second.leg) == (Leg(0, 2), Leg(2, 3))
    assert (await world.states(bus))["1A"] == "BBB"


@pytest.mark.parametrize("leg", [(0, 1), (0, 2), (1, 2), (0, 4), (1, 4), (2, 3)])
async def test_legs_that_share_a_segment_exclude_each_other(
    world: World, leg: tuple[int, int]
) -> None:
    bus = await world.bus(segments=4)
    await world.hold(bus, ["1A"], leg=(0, 3))
    with pytest.raises(SeatUnavailable):
        await world.hold(bus, ["1A"], leg=leg)


async def test_every_leg_of_a_seat_can_be_sold_apart_at_the_same_time(world: World) -> None:
    bus = await world.bus(segments=4)
    await asyncio.gather(*(world.hold(bus, ["1A"], leg=(start, start + 1)) for start in range(4)))
    assert (await world.states(bus))["1A"] == "LLLL"


async def test_a_block_takes_its_leg_off_sale_only(world: World) -> None:
    bus = await world.bus(segments=2)
    await world.block(bus, ["1A"], leg=(0, 1))
    await world.hold(bus, ["1A"], leg=(1, 2))
    assert (await world.states(bus))["1A"] == "XL"


async def test_a_missing_stop_is_the_end_of_the_line(world: World) -> None:
    bus = await world.bus(segments=3)
    stops = await world.stops(bus)
    assert (await hold(world, bus, "1A")).leg == Leg(0, 3)
    assert (await hold(world, bus, "1B", from_stop=stops[1])).leg == Leg(1, 3)
    assert (await hold(world, bus, "1C", to_stop=stops[2])).leg == Leg(0, 2)


@pytest.mark.parametrize(
    ("leg", "pointer", "code"),
    [
        ((2, 1), "/to_stop", "leg_reversed"),
        ((1, 1), "/to_stop", "leg_reversed"),
        ((3, None), "/to_stop", "leg_reversed"),
        ((None, 0), "/to_stop", "leg_reversed"),
    ],
)
async def test_a_leg_goes_forward(
    world: World, leg: tuple[int | None, int | None], pointer: str, code: str
) -> None:
    bus = await world.bus(segments=3)
    stops = await world.stops(bus)
    start, end = (None if index is None else stops[index] for index in leg)
    with pytest.raises(InvalidRequest) as refusal:
        await hold(world, bus, "1A", from_stop=start, to_stop=end)
    assert (refusal.value.pointer, refusal.value.code) == (pointer, code)


async def test_a_stop_of_another_line_is_not_on_the_way(world: World) -> None:
    bus, other = await world.bus(segments=2), await world.bus(segments=2)
    elsewhere = (await world.stops(other))[1]
    with pytest.raises(InvalidRequest) as refusal:
        await hold(world, bus, "1A", to_stop=elsewhere)
    assert (refusal.value.pointer, refusal.value.code) == ("/to_stop", "unknown_stop")


async def test_a_loop_boards_at_the_first_call_and_alights_at_the_next_one(world: World) -> None:
    bus = await world.bus(segments=4)
    a, b, c, *_ = await world.stops(bus)
    await change_stops(world, bus, "stop_id = $2 WHERE idx = 3", b)
    await change_stops(world, bus, "stop_id = $2 WHERE idx = 4", a)
    assert (await hold(world, bus, "1A", from_stop=a, to_stop=a)).leg == Leg(0, 4)
    assert (await hold(world, bus, "1B", from_stop=b)).leg == Leg(1, 4)
    assert (await hold(world, bus, "1C", from_stop=a, to_stop=b)).leg == Leg(0, 1)
    assert (await hold(world, bus, "1D", from_stop=c, to_stop=b)).leg == Leg(2, 3)
    assert (await hold(world, bus, "2A", from_stop=b, to_stop=b)).leg == Leg(1, 3)


async def test_a_station_stands_for_any_of_its_stops(world: World) -> None:
    bus = await world.bus(segments=3)
    stops = await world.stops(bus)
    (station,) = await world.edit(
        "INSERT INTO stops (source, code, name, time_zone) VALUES ('test', 'hub', 'Hub', 'UTC')"
        " RETURNING stop_id"
    )
    await world.edit("UPDATE stops SET parent_id = $1 WHERE stop_id = $2", station[0], stops[2])
    await change_stops(world, bus, "stop_id = stop_id WHERE idx = $2", 0)
    held = await hold(world, bus, "1A", from_stop=stops[0], to_stop=station[0])
    assert held.leg == Leg(0, 2)
    onward = await hold(world, bus, "1A", from_stop=station[0])
    assert onward.leg == Leg(2, 3)


async def test_nobody_boards_where_the_bus_only_sets_down(world: World) -> None:
    bus = await world.bus(segments=3)
    stops = await world.stops(bus)
    await change_stops(world, bus, "can_board = false WHERE idx = $2", 1)
    with pytest.raises(InvalidRequest) as refusal:
        await hold(world, bus, "1A", from_stop=stops[1])
    assert (refusal.value.pointer, refusal.value.code) == ("/from_stop", "no_boarding")
    assert (await hold(world, bus, "1A", to_stop=stops[1])).leg == Leg(0, 1)


async def test_nobody_alights_where_the_bus_only_picks_up(world: World) -> None:
    bus = await world.bus(segments=3)
    stops = await world.stops(bus)
    await change_stops(world, bus, "can_alight = false WHERE idx = $2", 1)
    with pytest.raises(InvalidRequest) as refusal:
        await hold(world, bus, "1A", to_stop=stops[1])
    assert (refusal.value.pointer, refusal.value.code) == ("/to_stop", "no_alighting")
    assert (await hold(world, bus, "1A", from_stop=stops[1])).leg == Leg(1, 3)


async def test_sales_of_a_leg_end_when_the_bus_leaves_its_boarding_stop(world: World) -> None:
    bus = await world.bus(segments=2, departs_in=-timedelta(minutes=10))
    stops = await world.stops(bus)
    assert (await hold(world, bus, "1A", from_stop=stops[1])).leg == Leg(1, 2)


async def hold(
    world: World,
    bus: int,
    seat: str,
    *,
    from_stop: int | None = None,
    to_stop: int | None = None,
) -> Hold:
    request = SeatRequest(bus, [seat], from_stop, to_stop)
    return await value(lambda ask: world.store.holds.hold(GUEST, request, ask))


async def change_stops(world: World, bus: int, change: str, argument: int) -> None:
    """Change stops of a bus and say so by its edition, as an editor of timetables does."""
    await world.edit(
        f"UPDATE bus_stops SET {change} AND bus_id = $1",  # noqa: S608 - of constants
        bus,
        argument,
    )
    await world.edit("UPDATE buses SET facts = facts + 1 WHERE bus_id = $1", bus)
