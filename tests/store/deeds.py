"""Every operation that changes seats, made ready to be asked for as often as a test likes."""

from collections.abc import Awaitable, Callable
from typing import Any

from store import Store
from store.holds import SeatRequest
from store.model import GUEST, Booking, Hold
from store.requests import Ask, Reply
from tests.support.world import World, purchase_of, value

Deed = Callable[[Store, Ask[Any]], Awaitable[Reply]]
"""Asks a store (one of several, perhaps) for the same thing at every call."""
Preparation = Callable[[World, int], Awaitable[Deed]]


async def hold(_world: World, bus: int) -> Deed:
    request = SeatRequest(bus, ["1A", "1B"])
    return lambda store, ask: store.holds.hold(GUEST, request, ask)


async def replace(world: World, bus: int) -> Deed:
    held = await world.hold(bus, ["1A", "1B"])
    owned = bus, held.hold_id
    return lambda store, ask: store.holds.replace(GUEST, owned, ["1B", "2A"], ask)


async def extend(world: World, bus: int) -> Deed:
    held = await world.hold(bus, ["1A", "1B"])
    owned = bus, held.hold_id
    return lambda store, ask: store.holds.extend(GUEST, owned, ask)


async def release(world: World, bus: int) -> Deed:
    held = await world.hold(bus, ["1A", "1B"])
    owned = bus, held.hold_id
    return lambda store, ask: store.holds.release(GUEST, owned, ask)


async def book(_world: World, bus: int) -> Deed:
    request = SeatRequest(bus, ["1A", "1B"])
    purchase = purchase_of(["1A", "1B"])
    return lambda store, ask: store.bookings.book(GUEST, request, purchase, ask)


async def book_hold(world: World, bus: int) -> Deed:
    return book_hold_of(await world.hold(bus, ["1A", "1B"]))


def book_hold_of(held: Hold) -> Deed:
    owned = held.bus.bus_id, held.hold_id
    purchase = purchase_of([held.bus.layout.label(seat) for seat in held.seats])
    return lambda store, ask: store.bookings.book_hold(GUEST, owned, purchase, ask)


async def confirm(world: World, bus: int) -> Deed:
    return confirm_of(await world.book(bus, ["1A", "1B"]))


def confirm_of(booking: Booking) -> Deed:
    owned = booking.bus.bus_id, booking.booking_id
    return lambda store, ask: store.settlement.confirm(owned, ask, method="demo")


async def decline(world: World, bus: int) -> Deed:
    booking = await world.book(bus, ["1A", "1B"])
    owned = bus, booking.booking_id
    return lambda store, ask: store.settlement.decline(owned, ask, method="demo")


async def cancel(world: World, bus: int) -> Deed:
    return cancel_of(await world.book(bus, ["1A", "1B"], method="cash"))


def cancel_of(booking: Booking) -> Deed:
    bus, number = booking.bus.bus_id, booking.booking_id
    return lambda store, ask: store.cancellations.cancel(bus, number, None, ask)


async def cancel_seat(world: World, bus: int) -> Deed:
    booking = await world.book(bus, ["1A", "1B"], method="cash")
    return lambda store, ask: store.cancellations.cancel(bus, booking.booking_id, ["1B"], ask)


async def cancel_unpaid(world: World, bus: int) -> Deed:
    return cancel_of(await world.book(bus, ["1A", "1B"]))


async def block(world: World, bus: int) -> Deed:
    request, staff = SeatRequest(bus, ["1A", "1B"]), world.manager()
    return lambda store, ask: store.blocks.block(staff, request, "wet", ask)


async def lift(world: World, bus: int) -> Deed:
    blocked = await world.block(bus, ["1A", "1B"])
    owned, staff = (bus, blocked.block_id), world.manager()
    return lambda store, ask: store.blocks.lift(staff, owned, ask)


async def move(world: World, bus: int) -> Deed:
    return move_of(world, await world.book(bus, ["1A", "1B"], method="cash"), "2C")


def move_of(world: World, booking: Booking, seat: str, place: int = 0) -> Deed:
    staff, code = world.agent(), booking.tickets[place].code
    return lambda store, ask: store.passenger_moves.move(staff, booking, code, seat, ask)


async def hold_one(store: Store, bus: int, seat: str) -> Hold:
    """Hold one seat through this store; raise the refusal."""
    request = SeatRequest(bus, [seat])
    return await value(lambda ask: store.holds.hold(GUEST, request, ask))


ALL: dict[str, Preparation] = {
    deed.__name__: deed
    for deed in (
        hold,
        replace,
        extend,
        release,
        book,
        book_hold,
        confirm,
        decline,
        cancel,
        cancel_seat,
        cancel_unpaid,
        block,
        lift,
        move,
    )
}
