"""The express way: one statement decides nothing and sells only what was assumed; all else goes the general way."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import cast

import pytest

from store import Store
from store.clock import DatabaseClock
from store.db import CommitUnknown, Database
from store.errors import (
    AddressFull,
    HoldExpired,
    InvalidRequest,
    OutcomeUnknown,
    SalesClosed,
    SeatUnavailable,
    TooManyHolds,
    TooManySeats,
)
from store.events import SeatsChanged
from store.express_held import RecentHolds
from store.facade import StoreOptions
from store.holds import SeatRequest
from store.invariants import find_violations
from store.lane import LaneOptions
from store.ledger import wire_json
from store.model import GUEST, Booking, Bus, Caller, Guest, Hold, HoldState, Leg
from tests.store import deeds
from tests.support.locks import seat_locked, session
from tests.support.waiting import wait_until
from tests.support.world import World, answer, key, purchase_of, value

ALONE = LaneOptions(in_flight=1)


@pytest.fixture
async def express(world: World, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store that knows the time and has no other way than the express one."""
    store = await warm(world)

    async def no_other_way(*_: object, **__: object) -> object:
        raise AssertionError("it went the general way")

    monkeypatch.setattr(Database, "transaction", no_other_way)
    return store


async def warm(world: World, lane: LaneOptions = ALONE) -> Store:
    """Open a store that has heard the database's clock."""
    store = await world.open_store(StoreOptions(pool_size=2, lane=lane))
    await hold(store, await world.bus(), ["1A"])
    return store


def news(world: World, bus: int) -> list[SeatsChanged]:
    """Return what was announced of a bus."""
    return [event for event in world.events if event.bus_id == bus]


async def hold(store: Store, bus: int, seats: Sequence[str], caller: Caller = GUEST) -> Hold:
    return await value(lambda ask: store.holds.hold(caller, SeatRequest(bus, seats), ask))


async def book(store: Store, request: SeatRequest, caller: Caller = GUEST) -> Booking:
    purchase = purchase_of(request.seats)
    return await value(lambda ask: store.bookings.book(caller, request, purchase, ask))


async def test_free_seats_are_held_and_booked_in_one_statement(
    world: World, express: Store
) -> None:
    bus = await express_bus(world)
    held = await hold(express, bus, ["1A", "1B"])
    booked = await book(express, SeatRequest(bus, ["2A"]))
    states = await world.states(bus)
    assert {seat for seat, letter in states.items() if letter == "L"} == {"1A", "1B", "2A"}
    assert held.seats == (1, 2)
    assert await express.lookup.find(bus, booked.booking_id) == booked


async def test_what_is_announced_is_what_is_stored(world: World, express: Store) -> None:
    bus = await express_bus(world)
    await hold(express, bus, ["1A", "1B"])
    await book(express, SeatRequest(bus, ["2A"]))
    rows = await world.edit(
        "SELECT epoch, rev, kind, seats, at FROM events WHERE bus_id = $1 ORDER BY rev", bus
    )
    assert [tuple(row) for row in rows] == [
        (event.epoch, event.rev, event.kind, wire_json(event.seats), event.at)
        for event in news(world, bus)
    ]
    assert [dict(event.seats) for event in news(world, bus)] == [
        {"1A": "L", "1B": "L"},
        {"2A": "L"},
    ]


async def test_a_hold_is_booked_in_one_statement_and_becomes_the_buyers_booking(
    world: World, express: Store
) -> None:
    bus = await express_bus(world, segments=3)
    stops = await world.stops(bus)
    await book(express, SeatRequest(bus, ["1A"], stops[0], stops[1]))
    held = await hold_leg(express, bus, stops[1], stops[2], world.rider(1))
    booked = await book_hold(express, held, world.rider(1))
    assert await express.lookup.find(bus, booked.booking_id) == booked
    assert (booked.seats, booked.prices, booked.leg) == (held.seats, held.prices, held.leg)
    assert [(event.kind, dict(event.seats)) for event in news(world, bus)][1:] == [
        ("held", {"1A": "LLA"}),
        ("booked", {"1A": "LLA"}),
    ]
    rows = await world.edit("SELECT seats_held, holds_held FROM buyer_holds WHERE bus_id = $1", bus)
    assert [tuple(row) for row in rows] == [(1, 1)]
    state = await world.edit("SELECT state, network FROM holds WHERE bus_id = $1", bus)
    assert [tuple(row) for row in state] == [("BOOKED", None)]


