"""The totals of a day, as the rows have them."""

from datetime import UTC, datetime, timedelta

import pytest

from store.errors import SeatUnavailable
from store.sales import SQL, DayOfSales
from tests.support.plans import explain
from tests.support.world import World, key


async def today(world: World, watching: dict[int, int] | None = None) -> DayOfSales:
    (day,) = await world.store.sales.today([world.operator_id], watching or {})
    return day


async def test_a_day_without_sales_is_all_noughts(world: World) -> None:
    day = await today(world)
    assert (day.operator_id, day.name, day.currency) == (world.operator_id, "Northline", "EUR")
    assert (day.hours, day.holds, day.holds_paid, day.conflicts) == ((), 0, 0, 0)
    assert (day.routes, day.watchers) == ((), 0)


async def test_what_was_paid_counts_and_what_was_not_does_not(world: World) -> None:
    bus = await world.bus(price=2000)
    await world.pay(await world.book(bus, ["1A", "1B"], caller=world.rider(1)))
    await world.book(bus, ["1C"], caller=world.rider(2))
    day = await today(world)
    assert sum(hour.seats for hour in day.hours) == 2
    assert sum(hour.revenue for hour in day.hours) == 4000
    (hour,) = day.hours
    assert timedelta() <= datetime.now(UTC) - hour.at < timedelta(hours=1, minutes=5)


async def test_sales_of_another_day_or_another_operator_are_not_in_it(world: World) -> None:
    bus = await world.bus()
    await world.pay(await world.book(bus, ["1A"], caller=world.rider(1)))
    (other,) = await world.edit(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Southline', 'Asia/Kolkata', 'INR')"
        " RETURNING operator_id"
    )
    both = await world.store.sales.today(None, {})
    assert [(day.name, len(day.hours)) for day in both] == [("Northline", 1), ("Southline", 0)]
    (south,) = await world.store.sales.today([other["operator_id"]], {bus: 3})
    assert (south.hours, south.watchers) == ((), 0)
    for column in ("confirmed_at", "created_at"):
        await world.edit(f"UPDATE bookings SET {column} = {column} - interval '2 days'")  # noqa: S608 - of constants
    assert (await today(world)).hours == ()
    assert await world.store.sales.today([], {}) == []


async def test_conversion_counts_holds_that_were_paid_for_and_all_that_were_made(
    world: World,
) -> None:
    bus = await world.bus()
    paid = await world.hold(bus, ["1A", "1B"], caller=world.rider(1))
    paid = await world.replace(paid, ["1A"], caller=world.rider(1))
    await world.pay(await world.book_hold(paid, caller=world.rider(1)))
    await world.hold(bus, ["2A"], caller=world.rider(2))
    waiting = await world.hold(bus, ["3A"], caller=world.rider(3))
    await world.book_hold(waiting, caller=world.rider(3))
    day = await today(world)
    assert (day.holds, day.holds_paid) == (3, 1)


async def test_conflicts_are_refusals_because_of_a_seat(world: World) -> None:
    bus = await world.bus()
    await world.hold(bus, ["1A"], caller=world.rider(1))
    with pytest.raises(SeatUnavailable):
        await world.book(bus, ["1A"], caller=world.rider(2), key=key("one"))
    # The store keeps what the edge wrote; here that is not a problem document.
    await world.edit(
        "UPDATE idempotency_keys SET response = convert_to($1, 'UTF8') WHERE status = 409",
        '{"code":"seat_unavailable"}',
    )
    assert (await today(world)).conflicts == 1
    await world.edit(
        "UPDATE idempotency_keys SET response = convert_to($1, 'UTF8') WHERE status = 409",
        '{"code":"departed"}',
    )
    assert (await today(world)).conflicts == 0


async def test_routes_are_as_full_as_their_booked_segments(world: World) -> None:
    bus = await world.bus(segments=4, seats=40, departs_in=timedelta(minutes=1))
    await world.pay(await world.book(bus, ["1A"], leg=(0, 2), caller=world.rider(1)))
    await world.hold(bus, ["1B"], caller=world.rider(2))
    began = (await world.edit(SQL["days"], [world.operator_id]))[0]["since"]
    # A minute from now may be tomorrow.
    await world.edit(
        "UPDATE buses SET departs_at = $2, arrives_at = $3 WHERE bus_id = $1",
        bus,
        began + timedelta(hours=12),
        began + timedelta(hours=20),
    )
    (route,) = (await today(world)).routes
    assert (route.buses, route.places, route.booked) == (1, 160, 2)
    assert route.name is not None


async def test_watchers_are_added_up_by_whose_bus_they_watch(world: World) -> None:
    one, other = await world.bus(), await world.bus()
    assert (await today(world, {one: 3, other: 4, 2**62: 5})).watchers == 7


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("hours", "bookings_created_idx"),
        ("conversion", "holds_created_idx"),
        ("conflicts", "idempotency_keys_refused_idx"),
    ],
)
async def test_a_day_is_found_without_looking_through_all_others(
    world: World, query: str, index: str
) -> None:
    assert index in await explain(world, SQL[query], [1], datetime.now(UTC))


async def test_the_seats_of_a_days_buses_are_found_by_indexes(world: World) -> None:
    now = datetime.now(UTC)
    plan = await explain(world, SQL["routes"], 1, now, now + timedelta(days=1))
    assert "buses_operator_departs_idx" in plan
    assert "Seq Scan on seats" not in plan
