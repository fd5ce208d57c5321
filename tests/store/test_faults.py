"""Sessions killed, servers killed, tasks cancelled, pools empty: what surfaces is decent, and what is left is sound."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from store import Store
from store.db import Connection
from store.errors import Overloaded, StoreError
from store.facade import StoreOptions
from store.invariants import find_violations
from store.migrate import migrate
from store.model import Booking
from tests.store import deeds
from tests.store.storm import rage
from tests.support.databases import connect
from tests.support.interleave import Stage
from tests.support.locks import seat_locked
from tests.support.servers import ThrowawayPostgres
from tests.support.waiting import wait_until
from tests.support.world import World, decide

pytestmark = pytest.mark.fault
_OURS = "application_name = 'omnibus' AND datname = current_database()"


@asynccontextmanager
async def nemesis(world: World, seed: int) -> AsyncIterator[list[int]]:
    """Terminate one of the store's sessions after another, at random."""
    chance = random.Random(seed)
    connection = await connect(world.url)
    killed: list[int] = []

    async def kill() -> None:
        while True:
            rows = await connection.fetch(f"SELECT pid FROM pg_stat_activity WHERE {_OURS}")  # noqa: S608 - of constants
            if rows:
                killed.append(chance.choice(rows)["pid"])
                await connection.execute("SELECT pg_terminate_backend($1)", killed[-1])
            await asyncio.sleep(chance.uniform(0.01, 0.05))

    task = asyncio.create_task(kill())
    try:
        yield killed
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await connection.close()


@pytest.mark.parametrize("seed", [1, 2])
async def test_sessions_terminated_at_random_surface_as_overload_or_as_unknown(
    world: World, seed: int
) -> None:
    hasty = StoreOptions(pool_size=8, hold_seconds=1, pending_seconds=1)
    stores = [await world.open_store(hasty) for _ in range(2)]
    async with nemesis(world, seed) as killed:
        storm = await rage(world, stores, actors=10, deeds=40, seed=seed)
    assert killed
    assert storm.unexpected == []


async def test_the_store_goes_on_after_every_session_was_terminated(world: World) -> None:
    bus = await world.bus()
    await world.hold(bus, ["1A"])
    await world.owner.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {_OURS}"  # noqa: S608 - of constants
    )
    await world.hold(bus, ["1B"])
    assert (await world.states(bus))["1B"] == "L"