async def test_what_another_process_has_made_of_a_hold_is_what_is_booked(world: World) -> None:
    mine, other = await warm(world), await warm(world)
    bus = await world.bus()
    held = await hold(mine, bus, ["1A", "1B"])
    replaced: Hold = await value(
        lambda ask: other.holds.replace(GUEST, (bus, held.hold_id), ["2A"], ask)
    )
    with pytest.raises(InvalidRequest):
        await book_hold(mine, held)
    booked = await book_hold(mine, replaced)
    assert booked.seats == replaced.seats
    assert {seat for seat, letter in (await world.states(bus)).items() if letter == "L"} == {"2A"}


async def test_a_hold_that_another_process_has_released_is_not_booked(world: World) -> None:
    mine, other = await warm(world), await warm(world)
    bus = await world.bus()
    held = await hold(mine, bus, ["1A"])
    await value(lambda ask: other.holds.release(GUEST, (bus, held.hold_id), ask))
    with pytest.raises(HoldExpired):
        await book_hold(mine, held)
    assert set((await world.states(bus)).values()) == {"A"}


async def test_a_hold_is_booked_once_by_two_processes_at_once(world: World) -> None:
    mine, other = await warm(world), await warm(world)
    bus = await world.bus()
    held = await hold(mine, bus, ["1A"])
    other.lane._held.note([held])
    async with seat_locked(world, bus, "1A") as lock:
        running = [asyncio.create_task(book_hold(store, held)) for store in (mine, other)]
        await lock.has_waiters(2)
    outcomes = await asyncio.gather(*running, return_exceptions=True)
    assert sorted(type(each).__name__ for each in outcomes) == ["Booking", "HoldExpired"]


async def test_a_hold_whose_time_ran_out_while_its_seat_was_waited_for_is_not_booked(
    world: World,
) -> None:
    store = await world.open_store(StoreOptions(pool_size=2, lane=ALONE, hold_seconds=1))
    bus = await world.bus()
    await hold(store, bus, ["2A"])
    held = await hold(store, bus, ["1A"])
    async with seat_locked(world, bus, "1A") as lock:
        running = asyncio.create_task(book_hold(store, held))
        await lock.has_waiters()
        await world.owner.execute("SELECT pg_sleep_until($1)", held.expires_at)
    with pytest.raises(HoldExpired):
        await running


async def test_an_answer_for_a_booked_hold_is_given_again(world: World) -> None:
    mine, other = await warm(world), await warm(world)
    bus = await world.bus()
    held = await hold(mine, bus, ["1A"])
    other.lane._held.note([held])
    purchase = purchase_of(["1A"])
    first, again = [
        await answer(
            lambda ask, store=store: store.bookings.book_hold(  # type: ignore[misc]  # a default is no argument
                GUEST, (bus, held.hold_id), purchase, ask
            ),
            key("k"),
        )
        for store in (mine, other)
    ]
    assert (first.is_replayed, again.is_replayed) == (False, True)
    assert again.body == first.body


def test_only_the_latest_live_holds_are_remembered(world: World) -> None:
    def made(number: int, state: HoldState = HoldState.ACTIVE) -> Hold:
        now = datetime.now(UTC)
        return Hold(bus, uuid.UUID(int=number), state, None, Leg(0, 1), (1,), (1,), now, now)

    bus = cast("Bus", SimpleNamespace(bus_id=7))
    held = RecentHolds(most=2)
    held.note([made(1), made(2), made(3)])
    assert [held.find(7, uuid.UUID(int=n)) is not None for n in (1, 2, 3)] == [False, True, True]
    held.note([made(3, HoldState.RELEASED)])
    assert held.find(7, uuid.UUID(int=3)) is None


async def test_a_seat_is_sold_on_one_leg_and_keeps_what_it_is_on_others(
    world: World, express: Store
) -> None:
    bus = await express_bus(world, segments=4)
    stops = await world.stops(bus)
    await book(express, SeatRequest(bus, ["1A"], stops[1], stops[2]))
    await hold_leg(express, bus, stops[2], stops[4])
    assert (await world.states(bus))["1A"] == "A" + 3 * "L"
    assert dict(news(world, bus)[-1].seats) == {"1A": "A" + 3 * "L"}


async def test_a_seat_that_is_taken_is_refused_and_nothing_of_the_request_is_written(
    world: World,
) -> None:
    store = await warm(world)
    bus = await world.bus()
    await hold(store, bus, ["1A"])
    with pytest.raises(SeatUnavailable) as refusal:
        await hold(store, bus, ["1A", "1B"])
    assert refusal.value.seats == (("1A", "L"),)
    assert (await world.states(bus))["1B"] == "A"


