"""What leaves a stop next, as the database has it."""

from datetime import timedelta

import pytest

from store.boards import SQL
from tests.support.plans import explain
from tests.support.world import World


async def test_a_board_has_the_next_departures_in_order_of_time(world: World) -> None:
    bus = await world.bus(segments=3, departs_in=timedelta(hours=2))
    first, second, _, last = await world.stops(bus)
    page = await world.store.boards.page(second)
    assert page is not None
    assert (page.stop_id, page.time_zone) == (second, "Europe/Berlin")
    (line,) = page.lines
    assert (line.bus_id, line.operator, line.status) == (bus, "Northline", "SCHEDULED")
    assert (line.bay, line.delay_seconds) == (None, None)
    assert (line.seats_left, line.seats_total) == (40, 40)
    end = await world.store.boards.page(last)
    assert end is not None
    assert end.lines == (), "nobody leaves from the end of the line"
    assert line.destination == end.name
    start = await world.store.boards.page(first)
    assert start is not None
    assert start.lines[0].departs_at < line.departs_at


async def test_seats_left_are_those_free_from_here_to_the_end(world: World) -> None:
    bus = await world.bus(segments=3)
    first, second, *_ = await world.stops(bus)
    await world.hold(bus, ["1A"], leg=(0, 1), caller=world.rider(1))
    await world.hold(bus, ["1B"], leg=(2, 3), caller=world.rider(2))
    await world.block(bus, ["1C"], leg=(1, 2))
    pages = [await world.store.boards.page(stop) for stop in (first, second)]
    assert [page.lines[0].seats_left for page in pages if page] == [37, 38]


async def test_a_bus_is_on_the_board_until_it_has_left_delay_included(world: World) -> None:
    bus = await world.bus(segments=1)
    (stop, _) = await world.stops(bus)
    await world.edit(
        "UPDATE bus_stops SET departs_at = now() - interval '10 minutes',"
        " arrives_at = now() - interval '11 minutes' WHERE bus_id = $1 AND idx = 0",
        bus,
    )
    page = await world.store.boards.page(stop)
    assert page is not None
    assert page.lines == ()
    await world.edit(
        "UPDATE bus_stops SET delay_seconds = 900, bay = 'C4' WHERE bus_id = $1 AND idx = 0", bus
    )
    page = await world.store.boards.page(stop)
    assert page is not None
    assert [(line.bay, line.delay_seconds) for line in page.lines] == [("C4", 900)]


@pytest.mark.parametrize(
    ("delay", "is_there"), [(-3600, False), (-2700, False), (-900, True), (None, True)]
)
async def test_a_bus_that_left_early_is_gone(
    world: World, delay: int | None, *, is_there: bool
) -> None:
    bus = await world.bus(segments=2, departs_in=timedelta(minutes=40))
    await world.edit(
        "UPDATE bus_stops SET delay_seconds = $2 WHERE bus_id = $1 AND idx = 0", bus, delay
    )
    stop, *_ = await world.stops(bus)
    page = await world.store.boards.page(stop)
    assert page is not None
    assert [line.bus_id for line in page.lines] == [bus] * is_there


async def test_a_station_shows_what_leaves_its_stops(world: World) -> None:
    bus = await world.bus(segments=2)
    stop, *_ = await world.stops(bus)
    (row,) = await world.edit(
        "INSERT INTO stops (source, code, name, time_zone) VALUES ('test', 'st', 'Central', 'Europe/Berlin')"
        " RETURNING stop_id"
    )
    await world.edit("UPDATE stops SET parent_id = $2 WHERE stop_id = $1", stop, row["stop_id"])
    page = await world.store.boards.page(row["stop_id"])
    assert page is not None
    assert (page.name, [line.bus_id for line in page.lines]) == ("Central", [bus])


async def test_there_is_no_board_of_a_stop_that_is_not_there(world: World) -> None:
    assert await world.store.boards.page(2**62) is None


async def test_departures_and_their_seats_are_found_by_indexes(world: World) -> None:
    plan = await explain(world, SQL["next_departures"], [1], 20)
    assert "calls_other_pkey" in plan
    assert "Seq Scan on seats" not in plan
