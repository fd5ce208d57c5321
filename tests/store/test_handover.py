"""A kiosk's hold becomes a phone's: once, within the phone's limits, and sold to nobody else meanwhile."""

import asyncio
import uuid
from collections.abc import Sequence

import pytest

from store import Store
from store.errors import (
    Forbidden,
    HoldExpired,
    HoldNotFound,
    SeatCoolingDown,
    TooManyHolds,
    TooManySeats,
)
from store.facade import StoreOptions
from store.holds import SeatRequest
from store.lane import LaneOptions
from store.model import GUEST, Booking, Caller, DeviceKind, Hold
from tests.support.fleet import device, rival
from tests.support.locks import session
from tests.support.world import World, purchase_of, value

ALONE = StoreOptions(pool_size=2, lane=LaneOptions(in_flight=1))


@pytest.fixture
async def kiosk(world: World) -> Caller:
    return await device(world, DeviceKind.KIOSK)


def owned(hold: Hold) -> tuple[int, uuid.UUID]:
    return hold.bus.bus_id, hold.hold_id


async def link(world: World, kiosk: Caller, hold: Hold) -> str:
    return (await world.store.handover.offer(kiosk, owned(hold))).token


async def claim(world: World, who: Caller, hold: Hold, token: str) -> Hold:
    return await world.store.handover.claim(who, owned(hold), token)


async def counts(world: World, bus: int) -> list[tuple[int, int]]:
    """Return what every buyer is counted with on a bus: (seats, holds), those with something."""
    rows = await world.edit(
        "SELECT seats_held, holds_held FROM buyer_holds WHERE bus_id = $1 AND seats_held > 0"
        " ORDER BY seats_held, holds_held",
        bus,
    )
    return [(row["seats_held"], row["holds_held"]) for row in rows]


async def book(store: Store, hold: Hold, who: Caller, seats: Sequence[str]) -> Booking:
    purchase = purchase_of(seats)
    return await value(lambda ask: store.bookings.book_hold(who, owned(hold), purchase, ask))


async def test_a_phone_takes_over_a_kiosks_hold_and_its_deadline_stays(
    world: World, kiosk: Caller
) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["1A", "1B"], caller=kiosk)
    before = await world.store.buses.positions([bus])
    phone = world.guest(1)
    taken = await claim(world, phone, hold, await link(world, kiosk, hold))
    assert phone.guest is not None
    assert (taken.seats, taken.expires_at) == (hold.seats, hold.expires_at)
    assert (taken.buyer, taken.network) == (phone.guest.buyer, phone.guest.network)
    assert await counts(world, bus) == [(2, 0), (2, 1)]
    assert await world.store.buses.positions([bus]) == before
    booked = await world.book_hold(taken, caller=phone)
    assert booked.user_id is None


async def test_a_signed_in_rider_takes_it_over_and_it_is_theirs_alone(
    world: World, kiosk: Caller
) -> None:
    hold = await world.hold(await world.bus(), ["1A"], caller=kiosk)
    await claim(world, world.rider(1), hold, await link(world, kiosk, hold))
    with pytest.raises(HoldNotFound):
        await world.store.holds.find(world.rider(2), owned(hold))
    assert (await world.book_hold(hold, caller=world.rider(1))).user_id == 1001


async def test_before_it_is_handed_over_a_kiosks_hold_is_nobody_elses(
    world: World, kiosk: Caller
) -> None:
    hold = await world.hold(await world.bus(), ["1A"], caller=kiosk)
    other = await device(world, DeviceKind.KIOSK)
    for who in (GUEST, world.guest(1), world.rider(1), other):
        with pytest.raises(HoldNotFound):
            await world.store.holds.find(who, owned(hold))
        with pytest.raises(HoldNotFound):
            await world.release(hold, caller=who)
        with pytest.raises(HoldNotFound):
            await world.book_hold(hold, caller=who)
    assert (await world.store.holds.find(kiosk, owned(hold))).seats == hold.seats


async def test_afterwards_the_kiosk_has_no_say_in_it(world: World, kiosk: Caller) -> None:
    hold = await world.hold(await world.bus(), ["1A"], caller=kiosk)
    await claim(world, world.guest(1), hold, await link(world, kiosk, hold))
    for attempt in (
        world.book_hold(hold, caller=kiosk, method="cash"),
        world.release(hold, caller=kiosk),
        world.extend(hold, caller=kiosk),
        world.replace(hold, ["1B"], caller=kiosk),
        world.store.handover.offer(kiosk, owned(hold)),
        world.store.holds.find(kiosk, owned(hold)),
    ):
        with pytest.raises(HoldNotFound):
            await attempt


async def test_claiming_again_changes_nothing_and_a_second_phone_is_too_late(
    world: World, kiosk: Caller
) -> None:
    hold = await world.hold(await world.bus(), ["1A"], caller=kiosk)
    token = await link(world, kiosk, hold)
    first = await claim(world, world.guest(1), hold, token)
    assert await claim(world, world.guest(1), hold, token) == first
    for late in (world.guest(2), world.rider(1)):
        with pytest.raises(HoldNotFound):
            await claim(world, late, hold, token)
    assert await counts(world, hold.bus.bus_id) == [(1, 0), (1, 1)]


async def test_of_many_phones_at_once_one_has_it(world: World, kiosk: Caller) -> None:
    hold = await world.hold(await world.bus(), ["1A"], caller=kiosk)
    token = await link(world, kiosk, hold)
    claims = [claim(world, world.guest(number, number), hold, token) for number in range(1, 21)]
    outcomes = await asyncio.gather(*claims, return_exceptions=True)
    assert [type(each) for each in outcomes].count(Hold) == 1
    assert [type(each) for each in outcomes].count(HoldNotFound) == 19


