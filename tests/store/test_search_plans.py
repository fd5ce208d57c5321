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
    """Run a query, planned for these arguments, and return all parts of it, with the rows each has really seen."""
    shown = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", *args)
    return list(nodes(json.loads(shown)[0]["Plan"]))


async def generic_plan_of(
    connection: Connection, query: str, *args: object
) -> list[dict[str, Any]]:
    """Do the same with a plan that is made once for all arguments, as processes keep it."""
    await connection.execute(f"PREPARE asked AS {query}")
    try:
        told = ", ".join(map(literal, args))
        shown = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked ({told})")
    finally:
        await connection.execute("DEALLOCATE asked")
    return list(nodes(json.loads(shown)[0]["Plan"]))


def literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return f"'{{{','.join(map(str, value))}}}'"
    return f"'{value}'"


def months_of(plan: list[dict[str, Any]]) -> set[str]:
    """Return the parts of `calls` that were looked at."""
    names = {each.get("Relation Name", "") for each in plan if each["Actual Loops"]}
    return {name for name in names if name.startswith(MONTH)}


def months_between(begin: datetime, end: datetime) -> set[str]:
    days = (end - begin).days
    return {f"{begin + timedelta(day):{MONTH}%Y_%m}" for day in range(days)}


def require_indexes(plan: list[dict[str, Any]]) -> None:
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
    assert months_of(plan) == months_between(*day())
    used = {each["Index Name"] for each in plan if each.get("Index Name", "").startswith(MONTH)}
    assert used == {f"{month}_pkey" for month in months_of(plan)}


def border() -> tuple[datetime, datetime]:
    """Return the last day of a month and the first of the next."""
    begin = (day()[0].replace(day=1) + timedelta(32)).replace(day=1) - timedelta(1)
    return begin, begin + timedelta(2)


@pytest.mark.parametrize("is_generic", [True, False], ids=["kept plan", "own plan"])
@pytest.mark.parametrize("days", [day(), border()], ids=["a day", "over a month's end"])
@pytest.mark.parametrize("what", ["search", "prices"])
async def test_no_month_is_looked_at_that_is_not_asked_for(
    busy: Connection, what: str, days: tuple[datetime, datetime], *, is_generic: bool
) -> None:
    query, args = {
        "search": (catalogue.SQL["search_from"], (None, *NOWHERE, 20)),
        "prices": (day_prices.SQL["price_days"], (None, day_prices.BUSES_MOST, "UTC")),
    }[what]
    look = generic_plan_of if is_generic else plan_of
    plan = await look(busy, query.rstrip(";"), [START], [END], *days, *args)
    assert months_of(plan) == months_between(*days)
    require_indexes(plan)
    if is_generic:
        removed = [each["Subplans Removed"] for each in plan if "Subplans Removed" in each]
        assert removed == [len(await months_there(busy)) - len(months_of(plan))]


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
            plan = await generic_plan_of(
                busy, boards.SQL["next_departures"].rstrip(";"), [START], 20
            )
        else:
            plan = await generic_plan_of(busy, stops.SQL["touch_buses"].rstrip(";"), START)
        assert name not in months_of(plan)
        assert f"{datetime.now(UTC):{MONTH}%Y_%m}" in months_of(plan)
        require_indexes(plan)
    finally:
        await change.rollback()


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
