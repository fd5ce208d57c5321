"""Scripts of two and three parties in every order of their steps: no order ends badly, none ends in a deadlock.

A hold, a confirmation and a change of seats have three steps (lock, write, commit), an expiry and a cancellation two
(lock and write, commit). Whoever waits for a lock is seen waiting, and goes on when the lock is free.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement
from math import factorial, prod

import pytest

from store import Store
from store.errors import HoldExpired, InvalidRequest, SeatUnavailable, WrongState
from store.facade import StoreOptions
from store.holds import SeatRequest
from store.invariants import find_violations
from store.model import GUEST, Booking, Hold
from tests.store import deeds
from tests.support.clearing import clear
from tests.support.history import check_history
from tests.support.interleave import Deed, Stage, orders
from tests.support.world import World, decide, value

pytestmark = pytest.mark.timeout(600)

STEPS = {"hold": 3, "confirm": 3, "replace": 3, "expire": 2, "cancel": 2}
Prepare = Callable[[World, int], Awaitable[Sequence[Deed]]]


@dataclass(frozen=True, slots=True)
class Scene:
    """Who acts, on what, how many orders there are, and which ends make sense."""

    prepare: Prepare
    parties: tuple[str, ...]
    orders: int
    ends: set[tuple[type, ...]]


def take(bus: int, *seats: str) -> Deed:
    request = SeatRequest(bus, seats)
    return lambda store: value(lambda ask: store.holds.hold(GUEST, request, ask))


def swap(hold: Hold, *seats: str) -> Deed:
    owned = hold.bus.bus_id, hold.hold_id
    return lambda store: value(lambda ask: store.holds.replace(GUEST, owned, seats, ask))


def through(deed: deeds.Deed) -> Deed:
    return lambda store: decide(partial(deed, store))


def give_back(booking: Booking, *seats: str) -> Deed:
    owned = booking.bus.bus_id, booking.booking_id
    return lambda store: value(lambda ask: store.cancellations.cancel(*owned, seats or None, ask))


def sweep(store: Store) -> Awaitable[int]:
    return store.expiry.sweep()


async def two_holds(_world: World, bus: int) -> Sequence[Deed]:
    return [take(bus, "1A", "1B"), take(bus, "2A", "1B")]


async def hold_and_confirm(world: World, bus: int) -> Sequence[Deed]:
    booking = await world.book(bus, ["1A", "1B"])
    return [take(bus, "1B"), through(deeds.confirm_of(booking))]


async def hold_and_replace(world: World, bus: int) -> Sequence[Deed]:
    held = await world.hold(bus, ["1A", "1B"])
    return [take(bus, "2A"), swap(held, "1B", "2A")]


async def hold_and_expire(world: World, bus: int) -> Sequence[Deed]:
    await world.let_time_pass(await world.hold(bus, ["1A", "1B"]))
    return [take(bus, "1A"), sweep]


async def hold_and_cancel(world: World, bus: int) -> Sequence[Deed]:
    booking = await world.book(bus, ["1A", "1B"], method="cash")
    return [take(bus, "1B"), give_back(booking, "1B")]


async def two_payers(world: World, bus: int) -> Sequence[Deed]:
    paying = through(deeds.confirm_of(await world.book(bus, ["1A", "1B"])))
    return [paying, paying]


async def book_and_replace(world: World, bus: int) -> Sequence[Deed]:
    held = await world.hold(bus, ["1A", "1B"])
    return [through(deeds.book_hold_of(held)), swap(held, "1B", "2A")]


async def confirm_and_expire(world: World, bus: int) -> Sequence[Deed]:
    booking = await world.book(bus, ["1A", "1B"])
    await world.let_time_pass(booking)
    return [through(deeds.confirm_of(booking)), sweep]


async def confirm_and_cancel(world: World, bus: int) -> Sequence[Deed]:
    booking = await world.book(bus, ["1A", "1B"])
    return [through(deeds.confirm_of(booking)), give_back(booking)]


async def two_into_one(world: World, bus: int) -> Sequence[Deed]:
    first, second = await world.hold(bus, ["1A"]), await world.hold(bus, ["1B"])
    return [swap(first, "2A"), swap(second, "2A")]


async def two_who_want_to_change_places(world: World, bus: int) -> Sequence[Deed]:
    first, second = await world.hold(bus, ["1A", "2A"]), await world.hold(bus, ["1B", "1C"])
    return [swap(first, "1B", "2A"), swap(second, "1C", "1A")]


async def replace_and_expire(world: World, bus: int) -> Sequence[Deed]:
    await world.let_time_pass(await world.hold(bus, ["2A", "2B"]))
    return [swap(await world.hold(bus, ["1A", "1B"]), "1B", "2A"), sweep]


async def replace_and_cancel(world: World, bus: int) -> Sequence[Deed]:
    booking = await world.book(bus, ["2A"], method="cash")
    return [swap(await world.hold(bus, ["1A", "1B"]), "1B", "2A"), give_back(booking)]


async def two_sweeps(world: World, bus: int) -> Sequence[Deed]:
    await world.let_time_pass(await world.hold(bus, ["1A", "1B"]))
    return [sweep, sweep]


async def expire_and_cancel(world: World, bus: int) -> Sequence[Deed]:
    booking = await world.book(bus, ["1A", "1B"])
    await world.let_time_pass(booking)
    return [sweep, give_back(booking)]


async def expire_and_cancel_on_one_seat(world: World, bus: int) -> Sequence[Deed]:
    booking = await world.book(bus, ["1A", "1B"], leg=(0, 1), method="cash")
    await world.let_time_pass(await world.hold(bus, ["1A", "1B"], leg=(1, 2)))
    return [sweep, give_back(booking)]


async def two_cancellations(world: World, bus: int) -> Sequence[Deed]:
    giving = give_back(await world.book(bus, ["1A", "1B"], method="cash"))
    return [giving, giving]


async def hold_and_late_confirm_and_expire(world: World, bus: int) -> Sequence[Deed]:
    return [take(bus, "1A"), *await confirm_and_expire(world, bus)]


async def hold_and_confirm_and_expire_on_one_seat(world: World, bus: int) -> Sequence[Deed]:
    """The hold takes over what expires on the seat's first segment, beside what is being paid on its second."""
    await world.let_time_pass(await world.hold(bus, ["1A", "1B"], leg=(0, 1)))
    booking = await world.book(bus, ["1A", "1B"], leg=(1, 2))
    request = await world.request(bus, ["1A"], (0, 1))

    def hold(store: Store) -> Awaitable[Hold]:
        return value(lambda ask: store.holds.hold(GUEST, request, ask))

    return [hold, through(deeds.confirm_of(booking)), sweep]


