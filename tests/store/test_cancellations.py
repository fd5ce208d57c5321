import asyncio
from datetime import timedelta

import pytest

from store.errors import Departed, InvalidRequest, NotFound, StoreError, WrongState
from store.model import Booking, BookingStatus, PaymentStatus
from tests.support.world import World, value


async def test_a_whole_booking_goes_back_on_sale_and_is_refunded(world: World) -> None:
    bus = await world.bus(segments=2, price=3000)
    booking = await world.book(bus, ["1A", "1B"], leg=(0, 1), method="cash")
    cancelled = await world.cancel(booking)
    assert cancelled.status is BookingStatus.CANCELLED
    assert cancelled.refunded == booking.total == 3000
    assert {ticket.status for ticket in cancelled.tickets} == {"CANCELLED"}
    assert set((await world.states(bus)).values()) == {"AA"}
    found = await world.store.lookup.find(bus, booking.booking_id)
    assert (found.status, found.refunded) == (BookingStatus.CANCELLED, 3000)
    assert found.payment.status is PaymentStatus.SUCCEEDED


async def test_one_seat_of_a_booking_can_be_given_back(world: World) -> None:
    bus = await world.bus()
    booking = await world.book(bus, ["1A", "1B"], method="cash")
    partly = await world.cancel(booking, ["1B"])
    assert partly.status is BookingStatus.PARTIALLY_CANCELLED
    assert partly.refunded == 2000
    assert [ticket.status for ticket in partly.tickets] == ["VALID", "CANCELLED"]
    states = await world.states(bus)
    assert (states["1A"], states["1B"]) == ("B", "A")


async def test_seat_by_seat_ends_where_all_at_once_does(world: World) -> None:
    bus = await world.bus()
    booking = await world.book(bus, ["1A", "1B", "1C"], method="cash")
    await world.cancel(booking, ["1B"])
    await world.cancel(booking, ["1A"])
    latest = await world.cancel(booking, ["1C"])
    assert latest.status is BookingStatus.CANCELLED
    assert latest.refunded == booking.total
    refunds = await world.edit("SELECT amount FROM refunds")
    assert [row["amount"] for row in refunds] == [2000] * 3