async def test_one_that_must_go_the_general_way_does_not_hold_up_its_neighbours(
    world: World,
) -> None:
    store = await warm(world)
    bus = await world.bus()
    await hold(store, bus, ["1B"])
    async with seat_locked(world, bus, "4D") as lock:
        first = asyncio.create_task(hold(store, bus, ["4D"]))
        await lock.has_waiters()
        others = [
            asyncio.create_task(hold(store, bus, [seat])) for seat in ("1A", "1B", "2A", "2A")
        ]
        await wait_until(lambda: len(store.lane._queue) == len(others))
    await first
    outcomes = await asyncio.gather(*others, return_exceptions=True)
    assert [type(each) for each in outcomes] == [Hold, SeatUnavailable, Hold, SeatUnavailable]
    assert [event.rev for event in news(world, bus)] == [1, 2, 3, 4]


async def test_a_bus_that_went_off_sale_while_its_seat_was_waited_for_sells_nothing(
    world: World,
) -> None:
    store = await warm(world)
    bus = await world.bus()
    await store.buses.find(bus)
    async with session(world) as other:
        await other.connection.execute("UPDATE buses SET status = 'CLOSED' WHERE bus_id = $1", bus)
        selling = asyncio.create_task(hold(store, bus, ["1A"]))
        await other.has_waiters()
        await other.keep()
    with pytest.raises(SalesClosed):
        await selling
    assert set((await world.states(bus)).values()) == {"A"}


async def test_a_key_that_was_used_is_answered_again_and_sells_nothing(world: World) -> None:
    store, other = await warm(world), await warm(world)
    bus = await world.bus()
    deed = await deeds.ALL["book"](world, bus)
    first = await answer(lambda ask: deed(store, ask), key("k"))
    again = await answer(lambda ask: deed(other, ask), key("k"))
    assert (first.is_replayed, again.is_replayed) == (False, True)
    assert again.body == first.body


async def test_one_key_in_two_processes_at_once_has_one_effect(world: World) -> None:
    stores = [await warm(world), await warm(world)]
    bus = await world.bus()
    requests = [SeatRequest(bus, ["1A"]), SeatRequest(bus, ["1B"])]
    async with session(world) as other:
        # Both have looked for the key before either has written it.
        await other.connection.execute("SELECT FROM buses WHERE bus_id = $1 FOR NO KEY UPDATE", bus)
        running = [
            asyncio.create_task(answer(partial(store.holds.hold, GUEST, request), key("k")))
            for store, request in zip(stores, requests, strict=True)
        ]
        await other.has_waiters(2)
    replies = await asyncio.gather(*running)
    assert sorted(reply.is_replayed for reply in replies) == [False, True]
    assert list((await world.states(bus)).values()).count("L") == 1


@pytest.mark.parametrize("seconds", [-2.0, 2.0])
async def test_a_clock_that_is_off_sells_nothing_until_it_is_set_right(
    world: World, seconds: float
) -> None:
    store = await warm(world)
    bus = await world.bus()
    clock = store.lane._clock
    before = clock.now()
    assert before is not None
    clock.hear(before + timedelta(seconds=seconds))
    held = await hold(store, bus, ["1A"])
    now = await world.owner.fetchval("SELECT clock_timestamp()")
    assert abs(now - held.created_at) < timedelta(seconds=1)
    after = clock.now()
    assert after is not None
    assert abs(after - now) < timedelta(seconds=1)


async def test_a_buyer_who_is_new_on_a_bus_is_counted_there(world: World, express: Store) -> None:
    bus = await express_bus(world)
    await hold(express, bus, ["1A", "1B"], world.rider(1))
    await book(express, SeatRequest(bus, ["2A"]), world.rider(2))
    rows = await world.edit("SELECT seats_held, holds_held FROM buyer_holds WHERE bus_id = $1", bus)
    assert sorted(tuple(row) for row in rows) == [(1, 1), (2, 1)]


async def test_a_guest_is_counted_with_all_others_of_the_address(world: World) -> None:
    store = await warm(world)
    bus = await world.bus()
    address = uuid.UUID(int=9 | 1 << 127)
    guests = [Caller(guest=Guest(uuid.UUID(int=n | 1 << 127), address)) for n in (1, 2, 3)]
    await hold(store, bus, ["1A", "1B", "1C", "1D"], guests[0])
    await hold(store, bus, ["2A", "2B"], guests[1])
    with pytest.raises(AddressFull):
        await hold(store, bus, ["3A"], guests[2])


