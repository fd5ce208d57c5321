"""Idempotency: one key, one effect, one answer."""

import asyncio
from datetime import datetime
from functools import partial

import pytest

from store.errors import KeyReused, SeatUnavailable, TooManySeats
from store.holds import SeatRequest
from store.model import GUEST
from store.requests import Reply
from store.timetable import NewBus
from tests.store import deeds
from tests.support.locks import seat_locked
from tests.support.world import World, answer, key, value

every_deed = pytest.mark.parametrize("prepare", deeds.ALL.values(), ids=deeds.ALL)


@every_deed
async def test_the_same_request_again_gets_the_same_answer_and_changes_nothing(
    world: World, prepare: deeds.Preparation
) -> None:
    deed = await prepare(world, await world.bus(segments=2))
    first = await answer(partial(deed, world.store), key("k"))
    heard = len(world.events)
    again = await answer(partial(deed, world.store), key("k"))
    assert (first.status, first.is_replayed) == (200, False)
    assert again == Reply(first.status, first.body, is_replayed=True)
    assert len(world.events) == heard


@every_deed
async def test_another_request_with_the_key_is_refused_and_changes_nothing(
    world: World, prepare: deeds.Preparation
) -> None:
    deed = await prepare(world, await world.bus(segments=2))
    await answer(partial(deed, world.store), key("k"))
    heard = len(world.events)
    with pytest.raises(KeyReused):
        await answer(partial(deed, world.store), key("k", request="another"))
    assert len(world.events) == heard


@every_deed
async def test_the_same_request_from_everywhere_at_once_has_one_effect(
    world: World, prepare: deeds.Preparation
) -> None:
    deed = await prepare(world, await world.bus(segments=2))
    stores = [world.store, await world.open_store()]
    told = len(world.events)
    replies = await asyncio.gather(
        *(answer(partial(deed, stores[turn % 2]), key("k")) for turn in range(8))
    )
    assert [reply.is_replayed for reply in replies].count(False) == 1
    assert len({(reply.status, reply.body) for reply in replies}) == 1
    assert len(world.events) - told <= 1
    stored = await world.edit("SELECT FROM idempotency_keys")
    assert len(stored) == 1


async def test_a_refusal_is_an_answer_and_stays_one_when_the_seat_is_free_again(
    world: World,
) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["1A"])
    request = SeatRequest(bus, ["1A"])
    refused = await answer(lambda ask: world.store.holds.hold(GUEST, request, ask), key("k"))
    assert refused.status == 409
    await world.release(hold)
    again = await answer(lambda ask: world.store.holds.hold(GUEST, request, ask), key("k"))
    assert again == Reply(refused.status, refused.body, is_replayed=True)
    assert (await world.states(bus))["1A"] == "A"
    with pytest.raises(KeyReused):
        await answer(lambda ask: world.store.holds.hold(GUEST, request, ask), key("k", "other"))


