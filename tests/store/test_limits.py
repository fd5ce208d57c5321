"""What a buyer may keep from others: how many holds, for how long, and not the same seats again and again."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from store.errors import (
    AddressFull,
    AlreadyExtended,
    Forbidden,
    NotFound,
    SeatCoolingDown,
    TooManyHolds,
    TooManySeats,
)
from store.model import Hold, Limits
from tests.support.world import World, key, value

SIX = ["1A", "1B", "1C", "1D", "2A", "2B"]


# Extension.


async def test_a_hold_is_extended_once(world: World) -> None:
    hold = await world.hold(await world.bus(), ["1A"])
    extended = await world.extend(hold)
    assert (hold.is_extended, extended.is_extended) == (False, True)
    with pytest.raises(AlreadyExtended):
        await world.extend(extended)
    found = await world.store.holds.find(world.rider(1), (hold.bus.bus_id, hold.hold_id))
    assert found.expires_at == extended.expires_at


async def test_an_extension_asked_for_again_with_its_key_is_the_same_extension(
    world: World,
) -> None:
    hold = await world.hold(await world.bus(), ["1A"])
    owned = hold.bus.bus_id, hold.hold_id
    extended = await world.extend(hold, key=key("more time"))

    async def again() -> None:
        await world.extend(hold, key=key("more time"))

    with pytest.raises(AssertionError):  # replayed: nothing is decided a second time
        await again()
    assert await world.store.holds.find(world.rider(1), owned) == extended


async def test_no_hold_lasts_longer_than_the_operator_allows(world: World) -> None:
    await world.limit(hold_seconds_max=400)
    hold = await world.hold(await world.bus(), ["1A"])
    assert hold.expires_at - hold.created_at == timedelta(seconds=300)
    extended = await world.extend(hold)
    assert extended.expires_at - hold.created_at == timedelta(seconds=400)
    await world.limit(hold_seconds_max=60)
    short = await world.hold(await world.bus(), ["1A"])
    assert short.expires_at - short.created_at == timedelta(seconds=60)
    assert (await world.extend(short)).expires_at == short.expires_at


async def test_twenty_minutes_are_the_most_whatever_is_set(world: World) -> None:
    await world.limit(extension_seconds=1200)
    hold = await world.hold(await world.bus(), ["1A"])
    extended = await world.extend(hold)
    assert extended.expires_at - hold.created_at == timedelta(seconds=1200)


async def test_an_operator_may_extend_by_nothing_at_all(world: World) -> None:
    await world.limit(extension_seconds=0)
    hold = await world.hold(await world.bus(), ["1A"])
    assert (await world.extend(hold)).expires_at == hold.expires_at


Change = Callable[[World, Hold], Awaitable[object]]
FAILING: dict[str, tuple[type[Exception], Change]] = {
    "too many seats": (
        TooManySeats,
        lambda world, hold: world.replace(hold, SIX[:3], caller=world.rider(1)),
    ),
    "a seat that cools down": (
        SeatCoolingDown,
        lambda world, hold: world.replace(hold, ["1A", "9A"], caller=world.rider(1)),
    ),
}


@pytest.mark.parametrize("why", FAILING)
async def test_a_change_that_fails_leaves_the_hold_and_its_deadline(world: World, why: str) -> None:
    failure, change = FAILING[why]
    await world.limit(seats_per_buyer=4)
    rider, bus = world.rider(1), await world.bus()
    await world.release(await world.hold(bus, ["9A"], caller=rider), caller=rider)
    await world.hold(bus, ["8A", "8B"], caller=rider)
    hold = await world.hold(bus, ["1A"], caller=rider)
    with pytest.raises(failure):
        await change(world, hold)
    assert await world.store.holds.find(rider, (bus, hold.hold_id)) == hold


async def test_a_change_that_works_leaves_the_deadline_too(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    hold = await world.extend(await world.hold(bus, ["1A"], caller=rider), caller=rider)
    replaced = await world.replace(hold, ["1B"], caller=rider)
    assert (replaced.expires_at, replaced.is_extended) == (hold.expires_at, True)


# Holds at a time.


async def test_a_buyer_has_two_live_holds_on_all_buses_of_an_operator(world: World) -> None:
    rider, first, second = world.rider(1), await world.bus(), await world.bus()
    await world.hold(first, ["1A"], caller=rider)
    await world.hold(second, ["1A"], caller=rider)
    for bus in (first, second, await world.bus()):
        with pytest.raises(TooManyHolds) as refusal:
            await world.hold(bus, ["2A"], caller=rider)
        assert refusal.value.most == 2
        assert 290 < (refusal.value.retry_after_seconds or 0) <= 300
    await world.hold(first, ["2A"], caller=world.rider(2))


async def test_what_ends_makes_room_for_another_hold(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    released = await world.hold(bus, ["1A"], caller=rider)
    paid = await world.hold(bus, ["1B"], caller=rider)
    await world.release(released, caller=rider)
    expired = await world.hold(bus, ["1C"], caller=rider)
    await world.pay(await world.book_hold(paid, caller=rider))
    await world.let_time_pass(expired)
    await world.hold(bus, ["1D"], caller=rider)
    await world.hold(bus, ["2A"], caller=rider)
    with pytest.raises(TooManyHolds):
        await world.hold(bus, ["2B"], caller=rider)


async def test_another_operators_holds_are_another_count(world: World) -> None:
    rider = world.rider(1)
    for seat in ("1A", "1B"):
        await world.hold(await world.bus(), [seat], caller=rider)
    (other,) = await world.edit(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Southline', 'UTC', 'EUR') RETURNING operator_id"
    )
    world.operator_id = other["operator_id"]
    await world.hold(await world.bus(), ["1A"], caller=rider)


async def test_an_unpaid_booking_counts_as_a_hold_does(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    direct = await world.book(bus, ["1A", "1B", "1C"], caller=rider)
    held = await world.hold(bus, ["1D"], caller=rider)
    with pytest.raises(TooManyHolds):
        await world.book(bus, ["2A"], caller=rider)
    await world.book_hold(held, caller=rider)
    with pytest.raises(TooManyHolds):
        await world.hold(bus, ["2A"], caller=rider)
    await world.pay(direct)
    with pytest.raises(TooManySeats) as refusal:
        await world.book(bus, ["3A", "3B", "3C", "3D", "4A", "4B"], caller=rider)
    assert 100 < (refusal.value.retry_after_seconds or 0) <= 120
    await world.book(bus, ["3A", "3B", "3C", "3D", "4A"], caller=rider)


async def test_what_is_paid_at_once_keeps_nothing_from_others(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    for seat in SIX:
        await world.book(bus, [seat], caller=rider, method="cash")
    await world.hold(bus, ["3A", "3B", "3C", "3D", "4A", "4B"], caller=rider)


async def test_a_declined_cancelled_or_overdue_booking_counts_no_more(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    for end in (world.decline, world.cancel, world.let_time_pass):
        await end(await world.book(bus, SIX, caller=world.rider(1)))
        bus = await world.bus()
    await world.book(bus, SIX, caller=rider)


async def test_staff_has_limits_of_its_own(world: World) -> None:
    agent, bus = world.agent(), await world.bus()
    labels = list(await world.states(bus))
    for start in range(0, 9, 3):
        await world.hold(bus, labels[start : start + 3], caller=agent)
    hold = await world.hold(bus, labels[9:12], caller=agent)
    await world.release(hold, caller=agent)
    again = await world.hold(bus, labels[9:12], caller=agent)
    assert len(again.seats) == 3
    await world.limit(seats_per_staff=12, holds_per_staff=5)
    with pytest.raises(TooManySeats):
        await world.hold(bus, [labels[20]], caller=agent)
    await world.limit(seats_per_staff=100, holds_per_staff=4)
    with pytest.raises(TooManyHolds):
        await world.hold(bus, [labels[20]], caller=agent)


async def test_staff_of_another_operator_is_a_buyer_like_others(world: World) -> None:
    bus, agent = await world.bus(), world.agent()
    world.operator_id += 1
    stranger = world.agent()
    assert agent.operator_id != stranger.operator_id
    await world.hold(bus, SIX, caller=stranger)
    with pytest.raises(TooManySeats):
        await world.hold(bus, ["9A"], caller=stranger)


# Guests.


async def test_all_guests_of_an_address_share_the_seats_of_one_buyer(world: World) -> None:
    bus = await world.bus()
    await world.hold(bus, SIX[:3], caller=world.guest(1))
    await world.book(bus, SIX[3:5], caller=world.guest(2))
    with pytest.raises(AddressFull) as refusal:
        await world.hold(bus, ["9A", "9B"], caller=world.guest(3))
    assert refusal.value.most == 6
    assert 110 < (refusal.value.retry_after_seconds or 0) <= 120
    await world.hold(bus, ["9A"], caller=world.guest(3))
    await world.hold(bus, ["9B"], caller=world.guest(4, address=2))
    await world.hold(bus, ["9C"], caller=world.rider(1))
    await world.hold(await world.bus(), SIX, caller=world.guest(5))


async def test_an_operator_may_let_an_address_keep_more_than_one_buyer(world: World) -> None:
    await world.limit(seats_per_address=10)
    bus = await world.bus()
    await world.hold(bus, SIX, caller=world.guest(1))
    await world.hold(bus, ["3A", "3B", "3C", "3D"], caller=world.guest(2))
    with pytest.raises(AddressFull):
        await world.hold(bus, ["4A"], caller=world.guest(3))


async def test_a_guest_who_moves_to_another_network_is_the_same_buyer(world: World) -> None:
    bus = await world.bus()
    await world.hold(bus, ["1A"], caller=world.guest(1, address=1))
    await world.hold(bus, ["1B"], caller=world.guest(1, address=2))
    with pytest.raises(TooManyHolds):
        await world.hold(bus, ["1C"], caller=world.guest(1, address=3))


async def test_whoever_changes_a_guests_hold_is_bound_by_its_counts(world: World) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["1A"], caller=world.guest(1))
    await world.hold(bus, SIX[1:4], caller=world.guest(2))
    away = world.guest(9, address=9)
    hold = await world.replace(hold, ["1A", "2A", "2B"], caller=away)
    with pytest.raises(AddressFull):
        await world.replace(hold, ["1A", "2A", "2B", "2C"], caller=away)
    hold = await world.extend(hold, caller=away)
    await world.release(hold, caller=away)


async def test_where_a_guest_was_is_forgotten_when_nothing_is_held_any_more(world: World) -> None:
    bus = await world.bus()
    await world.release(await world.hold(bus, ["1A"], caller=world.guest(1)))
    await world.let_time_pass(await world.hold(bus, ["1B"], caller=world.guest(1)))
    await world.pay(await world.book(bus, ["1C"], caller=world.guest(2)))
    await world.let_time_pass(await world.book(bus, ["1D"], caller=world.guest(3)))
    await world.pay(await world.book_hold(await world.hold(bus, ["2A"], caller=world.guest(4))))
    await world.store.expiry.sweep()
    left = "SELECT bus_id FROM {} WHERE network IS NOT NULL"
    assert await world.edit(left.format("holds")) == await world.edit(left.format("bookings")) == []


async def test_counts_of_buses_that_have_arrived_are_forgotten(world: World) -> None:
    gone, bus = await world.bus(), await world.bus()
    for each in (gone, bus):
        await world.release(await world.hold(each, ["1A"], caller=world.guest(1)))
    await world.edit(
        "UPDATE buses SET departs_at = departs_at - interval '9 days', arrives_at = arrives_at - interval '9 days'"
        " WHERE bus_id = $1",
        gone,
    )
    await (await world.worker()).retention.purge()
    counts = await world.edit("SELECT DISTINCT bus_id FROM buyer_holds")
    assert [row["bus_id"] for row in counts] == [bus]


# The operator's say.


async def test_limits_are_the_operators_and_the_log_tells_what_they_were(world: World) -> None:
    wanted = Limits(seats_per_buyer=4, seats_per_address=8, cooldown_seconds=60)
    limits = world.store.limits
    assert await limits.find(world.manager(), world.operator_id) == Limits()
    assert await limits.set(world.manager(), world.operator_id, wanted) == wanted
    assert await limits.find(world.admin, world.operator_id) == wanted
    await limits.set(world.manager(), world.operator_id, wanted)
    (entry,) = await world.edit("SELECT * FROM audit_log WHERE action = 'limits.set'")
    assert entry["actor_id"] == world.manager().user_id
    assert '"seats_per_buyer": [6, 4]' in entry["detail"]
    assert "holds_per_buyer" not in entry["detail"]


async def test_nobody_but_its_administrators_sets_an_operators_limits(world: World) -> None:
    limits = world.store.limits
    for stranger in (world.rider(1), world.guest(1), world.agent()):
        with pytest.raises(Forbidden):
            await limits.set(stranger, world.operator_id, Limits())
    with pytest.raises(NotFound):
        await limits.find(world.manager(), world.operator_id + 1)
    with pytest.raises(NotFound):
        await limits.set(world.admin, world.operator_id + 1, Limits())


async def test_raised_limits_are_heard_of_though_the_bus_was_known_before(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    other = await world.open_store()
    await other.buses.find(bus)
    await world.limit(seats_per_buyer=8)
    request = await world.request(bus, [*SIX, "2C", "2D"])
    hold: Hold = await value(lambda ask: other.holds.hold(rider, request, ask))
    assert len(hold.seats) == 8
