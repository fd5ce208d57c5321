"""Idempotency: one key, one effect, one answer."""

import asyncio
from datetime import datetime
from functools import partial

import pytest

from store import Store
from store.errors import KeyInUse, KeyReused, SeatUnavailable, TooManySeats
from store.holds import SeatRequest
from store.model import GUEST
from store.requests import Reply
from store.timetable import NewBus
from tests.store import deeds
from tests.support.interleave import lanes_of
from tests.support.locks import seat_locked
from tests.support.waiting import wait_until
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
    told_at_once = await asyncio.gather(
        *(answer(partial(deed, stores[turn % 2]), key("k")) for turn in range(8)),
        return_exceptions=True,
    )
    replies = [told for told in told_at_once if isinstance(told, Reply)]
    assert {type(told) for told in told_at_once} <= {Reply, KeyInUse}
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


async def test_while_the_first_request_runs_the_second_is_told_so(world: World) -> None:
    deed = await deeds.hold(world, await world.bus())
    async with seat_locked(world, 1, "1A") as lock:
        first = asyncio.create_task(answer(partial(deed, world.store), key("k")))
        await lock.has_waiters()
        with pytest.raises(KeyInUse):
            await answer(partial(deed, world.store), key("k"))
        with pytest.raises(KeyReused):
            await answer(partial(deed, world.store), key("k", "another"))
    reply = await first
    again = await answer(partial(deed, world.store), key("k"))
    assert again == Reply(200, reply.body, is_replayed=True)


async def test_in_another_process_the_second_request_waits_for_the_first_ones_answer(
    world: World,
) -> None:
    deed = await deeds.hold(world, await world.bus())
    other, third = await world.open_store(), await world.open_store()
    async with seat_locked(world, 1, "1A") as lock:
        first = asyncio.create_task(answer(partial(deed, world.store), key("k")))
        await lock.has_waiters()
        again = asyncio.create_task(answer(partial(deed, other), key("k")))
        reused = asyncio.create_task(answer(partial(deed, third), key("k", "another")))
        await lock.has_waiters(3)
    reply = await first
    assert await again == Reply(200, reply.body, is_replayed=True)
    with pytest.raises(KeyReused):
        await reused


async def test_a_caller_that_goes_away_does_not_keep_its_key_in_use(world: World) -> None:
    deed = await deeds.hold(world, await world.bus())
    async with seat_locked(world, 1, "1A") as lock:
        gone = asyncio.create_task(answer(partial(deed, world.store), key("k")))
        await lock.has_waiters()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        back = asyncio.create_task(answer(partial(deed, world.store), key("k")))
        await wait_until(lambda: waiting_in(world.store) == 1)
    assert (await back).is_replayed


def waiting_in(store: Store) -> int:
    return sum(len(lane._queue) for lane in lanes_of(store))


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
