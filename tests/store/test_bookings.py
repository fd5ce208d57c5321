import asyncio
import re
from datetime import timedelta

import pytest

from store.bookings import Purchase, Traveller
from store.errors import HoldExpired, HoldNotFound, InvalidRequest, NotFound, SeatUnavailable
from store.holds import SeatRequest
from store.model import GUEST, Booking, BookingStatus, Contact, PaymentStatus
from tests.support.world import World, value


async def buy(world: World, bus: int, seats: list[str], travellers: list[Traveller]) -> Booking:
    purchase = Purchase(travellers, Contact(), "demo")
    request = SeatRequest(bus, seats)
    return await value(lambda ask: world.store.bookings.book(GUEST, request, purchase, ask))


async def test_seats_booked_directly_wait_locked_for_their_payment(world: World) -> None:
    bus = await world.bus(segments=2)
    booking = await world.book(bus, ["1A", "1B"], leg=(1, 2))
    assert booking.status is BookingStatus.PENDING
    assert booking.payment.status is PaymentStatus.PENDING
    assert booking.expires_at == booking.created_at + timedelta(seconds=120)
    assert booking.tickets == ()
    states = await world.states(bus)
    assert (states["1A"], states["1B"], states["1C"]) == ("AL", "AL", "AA")


async def test_cash_in_hand_confirms_at_once_with_a_ticket_for_every_seat(world: World) -> None:
    bus = await world.bus()
    agent = world.agent()
    booking = await world.book(bus, ["1A", "1B"], caller=agent, method="cash")
    assert booking.status is BookingStatus.CONFIRMED
    assert booking.payment.status is PaymentStatus.SUCCEEDED
    assert booking.expires_at is None
    assert [ticket.seat_no for ticket in booking.tickets] == list(booking.seats)
    assert (await world.states(bus))["1A"] == "B"
    (row,) = await world.edit("SELECT user_id, sold_by FROM bookings WHERE bus_id = $1", bus)
    assert (row["user_id"], row["sold_by"]) == (None, agent.user_id)


async def test_a_taken_seat_refuses_the_whole_booking(world: World) -> None:
    bus = await world.bus()
    await world.book(bus, ["1B"], method="cash")
    with pytest.raises(SeatUnavailable) as refusal:
        await world.book(bus, ["1A", "1B"])
    assert refusal.value.seats == (("1B", "B"),)
    assert (await world.states(bus))["1A"] == "A"
    assert len(await world.edit("SELECT FROM bookings")) == 1


async def test_a_hold_becomes_a_booking_that_keeps_the_claims_of_the_hold(world: World) -> None:
    bus = await world.bus(segments=3)
    hold = await world.hold(bus, ["1A", "1B"], leg=(0, 2))
    booking = await world.book_hold(hold)
    assert (booking.seats, booking.leg, booking.prices) == (hold.seats, hold.leg, hold.prices)
    claims = await world.edit("SELECT hold_id, booking_id FROM claims")
    assert {tuple(row) for row in claims} == {(hold.hold_id, None)}
    assert len(claims) == 4
    (row,) = await world.edit(
        "SELECT h.state, h.ended_at, b.booking_id FROM holds AS h JOIN bookings AS b USING (bus_id, hold_id)"
    )
    assert tuple(row) == ("BOOKED", booking.created_at, booking.booking_id)


async def test_a_hold_paid_in_cash_is_sold_at_once(world: World) -> None:
    hold = await world.hold(await world.bus(), ["1A"])
    booking = await world.book_hold(hold, caller=world.agent(), method="cash")
    assert booking.status is BookingStatus.CONFIRMED
    assert (await world.states(hold.bus.bus_id))["1A"] == "B"


async def test_of_two_who_book_one_hold_one_gets_it(world: World) -> None:
    hold = await world.hold(await world.bus(), ["1A", "1B"])
    outcomes = await asyncio.gather(
        *(world.book_hold(hold) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Booking) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, HoldExpired) for outcome in outcomes) == 7


async def test_a_guests_hold_may_be_booked_by_whoever_signed_in_since(world: World) -> None:
    rider = world.rider(3)
    hold = await world.hold(await world.bus(), ["1A"])
    booking = await world.book_hold(hold, caller=rider)
    assert booking.user_id == rider.user_id


async def test_an_agent_sells_a_riders_hold_in_their_own_name(world: World) -> None:
    rider, agent = world.rider(3), world.agent()
    hold = await world.hold(await world.bus(), ["1A"], caller=rider)
    await world.book_hold(hold, caller=agent)
    (row,) = await world.edit("SELECT user_id, sold_by FROM bookings")
    assert (row["user_id"], row["sold_by"]) == (None, agent.user_id)


