"""How searches come by their rows when there are many buses: by indexes, and by few rows of them."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from store import buses, catalogue, day_prices
from store.db import Connection
from tests.bench.searches import SQL as TIMETABLE
from tests.support.databases import Databases
from tests.support.world import World

LINES = 20  # of a thousand buses each
START, END = 1_000_010, 1_000_011
LARGE = {"buses", "bus_stops", "seats"}
ROWS_MOST = 2_000


@pytest.fixture(scope="module")
async def busy(databases: Databases) -> AsyncIterator[Connection]:
    """Twenty thousand buses, and a session that plans as the server likes: it may read tables whole if that is best."""
    async with databases.fresh() as url:
        world = await World.open(url)
        await world.bus()
        for name in TIMETABLE.names():
            await world.edit(TIMETABLE[name], LINES)
        await world.owner.execute("ANALYZE")
        await world.owner.execute("SET plan_cache_mode = force_generic_plan; SET jit = off")
        yield world.owner
        await world.close()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


async def plan_of(connection: Connection, query: str, *args: object) -> list[dict[str, Any]]:
    """Run a query and return all parts of its plan, with the rows that each has really seen."""
    shown = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", *args)
    return list(nodes(json.loads(shown)[0]["Plan"]))


def require_indexes(plan: list[dict[str, Any]]) -> None:
    scans = [each for each in plan if each.get("Relation Name") in LARGE]
    assert scans
    assert {each["Node Type"] for each in scans} <= {
        "Index Scan",
        "Index Only Scan",
        "Bitmap Heap Scan",
    }
    looked_at = [
        (each["Actual Rows"] + each.get("Rows Removed by Filter", 0)) * each["Actual Loops"]
        for each in scans
    ]
    assert max(looked_at) <= ROWS_MOST, scans


def day() -> tuple[datetime, datetime]:
    begin = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(50)
    return begin, begin + timedelta(1)


NOWHERE = (datetime(1, 1, 2, tzinfo=UTC), 0)


@pytest.mark.parametrize("is_onward", [True, False], ids=["to a stop", "to anywhere"])
@pytest.mark.parametrize("is_of_operator", [True, False], ids=["of an operator", "of all"])
async def test_a_search_from_a_stop_goes_by_the_stop_and_the_time(
    busy: Connection, *, is_onward: bool, is_of_operator: bool
) -> None:
    tail = (*day(), 1 if is_of_operator else None, *NOWHERE, 20)
    asked = ([START], [END] if is_onward else None, *tail)
    plan = await plan_of(busy, catalogue.SQL["search_from"], *asked)
    require_indexes(plan)
    assert "bus_stops_departures_idx" in {each.get("Index Name") for each in plan}


async def test_a_search_from_now_on_reads_no_more_than_its_page(busy: Connection) -> None:
    asked = ([START], [END], datetime.now(UTC), datetime(9999, 1, 1, tzinfo=UTC), None, *NOWHERE)
    require_indexes(await plan_of(busy, catalogue.SQL["search_from"], *asked, 20))


@pytest.mark.parametrize("is_of_operator", [True, False], ids=["of an operator", "of all"])
async def test_all_that_leaves_on_a_day_is_read_in_order_of_time(
    busy: Connection, *, is_of_operator: bool
) -> None:
    asked = (None, *day(), 1 if is_of_operator else None, *NOWHERE, 20)
    plan = await plan_of(busy, catalogue.SQL["search_all"], *asked)
    require_indexes(plan)
    assert any("departs_idx" in each.get("Index Name", "") for each in plan)


async def test_days_are_priced_by_the_stop_and_the_time(busy: Connection) -> None:
    begin, end = day()
    asked = ([START], [END], begin, end + timedelta(6), None, day_prices.BUSES_MOST, "UTC")
    require_indexes(await plan_of(busy, day_prices.SQL["price_days"], *asked))


@pytest.mark.parametrize("name", ["seat_states", "positions", "find_facts"])
async def test_the_buses_of_a_page_are_read_by_their_numbers(busy: Connection, name: str) -> None:
    page = [1_005_000 + number for number in range(20)]
    more = (False,) if name == "find_facts" else ()
    require_indexes(await plan_of(busy, buses.SQL[name], page, *more))
