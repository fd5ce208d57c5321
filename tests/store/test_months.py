"""What searches go by follows the buses; months come ahead of time and go when they are over."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from store import Store
from store.bus_copies import Copy
from store.bus_edits import BusEdit, CallEdit
from store.catalogue import Search
from store.citus.distribute import SQL as DISTRIBUTE
from store.errors import NotFound
from store.invariants import find_violations
from store.months import Done, Due
from tests.support.locks import session
from tests.support.world import World, value

DIFFERENT = """
SELECT bus_id, idx, operator_id, stop_id, departs_at, can_board, can_alight FROM {} EXCEPT
SELECT bus_id, idx, operator_id, stop_id, departs_at, can_board, can_alight FROM {}
"""


@pytest.fixture
async def worker(world: World) -> Store:
    return await world.worker()


async def require_equal(world: World) -> None:
    assert await world.edit(DIFFERENT.format("calls", "bus_stops")) == []
    assert await world.edit(DIFFERENT.format("bus_stops", "calls")) == []


async def versions(world: World) -> list[tuple[object, ...]]:
    """Return where every call lies: another place when it was written anew."""
    rows = await world.edit("SELECT bus_id, idx, tableoid::regclass::text, ctid::text FROM calls")
    return sorted(tuple(row) for row in rows)


def this_month() -> date:
    return datetime.now(UTC).date().replace(day=1)


def later(months: int) -> date:
    year, month = divmod(this_month().month - 1 + months, 12)
    return date(this_month().year + year, month + 1, 1)


def until(month: date) -> timedelta:
    """Return how long it is to noon of a month's tenth day."""
    return datetime(month.year, month.month, 10, 12, tzinfo=UTC) - datetime.now(UTC)


async def lies_in(world: World, bus: int) -> set[str]:
    rows = await world.edit(
        "SELECT tableoid::regclass::text AS month FROM calls WHERE bus_id = $1", bus
    )
    return {row["month"] for row in rows}


async def leaves_at(world: World, bus: int) -> datetime:
    (row,) = await world.edit("SELECT departs_at FROM buses WHERE bus_id = $1", bus)
    return cast("datetime", row["departs_at"])


async def finds(world: World, bus: int) -> bool:
    (stop, *_) = await world.stops(bus)
    on = (await leaves_at(world, bus)).astimezone(ZoneInfo("Europe/Berlin")).date()
    page = await world.store.catalogue.search(Search(from_stop=stop, on=on))
    return bus in {leg.bus_id for leg in page}


# Following the buses.


async def test_a_bus_is_found_from_the_moment_it_is_there(world: World, worker: Store) -> None:
    await worker.months.keep(ahead=3)
    bus = await world.bus(segments=2, departs_in=until(later(2)))
    await require_equal(world)
    assert await lies_in(world, bus) == {f"months.calls_{later(2):%Y_%m}"}
    assert await finds(world, bus)


async def test_a_bus_that_is_late_is_not_written_anew(world: World) -> None:
    bus = await world.bus(segments=2)
    before = await versions(world)
    await world.edit("UPDATE bus_stops SET delay_seconds = 900, bay = 'C4' WHERE bus_id = $1", bus)
    assert await versions(world) == before
    await world.edit("UPDATE bus_stops SET can_board = false WHERE bus_id = $1 AND idx = 1", bus)
    assert len(set(await versions(world)) - set(before)) == 1
    await require_equal(world)


async def test_a_bus_that_is_moved_over_a_months_end_is_found_there_only(
    world: World, worker: Store
) -> None:
    await worker.months.keep(ahead=3)
    bus = await world.bus(segments=2, departs_in=until(later(1)))
    await world.edit(
        "UPDATE bus_stops SET arrives_at = arrives_at + interval '1 month',"
        " departs_at = departs_at + interval '1 month' WHERE bus_id = $1",
        bus,
    )
    await world.edit(
        "UPDATE buses SET facts = facts + 1, departs_at = departs_at + interval '1 month',"
        " arrives_at = arrives_at + interval '1 month' WHERE bus_id = $1",
        bus,
    )
    assert await lies_in(world, bus) == {f"months.calls_{later(2):%Y_%m}"}
    await require_equal(world)
    assert await finds(world, bus)