async def test_what_was_acknowledged_is_there_after_the_server_was_killed(
    request: pytest.FixtureRequest,
) -> None:
    with ThrowawayPostgres(bindir=request.config.getoption("--bindir")) as server:
        await migrate(server.url)
        world = await World.open(server.url, StoreOptions(pool_size=8))
        buses = [await world.bus(seats=200) for _ in range(3)]
        labels = list(await world.states(buses[0]))
        acknowledged: list[Booking] = []

        is_enough = asyncio.Event()

        async def sell(seller: int) -> None:
            for number in range(seller, 600, 6):
                if is_enough.is_set():
                    return
                with_seat = [labels[number % 200]]
                try:
                    booking = await world.book(buses[number // 200], with_seat, method="cash")
                except StoreError:
                    continue
                acknowledged.append(booking)

        selling = asyncio.gather(*(sell(seller) for seller in range(6)))
        await wait_until(lambda: len(acknowledged) >= 60)
        server.kill()
        before = len(acknowledged)
        server.start()
        await wait_until(lambda: len(acknowledged) > before, seconds=30)
        is_enough.set()
        await selling
        for booking in acknowledged:
            found = await world.store.lookup.find(booking.bus.bus_id, booking.booking_id)
            assert found.tickets == booking.tickets
        assert await find_violations(world.store.db) == {}
        await world.store.close()


async def test_tasks_cancelled_at_random_leave_nothing_behind(world: World) -> None:
    chance = random.Random(5)
    store = await world.open_store(StoreOptions(pool_size=6))
    bus = await world.bus(seats=40)
    labels = list(await world.states(bus))

    async def give_up(label: str) -> None:
        task = asyncio.create_task(deeds.hold_one(store, bus, label))
        await asyncio.sleep(chance.uniform(0, 0.03))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for _ in range(8):
        await asyncio.gather(*(give_up(label) for label in labels))
    await wait_until(lambda: _nobody_is_busy(world))
    await _all_connections_can_be_had(store, 6)


@pytest.mark.parametrize("name", deeds.ALL)
async def test_a_caller_who_goes_away_at_any_statement_takes_nothing_back(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Go away before the first step of its batch, then before the second, and so on until the answer is there."""
    store = await world.open_store(StoreOptions(pool_size=2))
    player = Stage(monkeypatch, world.owner, [store]).players[0]
    for stop in itertools.count(1):
        bus = await world.bus(seats=8)
        deed = await deeds.ALL[name](world, bus)
        (before,) = await world.store.buses.positions([bus])
        is_over = await player.abandon_at(stop, partial(_decide, deed))
        (after,) = await world.store.buses.positions([bus])
        assert after.rev - before.rev == (0 if name == "extend" else 1)
        if is_over:
            break
    assert stop > 2
    await wait_until(lambda: _nobody_is_busy(world))
    await _all_connections_can_be_had(store, 2)


@pytest.mark.parametrize("name", ["hold", "book_hold", "cancel"])
async def test_a_batch_that_is_cut_down_at_any_statement_leaves_nothing_behind(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    store = await world.open_store(StoreOptions(pool_size=2))
    player = Stage(monkeypatch, world.owner, [store]).players[0]
    for stop in itertools.count(1):
        bus = await world.bus(seats=8)
        deed = await deeds.ALL[name](world, bus)
        before = await world.states(bus)
        if await player.abandon_at(stop, partial(_decide, deed), with_batch=True):
            break
        await wait_until(lambda: _nobody_is_busy(world))
        assert await world.states(bus) == before
    assert stop > 2
    await _all_connections_can_be_had(store, 2)


async def test_a_buyer_who_finds_no_free_connection_is_told_so(world: World) -> None:
    narrow = await world.open_store(StoreOptions(pool_size=1))
    bus = await world.bus()
    await narrow.buses.find(bus)
    is_inside, release = asyncio.Event(), asyncio.Event()

    async def linger(_connection: Connection) -> None:
        is_inside.set()
        await release.wait()

    lingering = asyncio.create_task(narrow.db.transaction([], linger))
    await is_inside.wait()
    with pytest.raises(Overloaded):
        await deeds.hold_one(narrow, bus, "1A")
    release.set()
    await lingering
    await deeds.hold_one(narrow, bus, "1A")


async def test_a_seat_that_is_locked_for_too_long_is_said_to_be_busy(world: World) -> None:
    bus = await world.bus()
    async with seat_locked(world, bus, "1A"):
        with pytest.raises(Overloaded):
            await world.hold(bus, ["1A"])
        await world.hold(bus, ["1B"])


async def test_an_idle_transaction_is_ended_by_the_server_and_frees_its_seats(
    world: World,
) -> None:
    bus = await world.bus()
    store = await world.open_store(StoreOptions(pool_size=1))
    is_locked = asyncio.Event()

    async def forget(connection: Connection) -> None:
        await connection.execute("SELECT FROM seats WHERE bus_id = $1 FOR UPDATE", bus)
        is_locked.set()
        await asyncio.sleep(60)

    forgotten = asyncio.create_task(store.db.transaction([world.operator_id], forget))
    await is_locked.wait()
    hold = await world.hold(bus, ["1A"])
    assert hold.seats == (1,)
    forgotten.cancel()
    await asyncio.gather(forgotten, return_exceptions=True)


async def _nobody_is_busy(world: World) -> bool:
    busy: int = await world.owner.fetchval(
        f"SELECT count(*) FROM pg_stat_activity WHERE {_OURS} AND state <> 'idle'"  # noqa: S608 - of constants
    )
    return busy == 0


async def _all_connections_can_be_had(store: Store, size: int) -> None:
    """Have as many transactions at once as the pool has room for; a leaked connection would be missing."""
    everyone = asyncio.Barrier(size)

    async def meet(_connection: Connection) -> None:
        async with asyncio.timeout(5):
            await everyone.wait()

    await asyncio.gather(*(store.db.transaction([], meet) for _ in range(size)))


async def _decide(deed: deeds.Deed, store: Store) -> object:
    return await decide(partial(deed, store))
