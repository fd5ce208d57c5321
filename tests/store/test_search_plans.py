"""How searches come by their rows when there are many buses: by indexes of the months asked for, and by few rows."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from store import boards, buses, catalogue, day_prices, stops
from store.db import Connection
from tests.bench.searches import SQL as TIMETABLE
from tests.support.databases import Databases
from tests.support.world import World

LINES = 20  # of a thousand buses each
START, END = 1_000_010, 1_000_011
LARGE = {"buses", "bus_stops", "seats"}
MONTH = "calls_"
ROWS_MOST = 2_000


@pytest.fixture(scope="module")
async def busy(databases: Databases) -> AsyncIterator[Connection]:
    """Twenty thousand buses, and a session that plans as the server likes: it may read tables whole if that is best."""
    async with databases.fresh() as url:
        world = await World.open(url)
        await world.bus()
        for name in TIMETABLE.names():
            await world.edit(TIMETABLE[name], LINES)
        assert (await (await world.worker()).months.keep()).moved > 2 * LINES * 500
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


def months_of(plan: list[dict[str, Any]]) -> set[str]:
    """Return the parts of `calls` that were looked at."""
    names = {each.get("Relation Name", "") for each in plan if each["Actual Loops"]}
    return {name for name in names if name.startswith(MONTH)}


def months_between(begin: datetime, end: datetime) -> set[str]:
    days = (end - begin).days
    return {f"{begin + timedelta(day):{MONTH}%Y_%m}" for day in range(days)}


def require_indexes(plan: list[dict[str, Any]], *, rows_most: int = ROWS_MOST) -> None:
    tables = [each for each in plan if each["Node Type"] != "ModifyTable"]
    scans = [
        each
        for each in tables
        if each.get("Relation Name") in LARGE
        # A month with nothing in it is read as fast without an index.
        or (each.get("Relation Name", "").startswith(MONTH) and each["Actual Rows"])
    ]
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
        used = {each["Index Name"] for each in plan if each.get("Index Name", "").startswith(MONTH)}
        assert {f"{month}_pkey" for month in months_of(plan)} >= used != set()


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
    # Once more at first: whoever comes first reads what the server knows of the tables, too.
    for first in (begin, begin - timedelta(45), begin + timedelta(45)):
        asked = (*places, first + timedelta(1), None, first, 0, PAGE)
        (whole, *_) = await plan_of(busy, catalogue.SQL[name], *asked)
        blocks.append(whole["Shared Hit Blocks"] + whole["Shared Read Blocks"])
    _, early, late = blocks
    assert abs(late - early) <= 10, blocks


@pytest.mark.parametrize("seqscan", ["on", "off"])
@pytest.mark.parametrize("operator", [1, None], ids=["of an operator", "of all"])
async def test_what_arrives_somewhere_is_looked_for_at_that_stop(
    busy: Connection, seqscan: str, operator: int | None
) -> None:
    """A day and the next, for that is when those arrive who leave then; without a day, all that still calls there."""
    await busy.execute(f"SET enable_seqscan = {seqscan}")
    begin, over = day()
    for until, most in ((over, LOOKED_AT), (FAR, 1_000)):
        plan = await plan_of(
            busy, catalogue.SQL["search_all"], [END], until, operator, begin, 0, PAGE
        )
        require_indexes(plan, rows_most=most)
        assert plan[0]["Actual Rows"] in {PAGE, PAGE / 2}


@pytest.mark.parametrize("seqscan", ["on", "off"])
async def test_whether_much_still_calls_somewhere_is_known_without_reading_it(
    busy: Connection, seqscan: str
) -> None:
    await busy.execute(f"SET enable_seqscan = {seqscan}")
    begin, _ = day()
    plan = await plan_of(busy, catalogue.SQL["count_calls"], [END], begin, 50)
    require_indexes(plan, rows_most=50)


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


def border() -> tuple[datetime, datetime]:
    """Return the last day of a month and the first of the next."""
    begin = (day()[0].replace(day=1) + timedelta(32)).replace(day=1) - timedelta(1)
    return begin, begin + timedelta(2)


@pytest.mark.parametrize("days", [day(), border()], ids=["a day", "over a month's end"])
@pytest.mark.parametrize("what", ["search", "arrivals", "prices"])
async def test_no_month_is_looked_at_that_is_not_asked_for(
    busy: Connection, what: str, days: tuple[datetime, datetime]
) -> None:
    begin, end = days
    query, args = {
        "search": (catalogue.SQL["search_from"], ([START], [END], end, None, begin, 0, PAGE)),
        "arrivals": (catalogue.SQL["search_all"], ([END], end, None, begin, 0, PAGE)),
        "prices": (
            day_prices.SQL["price_days"],
            ([START], [END], begin, end, None, day_prices.BUSES_MOST, "UTC"),
        ),
    }[what]
    plan = await plan_of(busy, query, *args)
    looked_at = months_of(plan)
    # Most arrive on the next day at the latest; others are found by when they leave.
    assert looked_at == months_between(begin, end + timedelta(what == "arrivals"))
    removed = [each["Subplans Removed"] for each in plan if each.get("Subplans Removed")]
    assert removed == [len(await months_there(busy)) - len(looked_at)]


async def months_there(connection: Connection) -> list[str]:
    rows = await connection.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'calls'::regclass"
    )
    return [row["name"] for row in rows]


@pytest.mark.parametrize("what", ["board", "stop that changes"])
async def test_what_is_over_is_not_looked_at(busy: Connection, what: str) -> None:
    """From a few days ago on: months that ended before are left alone."""
    over = datetime.now(UTC).replace(day=1) - timedelta(40)
    name = f"{over:{MONTH}%Y_%m}"
    end = (over.replace(day=1) + timedelta(32)).replace(day=1)
    change = busy.transaction()
    await change.start()
    try:
        await busy.execute(
            f"CREATE TABLE months.{name} PARTITION OF calls FOR VALUES"
            f" FROM ('{over:%Y-%m}-01 00:00+00') TO ('{end:%Y-%m}-01 00:00+00')"
        )
        if what == "board":
            plan = await plan_of(busy, boards.SQL["next_departures"], [START], 20)
        else:
            plan = await plan_of(busy, stops.SQL["touch_buses"], START)
        assert name not in months_of(plan)
        assert f"{datetime.now(UTC):{MONTH}%Y_%m}" in months_of(plan)
        require_indexes(plan)
    finally:
        await change.rollback()


@pytest.mark.parametrize("name", ["seat_states", "positions", "find_facts"])
async def test_the_buses_of_a_page_are_read_by_their_numbers(busy: Connection, name: str) -> None:
    page = [1_005_000 + number for number in range(20)]
    more = (False,) if name == "find_facts" else ()
    require_indexes(await plan_of(busy, buses.SQL[name], page, *more))
