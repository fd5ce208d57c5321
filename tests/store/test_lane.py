"""Group commit: what waits together is decided together, and nobody pays for a neighbour."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from store import Store
from store.errors import Overloaded, SeatUnavailable
from store.facade import StoreOptions
from store.holds import SeatRequest
from store.lane import LaneOptions, Pace
from store.model import GUEST, Hold
from store.requests import Ask, Reply
from tests.store import deeds
from tests.support.interleave import lanes_of
from tests.support.locks import seat_locked
from tests.support.waiting import wait_until
from tests.support.world import World

ONE_AT_A_TIME = LaneOptions(in_flight=1, is_express=False)


async def open_narrow(world: World, lane: LaneOptions = ONE_AT_A_TIME) -> Store:
    return await world.open_store(StoreOptions(pool_size=2, lane=lane))


async def hold_together(
    world: World, store: Store, bus: int, seats: Sequence[str]
) -> list[Hold | BaseException]:
    """Let requests for these seats queue up behind a batch that waits for seat 4D, and return their outcomes."""
    async with seat_locked(world, bus, "4D") as lock:
        first = asyncio.create_task(deeds.hold_one(store, bus, "4D"))
        await lock.has_waiters()
        others = [asyncio.create_task(deeds.hold_one(store, bus, seat)) for seat in seats]
        await wait_until(lambda: len(queue_of(store)) == len(others))
    await first
    return await asyncio.gather(*others, return_exceptions=True)


def queue_of(store: Store) -> list[Any]:
    """Return what waits, in whichever lane."""
    return [waiting for lane in lanes_of(store) for waiting in lane._queue]


async def ruin(world: World, body: str) -> None:
    """Let the database do this when seat 2 is held, and nothing to any other hold."""
    for statement in (
        # Only a cluster knows this setting, and asks for it. It takes one statement at a time.
        "SET citus.enable_unsafe_triggers = on",
        f"CREATE FUNCTION ruin() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN new; END $$",
        (
            "CREATE TRIGGER ruin BEFORE INSERT ON holds FOR EACH ROW WHEN (new.seats = '{2}')"
            " EXECUTE FUNCTION ruin()"
        ),
    ):
        await world.owner.execute(statement)


async def test_what_queues_up_is_committed_at_once(world: World) -> None:
    bus = await world.bus()
    store = await open_narrow(world)
    outcomes = await hold_together(world, store, bus, ["1A", "1B", "1C", "1A", "2A"])
    assert [type(outcome) for outcome in outcomes] == [Hold, Hold, Hold, SeatUnavailable, Hold]
    rows = await world.edit(
        "SELECT xmin::text AS transaction, count(*) AS holds FROM holds GROUP BY xmin"
    )
    assert sorted(row["holds"] for row in rows) == [1, 4]
    assert [event.rev for event in world.events] == [1, 2, 3, 4, 5]
    assert [dict(event.seats) for event in world.events[1:]] == [
        {seat: "L"} for seat in ("1A", "1B", "1C", "2A")
    ]


async def test_a_request_that_the_database_refuses_fails_alone(world: World) -> None:
    bus = await world.bus()
    store = await open_narrow(world)
    await ruin(world, "RAISE EXCEPTION 'no'")
    outcomes = await hold_together(world, store, bus, ["1A", "1B", "1C", "2A"])
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [Hold, asyncpg.RaiseError, Hold, Hold]
    assert (await world.states(bus))["1B"] == "A"


async def test_a_request_that_trips_over_our_own_mistake_fails_alone(world: World) -> None:
    bus = await world.bus()
    store = await open_narrow(world)

    def stumble(_result: object) -> Reply:
        raise LookupError

    async def hold_and_stumble() -> Reply:
        return await store.holds.hold(GUEST, SeatRequest(bus, ["1B"]), Ask(stumble))

    async with seat_locked(world, bus, "4D") as lock:
        first = asyncio.create_task(deeds.hold_one(store, bus, "4D"))
        await lock.has_waiters()
        stumbling = asyncio.create_task(hold_and_stumble())
        neighbours = [
            asyncio.create_task(deeds.hold_one(store, bus, seat)) for seat in ("1A", "1C")
        ]
        await wait_until(lambda: len(queue_of(store)) == 3)
    await asyncio.gather(first, *neighbours)
    with pytest.raises(LookupError):
        await stumbling
    states = await world.states(bus)
    assert (states["1A"], states["1B"], states["1C"]) == ("L", "A", "L")


async def test_a_request_that_takes_too_long_is_said_to_be_busy_alone(world: World) -> None:
    bus = await world.bus()
    store = await open_narrow(world)
    await ruin(world, "PERFORM pg_sleep(10)")
    outcomes = await hold_together(world, store, bus, ["1A", "1B"])
    assert [type(outcome) for outcome in outcomes] == [Hold, Overloaded]
    assert (await world.states(bus))["1B"] == "A"


async def test_a_full_queue_refuses_at_once_and_a_late_request_is_not_begun(world: World) -> None:
    bus = await world.bus()
    store = await open_narrow(world, LaneOptions(in_flight=1, queue_max=2, wait_seconds=0.2))
    await store.buses.find(bus)
    async with seat_locked(world, bus, "1A") as lock:
        first = asyncio.create_task(deeds.hold_one(store, bus, "1A"))
        await lock.has_waiters()
        queued = [asyncio.create_task(deeds.hold_one(store, bus, seat)) for seat in ("1B", "1C")]
        await wait_until(lambda: len(queue_of(store)) == 2)
        with pytest.raises(Overloaded):
            await deeds.hold_one(store, bus, "1D")
        late = await asyncio.gather(*queued, return_exceptions=True)
        assert not first.done()
    await first
    assert [type(outcome) for outcome in late] == [Overloaded, Overloaded]
    states = await world.states(bus)
    assert (states["1A"], states["1B"], states["1C"], states["1D"]) == ("L", "A", "A", "A")


async def test_buses_of_two_operators_share_a_batch(world: World) -> None:
    first = await world.bus()
    (other,) = await world.edit(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Other', 'UTC', 'EUR')"
        " RETURNING operator_id"
    )
    mine, world.operator_id = world.operator_id, other["operator_id"]
    second = await world.bus()
    world.operator_id = mine
    store = await open_narrow(world)
    async with seat_locked(world, first, "4D") as lock:
        tasks = [asyncio.create_task(deeds.hold_one(store, first, "4D"))]
        await lock.has_waiters()
        tasks += [asyncio.create_task(deeds.hold_one(store, bus, "1A")) for bus in (first, second)]
        await wait_until(lambda: len(queue_of(store)) == 2)
    holds = await asyncio.gather(*tasks)
    assert [hold.bus.bus_id for hold in holds] == [first, first, second]
    rows = await world.edit("SELECT count(DISTINCT xmin::text) AS transactions FROM holds")
    assert rows[0]["transactions"] == 2


async def test_nobody_waits_for_another_bus_whose_seat_is_locked(world: World) -> None:
    locked, other = await world.bus(), await world.bus()
    store = await open_narrow(world, LaneOptions(long_seconds=0.2, is_express=False))
    async with seat_locked(world, locked, "4D") as lock:
        waiting = asyncio.create_task(deeds.hold_one(store, locked, "4D"))
        await lock.has_waiters()
        await deeds.hold_one(store, other, "1A")
        (lane,) = (lane for lane in lanes_of(store) if lane._runners)
        assert lane._has_place(beside=1), "who comes next would wait for the lock again"
        assert not waiting.done()
    await waiting


@pytest.mark.parametrize("in_flight", [2, pytest.param(1, id="1, a twin")])
async def test_beside_a_batch_under_way_a_full_one_sets_off_and_no_smaller_one(
    world: World, in_flight: int
) -> None:
    buses = [await world.bus() for _ in range(4)]
    options = LaneOptions(in_flight=in_flight, batch_max=3, long_seconds=60.0, is_express=False)
    store = await open_narrow(world, options)
    async with seat_locked(world, buses[0], "4D") as lock:
        first = asyncio.create_task(deeds.hold_one(store, buses[0], "4D"))
        await lock.has_waiters()
        others = [asyncio.create_task(deeds.hold_one(store, bus, "1A")) for bus in buses[1:3]]
        await wait_until(lambda: len(queue_of(store)) == 2)
        assert count_running(store) == 1
        others.append(asyncio.create_task(deeds.hold_one(store, buses[3], "1A")))
        if in_flight == 2:
            await asyncio.gather(*others)
        else:
            await wait_until(lambda: len(queue_of(store)) == 3)
            assert count_running(store) == 1
        assert not first.done()
    await asyncio.gather(first, *others)


def test_a_batch_is_long_by_what_batches_take_of_late_and_locks_teach_little() -> None:
    pace = Pace(LaneOptions(long_seconds=0.02, long_times=4))
    assert pace.long == 0.02
    for _ in range(100):
        pace.note(0.004)
    assert pace.long == 0.02
    for _ in range(100):
        pace.note(0.03)
    assert pace.long == pytest.approx(0.12, rel=1e-3)
    for _ in range(1_000):
        pace.note(1.0)
    assert pace.long == pytest.approx(0.16, rel=1e-3)


def count_running(store: Store) -> int:
    """Return how many batches are under way."""
    return sum(len(lane._runners) for lane in lanes_of(store))
