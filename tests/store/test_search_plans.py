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
    """Run a query and return all parts of its plan, with the rows that each has really seen.

    Of a prepared one, as sessions of ours have it: EXPLAIN with arguments would plan for just these.
    """
    await connection.execute(f"PREPARE asked AS {query}")
    try:
        values = await connection.fetchval(
            "SELECT string_agg(quote_nullable(value), ', ' ORDER BY place)"
            " FROM unnest($1::text[]) WITH ORDINALITY AS given (value, place)",
            [_text(each) for each in args],
        )
        shown = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked ({values})"
        )
    finally:
        await connection.execute("DEALLOCATE asked")
    return list(nodes(json.loads(shown)[0]["Plan"]))


def _text(value: object) -> str | None:
    if isinstance(value, list):
        return f"{{{','.join(map(str, value))}}}"
    return None if value is None else str(value)


def require_indexes(plan: list[dict[str, Any]], *, rows_most: int = ROWS_MOST) -> None:
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
    assert max(looked_at) <= rows_most, scans


def day() -> tuple[datetime, datetime]:
    begin = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(50)
    return begin, begin + timedelta(1)


PAGE = 20
LOOKED_AT = 4 * PAGE
"""Rows of any table for one page, for as many seats; where it is more, it grows with the buses there are."""
FAR = datetime(9999, 1, 1, tzinfo=UTC)


def require_a_page(plan: list[dict[str, Any]]) -> None:
    """Nothing was looked at but what the page shows and what comes with it."""
    require_indexes(plan, rows_most=LOOKED_AT)
    assert plan[0]["Actual Rows"] in {PAGE, PAGE / 2}, "a day of a line has ten buses"


@pytest.mark.parametrize("seqscan", ["on", "off"])
@pytest.mark.parametrize("end", [END, None], ids=["to a stop", "to anywhere"])
@pytest.mark.parametrize("operator", [1, None], ids=["of an operator", "of all"])
async def test_a_search_from_a_stop_goes_by_the_stop_and_the_time(
    busy: Connection, seqscan: str, end: int | None, operator: int | None
) -> None:
    await busy.execute(f"SET enable_seqscan = {seqscan}")
    begin, over = day()
    for until in (over, FAR):
        asked = ([START], end and [end], until, operator, begin, 0, PAGE)
        plan = await plan_of(busy, catalogue.SQL["search_from"], *asked)
        require_a_page(plan)
        assert "bus_stops_departures_idx" in {each.get("Index Name") for each in plan}


@pytest.mark.parametrize("seqscan", ["on", "off"])
@pytest.mark.parametrize("operator", [1, None], ids=["of an operator", "of all"])
async def test_all_that_leaves_is_read_in_order_of_time_from_the_moment_asked_for(
    busy: Connection, seqscan: str, operator: int | None
) -> None:
    await busy.execute(f"SET enable_seqscan = {seqscan}")
    begin, over = day()
    for until in (over, FAR):
        asked = (None, until, operator, begin, 0, PAGE)
        plan = await plan_of(busy, catalogue.SQL["search_all"], *asked)
        require_a_page(plan)
        assert any("departs_idx" in each.get("Index Name", "") for each in plan)


@pytest.mark.parametrize("name", ["search_from", "search_all"])
async def test_a_late_day_costs_what_an_early_one_does(busy: Connection, name: str) -> None:
    """An index that is entered before the day asked for shows in what is read of it, and nowhere else."""
    begin, _ = day()
    places = ([START], None) if name == "search_from" else (None,)
    blocks = []
    for first in (begin - timedelta(45), begin + timedelta(45)):
        asked = (*places, first + timedelta(1), None, first, 0, PAGE)
        (whole, *_) = await plan_of(busy, catalogue.SQL[name], *asked)
        blocks.append(whole["Shared Hit Blocks"] + whole["Shared Read Blocks"])
    early, late = blocks
    assert abs(late - early) <= 10, blocks


@pytest.mark.parametrize("seqscan", ["on", "off"])
@pytest.mark.parametrize("operator", [1, None], ids=["of an operator", "of all"])
async def test_what_arrives_somewhere_is_looked_for_at_that_stop(
    busy: Connection, seqscan: str, operator: int | None
) -> None:
    """All that still calls there, however little else of the timetable that is."""
    await busy.execute(f"SET enable_seqscan = {seqscan}")
    begin, over = day()
    for until in (over, FAR):
        plan = await plan_of(
            busy, catalogue.SQL["search_all"], [END], until, operator, begin, 0, PAGE
        )
        require_indexes(plan, rows_most=1_000)
        assert plan[0]["Actual Rows"] in {PAGE, PAGE / 2}


async def test_a_later_page_begins_where_the_last_one_ended(busy: Connection) -> None:
    _, over = day()
    for query, first in (
        (catalogue.SQL["search_from"], [START]),
        (catalogue.SQL["search_all"], None),
    ):
        places = (first, None) if first else (None,)
        asked = (*places, FAR, None, over - timedelta(hours=12), 1_015_000, PAGE)
        require_a_page(await plan_of(busy, query, *asked))


async def test_days_are_priced_by_the_stop_and_the_time(busy: Connection) -> None:
    begin, end = day()
    asked = ([START], [END], begin, end + timedelta(6), None, day_prices.BUSES_MOST, "UTC")
    require_indexes(await plan_of(busy, day_prices.SQL["price_days"], *asked))


@pytest.mark.parametrize("name", ["seat_states", "positions", "find_facts"])
async def test_the_buses_of_a_page_are_read_by_their_numbers(busy: Connection, name: str) -> None:
    page = [1_005_000 + number for number in range(20)]
    more = (False,) if name == "find_facts" else ()
    require_indexes(await plan_of(busy, buses.SQL[name], page, *more))
