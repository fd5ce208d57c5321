"""A seat that thousands want: who has lost hears it at once, nobody is refused what is free, others are served."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from store import Store
from store.db import CommitUnknown, Database
from store.errors import SalesClosed, SeatUnavailable
from store.facade import StoreOptions
from store.holds import SeatRequest
from store.lane import LaneOptions
from store.model import GUEST, Hold
from store.requests import Reply
from tests.store import deeds
from tests.support.locks import seat_locked
from tests.support.waiting import wait_until
from tests.support.world import World, answer, key, value

TWO_AT_A_TIME = StoreOptions(pool_size=4, lane=LaneOptions(in_flight=2))
NO_OTHER_WAY = "it went the general way"


async def open_warned(world: World, bus: int, seat: str = "1A") -> Store:
    """Open a store that knows the time, and has seen that this seat is taken."""
    store = await world.open_store(TWO_AT_A_TIME)
    await deeds.hold_one(store, bus, "4D")
    with pytest.raises(SeatUnavailable):
        await deeds.hold_one(store, bus, seat)
    return store


def ask_for(store: Store, bus: int, *seats: str) -> Callable[..., Awaitable[Reply]]:
    return partial(store.holds.hold, GUEST, SeatRequest(bus, seats))


async def no_transaction(*_: object, **__: object) -> object:
    raise AssertionError(NO_OTHER_WAY)


async def test_hundreds_are_refused_without_a_transaction_of_their_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = await world.bus()
    await world.hold(bus, ["1A"])
    store = await open_warned(world, bus)
    statements = []
    commit = Database.commit_statement

    async def count(self: Database, query: str, *args: object) -> object:
        statements.append(query)
        return await commit(self, query, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "transaction", no_transaction)
        patch.setattr(Database, "commit_statement", count)
        outcomes = await asyncio.gather(
            *(deeds.hold_one(store, bus, "1A") for _ in range(300)), return_exceptions=True
        )
        replies = await asyncio.gather(
            *(answer(ask_for(store, bus, "1B", "1A"), key(str(n))) for n in range(300))
        )
    assert [type(each) for each in outcomes] == [SeatUnavailable] * 300
    assert len({id(each) for each in outcomes}) == 300
    assert {(reply.status, reply.body) for reply in replies} == {
        (409, repr(SeatUnavailable((("1A", "L"),))).encode())
    }
    assert len(statements) <= 8
    assert (await world.states(bus))["1B"] == "A"


async def test_what_a_loser_was_told_is_what_the_key_tells_ever_after(world: World) -> None:
    bus = await world.bus()
    winner = await world.hold(bus, ["1A"])
    store = await open_warned(world, bus)
    told = await answer(ask_for(store, bus, "1A"), key("k"))
    await world.release(winner)
    for each in (store, world.store):
        again = await answer(ask_for(each, bus, "1A"), key("k"))
        assert again == Reply(409, told.body, is_replayed=True)


async def test_a_seat_that_came_free_elsewhere_is_sold_not_refused(world: World) -> None:
    bus = await world.bus()
    winner = await world.hold(bus, ["1A"])
    store = await open_warned(world, bus)
    await world.release(winner)
    assert isinstance(await deeds.hold_one(store, bus, "1A"), Hold)


async def test_a_seat_whose_hold_is_overdue_is_sold_not_refused(world: World) -> None:
    bus = await world.bus()
    winner = await world.hold(bus, ["1A"])
    store = await open_warned(world, bus)
    await world.let_time_pass(winner)
    assert isinstance(await deeds.hold_one(store, bus, "1A"), Hold)


async def test_a_seat_whose_booking_was_never_paid_is_sold_not_refused(world: World) -> None:
    bus = await world.bus()
    winner = await world.book(bus, ["1A"])
    store = await open_warned(world, bus)
    await world.let_time_pass(winner)
    assert isinstance(await deeds.hold_one(store, bus, "1A"), Hold)


async def test_only_who_wants_a_segment_that_is_taken_has_lost(world: World) -> None:
    bus = await world.bus(segments=3)
    stops = await world.stops(bus)
    taken = SeatRequest(bus, ["1A"], stops[0], stops[2])
    await value(partial(world.store.holds.hold, GUEST, taken))
    store = await open_warned(world, bus)
    rest = SeatRequest(bus, ["1A"], stops[2], stops[3])
    assert isinstance(await value(partial(store.holds.hold, GUEST, rest)), Hold)


async def test_nobody_loses_to_themselves(world: World) -> None:
    """The key has won elsewhere, and nobody here has heard of it."""
    bus = await world.bus()
    won = await answer(ask_for(world.store, bus, "1A"), key("k"))
    store = await open_warned(world, bus)
    again = await answer(ask_for(store, bus, "1A"), key("k"))
    assert again == Reply(200, won.body, is_replayed=True)


async def test_one_key_on_two_buses_is_two_keys(world: World) -> None:
    buses = [await world.bus(), await world.bus()]
    won = await answer(ask_for(world.store, buses[0], "1A"), key("k"))
    await world.hold(buses[1], ["1A"])
    store = await open_warned(world, buses[0])
    with pytest.raises(SeatUnavailable):
        await deeds.hold_one(store, buses[1], "1A")
    replies = await asyncio.gather(*(answer(ask_for(store, bus, "1A"), key("k")) for bus in buses))
    assert replies[0] == Reply(200, won.body, is_replayed=True)
    assert (replies[1].status, replies[1].is_replayed) == (409, False)


async def test_a_bus_that_is_off_sale_says_so_rather_than_that_its_seats_are_taken(
    world: World,
) -> None:
    bus = await world.bus()
    await world.hold(bus, ["1A"])
    store = await open_warned(world, bus)
    await world.edit("UPDATE buses SET status = 'CLOSED' WHERE bus_id = $1", bus)
    with pytest.raises(SalesClosed):
        await deeds.hold_one(store, bus, "1A")


async def test_a_refusal_whose_answer_was_lost_is_found_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = await world.bus()
    await world.hold(bus, ["1A"])
    store = await open_warned(world, bus)
    commit = Database.commit_statement

    async def lose(self: Database, query: str, *args: object) -> object:
        await commit(self, query, *args)
        raise CommitUnknown

    with monkeypatch.context() as patch:
        patch.setattr(Database, "commit_statement", lose)
        with_key = await answer(ask_for(store, bus, "1A"), key("k"))
        with pytest.raises(SeatUnavailable):
            await deeds.hold_one(store, bus, "1A")
    assert (with_key.status, with_key.is_replayed) == (409, True)


async def test_who_waits_for_one_bus_keeps_nobody_from_another(world: World) -> None:
    hot, other = await world.bus(), await world.bus()
    store = await world.open_store(TWO_AT_A_TIME)
    await deeds.hold_one(store, other, "1A")
    async with seat_locked(world, hot, "1A") as lock:
        first = asyncio.create_task(deeds.hold_one(store, hot, "1A"))
        await lock.has_waiters()
        crowd = [asyncio.create_task(deeds.hold_one(store, hot, "1A")) for _ in range(200)]
        await wait_until(lambda: len(store.lane._queue) == len(crowd))
        # While everyone else waits for what becomes of the first.
        assert isinstance(await deeds.hold_one(store, other, "1B"), Hold)
        assert not any(each.done() for each in (first, *crowd))
    assert isinstance(await first, Hold)
    outcomes = await asyncio.gather(*crowd, return_exceptions=True)
    assert [type(each) for each in outcomes] == [SeatUnavailable] * len(crowd)


async def test_a_seat_given_back_goes_to_who_asked_first_after_it(world: World) -> None:
    bus = await world.bus()
    winner = await world.hold(bus, ["1A"])
    store = await open_warned(world, bus)
    owned = bus, winner.hold_id
    async with seat_locked(world, bus, "4C") as lock:
        busy = asyncio.create_task(deeds.hold_one(store, bus, "4C"))
        await lock.has_waiters()
        before = asyncio.create_task(deeds.hold_one(store, bus, "1A"))
        release = asyncio.create_task(answer(partial(store.holds.release, GUEST, owned)))
        after = [asyncio.create_task(deeds.hold_one(store, bus, "1A")) for _ in range(3)]
        await wait_until(lambda: len(store.lane._queue) == 5)
    await asyncio.gather(busy, release)
    outcomes = await asyncio.gather(before, *after, return_exceptions=True)
    assert [type(each) for each in outcomes] == [
        SeatUnavailable,
        Hold,
        SeatUnavailable,
        SeatUnavailable,
    ]