async def test_a_token_is_for_one_hold_of_one_kiosk(world: World, kiosk: Caller) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["1A"], caller=kiosk)
    other = await world.hold(bus, ["1B"], caller=kiosk)
    token = await link(world, kiosk, other)
    changed = ("B" if token[-1] == "A" else "A") + token[1:]
    for wrong in (token, "A" * 28, "", "x", changed):
        with pytest.raises(HoldNotFound):
            await claim(world, world.guest(1), hold, wrong)
    assert kiosk.device_id is not None
    over = world.store.seals.handover(bus, hold.hold_id, kiosk.device_id, 1)
    with pytest.raises(HoldNotFound):
        await claim(world, world.guest(1), hold, over)


async def test_a_hold_whose_time_is_over_is_handed_to_nobody(world: World, kiosk: Caller) -> None:
    hold = await world.hold(await world.bus(), ["1A"], caller=kiosk)
    token = await link(world, kiosk, hold)
    await world.let_time_pass(hold)
    with pytest.raises(HoldExpired):
        await claim(world, world.guest(1), hold, token)
    with pytest.raises(HoldExpired):
        await link(world, kiosk, hold)


async def test_the_link_lasts_no_longer_than_the_hold(world: World, kiosk: Caller) -> None:
    hold = await world.hold(await world.bus(), ["1A"], caller=kiosk)
    offered = await world.store.handover.offer(kiosk, owned(hold))
    assert offered.expires_at <= hold.expires_at


async def test_the_phones_limits_are_those_of_any_rider(world: World, kiosk: Caller) -> None:
    bus = await world.bus()
    seats = ["1A", "1B", "1C", "1D", "2A", "2B", "2C"]
    many = await world.hold(bus, seats, caller=kiosk)
    with pytest.raises(TooManySeats):
        await claim(world, world.rider(1), many, await link(world, kiosk, many))
    rider = world.rider(2)
    for _ in range(2):
        await world.hold(await world.bus(), ["1A"], caller=rider)
    one = await world.hold(bus, ["3A"], caller=kiosk)
    with pytest.raises(TooManyHolds):
        await claim(world, rider, one, await link(world, kiosk, one))
    dropped = await world.hold(bus, ["4A"], caller=world.rider(3))
    await world.release(dropped, caller=world.rider(3))
    again = await world.hold(bus, ["4A"], caller=kiosk)
    with pytest.raises(SeatCoolingDown):
        await claim(world, world.rider(3), again, await link(world, kiosk, again))
    assert (await world.store.holds.find(kiosk, owned(many))).seats == many.seats


async def test_a_kiosk_keeps_as_much_as_staff_and_sells_its_own_operators_buses_only(
    world: World, kiosk: Caller
) -> None:
    bus = await world.bus()
    for row in range(1, 10):
        await world.hold(bus, [f"{row}A", f"{row}B"], caller=kiosk)
    stranger = await device(world, DeviceKind.KIOSK, operator_id=await rival(world))
    with pytest.raises(Forbidden):
        await world.hold(bus, ["10A"], caller=stranger)
    with pytest.raises(Forbidden):
        await world.book(bus, ["10A"], caller=stranger)


async def test_a_process_that_remembers_the_kiosks_hold_does_not_book_it_for_the_kiosk(
    world: World, kiosk: Caller
) -> None:
    """The one that remembers is asked by the express way; what the phone's process did it has not heard of."""
    theirs = await world.open_store(ALONE)
    bus = await world.bus()
    await value(lambda ask: theirs.holds.hold(kiosk, SeatRequest(bus, ["2A"]), ask))
    hold: Hold = await value(lambda ask: theirs.holds.hold(kiosk, SeatRequest(bus, ["1A"]), ask))
    assert theirs.lane._held.find(*owned(hold)) == hold
    phone = world.guest(1)
    await claim(world, phone, hold, await link(world, kiosk, hold))
    assert theirs.lane._held.find(*owned(hold)) == hold
    with pytest.raises(HoldNotFound):
        await book(theirs, hold, kiosk, ["1A"])
    assert (await book(theirs, hold, phone, ["1A"])).status == "PENDING"


async def test_a_claim_under_way_is_waited_for_by_the_kiosks_booking(
    world: World, kiosk: Caller
) -> None:
    theirs = await world.open_store(ALONE)
    bus = await world.bus()
    await value(lambda ask: theirs.holds.hold(kiosk, SeatRequest(bus, ["2A"]), ask))
    hold: Hold = await value(lambda ask: theirs.holds.hold(kiosk, SeatRequest(bus, ["1A"]), ask))
    async with session(world) as other:
        # What a claim writes, and has not committed yet.
        await other.connection.execute(
            "UPDATE holds SET buyer = $2, user_id = 1001 WHERE hold_id = $1",
            hold.hold_id,
            uuid.UUID(int=1001),
        )
        booking = asyncio.create_task(book(theirs, hold, kiosk, ["1A"]))
        await other.has_waiters()
        await other.connection.execute(
            "INSERT INTO buyer_holds (bus_id, buyer, operator_id, seats_held, seats_max, holds_held, holds_max)"
            " VALUES ($1, $2, $3, 1, 6, 1, 2)",
            bus,
            uuid.UUID(int=1001),
            world.operator_id,
        )
        await other.keep()
    with pytest.raises(HoldNotFound):
        await booking