async def hold_and_cancel_and_expire_on_one_seat(world: World, bus: int) -> Sequence[Deed]:
    expire, cancel = await expire_and_cancel_on_one_seat(world, bus)
    return [take(bus, "1A"), cancel, expire]


ONE_SEAT: set[tuple[type, ...]] = {(Hold, SeatUnavailable), (SeatUnavailable, Hold)}
HOLD, CONFIRM, REPLACE, EXPIRE, CANCEL = "hold", "confirm", "replace", "expire", "cancel"
# fmt: off
SCENES = [
    Scene(two_holds, (HOLD, HOLD), 20, ONE_SEAT),
    Scene(hold_and_confirm, (HOLD, CONFIRM), 20, {(SeatUnavailable, Booking)}),
    Scene(hold_and_replace, (HOLD, REPLACE), 20, ONE_SEAT),
    Scene(hold_and_expire, (HOLD, EXPIRE), 10, {(Hold, int)}),
    Scene(hold_and_cancel, (HOLD, CANCEL), 10, {(Hold, Booking), (SeatUnavailable, Booking)}),
    Scene(two_payers, (CONFIRM, CONFIRM), 20, {(Booking, Booking)}),
    Scene(book_and_replace, (CONFIRM, REPLACE), 20, {(Booking, HoldExpired), (InvalidRequest, Hold)}),
    Scene(confirm_and_expire, (CONFIRM, EXPIRE), 10, {(HoldExpired, int)}),
    Scene(confirm_and_cancel, (CONFIRM, CANCEL), 10, {(Booking, Booking), (WrongState, Booking)}),
    Scene(two_into_one, (REPLACE, REPLACE), 20, ONE_SEAT),
    Scene(two_who_want_to_change_places, (REPLACE, REPLACE), 20, {(SeatUnavailable, SeatUnavailable)}),
    Scene(replace_and_expire, (REPLACE, EXPIRE), 10, {(Hold, int)}),
    Scene(replace_and_cancel, (REPLACE, CANCEL), 10, {(Hold, Booking), (SeatUnavailable, Booking)}),
    Scene(two_sweeps, (EXPIRE, EXPIRE), 6, {(int, int)}),
    Scene(expire_and_cancel, (EXPIRE, CANCEL), 6, {(int, WrongState)}),
    Scene(expire_and_cancel_on_one_seat, (EXPIRE, CANCEL), 6, {(int, Booking)}),
    Scene(two_cancellations, (CANCEL, CANCEL), 6, {(Booking, WrongState), (WrongState, Booking)}),
    Scene(hold_and_late_confirm_and_expire, (HOLD, CONFIRM, EXPIRE), 560, {(Hold, HoldExpired, int)}),
    Scene(hold_and_confirm_and_expire_on_one_seat, (HOLD, CONFIRM, EXPIRE), 560, {(Hold, Booking, int)}),
    Scene(
        hold_and_cancel_and_expire_on_one_seat, (HOLD, CANCEL, EXPIRE), 210,
        {(Hold, Booking, int), (SeatUnavailable, Booking, int)},
    ),
]
# fmt: on