async def test_a_count_that_a_refused_sale_left_behind_is_in_nobodys_way(world: World) -> None:
    store = await warm(world)
    bus = await world.bus()
    await hold(store, bus, ["1A"])
    with pytest.raises(SeatUnavailable):
        await hold(store, bus, ["1A", "1B", "1C"], world.rider(1))
    held = await hold(store, bus, ["2A", "2B", "2C", "2D", "3A", "3B"], world.rider(1))
    assert len(held.seats) == 6
    with pytest.raises(TooManySeats):
        await hold(store, bus, ["3C"], world.rider(1))


async def test_holds_on_other_buses_count(world: World) -> None:
    store = await warm(world)
    for _ in range(2):
        await hold(store, await world.bus(), ["1A"], world.rider(1))
    third = await world.bus()
    with pytest.raises(TooManyHolds):
        await hold(store, third, ["1A"], world.rider(1))
    assert (await world.states(third))["1A"] == "A"


async def test_two_holds_of_one_buyer_in_one_batch_are_both_counted(world: World) -> None:
    store = await warm(world)
    bus = await world.bus()
    outcomes = await asyncio.gather(
        *(
            hold(store, bus, [f"{row}{place}" for place in "ABCD"], world.rider(1))
            for row in (1, 2)
        ),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in outcomes) == ["Hold", "TooManySeats"]


async def test_before_the_databases_clock_was_heard_the_general_way_is_taken(world: World) -> None:
    assert DatabaseClock().now() is None
    store = await world.open_store(StoreOptions(pool_size=2))
    bus = await world.bus()
    await hold(store, bus, ["1A"])
    assert store.lane._clock.now() is not None


async def test_two_operators_in_one_batch_sell_each_their_own(world: World) -> None:
    store = await warm(world)
    mine = await world.bus()
    rival = await world.owner.fetchval(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Southline', 'Europe/Berlin', 'EUR')"
        " RETURNING operator_id"
    )
    theirs = await world.bus(operator_id=rival)
    outcomes = await asyncio.gather(
        *(hold(store, bus, [seat]) for bus in (mine, theirs) for seat in ("1A", "2A"))
    )
    owners = await world.edit(
        "SELECT bus_id, operator_id FROM holds WHERE bus_id = any($1)", [mine, theirs]
    )
    assert {(row["bus_id"], row["operator_id"]) for row in owners} == {
        (mine, world.operator_id),
        (theirs, rival),
    }
    assert len(outcomes) == 4
    assert await find_violations(world.store.db) == {}


@pytest.mark.fault
async def test_a_session_that_ends_under_the_statement_leaves_the_outcome_to_the_key(
    world: World,
) -> None:
    store = await warm(world)
    bus = await world.bus()
    async with seat_locked(world, bus, "1A") as lock:
        running = asyncio.create_task(
            answer(lambda ask: store.holds.hold(GUEST, SeatRequest(bus, ["1A"]), ask), key("k"))
        )
        await lock.has_waiters()
        await world.owner.execute(
            "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a"
            " WHERE a.datname = current_database() AND cardinality(pg_blocking_pids(a.pid)) > 0"
        )
    reply = await running
    assert (reply.status, reply.is_replayed) == (200, False)
    assert list((await world.states(bus)).values()).count("L") == 1


@pytest.mark.fault
async def test_an_answer_that_was_lost_is_not_called_a_refusal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key nobody can tell whether it was this request that took the seat."""
    store = await warm(world)
    bus = await world.bus()
    commit = Database.commit_statement

    async def lose(self: Database, query: str, *args: object) -> object:
        await commit(self, query, *args)
        raise CommitUnknown

    monkeypatch.setattr(Database, "commit_statement", lose)
    with pytest.raises(OutcomeUnknown):
        await hold(store, bus, ["1A"])
    reply = await answer(
        lambda ask: store.holds.hold(GUEST, SeatRequest(bus, ["2A"]), ask), key("k")
    )
    assert (reply.status, reply.is_replayed) == (200, True)


async def express_bus(world: World, *, segments: int = 1) -> int:
    """Put a bus on sale although nothing may go the general way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "transaction", _GENERAL)
        return await world.bus(segments=segments)


async def hold_leg(store: Store, bus: int, board: int, alight: int, caller: Caller = GUEST) -> Hold:
    request = SeatRequest(bus, ["1A"], board, alight)
    return await value(lambda ask: store.holds.hold(caller, request, ask))


async def book_hold(store: Store, held: Hold, caller: Caller = GUEST) -> Booking:
    owned = held.bus.bus_id, held.hold_id
    purchase = purchase_of([held.bus.layout.label(seat) for seat in held.seats])
    return await value(lambda ask: store.bookings.book_hold(caller, owned, purchase, ask))


_GENERAL = Database.transaction