async def test_the_rest_of_a_booking_can_be_cancelled_without_naming_it(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A", "1B", "1C"], method="cash")
    await world.cancel(booking, ["1B"])
    assert (await world.cancel(booking)).refunded == booking.total


async def test_what_is_cancelled_cannot_be_cancelled_again(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A", "1B"], method="cash")
    await world.cancel(booking, ["1A"])
    with pytest.raises(WrongState):
        await world.cancel(booking, ["1A"])
    with pytest.raises(WrongState):
        await world.cancel(booking, ["1A", "1B"])
    await world.cancel(booking)
    with pytest.raises(WrongState):
        await world.cancel(booking)


async def test_eight_cancellations_at_once_refund_once(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A", "1B"], method="cash")
    outcomes = await asyncio.gather(
        *(world.cancel(booking) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Booking) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, WrongState) for outcome in outcomes) == 7
    (row,) = await world.edit("SELECT sum(amount) AS refunded FROM refunds")
    assert row["refunded"] == booking.total


async def test_a_cancelled_seat_that_was_sold_again_stays_sold(world: World) -> None:
    bus = await world.bus()
    booking = await world.book(bus, ["1A", "1B"], method="cash")
    await world.cancel(booking, ["1A"])
    await world.book(bus, ["1A"], method="cash")
    await world.cancel(booking)
    states = await world.states(bus)
    assert (states["1A"], states["1B"]) == ("B", "A")


async def test_what_waits_for_its_payment_is_cancelled_as_a_whole_and_costs_nothing(
    world: World,
) -> None:
    bus = await world.bus()
    booking = await world.book(bus, ["1A", "1B"])
    with pytest.raises(WrongState):
        await world.cancel(booking, ["1A"])
    cancelled = await world.cancel(booking)
    assert cancelled.status is BookingStatus.CANCELLED
    assert (cancelled.refunded, cancelled.payment.status) == (0, PaymentStatus.CANCELLED)
    assert set((await world.states(bus)).values()) == {"A"}
    with pytest.raises(WrongState):
        await world.pay(booking)


async def test_a_booking_that_cost_nothing_needs_no_refund(world: World) -> None:
    booking = await world.book(await world.bus(price=0), ["1A"], method="cash")
    assert (await world.cancel(booking)).refunded == 0
    assert await world.edit("SELECT FROM refunds") == []


async def test_after_departure_nothing_is_cancelled(world: World) -> None:
    bus = await world.bus(segments=2)
    booking = await world.book(bus, ["1A"], leg=(1, 2), method="cash")
    await depart(world, bus)
    with pytest.raises(Departed):
        await world.cancel(booking)
    with pytest.raises(Departed):
        await world.store.cancellations.quote(bus, booking.booking_id, None)


async def test_the_passenger_who_boards_later_may_cancel_after_the_bus_has_started(
    world: World,
) -> None:
    bus = await world.bus(segments=2)
    early = await world.book(bus, ["1A"], leg=(0, 1), method="cash")
    later = await world.book(bus, ["1B"], leg=(1, 2), method="cash")
    await depart(world, bus, past_stop=0)
    with pytest.raises(Departed):
        await world.cancel(early)
    assert (await world.cancel(later)).status is BookingStatus.CANCELLED


async def test_an_expired_or_failed_booking_is_over(world: World) -> None:
    bus = await world.bus()
    failed = await world.book(bus, ["1A"])
    await world.decline(failed)
    expired = await world.book(bus, ["1B"])
    await world.let_time_pass(expired)
    await world.store.expiry.sweep()
    for booking in (failed, expired):
        with pytest.raises(WrongState):
            await world.cancel(booking)


async def test_an_unpaid_booking_that_lost_a_seat_cannot_give_it_back(
    database_url: str,
) -> None:
    world = await World.open(database_url)
    try:
        bus = await world.bus()
        late = await world.book(bus, ["1A", "1B"])
        await world.let_time_pass(late)
        await world.book(bus, ["1A"], method="cash")
        with pytest.raises(StoreError):
            await world.cancel(late)
        assert (await world.states(bus))["1A"] == "B"
    finally:
        await world.close()


async def test_seats_of_others_cannot_be_cancelled(world: World) -> None:
    bus = await world.bus()
    booking = await world.book(bus, ["1A"], method="cash")
    await world.book(bus, ["1B"], method="cash")
    with pytest.raises(WrongState):
        await world.cancel(booking, ["1B"])
    with pytest.raises((WrongState, InvalidRequest)):
        await world.cancel(booking, [])
    with pytest.raises(InvalidRequest):
        await world.cancel(booking, ["9Z"])


async def test_a_booking_that_does_not_exist_cannot_be_cancelled(world: World) -> None:
    bus = await world.bus()
    with pytest.raises(NotFound):
        await value(lambda ask: world.store.cancellations.cancel(bus, 4711, None, ask))


async def test_the_quote_is_what_the_cancellation_pays(world: World) -> None:
    bus = await world.bus(price=1999)
    booking = await world.book(bus, ["1A", "1B"], method="cash")
    quote = await world.store.cancellations.quote(bus, booking.booking_id, ["1A"])
    assert quote.amount == 1999
    assert (await world.cancel(booking, ["1A"])).refunded == quote.amount
    rest = await world.store.cancellations.quote(bus, booking.booking_id, None)
    assert (rest.amount, rest.seats) == (1999, booking.seats[1:])


async def depart(world: World, bus: int, *, past_stop: int = 9) -> None:
    """Move the calls of a bus up to one stop into the past."""
    await world.edit(
        "UPDATE bus_stops SET arrives_at = arrives_at - $3::interval, departs_at = departs_at - $3::interval"
        " WHERE bus_id = $1 AND idx <= $2",
        bus,
        past_stop,
        timedelta(days=2),
    )
    await world.edit("UPDATE buses SET facts = facts + 1 WHERE bus_id = $1", bus)
