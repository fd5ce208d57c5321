from decimal import ROUND_HALF_UP, Decimal

import pytest

from store.layouts import SeatPlan, double_deck, sleeper
from store.model import LayoutSeat
from store.rules import seat_price
from tests.support.world import World


async def test_the_legs_of_a_route_add_up_to_its_price(world: World) -> None:
    bus = await world.bus(segments=3, price=2000)
    whole = await world.hold(bus, ["1A"])
    parts = [await world.hold(bus, ["1B"], leg=(start, start + 1)) for start in range(3)]
    assert whole.prices == (2000,)
    assert [part.prices for part in parts] == [(667,), (667,), (666,)]


@pytest.mark.parametrize(
    ("plan", "seat", "percent"),
    [(double_deck(), "1A", 130), (double_deck(), "U1A", 150), (sleeper(), "L1A", 180)],
)
async def test_a_seat_costs_what_its_class_costs(
    world: World, plan: SeatPlan, seat: str, percent: int
) -> None:
    bus = await world.bus(plan=plan, price=1999)
    hold = await world.hold(bus, [seat])
    exact = Decimal(1999) * percent / 100
    assert hold.prices == (int(exact.quantize(Decimal(1), ROUND_HALF_UP)),)


@pytest.mark.parametrize(
    ("fare", "percent", "price"),
    [(1, 50, 1), (1, 49, 0), (3, 150, 5), (1999, 130, 2599), (0, 180, 0), (333, 0, 0), (7, 100, 7)],
)
def test_half_a_unit_is_rounded_up(fare: int, percent: int, price: int) -> None:
    assert seat_price(fare, percent) == price


async def test_the_total_is_the_sum_of_the_seats_everywhere(world: World) -> None:
    bus = await world.bus(plan=double_deck(), price=1999)
    booking = await world.book(bus, ["1A", "U1A", "U2A"], method="cash")
    assert booking.total == sum(booking.prices) == booking.payment.amount
    (row,) = await world.edit(
        "SELECT b.prices, p.amount FROM bookings AS b JOIN payments AS p USING (bus_id, booking_id)"
    )
    assert sum(row["prices"]) == row["amount"] == booking.total


async def test_the_price_of_a_hold_is_the_price_of_its_booking_whatever_happens_meanwhile(
    world: World,
) -> None:
    bus = await world.bus(price=1000)
    hold = await world.hold(bus, ["1A", "1B"])
    await world.edit("UPDATE buses SET fares = '{9999}', facts = facts + 1 WHERE bus_id = $1", bus)
    booking = await world.book_hold(hold)
    assert booking.prices == (1000, 1000)
    assert (await world.book(bus, ["1C"])).prices == (9999,)


async def test_a_refund_is_what_was_paid_though_fares_have_changed(world: World) -> None:
    bus = await world.bus(price=1000)
    booking = await world.book(bus, ["1A", "1B"], method="cash")
    await world.edit("UPDATE buses SET fares = '{1}', facts = facts + 1 WHERE bus_id = $1", bus)
    assert (await world.cancel(booking, ["1B"])).refunded == 1000


async def test_a_free_seat_costs_nothing(world: World) -> None:
    bus = await world.bus(price=0)
    booking = await world.book(bus, ["1A"])
    assert (booking.total, booking.payment.amount) == (0, 0)
    await world.pay(booking)


async def test_the_dearest_seat_that_can_be_put_on_sale_can_be_sold(world: World) -> None:
    seat = LayoutSeat(1, "1A", 1, 1, 1, "throne", (), 1000)
    bus = await world.bus(plan=SeatPlan("One throne", (seat,)), price=100_000_000)
    booking = await world.book(bus, ["1A"], method="cash")
    assert booking.total == 1_000_000_000
