"""How many seats of a bus one buyer may hold at a time."""

import asyncio

import pytest

from store.errors import InvalidRequest, TooManySeats
from store.holds import SeatRequest
from store.model import Hold
from tests.support.locks import seat_locked, session
from tests.support.world import World, value


async def test_holds_of_one_buyer_add_up_to_the_cap(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    await world.limit(holds_per_buyer=6)
    await world.hold(bus, ["1A", "1B", "1C"], caller=rider)
    await world.hold(bus, ["1D", "2A"], caller=rider)
    with pytest.raises(TooManySeats) as refusal:
        await world.hold(bus, ["2B", "2C"], caller=rider)
    assert refusal.value.most == 6
    await world.hold(bus, ["2B"], caller=rider)
    await world.hold(bus, ["2C"], caller=world.rider(2))


async def test_the_cap_is_counted_for_each_bus(world: World) -> None:
    rider = world.rider(1)
    seats = ["1A", "1B", "1C", "1D", "2A", "2B"]
    await world.hold(await world.bus(), seats, caller=rider)
    await world.hold(await world.bus(), seats, caller=rider)


async def test_what_is_released_paid_or_expired_counts_no_more(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    await world.limit(holds_per_buyer=3)
    released = await world.hold(bus, ["1A", "1B"], caller=rider)
    booked = await world.hold(bus, ["1C", "1D"], caller=rider)
    expired = await world.hold(bus, ["2A", "2B"], caller=rider)
    await world.release(released, caller=rider)
    await world.pay(await world.book_hold(booked, caller=rider))
    await world.let_time_pass(expired)
    await world.hold(bus, ["3A", "3B", "3C", "3D", "4A", "4B"], caller=rider)
    with pytest.raises(TooManySeats):
        await world.hold(bus, ["5A"], caller=rider)


async def test_a_sweep_takes_an_expired_hold_off_the_count(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    live = await world.hold(bus, ["1A"], caller=rider)
    await world.let_time_pass(await world.hold(bus, ["1B", "1C"], caller=rider))
    await world.store.expiry.sweep()
    (row,) = await world.edit("SELECT seats_held FROM buyer_holds")
    assert row["seats_held"] == len(live.seats)


async def test_a_refused_hold_does_not_count(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    await world.book(bus, ["1A"], method="cash")
    for _ in range(3):
        with pytest.raises(Exception, match="SeatUnavailable"):
            await world.hold(bus, ["1A", "1B"], caller=rider)
    await world.hold(bus, ["1B", "1C", "1D", "2A", "2B", "2C"], caller=rider)


async def test_no_request_may_ask_for_more_than_the_cap(world: World) -> None:
    bus = await world.bus()
    seats = ["1A", "1B", "1C", "1D", "2A", "2B", "2C"]
    with pytest.raises(InvalidRequest) as refusal:
        await world.book(bus, seats)
    assert refusal.value.code == "too_many_seats"
    agent = world.agent()
    booking = await world.book(bus, seats, caller=agent, method="cash")
    assert len(booking.seats) == 7


async def test_staff_holds_a_whole_coach(world: World) -> None:
    agent, bus = world.agent(), await world.bus()
    labels = list(await world.states(bus))
    hold = await world.hold(bus, labels, caller=agent)
    await world.release(hold, caller=agent)
    assert set((await world.states(bus)).values()) == {"A"}


async def test_staff_may_give_a_hold_more_seats_than_a_rider_may_have(world: World) -> None:
    rider, agent, bus = world.rider(1), world.agent(), await world.bus()
    seats = list(await world.states(bus))
    own = await world.replace(
        await world.hold(bus, seats[:1], caller=agent), seats[:9], caller=agent
    )
    assert len(own.seats) == 9
    theirs = await world.hold(bus, seats[10:12], caller=rider)
    assert len((await world.replace(theirs, seats[10:19], caller=agent)).seats) == 9
    with pytest.raises(TooManySeats):
        await world.hold(bus, seats[20:21], caller=rider)


async def test_a_buyer_and_staff_about_one_count_fit_in_one_batch(world: World) -> None:
    rider, agent, bus = world.rider(1), world.agent(), await world.bus()
    hold = await world.hold(bus, ["1A"], caller=rider)
    async with seat_locked(world, bus, "4A") as lock:
        # They queue behind a batch that waits, and then go together.
        first = [asyncio.create_task(world.hold(bus, ["4A"])) for _ in range(2)]
        await lock.has_waiters()
        second = asyncio.create_task(world.replace(hold, ["1A", "1B"], caller=agent))
        third = asyncio.create_task(world.hold(bus, ["2A"], caller=rider))
    await asyncio.gather(*first, return_exceptions=True)
    assert len((await second).seats) + len((await third).seats) == 3


async def test_the_cap_of_the_operator_counts_from_the_next_hold_on(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    await world.hold(bus, ["1A", "1B"], caller=rider)
    await world.limit(seats_per_buyer=2)
    with pytest.raises(TooManySeats):
        await world.hold(bus, ["1C"], caller=rider)


async def test_a_buyer_cannot_fill_the_cap_again_while_extending(database_url: str) -> None:
    world = await World.open(database_url)
    other = await world.open_store()
    rider, bus = world.rider(1), await world.bus()
    seats = ["1A", "1B", "1C", "1D", "2A", "2B"]
    hold = await world.hold(bus, seats, caller=rider)
    another_seat = SeatRequest(bus, ["3A"])
    try:
        async with session(world) as busy:
            await world.edit(
                "UPDATE holds SET expires_at = clock_timestamp() + interval '300 milliseconds'"
            )
            # Writes to holds wait, so the extension is decided in time and written after it.
            await busy.connection.execute("LOCK TABLE holds IN SHARE MODE")
            extending = asyncio.create_task(world.extend(hold, caller=rider))
            await busy.has_waiters()
            await busy.connection.execute("SELECT pg_sleep(0.35)")
            more: asyncio.Task[Hold] = asyncio.create_task(
                value(lambda ask: other.holds.hold(rider, another_seat, ask))
            )
            await busy.has_waiters(2)
        await extending
        with pytest.raises(TooManySeats):
            await more
    finally:
        await world.close()
