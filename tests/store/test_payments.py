import asyncio

import pytest

from store.errors import HoldExpired, NotFound, WrongState
from store.model import BookingStatus, PaymentStatus
from tests.support.world import World, value


async def test_a_payment_in_time_sells_the_seats_and_issues_a_ticket_each(world: World) -> None:
    bus = await world.bus(segments=2)
    booking = await world.book(bus, ["1A", "1B"], leg=(0, 1))
    paid = await world.pay(booking)
    assert paid.status is BookingStatus.CONFIRMED
    assert paid.payment.status is PaymentStatus.SUCCEEDED
    assert [ticket.seat_no for ticket in paid.tickets] == list(booking.seats)
    assert (await world.states(bus))["1A"] == "BA"
    found = await world.store.lookup.find(bus, booking.booking_id)
    assert found.tickets == paid.tickets
    assert found.expires_at is None


async def test_paying_twice_is_paying_once(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    first = await world.pay(booking)
    heard = len(world.events)
    again = await world.pay(booking)
    assert again.tickets == first.tickets
    assert len(world.events) == heard


async def test_eight_messages_of_one_payment_have_one_effect(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    paid = await asyncio.gather(*(world.pay(booking) for _ in range(8)))
    assert {answer.tickets for answer in paid} == {paid[0].tickets}
    assert [event.kind for event in world.events] == ["booked", "confirmed"]


async def test_a_declined_payment_frees_the_seats_at_once(world: World) -> None:
    bus = await world.bus()
    booking = await world.book(bus, ["1A", "1B"])
    failed = await world.decline(booking)
    assert failed.status is BookingStatus.FAILED
    assert failed.payment.status is PaymentStatus.DECLINED
    assert set((await world.states(bus)).values()) == {"A"}
    await world.book(bus, ["1A"], method="cash")


async def test_declining_twice_is_declining_once(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    await world.decline(booking)
    heard = len(world.events)
    assert (await world.decline(booking)).status is BookingStatus.FAILED
    assert len(world.events) == heard


async def test_what_was_declined_cannot_be_paid(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    await world.decline(booking)
    with pytest.raises(WrongState) as refusal:
        await world.pay(booking)
    assert refusal.value.status == BookingStatus.FAILED


async def test_what_was_paid_cannot_be_declined(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    await world.pay(booking)
    with pytest.raises(WrongState):
        await world.decline(booking)
    assert (await world.states(booking.bus.bus_id))["1A"] == "B"


async def test_of_a_success_and_a_decline_at_once_one_counts(world: World) -> None:
    bus = await world.bus()
    for seat in ("1A", "1B", "1C", "1D"):
        booking = await world.book(bus, [seat])
        outcomes = await asyncio.gather(
            world.pay(booking), world.decline(booking), return_exceptions=True
        )
        assert sum(isinstance(outcome, WrongState) for outcome in outcomes) == 1


async def test_a_payment_after_the_deadline_is_refused_though_nobody_swept(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    await world.let_time_pass(booking)
    with pytest.raises(HoldExpired):
        await world.pay(booking)
    with pytest.raises(HoldExpired):
        await world.decline(booking)


async def test_a_payment_after_the_sweep_is_refused(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    await world.let_time_pass(booking)
    assert await world.store.expiry.sweep() == 1
    with pytest.raises(HoldExpired):
        await world.pay(booking)
    found = await world.store.lookup.find(booking.bus.bus_id, booking.booking_id)
    assert (found.status, found.payment.status) == (BookingStatus.EXPIRED, PaymentStatus.CANCELLED)


async def test_a_booking_whose_time_to_pay_is_over_reads_expired_though_nobody_swept(
    world: World,
) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    await world.let_time_pass(booking)
    found = await world.store.lookup.find(booking.bus.bus_id, booking.booking_id)
    assert found.status is BookingStatus.EXPIRED


async def test_a_payment_that_nobody_owes_is_not_found(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    owned = booking.bus.bus_id, booking.booking_id + 1
    with pytest.raises(NotFound):
        await value(lambda ask: world.store.settlement.confirm(owned, ask, method="demo"))


async def test_one_provider_cannot_settle_what_is_owed_to_another(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"], method="stripe")
    with pytest.raises(NotFound):
        await world.pay(booking)


async def test_an_expired_booking_and_its_late_payment_never_both_get_the_seat(
    world: World,
) -> None:
    bus = await world.bus()
    late = await world.book(bus, ["1A"])
    await world.let_time_pass(late)
    outcomes = await asyncio.gather(
        world.pay(late), world.book(bus, ["1A"], method="cash"), return_exceptions=True
    )
    assert isinstance(outcomes[0], HoldExpired)
    assert (await world.states(bus))["1A"] == "B"
