"""What a provider says, in whatever order it is heard: captured money confirms a booking or goes back, all of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from store.captures import Settled
from store.facade import StoreOptions
from store.model import Booking, BookingStatus, PaymentStatus
from tests.money.words import CANCELLED, DECLINED, SUCCEEDED, balances, find, jobs, say
from tests.support.twins import drop_guarantee, locking, think_before_writing, without_locks
from tests.support.world import World

PRICE = 2000
ROUNDS = 20


async def expired(world: World, bus: int, seats: list[str], *, is_swept: bool) -> Booking:
    booking = await world.book(bus, seats)
    await world.let_time_pass(booking)
    if is_swept:
        await world.store.expiry.sweep()
    return booking


async def refunds(world: World, booking: Booking) -> list[int]:
    rows = await world.edit(
        "SELECT r.amount FROM refunds AS r JOIN payments AS p USING (bus_id, payment_id)"
        " WHERE p.bus_id = $1 AND p.booking_id = $2",
        booking.bus.bus_id,
        booking.booking_id,
    )
    return [row["amount"] for row in rows]


async def test_money_in_time_confirms_and_is_heard_once(world: World) -> None:
    bus = await world.bus()
    booking = await world.book(bus, ["1A", "1B"])
    heard = await asyncio.gather(*(say(world.store, booking) for _ in range(8)))
    assert sorted(heard) == [Settled.CONFIRMED, *[Settled.UNCHANGED] * 7]
    found = await find(world, booking)
    assert found.status is BookingStatus.CONFIRMED
    assert len(found.tickets) == 2
    assert await balances(world) == {"provider_clearing": 2 * PRICE, "sales": -2 * PRICE}
    assert await jobs(world, booking) == ["BOOKING_CONFIRMED"]


@pytest.mark.parametrize("is_swept", [False, True])
async def test_late_money_takes_the_same_seats_again_if_all_are_free(
    world: World, *, is_swept: bool
) -> None:
    bus = await world.bus(segments=2)
    booking = await expired(world, bus, ["1A", "1B"], is_swept=is_swept)
    rev = len(world.events)
    assert await say(world.store, booking) is Settled.RESUMED
    found = await find(world, booking)
    assert found.status is BookingStatus.CONFIRMED
    assert found.payment.status is PaymentStatus.SUCCEEDED
    assert (await world.states(bus))["1B"] == "BB"
    assert [(event.kind, event.seats) for event in world.events[rev:]] == [
        ("booked", (("1A", "BB"), ("1B", "BB")))
    ]
    assert await say(world.store, booking) is Settled.UNCHANGED


async def test_late_money_for_a_hold_that_was_booked_takes_its_seats_again(world: World) -> None:
    bus = await world.bus()
    booking = await world.book_hold(await world.hold(bus, ["1A"]))
    await world.let_time_pass(booking)
    await world.store.expiry.sweep()
    assert await say(world.store, booking) is Settled.RESUMED
    assert (await world.states(bus))["1A"] == "B"


@pytest.mark.parametrize("taken", [["1A"], ["1B"], ["1A", "1B"]])
@pytest.mark.parametrize("by", ["hold", "booking", "sale", "block"])
async def test_late_money_goes_back_as_a_whole_if_any_seat_is_taken(
    world: World, taken: list[str], by: str
) -> None:
    bus = await world.bus()
    booking = await expired(world, bus, ["1A", "1B"], is_swept=by == "block")
    if by == "hold":
        await world.hold(bus, taken)
    elif by == "block":
        await world.block(bus, taken)
    else:
        await world.book(bus, taken, method="cash" if by == "sale" else "demo")
    before = await world.states(bus)
    assert await say(world.store, booking) is Settled.RETURNED
    assert await say(world.store, booking) is Settled.UNCHANGED
    assert await world.states(bus) == before
    found = await find(world, booking)
    assert found.status is BookingStatus.EXPIRED
    assert found.payment.status is PaymentStatus.RETURNED
    assert found.refunded == 2 * PRICE
    assert await refunds(world, booking) == [2 * PRICE]
    assert (await jobs(world, booking))[-2:] == ["PAYMENT_LATE", "REFUND"]
    assert found.payment.payment_id is not None
    assert await balances(world, found.payment.payment_id) == {
        "provider_clearing": 2 * PRICE,
        "refunds_due": -2 * PRICE,
    }


async def test_a_seat_whose_hold_is_over_is_free_for_late_money(world: World) -> None:
    bus = await world.bus()
    booking = await expired(world, bus, ["1A"], is_swept=False)
    await world.let_time_pass(await world.hold(bus, ["1A"]))
    assert await say(world.store, booking) is Settled.RESUMED


async def test_late_money_on_another_leg_of_the_seat_is_in_nobodys_way(world: World) -> None:
    bus = await world.bus(segments=2)
    booking = await world.book(bus, ["1A"], leg=(0, 1))
    await world.let_time_pass(booking)
    await world.book(bus, ["1A"], leg=(1, 2), method="cash")
    assert await say(world.store, booking) is Settled.RESUMED
    assert (await world.states(bus))["1A"] == "BB"


async def test_money_for_a_bus_that_has_left_goes_back(world: World) -> None:
    bus = await world.bus(departs_in=timedelta(hours=2))
    booking = await expired(world, bus, ["1A"], is_swept=True)
    await world.edit("UPDATE buses SET status = 'CLOSED', facts = facts + 1 WHERE bus_id = $1", bus)
    assert await say(world.store, booking) is Settled.RETURNED


async def test_money_for_what_its_buyer_has_cancelled_goes_back(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    await world.cancel(booking)
    assert await say(world.store, booking) is Settled.RETURNED
    assert (await find(world, booking)).status is BookingStatus.CANCELLED
    assert await refunds(world, booking) == [PRICE]


async def test_what_is_paid_twice_is_paid_back_once(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    await world.pay(booking)
    assert await say(world.store, booking) is Settled.RETURNED
    found = await find(world, booking)
    assert found.status is BookingStatus.CONFIRMED
    assert found.payment.status is PaymentStatus.SUCCEEDED
    assert await balances(world) == {
        "provider_clearing": 2 * PRICE,
        "sales": -PRICE,
        "refunds_due": -PRICE,
    }


@pytest.mark.parametrize("amount", [PRICE - 1, PRICE + 1])
async def test_another_amount_than_was_asked_for_confirms_nothing(
    world: World, amount: int
) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    assert await say(world.store, booking, amount=amount) is Settled.RETURNED
    assert (await find(world, booking)).status is BookingStatus.PENDING
    assert await refunds(world, booking) == [amount]


async def test_money_of_another_currency_confirms_nothing_and_goes_back_as_what_it_is(
    world: World,
) -> None:
    bus = await world.bus()
    booking = await world.book(bus, ["1A"])
    assert await say(world.store, booking, amount=PRICE, currency="USD") is Settled.RETURNED
    assert await say(world.store, booking, amount=PRICE, currency="USD") is Settled.UNCHANGED
    found = await find(world, booking)
    assert (found.status, found.payment.status) == (BookingStatus.PENDING, PaymentStatus.RETURNED)
    assert found.refunded == 0, "nothing of what it costs in euros"
    (refund,) = await world.edit("SELECT refund_id FROM refunds WHERE bus_id = $1", bus)
    payout = await world.store.payouts.find(bus, refund["refund_id"])
    assert payout is not None
    assert (payout.amount, payout.currency) == (PRICE, "USD")
    assert (await jobs(world, booking))[-2:] == ["PAYMENT_LATE", "REFUND"]
    assert await balances(world) == {"provider_clearing": PRICE, "refunds_due": -PRICE}
    assert await balances(world, currency="EUR") == {}
    assert await balances(world, currency="USD") == await balances(world)


async def test_late_money_of_another_currency_takes_no_seat_again(world: World) -> None:
    booking = await expired(world, await world.bus(), ["1A"], is_swept=True)
    assert await say(world.store, booking, currency="USD") is Settled.RETURNED
    assert (await find(world, booking)).status is BookingStatus.EXPIRED


@pytest.mark.parametrize("ending", [DECLINED, CANCELLED])
async def test_what_a_provider_ends_frees_its_seats(world: World, ending: PaymentStatus) -> None:
    bus = await world.bus()
    booking = await world.book(bus, ["1A"])
    assert await say(world.store, booking, ending) is Settled.ENDED
    assert await say(world.store, booking, ending) is Settled.UNCHANGED
    found = await find(world, booking)
    assert (found.status, found.payment.status) == (BookingStatus.FAILED, ending)
    assert (await world.states(bus))["1A"] == "A"
    assert await balances(world) == {}


async def test_what_was_declined_and_captured_after_all_goes_back(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    await say(world.store, booking, DECLINED)
    assert await say(world.store, booking, SUCCEEDED) is Settled.RETURNED
    assert await say(world.store, booking, SUCCEEDED) is Settled.UNCHANGED
    assert await refunds(world, booking) == [PRICE]


async def test_nothing_leaves_what_was_captured(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    await say(world.store, booking)
    for ending in (DECLINED, CANCELLED):
        assert await say(world.store, booking, ending) is Settled.UNCHANGED
    assert (await find(world, booking)).status is BookingStatus.CONFIRMED


# Two expired bookings, one seat.


@pytest.fixture
async def unguarded(database_url: str) -> AsyncIterator[World]:
    """A world with a pause between looking and writing; its data may end up unsound."""
    world = await World.open(database_url, StoreOptions(pool_size=4))
    await think_before_writing(world, 0.05)
    yield world
    await world.close()


async def pay_both(world: World) -> list[set[Settled]]:
    """Let two expired bookings of a seat be paid at once, each heard of by a process of its own."""
    bus = await world.bus(seats=ROUNDS)
    other = await world.open_store(StoreOptions(pool_size=4))
    pairs: list[tuple[Booking, Booking]] = []
    for number, label in enumerate(await world.states(bus)):
        first = await world.book(bus, [label], caller=world.guest(2 * number, address=2 * number))
        await world.let_time_pass(first)
        await world.store.expiry.sweep()
        later = 2 * number + 1
        second = await world.book(bus, [label], caller=world.guest(later, address=later))
        await world.let_time_pass(second)
        await world.store.expiry.sweep()
        pairs.append((first, second))
    outcomes: list[set[Settled]] = []
    for first, second in pairs:
        both = await asyncio.gather(say(world.store, first), say(other, second))
        outcomes.append(set(both))
    return outcomes


async def test_of_two_expired_bookings_that_pay_for_a_seat_at_once_one_has_it_and_one_its_money(
    world: World,
) -> None:
    outcomes = await pay_both(world)
    assert outcomes == [{Settled.RESUMED, Settled.RETURNED}] * ROUNDS
    assert await balances(world) == {
        "provider_clearing": 2 * ROUNDS * PRICE,
        "sales": -ROUNDS * PRICE,
        "refunds_due": -ROUNDS * PRICE,
    }


async def test_twin_without_the_locks_and_without_the_key_both_have_the_seat(
    unguarded: World,
) -> None:
    await drop_guarantee(unguarded)
    with locking(without_locks):
        outcomes = await pay_both(unguarded)
    assert outcomes.count({Settled.RESUMED}) >= ROUNDS / 4
