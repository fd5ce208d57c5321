"""Pairs of operations in every order of their statements: whatever the order, the end is one that makes sense."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from store import Store
from store.blocks import Block
from store.errors import HoldExpired, InvalidRequest, SeatUnavailable, WrongState
from store.facade import StoreOptions
from store.model import GUEST, Booking, Hold
from store.requests import Ask, Reply
from tests.store import deeds
from tests.support.interleave import Deed, Stage, orders
from tests.support.twins import drop_guarantee, locking, without_locks
from tests.support.world import World, decide

Prepare = Callable[[World, int], Awaitable[Sequence[Deed]]]


@dataclass(frozen=True, slots=True)
class Scene:
    """Two deeds, and the pairs of ends they may come to."""

    prepare: Prepare
    ends: set[tuple[type, type]]


def take(bus: int, seat: str = "1A") -> Deed:
    return partial(deeds.hold_one, bus=bus, seat=seat)


def through(deed: Callable[[Store, Ask[Any]], Awaitable[Reply]]) -> Deed:
    return lambda store: decide(partial(deed, store))


def sweep(store: Store) -> Awaitable[int]:
    return store.expiry.sweep()


async def two_holds(_world: World, bus: int) -> Sequence[Deed]:
    return [take(bus), take(bus)]


async def two_takeovers(world: World, bus: int) -> Sequence[Deed]:
    await world.let_time_pass(await world.hold(bus, ["1A", "1B"]))
    return [take(bus), take(bus)]


async def takeover_and_sweep(world: World, bus: int) -> Sequence[Deed]:
    await world.let_time_pass(await world.hold(bus, ["1A", "1B"]))
    return [take(bus), sweep]


async def takeover_and_sweep_of_a_booking(world: World, bus: int) -> Sequence[Deed]:
    await world.let_time_pass(await world.book(bus, ["1A", "1B"]))
    return [take(bus), sweep]


async def two_sweeps(world: World, bus: int) -> Sequence[Deed]:
    await world.let_time_pass(await world.hold(bus, ["1A", "1B"]))
    return [sweep, sweep]


async def hold_and_confirm(world: World, bus: int) -> Sequence[Deed]:
    return [take(bus), through(await deeds.confirm(world, bus))]


async def hold_and_late_confirm(world: World, bus: int) -> Sequence[Deed]:
    booking = await world.book(bus, ["1A", "1B"])
    await world.let_time_pass(booking)
    return [take(bus), through(deeds.confirm_of(booking))]


async def confirm_and_cancel(world: World, bus: int) -> Sequence[Deed]:
    booking = await world.book(bus, ["1A", "1B"])
    return [through(deeds.confirm_of(booking)), through(deeds.cancel_of(booking))]


async def hold_and_cancel(world: World, bus: int) -> Sequence[Deed]:
    return [take(bus, "1B"), through(await deeds.cancel_seat(world, bus))]


async def hold_and_swap(world: World, bus: int) -> Sequence[Deed]:
    return [take(bus, "2A"), through(await deeds.replace(world, bus))]


async def book_and_release(world: World, bus: int) -> Sequence[Deed]:
    hold = await world.hold(bus, ["1A", "1B"])
    owned = bus, hold.hold_id
    return [
        through(deeds.book_hold_of(hold)),
        through(lambda store, ask: store.holds.release(GUEST, owned, ask)),
    ]


async def book_and_swap(world: World, bus: int) -> Sequence[Deed]:
    hold = await world.hold(bus, ["1A", "1B"])
    owned = bus, hold.hold_id
    return [
        through(deeds.book_hold_of(hold)),
        through(lambda store, ask: store.holds.replace(GUEST, owned, ["1B", "2A"], ask)),
    ]


async def hold_and_block(world: World, bus: int) -> Sequence[Deed]:
    return [take(bus), through(await deeds.block(world, bus))]


ONE_SEAT = {(Hold, SeatUnavailable), (SeatUnavailable, Hold)}
SCENES = [
    Scene(two_holds, ONE_SEAT),
    Scene(two_takeovers, ONE_SEAT),
    Scene(takeover_and_sweep, {(Hold, int)}),
    Scene(takeover_and_sweep_of_a_booking, {(Hold, int)}),
    Scene(two_sweeps, {(int, int)}),
    Scene(hold_and_confirm, {(SeatUnavailable, Booking)}),
    Scene(hold_and_late_confirm, {(Hold, HoldExpired)}),
    Scene(confirm_and_cancel, {(Booking, Booking), (WrongState, Booking)}),
    Scene(hold_and_cancel, {(Hold, Booking), (SeatUnavailable, Booking)}),
    Scene(hold_and_swap, ONE_SEAT),
    Scene(book_and_release, {(Booking, HoldExpired), (HoldExpired, Hold)}),
    Scene(book_and_swap, {(Booking, HoldExpired), (InvalidRequest, Hold)}),
    Scene(hold_and_block, {(Hold, SeatUnavailable), (SeatUnavailable, Block)}),
]


async def test_twin_without_locks_some_order_sells_a_seat_twice(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await World.open(database_url)
    stores = [await world.open_store(StoreOptions(pool_size=1)) for _ in range(2)]
    stage = Stage(monkeypatch, world.owner, stores)
    await drop_guarantee(world)
    ends = set()
    with locking(without_locks):
        for order in orders(2, 2):
            bus = await world.bus(seats=8)
            ends.add(tuple(map(type, await stage.play(await two_holds(world, bus), order))))
    await world.close()
    assert (Hold, Hold) in ends


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.prepare.__name__)
async def test_every_order_of_two_operations_ends_well(
    world: World, monkeypatch: pytest.MonkeyPatch, scene: Scene
) -> None:
    stores = [await world.open_store(StoreOptions(pool_size=1)) for _ in range(2)]
    stage = Stage(monkeypatch, world.owner, stores)

    async def play(order: Sequence[int]) -> None:
        outcomes = await stage.play(await scene.prepare(world, await world.bus(seats=8)), order)
        assert tuple(map(type, outcomes)) in scene.ends, order
        # A statement that failed, or one that had to be tried again, would be a hole in the order of locks.
        assert [player.faults for player in stage.players] == [[], []], order

    steps = [0, 0]
    for first in ([0], [1]):
        await play(first * 20)
        steps = [max(most, p.stops) for most, p in zip(steps, stage.players, strict=True)]
    assert min(steps) >= 1
    for order in orders(*steps):
        await play(order)