async def test_stops_that_change_their_places_and_go_take_their_calls_along(world: World) -> None:
    bus, other = await world.bus(segments=2), await world.bus(segments=2)
    first, *_ = await world.stops(other)
    await world.edit("UPDATE bus_stops SET stop_id = $2 WHERE bus_id = $1 AND idx = 2", bus, first)
    await require_equal(world)
    await world.edit("DELETE FROM leg_fares WHERE bus_id = $1", bus)
    await world.edit("DELETE FROM bus_stops WHERE bus_id = $1 AND idx = 2", bus)
    await require_equal(world)
    rows = await world.edit("SELECT bus_id, count(*) AS n FROM calls GROUP BY bus_id ORDER BY 1")
    assert [tuple(row) for row in rows] == [(bus, 2), (other, 3)]
    await world.edit("TRUNCATE operators CASCADE")
    assert await world.edit("TABLE calls") == []


async def test_twin_stops_that_are_changed_while_triggers_sleep_are_found_out(
    world: World,
) -> None:
    bus = await world.bus(segments=2)
    assert await find_violations(world.store.db) == {}
    await world.owner.execute("ALTER TABLE bus_stops DISABLE TRIGGER bus_stops_calls_on_update")
    await world.edit("UPDATE bus_stops SET can_board = false WHERE bus_id = $1 AND idx = 1", bus)
    found = await find_violations(world.store.db)
    assert found == {"searches_find_every_call": [f"bus_id {bus}, idx 1"]}
    await world.edit("UPDATE bus_stops SET can_board = true WHERE bus_id = $1 AND idx = 1", bus)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM calls",
        "UPDATE calls SET stop_id = 1",
        "INSERT INTO calls VALUES (1, 0, 1, 1, now(), true)",
        "SELECT FROM months.calls_other",
        "SELECT open_month('2030-01-01')",
        "SELECT forget_months('2020-01-01')",
    ],
)
async def test_whoever_sells_reads_calls_and_nothing_more(
    app_role: "asyncpg.Connection[asyncpg.Record]", statement: str
) -> None:
    assert await app_role.fetch("TABLE calls") == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app_role.execute(statement)


async def test_a_clusters_view_of_the_stops_is_searched_by_their_index(world: World) -> None:
    """What takes the place of months there, tried on one PostgreSQL: the words are the same."""
    early, late = await world.bus(segments=2), await world.bus(departs_in=until(later(3)))
    for statement in ("forget_months", "forget_months", "search_stops", "search_stops"):
        await world.owner.execute(DISTRIBUTE[statement])
    assert await finds(world, early)
    assert await finds(world, late)
    await require_equal(world)
    await world.owner.execute("SET enable_seqscan = off")
    shown = await world.owner.fetch("EXPLAIN SELECT FROM calls WHERE stop_id = 1")
    assert "bus_stops_departures_idx" in "".join(row[0] for row in shown)
    assert await world.store.months.find_due() != Due()  # only a cluster is known to need none


# Coming and going.


async def names(store: Store) -> list[date | None]:
    return [month.begins_on for month in await store.months.list()]


async def test_months_are_made_once_with_the_calls_that_waited_for_them(
    world: World, worker: Store
) -> None:
    near, far = await world.bus(segments=2), await world.bus(departs_in=until(later(40)))
    assert await lies_in(world, near) == {"months.calls_other"}
    due = await worker.months.find_due(ahead=2)
    assert (due.missing, due.over) == ((this_month(), later(1), later(2)), ())
    assert await names(worker) == [None]  # looking changes nothing
    done = await worker.months.keep(ahead=2)
    assert (done.opened, done.moved, done.is_whole) == (due.missing, 3, True)
    assert await names(worker) == [*due.missing, None]
    assert await lies_in(world, far) == {"months.calls_other"}
    assert await worker.months.keep(ahead=2) == Done()
    await require_equal(world)
    assert await finds(world, near)
    assert await finds(world, far)
    await worker.months.keep(ahead=40)
    assert await lies_in(world, far) == {f"months.calls_{later(40):%Y_%m}"}


