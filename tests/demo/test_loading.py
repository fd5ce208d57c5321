"""Loading the demo: the same everywhere, once, and only where nobody sells."""

import asyncio
from collections import Counter
from typing import Any

import asyncpg

from store import Store
from store.demo import is_for_demo, load_world
from store.demo.sales import FreshBus, sell
from store.demo.world import LINES, OPERATORS, STOPS
from store.layouts import two_plus_two
from tests.demo.sights import NOON, sights
from tests.support.databases import Databases


async def test_it_is_the_same_world_everywhere(demo_url: str, databases: Databases) -> None:
    owner = await asyncpg.connect(demo_url)
    async with databases.fresh() as url:
        twin = await Store.open(url)
        await load_world(twin, None, now=NOON)
        await twin.close()
        connection = await asyncpg.connect(url)
        assert await sights(connection) == await sights(owner)
        await connection.close()
    await owner.close()


async def test_processes_that_start_together_load_it_once(database_url: str, owner: Any) -> None:
    stores = [await Store.open(database_url) for _ in range(3)]
    reports = await asyncio.gather(*(load_world(store, None, now=NOON) for store in stores))
    for store in stores:
        await store.close()
    assert sorted(report.buses for report in reports) == [0, 0, 1120]
    assert await owner.fetchval("SELECT count(*) FROM buses") == 1120


async def test_a_database_of_others_is_not_for_the_demo(database_url: str, owner: Any) -> None:
    store = await Store.open(database_url)
    assert await is_for_demo(store)
    await owner.execute(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Northline', 'UTC', 'EUR')"
    )
    assert not await is_for_demo(store)
    await store.close()


async def test_the_rider_has_bookings(database_url: str, owner: Any) -> None:
    store = await Store.open(database_url)
    await load_world(store, 77, now=NOON)
    await store.close()
    await owner.execute("SELECT set_config('omnibus.operators', '{1,2,3}', false)")
    assert await owner.fetchval("SELECT count(*) FROM bookings WHERE user_id = 77") >= 2


def test_every_name_in_the_world_is_spelled_once() -> None:
    stops = {stop.code for stop in STOPS}
    assert {code for line in LINES for code, _ in line.stops} <= stops
    assert {stop.station for stop in STOPS if stop.station} <= stops
    assert {line.operator for line in LINES} == {operator.key for operator in OPERATORS}
    assert len({line.code for line in LINES}) == len(LINES)


def test_no_seat_is_sold_twice_whatever_the_bus_and_the_day() -> None:
    for number in range(200):
        bus = FreshBus(
            bus_id=number,
            key=f"X{number}",
            service_date=NOON.date(),
            departs_at=NOON,
            fares=[100, 200, 300, 400],
            layout=two_plus_two(20).seats,
        )
        bookings, _ = sell(bus, NOON, is_nearly_full=number % 2 == 0)
        owned = Counter(
            (seat, segment)
            for booking in bookings
            for seat in booking.seats
            for segment in booking.leg.segments
        )
        assert max(owned.values(), default=1) == 1
        assert all(booking.created_at < NOON for booking in bookings)
