"""COMMIT is sent and no answer comes. What then is answered is true, and a key has one effect."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest

from store import Store
from store.accounts import NewUser
from store.audit import NewEntry
from store.errors import OutcomeUnknown, Overloaded
from store.facade import StoreOptions
from store.holds import SeatRequest
from store.lane import LaneOptions
from store.model import GUEST, Booking, Hold
from store.requests import Reply
from tests.store import deeds
from tests.support.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.support.waiting import wait_until
from tests.support.world import World, answer, decide, key

pytestmark = pytest.mark.fault
every_deed = pytest.mark.parametrize("name", deeds.ALL)


@pytest.fixture
async def proxy(world: World) -> AsyncIterator[FaultProxy]:
    async with fault_proxy(world.url) as proxy:
        yield proxy


@pytest.fixture
async def distant(proxy: FaultProxy) -> AsyncIterator[Store]:
    """A store that reaches the database through the proxy."""
    store = await Store.open(proxy.url, StoreOptions(pool_size=4))
    yield store
    proxy.calm()
    await store.close()


@every_deed
async def test_a_commit_that_never_arrived_is_done_again(
    world: World, proxy: FaultProxy, distant: Store, name: str
) -> None:
    bus = await world.bus()
    deed = await deeds.ALL[name](world, bus)
    (before,) = await world.store.buses.positions([bus])
    proxy.arm(Fault.CUT_BEFORE)
    reply = await answer(partial(deed, distant), key("k"))
    assert proxy.struck == [Fault.CUT_BEFORE]
    assert (reply.status, reply.is_replayed) == (200, False)
    (after,) = await world.store.buses.positions([bus])
    assert after.rev - before.rev == (0 if name == "extend" else 1)


@every_deed
async def test_a_commit_whose_answer_was_lost_is_found_by_its_key(
    world: World, proxy: FaultProxy, distant: Store, name: str
) -> None:
    bus = await world.bus()
    deed = await deeds.ALL[name](world, bus)
    (before,) = await world.store.buses.positions([bus])
    proxy.arm(Fault.CUT_AFTER)
    reply = await answer(partial(deed, distant), key("k"))
    assert proxy.struck == [Fault.CUT_AFTER]
    assert (reply.status, reply.is_replayed) == (200, True)
    assert await answer(partial(deed, world.store), key("k")) == reply
    (after,) = await world.store.buses.positions([bus])
    assert after.rev - before.rev == (0 if name == "extend" else 1)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        *((name, Fault.CUT_AFTER) for name in deeds.ALL),
        *((name, Fault.CUT_BEFORE) for name in ("hold", "confirm", "cancel")),
    ],
)
async def test_without_a_key_a_lost_commit_is_never_called_a_failure(
    world: World, proxy: FaultProxy, distant: Store, name: str, fault: Fault
) -> None:
    bus = await world.bus()
    deed = await deeds.ALL[name](world, bus)
    (before,) = await world.store.buses.positions([bus])
    proxy.arm(fault)
    try:
        await decide(partial(deed, distant))
    except OutcomeUnknown:
        assert fault is Fault.CUT_AFTER
    assert proxy.struck == [fault]
    (after,) = await world.store.buses.positions([bus])
    assert after.rev - before.rev == (0 if name == "extend" else 1)


async def test_a_slow_commit_is_waited_for(world: World, proxy: FaultProxy, distant: Store) -> None:
    deed = await deeds.book(world, await world.bus())
    proxy.arm(Fault.SLOW)
    reply = await answer(partial(deed, distant), key("k"))
    assert (reply.status, reply.is_replayed) == (200, False)


@pytest.mark.parametrize("name", ["hold", "book", "confirm"])
async def test_a_commit_that_arrives_when_its_client_has_gone_is_waited_for_or_called_unknown(
    world: World, proxy: FaultProxy, distant: Store, name: str
) -> None:
    deed = await deeds.ALL[name](world, await world.bus())
    proxy.arm(Fault.LATE)
    try:
        reply = await answer(partial(deed, distant), key("k"))
    except OutcomeUnknown:
        pass
    else:
        assert (reply.status, reply.is_replayed) == (200, True)


@pytest.mark.parametrize("name", ["hold", "book", "confirm"])
async def test_a_commit_that_arrives_when_its_client_has_gone_is_found_by_asking_again(
    world: World, proxy: FaultProxy, distant: Store, name: str
) -> None:
    deed = await deeds.ALL[name](world, await world.bus())
    proxy.arm(Fault.LATE)
    replies: list[Reply] = []

    async def is_answered() -> bool:
        try:
            replies.append(await answer(partial(deed, distant), key("k")))
        except OutcomeUnknown:
            return False
        return True

    await wait_until(is_answered)
    assert (replies[0].status, replies[0].is_replayed) == (200, True)


async def test_among_many_cuts_every_key_has_one_effect_and_every_answer_is_true(
    world: World, proxy: FaultProxy
) -> None:
    """Eighty requests on twenty seats, each repeated by its client until there is an answer."""
    lane = LaneOptions(in_flight=4, batch_max=3)
    distant = await Store.open(proxy.url, StoreOptions(pool_size=4, lane=lane))
    bus = await world.bus(seats=20)
    labels = list(await world.states(bus))
    proxy.leave_to_chance(11, {Fault.CUT_BEFORE: 0.15, Fault.CUT_AFTER: 0.15})
    replies: dict[int, Reply] = {}

    async def insist(number: int) -> None:
        request = SeatRequest(bus, [labels[number % len(labels)]])

        async def is_answered() -> bool:
            try:
                replies[number] = await answer(
                    lambda ask: distant.holds.hold(GUEST, request, ask), key(f"{number}")
                )
            except (OutcomeUnknown, Overloaded):
                return False
            return True

        await wait_until(is_answered, seconds=30)

    await asyncio.gather(*(insist(number) for number in range(80)))
    proxy.calm()
    await distant.close()
    assert {Fault.CUT_BEFORE, Fault.CUT_AFTER} <= set(proxy.struck)
    won = [number for number, reply in replies.items() if reply.status == 200]
    assert sorted(number % 20 for number in won) == list(range(20))
    assert {reply.status for reply in replies.values()} == {200, 409}
    (row,) = await world.edit(
        "SELECT (SELECT count(*) FROM holds) AS holds, (SELECT count(*) FROM claims) AS claims,"
        " (SELECT count(*) FROM idempotency_keys) AS keys"
    )
    assert tuple(row) == (20, 20, 80)


READS: dict[str, Callable[[Store, Hold, Booking], Awaitable[object]]] = {
    "find a hold": lambda store, hold, _: store.holds.find(GUEST, (hold.bus.bus_id, hold.hold_id)),
    "find a booking": lambda store, _, booking: store.lookup.find(
        booking.bus.bus_id, booking.booking_id
    ),
    "find by ref": lambda store, _, booking: store.lookup.find_by_ref(booking.ref),
    "quote": lambda store, _, booking: store.cancellations.quote(
        booking.bus.bus_id, booking.booking_id, None
    ),
    "sweep": lambda store, _, __: store.expiry.sweep(),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_read_has_no_commit_to_lose(
    world: World,
    proxy: FaultProxy,
    distant: Store,
    read: Callable[[Store, Hold, Booking], Awaitable[object]],
) -> None:
    bus = await world.bus()
    hold, booking = await world.hold(bus, ["1A"]), await world.book(bus, ["1B"], method="cash")
    proxy.arm(Fault.CUT_AFTER)
    await read(distant, hold, booking)
    assert proxy.struck == []


WRITES: dict[str, Callable[[Store], Awaitable[object]]] = {
    "log": lambda store: store.audit.add([NewEntry(None, None, "key.use", "key 1", {})]),
    "register": lambda store: store.accounts.add(NewUser("Ann", "a@example.org", "hash")),
    "rotate": lambda store: store.sessions.rotate("unknown"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_lost_commit_that_no_key_can_resolve_is_called_unknown(
    proxy: FaultProxy, distant: Store, write: Callable[[Store], Awaitable[object]]
) -> None:
    proxy.arm(Fault.CUT_AFTER)
    with pytest.raises(OutcomeUnknown):
        await write(distant)
    assert proxy.struck == [Fault.CUT_AFTER]


async def test_a_link_that_is_cut_before_anything_is_committed_is_only_a_delay(
    world: World, proxy: FaultProxy, distant: Store
) -> None:
    bus = await world.bus()
    await asyncio.gather(*(deeds.hold_one(distant, bus, seat) for seat in ("1A", "1B")))
    proxy.cut_all()
    await deeds.hold_one(distant, bus, "1C")
    assert (await world.states(bus))["1C"] == "L"
