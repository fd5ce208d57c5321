"""Reads from standbys: what may be old and for whom, what never is, and which standby is asked."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from store import Store
from store.bus_list import BusQuery
from store.catalogue import Search
from store.db import Connection, Database
from store.facade import StoreOptions
from store.reader import EVERYTHING, Reader, seeing
from store.sales_report import SalesPeriod
from store.standbys import Standby, StandbyOptions, lag_of
from tests.replicas.conftest import Trio
from tests.support.standbys import paused
from tests.support.waiting import wait_until
from tests.support.world import World


@pytest.fixture
async def world(servers: Trio, following: World) -> World:
    """The world as every test finds it: both standbys show everything and are in rotation."""
    await servers.catch_up()
    await wait_until(lambda: all(each.is_in_rotation for each in standbys_of(following)))
    return following


def standbys_of(world: World) -> list[Standby]:
    return [*world.store.reader.standbys]


async def finds(world: World, bus: int, *marks: str) -> bool:
    """Whether somebody who must see what these marks stand for finds a bus in the search."""
    with seeing(*marks):
        found = await world.store.catalogue.search(Search(limit=1000))
    return bus in {each.bus_id for each in found}


@asynccontextmanager
async def counted(reader: Reader) -> AsyncIterator[dict[str, int]]:
    """Tell how many questions went where."""
    before, told = {**reader.counts}, {"standby": 0, "primary": 0}
    yield told
    told.update({where: reader.counts[where] - before[where] for where in told})


async def test_lists_searches_boards_and_reports_are_read_from_a_standby(
    servers: Trio, world: World
) -> None:
    bus = await world.bus(segments=2)
    (stop, *_) = await world.stops(bus)
    await servers.catch_up()
    store, staff = world.store, world.manager()
    day = (await store.catalogue.bus(bus)).departs_at.date()
    async with counted(store.reader) as told:
        with seeing():
            assert await store.catalogue.search(Search(from_stop=stop))
            assert await store.catalogue.find_stops("Line", limit=5)
            assert await store.bus_list.list(staff, BusQuery())
            assert await store.routes.list(staff, None, after=0, limit=5)
            assert await store.sales_report.of(staff, SalesPeriod(day, day))
            assert await store.sales.today([world.operator_id], {})
            assert (await store.manifests.find(staff, bus)).lines == ()
            page = await store.boards.page(stop)
            assert page is not None
            assert page.lines
    assert told["standby"] >= 8
    assert told["primary"] == 0


async def test_who_has_written_sees_it_while_others_see_what_the_standby_shows(
    servers: Trio, world: World
) -> None:
    async with paused(*servers.standbys):
        bus = await world.bus()
        mark = world.store.reader.marks.note("user:7")
        assert await finds(world, bus, mark)
        assert not await finds(world, bus)
        # Who was told that something has happened is no worse off, nor is somebody with two marks.
        assert await finds(world, bus, EVERYTHING)
        assert await finds(world, bus, "0" * 16, mark)
    await servers.catch_up()
    await wait_until(lambda: standbys_of(world)[0].is_in_rotation)
    async with counted(world.store.reader) as told:
        assert await finds(world, bus, mark)
    assert told["primary"] == 0


async def test_a_writer_who_shows_no_mark_is_known_by_name_for_a_while(world: World) -> None:
    marks = world.store.reader.marks
    assert marks.latest("user:8") is None
    mark = marks.note("user:8")
    assert marks.latest("user:8") == mark
    assert marks.latest("user:9") is None


async def test_a_mark_made_up_waits_for_what_is_committed_and_no_longer(world: World) -> None:
    marks, head = world.store.reader.marks, await world.store.standbys.find_head()
    forged = await marks.position(["f" * 16])
    assert forged <= await world.store.standbys.find_head()
    assert forged >= head


async def test_a_standby_that_falls_behind_leaves_the_rotation_and_comes_back(
    servers: Trio, world: World
) -> None:
    slow = servers.standbys[0]
    options = StandbyOptions((slow.url,), lag_seconds=0.2, size=2, look_seconds=0.05)
    store = await Store.open(world.url, StoreOptions(pool_size=2, standbys=options))
    (seen,) = store.reader.standbys
    try:
        await wait_until(lambda: seen.is_in_rotation)
        async with paused(slow):
            bus = await world.bus()
            await wait_until(lambda: not seen.is_in_rotation and "behind" in seen.fault)
            assert seen.lag_seconds is not None
            assert seen.lag_seconds > 0.2
            assert seen.lag_bytes is not None
            assert seen.lag_bytes > 0
            with seeing():
                found = await store.catalogue.search(Search(limit=1000))
            assert bus in {each.bus_id for each in found}
            assert store.reader.counts["standby"] == 0
        await wait_until(lambda: seen.is_in_rotation)
        with seeing():
            await store.catalogue.search(Search())
        assert store.reader.counts["standby"] > 0
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("replayed", "since", "lag"),
    [
        (300, 7200.0, 0.0),  # nothing was sold for two hours
        (299, 7200.0, 1.0),  # what has just been sold is not shown yet
        (200, None, 1.0),
        (100, 0.0, 4.0),
        (99, 0.5, 4.0),  # longer than we remember
        (99, 60.0, 60.0),
    ],
)
def test_a_lag_is_told_by_when_the_primary_had_what_is_shown(
    replayed: int, since: float | None, lag: float
) -> None:
    heads = [(16.0, 100), (19.0, 200), (19.5, 300)]
    assert lag_of(heads, replayed, 20.0, since) == lag


async def test_killed_standbys_are_replaced_by_the_primary_until_they_are_back(
    servers: Trio, world: World
) -> None:
    bus = await world.bus()
    await servers.catch_up()
    for standby in servers.standbys:
        standby.kill()
    assert await finds(world, bus)
    await wait_until(lambda: not any(each.is_in_rotation for each in standbys_of(world)))
    async with counted(world.store.reader) as told:
        assert await finds(world, bus)
        booking = await world.book(bus, ["1A"])
        await world.pay(booking)
    assert told["standby"] == 0
    for standby in servers.standbys:
        await standby.start_soon()
    await wait_until(lambda: all(each.is_in_rotation for each in standbys_of(world)))
    async with counted(world.store.reader) as told:
        assert await finds(world, bus)
    assert told["primary"] == 0


async def test_the_life_of_a_booking_asks_no_standby_anything(servers: Trio, world: World) -> None:
    bus = await world.bus()
    async with paused(*servers.standbys), counted(world.store.reader) as told:
        with seeing():  # even where it were allowed
            hold = await world.hold(bus, ["1A", "1B"])
            booking = await world.book_hold(await world.extend(hold))
            await world.pay(booking)
            await world.cancel(booking, ["1B"])
            await world.release(await world.hold(bus, ["2A"]))
            block = await world.block(bus, ["3A"])
            await world.lift(block)
            await world.store.lookup.find(bus, booking.booking_id)
            await world.store.buses.seat_states(bus)
    assert told == {"standby": 0, "primary": 0}


async def test_a_request_of_which_nothing_is_said_reads_the_primary(
    servers: Trio, world: World
) -> None:
    async with paused(*servers.standbys), counted(world.store.reader) as told:
        bus = await world.bus()
        found = await world.store.catalogue.search(Search(limit=1000))
        assert bus in {each.bus_id for each in found}
    assert told["standby"] == 0


@pytest.mark.parametrize("is_leading", [False, True], ids=["standby", "primary"])
async def test_nothing_can_be_written_where_reads_go(
    servers: Trio, world: World, *, is_leading: bool
) -> None:
    server = servers.primary if is_leading else servers.standbys[0]
    db = await Database.connect(server.url, size=1, is_standby=True)

    async def write(connection: Connection) -> None:
        await connection.execute("UPDATE buses SET name = 'Ghost'")

    writes: list[Callable[[], Awaitable[object]]] = [
        lambda: db.transaction([world.operator_id], write),
        lambda: db.read([world.operator_id], write),
        lambda: db.fetch("UPDATE buses SET name = 'Ghost'"),
        lambda: db.fetch("SELECT FROM buses FOR UPDATE"),
    ]
    try:
        for each in writes:
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await each()
    finally:
        await db.close()


async def test_what_is_no_standby_of_this_primary_is_asked_nothing(
    servers: Trio, world: World, database_url: str
) -> None:
    strangers = (servers.primary.url, database_url, "postgresql://nobody@127.0.0.1:1/omnibus")
    options = StoreOptions(pool_size=2, standbys=StandbyOptions(strangers))
    store = await Store.open(world.url, options)
    try:
        assert sorted(each.fault for each in store.reader.standbys) == [
            "does not answer (ConnectionRefusedError)",
            "is a copy of another primary",
            "is no standby",
        ]
        with seeing():
            await store.catalogue.search(Search())
        assert store.reader.counts["standby"] == 0
    finally:
        await store.close()