async def test_a_strangers_hold_cannot_be_booked(world: World) -> None:
    hold = await world.hold(await world.bus(), ["1A"], caller=world.rider(1))
    with pytest.raises(HoldNotFound):
        await world.book_hold(hold, caller=world.rider(2))


@pytest.mark.parametrize(
    ("named", "code"),
    [
        (["1A"], "passenger_per_seat"),
        (["1A", "1C"], "passenger_per_seat"),
        (["1A", "1B", "1C"], "passenger_per_seat"),
        (["1A", "1A"], "duplicate_seat"),
        (["1A", "9Z"], "unknown_seat"),
    ],
)
async def test_every_seat_has_one_passenger_and_every_passenger_a_seat(
    world: World, named: list[str], code: str
) -> None:
    bus = await world.bus()
    people = [Traveller(seat, "Ann") for seat in named]
    with pytest.raises(InvalidRequest) as refusal:
        await buy(world, bus, ["1A", "1B"], people)
    assert refusal.value.code == code
    assert refusal.value.pointer.startswith("/passengers")
    assert set((await world.states(bus)).values()) == {"A"}


async def test_passengers_sit_where_they_were_put_whatever_the_order(world: World) -> None:
    bus = await world.bus()
    people = [Traveller("2B", "Bea", "child"), Traveller("1A", "Ann")]
    booking = await buy(world, bus, ["2B", "1A"], people)
    seated = {booking.bus.layout.label(p.seat_no): (p.name, p.category) for p in booking.passengers}
    assert seated == {"1A": ("Ann", "adult"), "2B": ("Bea", "child")}


async def test_what_was_booked_reads_back_as_it_was_answered(world: World) -> None:
    bus = await world.bus(segments=2)
    booking = await world.book(bus, ["1A", "2B"], leg=(0, 1), caller=world.rider(1), method="cash")
    found = await world.store.lookup.find(bus, booking.booking_id)
    assert (found.ref, found.status, found.leg) == (booking.ref, booking.status, booking.leg)
    assert (found.prices, found.passengers) == (booking.prices, booking.passengers)
    assert (found.payment, found.tickets) == (booking.payment, booking.tickets)
    assert (found.created_at, found.expires_at) == (booking.created_at, booking.expires_at)


@pytest.mark.parametrize(
    "name", ["NULL", 'Ann "Nan" O\'Hara', "a\\b", "{a,b}", " ", "Zoë 安", '","', "\\"]
)
async def test_a_name_reads_back_as_it_was_written(world: World, name: str) -> None:
    bus = await world.bus()
    booking = await buy(world, bus, ["1A", "1B"], [Traveller("1A", name), Traveller("1B", name)])
    found = await world.store.lookup.find(bus, booking.booking_id)
    assert [passenger.name for passenger in found.passengers] == [name, name]


async def test_a_ref_finds_its_booking(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    assert re.fullmatch(r"[A-HJ-NP-Z2-9]{6}", booking.ref)
    assert await world.store.lookup.find_by_ref(booking.ref) == booking


async def test_a_ref_of_nothing_finds_nothing(world: World) -> None:
    with pytest.raises(NotFound):
        await world.store.lookup.find_by_ref("AAAAAA")


async def test_refs_access_keys_and_payments_of_many_bookings_differ(world: World) -> None:
    bus = await world.bus(seats=100)
    labels = list(await world.states(bus))
    made = await asyncio.gather(*(world.book(bus, [label]) for label in labels))
    assert len({booking.ref for booking in made}) == 100
    seals = world.store.seals
    assert len({seals.access_key(booking.booking_id) for booking in made}) == 100
    assert len({seals.payment(bus, booking.booking_id) for booking in made}) == 100


async def test_a_buyers_bookings_are_listed_newest_first_page_by_page(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    await world.limit(holds_per_buyer=3)
    made = [await world.book(bus, [seat], caller=rider) for seat in ("1A", "1B", "1C")]
    await world.book(bus, ["1D"], caller=world.rider(2))
    assert rider.user_id is not None
    page = await world.store.lookup.list_of(rider.user_id, before=None, limit=2)
    assert [booking.ref for booking in page] == [made[2].ref, made[1].ref]
    last = page[-1].created_at, bus, page[-1].booking_id
    rest = await world.store.lookup.list_of(rider.user_id, before=last, limit=2)
    assert [booking.ref for booking in rest] == [made[0].ref]