async def add_past_month(world: World, months_ago: int) -> date:
    """Have a month that was made when it was still ahead."""
    month = later(-months_ago)
    name = f"months.calls_{month:%Y_%m}"
    await world.owner.execute(
        f"CREATE TABLE {name} PARTITION OF calls FOR VALUES FROM"
        f" ('{month} 00:00+00') TO ('{later(1 - months_ago)} 00:00+00')"
    )
    return month


async def test_months_long_over_are_dropped_and_only_searches_notice(
    world: World, worker: Store
) -> None:
    gone, stays = await add_past_month(world, 3), await add_past_month(world, 2)
    buses = [await world.bus(segments=2, departs_in=until(later(-ago))) for ago in (4, 3, 2)]
    places = [await lies_in(world, bus) for bus in buses]
    assert places == [
        {"months.calls_other"},
        {f"months.calls_{gone:%Y_%m}"},
        {f"months.calls_{stays:%Y_%m}"},
    ]
    assert (await worker.months.find_due(ahead=1, kept=2)).over == (gone,)
    done = await worker.months.keep(ahead=1, kept=2)
    assert (done.forgotten, done.is_whole) == ((gone,), True)
    assert await names(worker) == [stays, this_month(), later(1), None]
    assert [len(await lies_in(world, bus)) for bus in buses] == [0, 0, 1]
    assert [await finds(world, bus) for bus in buses] == [False, False, True]
    for bus in buses:  # all that sells and looks back goes by the bus
        assert len(await world.stops(bus)) == 3
    # Edits of what is forgotten find nothing to change, and are forgotten in their turn.
    await world.edit("UPDATE bus_stops SET can_board = false WHERE bus_id = $1", buses[0])
    assert await lies_in(world, buses[0]) == {"months.calls_other"}
    await worker.months.keep(ahead=1, kept=2)
    assert await lies_in(world, buses[0]) == set()


async def test_what_may_still_be_asked_for_cannot_be_dropped(world: World) -> None:
    for month in (later(0), later(1)):
        with pytest.raises(asyncpg.InvalidParameterValueError, match="are kept"):
            await world.owner.execute("SELECT forget_months($1)", month)
    for day in (this_month() + timedelta(1), later(-4), later(70)):
        with pytest.raises(asyncpg.InvalidParameterValueError, match="no month that is kept"):
            await world.owner.execute("SELECT open_month($1)", day)


async def test_several_who_keep_months_at_once_make_each_once(world: World, worker: Store) -> None:
    await world.bus(segments=2)
    done = await asyncio.gather(*(worker.months.keep(ahead=6) for _ in range(2)))
    opened = sorted(month for each in done for month in each.opened)
    left = sorted({month for each in done for month in each.put_off.missing} - set(opened))
    assert sorted([*opened, *left]) == [later(ahead) for ahead in range(7)]
    assert (await worker.months.keep(ahead=6)).is_whole
    assert len(await names(worker)) == 8
    await require_equal(world)


@pytest.fixture
async def reader(world: World) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(world.url)
    yield connection
    await connection.close()