def test_every_pair_of_scripts_is_tried_and_the_orders_are_as_many_as_there_can_be() -> None:
    pairs = {tuple(sorted(scene.parties)) for scene in SCENES if len(scene.parties) == 2}
    assert pairs == set(combinations_with_replacement(sorted(STEPS), 2))
    for scene in SCENES:
        steps = [STEPS[party] for party in scene.parties]
        assert scene.orders == factorial(sum(steps)) // prod(map(factorial, steps))
    assert sum(scene.orders for scene in SCENES) == 1554


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.prepare.__name__)
async def test_scripts_end_well_in_every_order_of_their_steps(
    world: World, monkeypatch: pytest.MonkeyPatch, scene: Scene
) -> None:
    stores = [await world.open_store(StoreOptions(pool_size=1)) for _ in scene.parties]
    stage = Stage(monkeypatch, world.owner, stores)
    steps = [STEPS[party] for party in scene.parties]
    for player, count in zip(stage.players, steps, strict=True):
        player.steps = count
    bus = await world.bus(segments=2, seats=8)
    ends: set[tuple[type, ...]] = set()
    played = waits = 0

    for order in orders(*steps):
        outcomes = await stage.play(await scene.prepare(world, bus), order)
        end = tuple(map(type, outcomes))
        assert end in scene.ends, order
        # A statement that failed, or one that had to be tried again, would be a hole in the order of locks.
        assert not any(player.faults for player in stage.players), order
        assert await find_violations(world.store.db) == {}, order
        await check_history(world)
        await clear(world, bus)
        ends.add(end)
        played += 1
        waits += sum(player.waits for player in stage.players)
    assert played == scene.orders
    assert ends == scene.ends, "an end that never comes is no end"
    assert waits, "nobody ever waited for anybody"


@pytest.mark.parametrize("party", STEPS)
async def test_a_script_that_plays_alone_has_its_steps(
    world: World, monkeypatch: pytest.MonkeyPatch, party: str
) -> None:
    scene = next(scene for scene in SCENES if party in scene.parties)
    mine = scene.parties.index(party)
    stage = Stage(monkeypatch, world.owner, [await world.open_store(StoreOptions(pool_size=1))])
    (player,) = stage.players
    player.steps = STEPS[party]
    deed = (await scene.prepare(world, await world.bus(segments=2, seats=8)))[mine]
    await player.run(deed)
    assert player.stops == STEPS[party]
