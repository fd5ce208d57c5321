import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from store.errors import HoldExpired, HoldNotFound, InvalidRequest, NotFound, SeatUnavailable
from store.model import Hold, HoldState
from tests.support.world import World, value


async def test_a_hold_locks_its_seats_on_its_leg_only(world: World) -> None:
    bus = await world.bus(segments=3)
    hold = await world.hold(bus, ["1A", "1B"], leg=(1, 2))
    states = await world.states(bus)
    assert hold.prices == (667, 667)
    assert (states["1A"], states["1B"], states["1C"]) == ("ALA", "ALA", "AAA")


async def test_a_hold_lives_three_hundred_seconds_of_the_database_clock(world: World) -> None:
    bus = await world.bus()
    before = await world.owner.fetchval("SELECT clock_timestamp()")
    hold = await world.hold(bus, ["1A"])
    after = await world.owner.fetchval("SELECT clock_timestamp()")
    assert before <= hold.created_at <= after
    assert hold.expires_at - hold.created_at == timedelta(seconds=300)


async def test_a_taken_seat_refuses_the_whole_hold(world: World) -> None:
    bus = await world.bus()
    await world.hold(bus, ["1A"])
    with pytest.raises(SeatUnavailable) as refusal:
        await world.hold(bus, ["1A", "1B"])
    assert refusal.value.seats == (("1A", "L"),)
    assert (await world.states(bus))["1B"] == "A"


async def test_a_refusal_names_every_seat_in_the_way_and_the_worst_of_its_segments(
    world: World,
) -> None:
    bus = await world.bus(segments=3)
    await world.hold(bus, ["1A"], leg=(0, 1))
    await world.book(bus, ["1A"], leg=(1, 2), method="cash")
    await world.block(bus, ["1B"], leg=(2, 3))
    await world.hold(bus, ["1C"], leg=(2, 3))
    with pytest.raises(SeatUnavailable) as refusal:
        await world.hold(bus, ["1A", "1B", "1C", "1D"])
    assert refusal.value.seats == (("1A", "B"), ("1B", "X"), ("1C", "L"))


@pytest.mark.parametrize(
    ("seats", "pointer", "code"),
    [
        (["1A", "99Z"], "/seats/1", "unknown_seat"),
        (["1A", "1A"], "/seats", "duplicate_seat"),
        (["1a"], "/seats/0", "unknown_seat"),
        ([f"{row}A" for row in range(1, 8)], "/seats", "too_many_seats"),
    ],
)
async def test_seats_that_make_no_sense_are_pointed_at(
    world: World, seats: list[str], pointer: str, code: str
) -> None:
    bus = await world.bus()
    with pytest.raises(InvalidRequest) as refusal:
        await world.hold(bus, seats)
    assert (refusal.value.pointer, refusal.value.code) == (pointer, code)


async def test_a_hold_of_no_seats_makes_no_sense(world: World) -> None:
    bus = await world.bus()
    with pytest.raises(InvalidRequest):
        await world.hold(bus, [])


async def test_a_bus_that_does_not_exist_is_not_found(world: World) -> None:
    with pytest.raises(NotFound) as refusal:
        await world.hold(4711, ["1A"])
    assert refusal.value.what == "bus"


async def test_seats_are_kept_in_lock_order_however_they_were_asked_for(world: World) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["3A", "1B", "2C"])
    assert hold.seats == tuple(sorted(hold.seats))
    assert {hold.bus.layout.label(seat) for seat in hold.seats} == {"1B", "2C", "3A"}


async def test_a_released_hold_gives_its_seats_back_to_the_next_buyer(world: World) -> None:
    bus = await world.bus(segments=2)
    hold = await world.hold(bus, ["1A", "1B"], leg=(0, 1))
    released = await world.release(hold)
    assert released.state is HoldState.RELEASED
    assert set((await world.states(bus)).values()) == {"AA"}
    await world.hold(bus, ["1A"])


async def test_a_hold_can_be_read_while_it_lives(world: World) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["1A"])
    assert await world.store.holds.find(world.rider(1), (bus, hold.hold_id)) == hold


async def test_extending_moves_the_deadline_by_five_minutes_and_tells_nobody(world: World) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["1A"])
    heard = len(world.events)
    extended = await world.extend(hold)
    assert extended.expires_at == hold.expires_at + timedelta(seconds=300)
    assert await world.store.holds.find(world.rider(1), (bus, hold.hold_id)) == extended
    assert len(world.events) == heard


Act = Callable[[World, Hold], Awaitable[object]]
ACTS: dict[str, Act] = {
    "find": lambda world, hold: world.store.holds.find(
        world.rider(1), (hold.bus.bus_id, hold.hold_id)
    ),
    "extend": lambda world, hold: world.extend(hold),
    "replace": lambda world, hold: world.replace(hold, ["2A"]),
    "release": lambda world, hold: world.release(hold),
    "book": lambda world, hold: world.book_hold(hold),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_a_hold_whose_time_is_over_is_over_for_everyone_though_unswept(
    world: World, act: Act
) -> None:
    hold = await world.hold(await world.bus(), ["1A"])
    await world.let_time_pass(hold)
    with pytest.raises(HoldExpired):
        await act(world, hold)
    assert (await world.states(hold.bus.bus_id))["1A"] == "L"


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_a_released_hold_can_be_used_no_more(world: World, act: Act) -> None:
    hold = await world.hold(await world.bus(), ["1A"])
    await world.release(hold)
    with pytest.raises(HoldExpired):
        await act(world, hold)


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_a_booked_hold_can_be_used_no_more(world: World, act: Act) -> None:
    hold = await world.hold(await world.bus(), ["1A"])
    await world.book_hold(hold)
    with pytest.raises(HoldExpired):
        await act(world, hold)


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_the_hold_of_a_signed_in_buyer_does_not_exist_for_guests(
    world: World, act: Act
) -> None:
    hold = await world.hold(await world.bus(), ["1A"], caller=world.rider(7))
    with pytest.raises(HoldNotFound):
        await act(world, hold)


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_an_id_that_nobody_was_given_is_no_hold(world: World, act: Act) -> None:
    hold = await world.hold(await world.bus(), ["1A"])
    stranger = Hold(
        hold.bus,
        uuid.uuid4(),
        hold.state,
        None,
        hold.leg,
        hold.seats,
        hold.prices,
        hold.created_at,
        hold.expires_at,
    )
    with pytest.raises(HoldNotFound):
        await act(world, stranger)


async def test_a_hold_belongs_to_its_bus(world: World) -> None:
    first, second = await world.bus(), await world.bus()
    hold = await world.hold(first, ["1A"])
    with pytest.raises(HoldNotFound):
        await world.store.holds.find(world.rider(1), (second, hold.hold_id))


async def test_staff_of_the_operator_may_act_on_a_buyers_hold(world: World) -> None:
    rider, agent = world.rider(7), world.agent()
    hold = await world.hold(await world.bus(), ["1A"], caller=rider)
    assert await world.store.holds.find(agent, (hold.bus.bus_id, hold.hold_id)) == hold
    await world.release(hold, caller=agent)


async def test_another_buyer_does_not_see_a_signed_in_buyers_hold(world: World) -> None:
    hold = await world.hold(await world.bus(), ["1A"], caller=world.rider(7))
    owned = hold.bus.bus_id, hold.hold_id
    with pytest.raises(HoldNotFound):
        await value(lambda ask: world.store.holds.release(world.rider(8), owned, ask))