async def test_a_long_search_is_not_waited_for(
    world: World, worker: Store, reader: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    bus = await world.bus(segments=2)
    gone = await add_past_month(world, 5)
    async with reader.transaction():
        await reader.fetch("TABLE calls")
        done = await worker.months.keep(ahead=1)
        assert (done.opened, done.forgotten, done.is_whole) == ((), (), False)
        assert (done.put_off.missing, done.put_off.over) == ((this_month(), later(1)), (gone,))
        assert await finds(world, bus)  # nobody has queued before it
    done = await worker.months.keep(ahead=1)
    assert (done.opened, done.forgotten) == ((this_month(), later(1)), (gone,))
    await require_equal(world)


async def test_buses_that_are_added_and_moved_meanwhile_lose_no_call(
    world: World, worker: Store
) -> None:
    stop = asyncio.Event()

    async def edit() -> int:
        count = 0
        while not stop.is_set():
            bus = await world.bus(segments=2, departs_in=until(later(count % 4)))
            await world.edit(
                "UPDATE bus_stops SET arrives_at = arrives_at + interval '20 days',"
                " departs_at = departs_at + interval '20 days' WHERE bus_id = $1",
                bus,
            )
            count += 1
        return count

    editing = asyncio.create_task(edit())
    for ahead in range(1, 7):
        await worker.months.keep(ahead=ahead)
        await asyncio.sleep(0.05)
    stop.set()
    assert await editing >= 3
    await worker.months.keep(ahead=6)
    await require_equal(world)
    rest = await world.edit("SELECT FROM calls WHERE tableoid::regclass::text LIKE '%_other'")
    assert rest == []


# The lock that `open_month` takes first, and the one that would seem to do.
WHOLE, REST = "ONLY calls", "months.calls_other"


async def add_bus_behind(world: World, lock: str) -> set[str]:
    """Have a bus added while its month is made by somebody who has locked that much; return where it came to lie."""
    month, end = later(1), later(2)
    name = f"months.calls_{month:%Y_%m}"
    async with session(world) as making:
        await making.connection.execute(
            f"LOCK TABLE {lock} IN SHARE ROW EXCLUSIVE MODE;"
            f" CREATE TABLE {name} (LIKE calls INCLUDING ALL)"
        )
        adding = asyncio.create_task(world.bus(departs_in=until(month)))
        await making.has_waiters()
        await making.connection.execute(
            f"ALTER TABLE calls ATTACH PARTITION {name}"
            f" FOR VALUES FROM ('{month} 00:00+00') TO ('{end} 00:00+00')"
        )
        await making.keep()
        return await lies_in(world, await adding)


async def test_a_bus_that_is_added_while_its_month_is_made_waits_and_lies_there(
    world: World,
) -> None:
    assert await add_bus_behind(world, WHOLE) == {f"months.calls_{later(1):%Y_%m}"}
    await require_equal(world)


async def test_twin_with_less_of_a_lock_it_is_refused(world: World) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="violates partition constraint"):
        await add_bus_behind(world, REST)
    assert await world.edit("TABLE calls") == []


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_done_to_buses_searches_go_by_what_they_are(
    world: World, worker: Store, seed: int
) -> None:
    chance = random.Random(seed)
    buses = [await world.bus(segments=chance.randint(1, 4)) for _ in range(3)]

    async def add() -> None:
        away = timedelta(days=chance.randint(0, 120), hours=chance.randint(1, 20))
        buses.append(await world.bus(segments=chance.randint(1, 4), departs_in=away))

    async def copy() -> None:
        first = chance.randint(2, 90)
        days = [datetime.now(UTC).date() + timedelta(first + more) for more in range(3)]
        made: Sequence[Copy] = await value(
            lambda ask: world.store.bus_copies.copy(
                world.admin, chance.choice(buses), days, ask, is_draft=False
            )
        )
        buses.extend(each.bus_id for each in made)

    async def move() -> None:
        bus, by = chance.choice(buses), timedelta(days=chance.randint(0, 60), hours=1)
        edit = BusEdit(departs_at=await leaves_at(world, bus) + by)
        await world.store.bus_edits.change(world.admin, bus, edit, None)

    async def delay() -> None:
        bus = chance.choice(buses)
        edit = CallEdit(chance.choice(await world.stops(bus)), "C4", chance.randint(0, 900))
        with suppress(NotFound):  # nobody gets on at the last
            await world.store.bus_edits.set_call(world.admin, bus, edit, None)

    async def keep() -> None:
        await worker.months.keep(ahead=chance.randint(1, 5))

    for _ in range(25):
        await chance.choice((add, copy, move, move, delay, keep))()
        await require_equal(world)
    for bus in buses:
        assert await finds(world, bus)
