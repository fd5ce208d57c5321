"""Two deeds of one buyer at once, in every order of their statements; and the same when counts are not locked."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import pytest
from msgspec.structs import replace

from store import Store
from store.errors import (
    AddressFull,
    AlreadyExtended,
    HoldExpired,
    SeatCoolingDown,
    SeatUnavailable,
    TooManyHolds,
    TooManySeats,
)
from store.facade import StoreOptions
from store.holds import SeatRequest
from store.model import Booking, Caller, DeviceKind, Hold
from tests.support.fleet import device
from tests.support.interleave import Deed, Stage, orders
from tests.support.twins import counting_without_locks
from tests.support.world import World, decide, purchase_of

Prepare = Callable[[World, int], Awaitable[Sequence[Deed]]]
LEFT, RIGHT = ["1A", "1B", "1C", "1D"], ["2A", "2B", "2C", "2D"]


def hold(caller: Caller, bus: int, seats: Sequence[str]) -> Deed:
    request = SeatRequest(bus, seats)

    async def deed(store: Store) -> object:
        return await decide(lambda ask: store.holds.hold(caller, request, ask))

    return deed


def book(caller: Caller, bus: int, seats: Sequence[str]) -> Deed:
    request, purchase = SeatRequest(bus, seats), purchase_of(seats)

    async def deed(store: Store) -> object:
        return await decide(lambda ask: store.bookings.book(caller, request, purchase, ask))

    return deed


def reserve(kiosk: Caller, bus: int, seats: Sequence[str]) -> Deed:
    request = SeatRequest(bus, seats)
    voucher = replace(purchase_of(seats), method="cash", is_paid=False, is_voucher=True)

    async def deed(store: Store) -> object:
        return await decide(lambda ask: store.bookings.book(kiosk, request, voucher, ask))

    return deed


def of_hold(what: str, caller: Caller, held: Hold) -> Deed:
    owned = held.bus.bus_id, held.hold_id

    async def deed(store: Store) -> object:
        return await decide(partial(getattr(store.holds, what), caller, owned))

    return deed


async def two_holds(world: World, bus: int) -> Sequence[Deed]:
    rider = world.rider(1)
    return [hold(rider, bus, LEFT), hold(rider, bus, RIGHT)]


async def a_hold_and_a_booking(world: World, bus: int) -> Sequence[Deed]:
    rider = world.rider(1)
    return [hold(rider, bus, LEFT), book(rider, bus, RIGHT)]


async def two_browsers_of_an_address(world: World, bus: int) -> Sequence[Deed]:
    return [hold(world.guest(1), bus, LEFT), hold(world.guest(2), bus, RIGHT)]


async def a_third_and_a_fourth_hold(world: World, bus: int) -> Sequence[Deed]:
    rider = world.rider(1)
    await world.hold(bus, ["9A"], caller=rider)
    return [hold(rider, bus, ["1A"]), hold(rider, bus, ["2A"])]


async def two_vouchers_of_a_kiosk(world: World, bus: int) -> Sequence[Deed]:
    kiosk = await device(world, DeviceKind.KIOSK)
    return [reserve(kiosk, bus, LEFT), reserve(kiosk, bus, RIGHT)]


# Each: the deeds, how many of them may come through, and what the others are told.
SCENES: dict[str, tuple[Prepare, set[type]]] = {
    "two holds": (two_holds, {TooManySeats}),
    "a hold and an unpaid booking": (a_hold_and_a_booking, {TooManySeats}),
    "two browsers of one address": (two_browsers_of_an_address, {AddressFull}),
    "two vouchers of a kiosk": (two_vouchers_of_a_kiosk, {TooManySeats}),
    "a second and a third hold": (a_third_and_a_fourth_hold, {TooManyHolds}),
}


async def play(
    world: World, monkeypatch: pytest.MonkeyPatch, prepare: Prepare
) -> list[list[object]]:
    """Play a scene in every order, on a bus of its own each time; return the outcomes."""
    stores = [await world.open_store(StoreOptions(pool_size=1)) for _ in range(2)]
    stage = Stage(monkeypatch, world.owner, stores)
    played: list[list[object]] = []
    for order in orders(3, 3):
        bus = await world.bus()
        deeds = await prepare(world, bus)
        played.append(await stage.play(deeds, order))
        await end_everything(world)
    return played


async def end_everything(world: World) -> None:
    """Let all time run out: what is kept for longer would count on the bus of the next order too."""
    for table, is_live in (("holds", "state = 'ACTIVE'"), ("bookings", "status = 'PENDING'")):
        await world.edit(
            f"UPDATE {table} SET created_at = created_at - interval '1 day',"  # noqa: S608 - of constants
            f" expires_at = expires_at - interval '1 day' WHERE {is_live}"
        )


@pytest.mark.parametrize("name", SCENES)
async def test_whatever_the_order_one_comes_through_and_the_cap_stands(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    prepare, refusals = SCENES[name]
    for outcomes in await play(world, monkeypatch, prepare):
        made = [outcome for outcome in outcomes if isinstance(outcome, Hold | Booking)]
        refused = {type(outcome) for outcome in outcomes if outcome not in made}
        assert (len(made), refused) == (1, refusals)


@pytest.mark.parametrize("name", SCENES)
async def test_twin_without_the_lock_of_counts_lets_both_through_in_some_order(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    prepare, _ = SCENES[name]
    with counting_without_locks():
        played = await play(world, monkeypatch, prepare)
    assert any(
        all(isinstance(outcome, Hold | Booking) for outcome in outcomes) for outcomes in played
    )


async def test_two_extensions_at_once_are_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rider = world.rider(1)

    async def two_extensions(world: World, bus: int) -> Sequence[Deed]:
        held = await world.hold(bus, ["1A"], caller=rider)
        return [of_hold("extend", rider, held)] * 2

    for outcomes in await play(world, monkeypatch, two_extensions):
        assert {type(outcome) for outcome in outcomes} == {Hold, AlreadyExtended}


async def test_nobody_takes_a_seat_back_in_the_moment_of_letting_it_go(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rider = world.rider(1)

    async def let_go_and_take(world: World, bus: int) -> Sequence[Deed]:
        held = await world.hold(bus, ["1A"], caller=rider)
        return [of_hold("release", rider, held), hold(rider, bus, ["1A"])]

    told: set[type] = set()
    for released, taken in await play(world, monkeypatch, let_go_and_take):
        assert isinstance(released, Hold)
        told.add(type(taken))
    assert told == {SeatUnavailable, SeatCoolingDown}


async def test_time_that_runs_out_during_an_extension_frees_nothing_for_its_buyer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rider = world.rider(1)

    async def extend_late_and_hold(world: World, bus: int) -> Sequence[Deed]:
        held = await world.hold(bus, LEFT, caller=rider)
        await world.let_time_pass(held)
        return [of_hold("extend", rider, held), hold(rider, bus, RIGHT)]

    for extended, other in await play(world, monkeypatch, extend_late_and_hold):
        assert isinstance(extended, HoldExpired)
        assert isinstance(other, Hold)
