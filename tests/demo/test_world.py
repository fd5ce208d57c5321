"""The demo's world: what is in it, and that it stays two weeks ahead of today."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from store import Store
from store.catalogue import Search
from store.demo import is_for_demo, load_world
from store.demo.world import LINES
from store.model import Leg
from store.rules import Wanted, leg_fare
from tests.demo.sights import NOON, sights


@pytest.fixture
async def owner(demo_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection as the owner of the demo's database."""
    connection = await asyncpg.connect(demo_url)
    yield connection
    await connection.close()


async def test_it_has_what_visitors_want_to_see(demo: Store, owner: Any) -> None:
    counted = await owner.fetchrow(
        "SELECT (SELECT count(*) FROM operators) AS operators,"
        " (SELECT count(*) FROM stops) AS stops,"
        " (SELECT count(DISTINCT time_zone) FROM stops) AS zones,"
        " (SELECT count(*) FROM stops WHERE parent_id IS NOT NULL) AS platforms,"
        " (SELECT count(*) FROM routes) AS routes,"
        " (SELECT count(DISTINCT l.name) FROM buses JOIN layouts AS l USING (layout_id)) AS layouts,"
        " (SELECT count(DISTINCT deck) FROM layout_seats) AS decks,"
        " (SELECT count(*) FROM buses) AS buses"
    )
    assert tuple(counted) == (3, 42, 3, 8, 22, 4, 2, 1120)


async def test_routes_have_stops_on_the_way(demo: Store, owner: Any) -> None:
    stops = await owner.fetch("SELECT count(*) FROM route_stops GROUP BY route_id")
    assert sum(row["count"] > 2 for row in stops) >= 10


async def test_buses_leave_on_fourteen_days_by_the_clock_of_their_first_stop(
    demo: Store, owner: Any
) -> None:
    rows = await owner.fetch(
        "SELECT b.source_key, b.service_date, b.departs_at, s.time_zone"
        " FROM buses AS b JOIN bus_stops AS c ON c.bus_id = b.bus_id AND c.idx = 0"
        " JOIN stops AS s USING (stop_id)"
    )
    days = Counter(row["service_date"] for row in rows)
    assert (len(days), min(days), max(days)) == (
        14,
        NOON.date(),
        NOON.date() + timedelta(days=13),
    )
    for row in rows:
        local = row["departs_at"].astimezone(ZoneInfo(row["time_zone"]))
        assert local.strftime("%H:%M") == row["source_key"].split()[1]
        assert local.date() == row["service_date"]


async def test_the_whole_line_costs_its_fare_and_a_longer_leg_more_but_less_than_its_parts(
    demo: Store, owner: Any
) -> None:
    fares = {line.code: line.fare for line in LINES}
    for row in await owner.fetch("SELECT DISTINCT ON (source_key) bus_id, source_key FROM buses"):
        bus = await demo.buses.find(row["bus_id"])
        stops = range(len(bus.stops))
        price = {
            (start, end): leg_fare(bus.fares, bus.pair_fares, Leg(start, end))
            for start, end in combinations(stops, 2)
        }
        assert price[0, stops[-1]] == fares[row["source_key"].split()[0]]
        assert min(price.values()) > 0
        for start, middle, end in combinations(stops, 3):
            longest = max(price[start, middle], price[middle, end])
            assert longest < price[start, end] < price[start, middle] + price[middle, end]


async def test_what_was_sold_was_sold_for_what_its_leg_costs(demo: Store, owner: Any) -> None:
    await owner.execute("SELECT set_config('omnibus.operators', '{1,2,3}', false)")
    sold = await owner.fetch(
        "SELECT bus_id, from_idx, to_idx, seats, prices FROM bookings ORDER BY ref LIMIT 200"
    )
    for row in sold:
        bus = await demo.buses.find(row["bus_id"])
        leg = Leg(row["from_idx"], row["to_idx"])
        assert Wanted(bus, leg, tuple(row["seats"])).prices == tuple(row["prices"])
    assert len(sold) == 200


async def test_one_bus_has_two_seats_left_and_no_other_is_nearly_full(
    demo: Store, owner: Any
) -> None:
    rows = await owner.fetch(
        "SELECT b.bus_id, b.departs_at,"
        " count(*) FILTER (WHERE translate(s.states, 'A', '') = '') AS free, count(*) AS seats"
        " FROM buses AS b JOIN seats AS s USING (bus_id) GROUP BY b.bus_id ORDER BY free"
    )
    assert rows[0]["free"] == 2
    assert rows[0]["departs_at"] > NOON
    assert all(row["free"] > row["seats"] / 2 for row in rows[1:])


async def test_many_buses_have_a_few_passengers(demo: Store, owner: Any) -> None:
    with_passengers = await owner.fetchval(
        "SELECT count(DISTINCT bus_id) FROM seats WHERE strpos(states, 'B') > 0"
    )
    assert 560 < with_passengers < 1120


async def test_doing_it_again_on_the_same_day_changes_nothing(demo: Store, owner: Any) -> None:
    before = await sights(owner)
    again = await load_world(demo, None, now=NOON + timedelta(hours=3))
    assert (again.stops, again.routes, again.buses, again.bookings) == (0, 0, 0, 0)
    assert await sights(owner) == before


@pytest.mark.parametrize("days", [1, 5, 20])
async def test_on_a_later_day_the_missing_days_are_added(
    demo: Store, owner: Any, days: int
) -> None:
    before = await sights(owner)
    later = await load_world(demo, None, now=NOON + timedelta(days=days))
    assert (later.stops, later.routes, later.buses) == (0, 0, 80 * min(days, 14))
    ahead = await owner.fetchval(
        "SELECT count(DISTINCT service_date) FROM buses WHERE service_date >= $1",
        NOON.date() + timedelta(days=days),
    )
    assert ahead == 14
    assert set(before) <= set(await sights(owner))


async def test_every_two_weeks_have_a_bus_that_is_nearly_sold_out(demo: Store, owner: Any) -> None:
    for days in range(1, 15):
        now = NOON + timedelta(days=days)
        await load_world(demo, None, now=now)
        nearly = await owner.fetchval(
            "SELECT count(*) FROM buses AS b WHERE b.departs_at > $1 AND (SELECT count(*) FROM seats AS s"
            " WHERE s.bus_id = b.bus_id AND translate(s.states, 'A', '') = '') = 2",
            now,
        )
        assert nearly == 1


async def test_a_database_with_the_demo_stays_for_the_demo(demo: Store, owner: Any) -> None:
    await owner.execute(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Northline', 'UTC', 'EUR')"
    )
    assert await is_for_demo(demo)


async def test_a_search_across_time_zones_finds_buses(demo: Store) -> None:
    (lisbon, *_) = await demo.catalogue.find_stops("Lisboa Sete Rios", limit=5)
    (madrid, *_) = await demo.catalogue.find_stops("Madrid", limit=5)
    tomorrow = NOON.date() + timedelta(days=1)
    found = await demo.catalogue.search(Search(lisbon.stop_id, madrid.stop_id, on=tomorrow))
    assert [bus.name for bus in found] == ["A4 Madrid Estación Sur"] * 3
    assert found[0].price == 4490
    assert found[0].arrives_at - found[0].departs_at == timedelta(minutes=460)