async def test_a_refusal_by_the_cap_is_stored_too(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    first = await world.hold(bus, ["1A", "1B", "1C", "1D"], caller=rider)
    request = SeatRequest(bus, ["2A", "2B", "2C"])
    with pytest.raises(TooManySeats):
        await value(lambda ask: world.store.holds.hold(rider, request, ask), key("k"))
    await world.release(first, caller=rider)
    again = await answer(lambda ask: world.store.holds.hold(rider, request, ask), key("k"))
    assert (again.status, again.is_replayed) == (409, True)


async def test_a_buyer_at_the_cap_still_gets_the_answer_of_the_hold_that_filled_it(
    world: World,
) -> None:
    rider, bus = world.rider(1), await world.bus()
    request = SeatRequest(bus, ["1A", "1B", "1C", "1D", "2A", "2B"])
    first = await answer(lambda ask: world.store.holds.hold(rider, request, ask), key("k"))
    again = await answer(lambda ask: world.store.holds.hold(rider, request, ask), key("k"))
    assert again == Reply(200, first.body, is_replayed=True)


async def test_an_error_of_the_request_is_no_answer_and_not_stored(world: World) -> None:
    bus = await world.bus()
    wrong, right = SeatRequest(bus, ["99Z"]), SeatRequest(bus, ["1A"])
    with pytest.raises(Exception, match="unknown_seat"):
        await answer(lambda ask: world.store.holds.hold(GUEST, wrong, ask), key("k"))
    reply = await answer(lambda ask: world.store.holds.hold(GUEST, right, ask), key("k"))
    assert not reply.is_replayed


async def test_a_key_is_private_to_its_bus(world: World) -> None:
    first, second = await world.bus(), await world.bus()
    await world.hold(first, ["1A"], key=key("k"))
    await world.hold(second, ["1A"], key=key("k"))


@pytest.mark.parametrize("is_elsewhere", [False, True], ids=["here", "in another process"])
async def test_while_the_first_request_runs_the_second_waits_for_its_answer(
    world: World, *, is_elsewhere: bool
) -> None:
    deed = await deeds.hold(world, await world.bus())
    store = await world.open_store() if is_elsewhere else world.store
    async with seat_locked(world, 1, "1A") as lock:
        first = asyncio.create_task(answer(partial(deed, world.store), key("k")))
        await lock.has_waiters()
        # More than one, so that those of one batch hear the same.
        others = [asyncio.create_task(answer(partial(deed, store), key("k"))) for _ in range(3)]
        await lock.has_waiters(2)
    reply = await first
    assert await asyncio.gather(*others) == [Reply(200, reply.body, is_replayed=True)] * 3


async def test_a_key_that_is_reused_while_the_first_request_runs_is_refused(world: World) -> None:
    deed = await deeds.hold(world, await world.bus())
    other = await world.open_store()
    async with seat_locked(world, 1, "1A") as lock:
        first = asyncio.create_task(answer(partial(deed, world.store), key("k")))
        await lock.has_waiters()
        asked = ("another", "the same", "another")
        others = [
            asyncio.create_task(answer(partial(deed, other), key("k", request)))
            for request in asked
        ]
        await lock.has_waiters(2)
    reply = await first
    refused, again, also = await asyncio.gather(*others, return_exceptions=True)
    assert again == Reply(200, reply.body, is_replayed=True)
    assert isinstance(refused, KeyReused)
    assert isinstance(also, KeyReused)


async def test_without_a_key_the_same_request_is_a_new_one(world: World) -> None:
    bus = await world.bus()
    await world.hold(bus, ["1A"])
    with pytest.raises(SeatUnavailable):
        await world.hold(bus, ["1A"])


async def test_a_bus_is_put_on_sale_once_for_each_key(world: World) -> None:
    new = NewBus(
        name="Once", departs_at=await tomorrow(world), price=1, total_seats=4, operator_id=1
    )
    added = await asyncio.gather(
        *(world.store.timetable.add_bus(world.admin, new, key("k")) for _ in range(6))
    )
    assert len({bus.bus_id for bus in added}) == 1
    assert [bus.is_replayed for bus in added].count(False) == 1
    with pytest.raises(KeyReused):
        await world.store.timetable.add_bus(world.admin, new, key("k", "another"))


async def test_a_key_that_put_a_bus_on_sale_is_taken_for_every_operator(world: World) -> None:
    await world.edit(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Other', 'UTC', 'EUR')"
    )
    at = await tomorrow(world)
    mine, theirs = (
        NewBus(name="Once", departs_at=at, price=1, total_seats=4, operator_id=n) for n in (1, 2)
    )
    await world.store.timetable.add_bus(world.admin, mine, key("k"))
    with pytest.raises(KeyReused):
        await world.store.timetable.add_bus(world.admin, theirs, key("k", "another"))


async def tomorrow(world: World) -> datetime:
    at: datetime = await world.owner.fetchval("SELECT now() + interval '1 day'")
    return at
