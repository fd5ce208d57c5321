"""Operators are kept apart in the store itself: with both guards, with either alone, and with neither, not at all."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from store.audit import Wanted
from store.errors import NotFound
from store.fares import NewFares
from store.model import Booking, Caller, Hold, Limits, Role
from tests.support.twins import staff_is_everybodys, switch_off_row_security
from tests.support.world import World

GUARDS = {
    "as built": (True, True),
    "without row security": (True, False),
    "without conditions in queries and rules": (False, True),
}


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    """A world whose guards may be off: nothing is asked of it at the end."""
    opened = await World.open(database_url)
    yield opened
    await opened.close()


@contextmanager
def scoping(*, is_on: bool) -> Iterator[None]:
    if is_on:
        yield
        return
    with staff_is_everybodys():
        yield


class Rival:
    """Another operator, with staff that tries things on the world's own."""

    def __init__(self, world: World, operator_id: int) -> None:
        self.world = world
        self.operator_id = operator_id

    def as_(self, role: Role) -> Caller:
        return Caller(900, role, self.operator_id)

    async def leaks(self) -> list[str]:
        """Try everything; return what was neither refused nor answered with nothing."""
        world, found = self.world, []
        bus = await world.bus()
        hold = await world.hold(bus, ["1A"], caller=world.rider(1))
        other = await world.hold(bus, ["4A"], caller=world.rider(1))
        booking = await world.book(bus, ["1B"], method="cash")
        block = await world.block(bus, ["1C"])
        rev = (await world.store.buses.seat_states(bus)).rev
        tries: dict[str, Callable[[Caller], Awaitable[object]]] = {
            "find hold": lambda me: world.store.holds.find(me, (bus, hold.hold_id)),
            "extend hold": lambda me: world.extend(hold, caller=me),
            "replace hold": lambda me: world.replace(other, ["2A"], caller=me),
            "find booking": lambda me: world.store.lookup.find_for(me, booking.ref, None),
            "book hold": lambda me: world.book_hold(hold, caller=me),
            "lift block": lambda me: world.lift(block, caller=me),
            "block": lambda me: world.block(bus, ["3A"], caller=me),
            "fares": lambda me: world.store.fares.change(me, bus, NewFares([], [5])),
            "limits": lambda me: world.store.limits.find(me, world.operator_id),
            "log": self.log,
            "set limits": lambda me: world.store.limits.set(
                me, world.operator_id, replace(Limits(), cooldown_seconds=7)
            ),
        }
        for name, attempt in tries.items():
            try:
                outcome = await attempt(self.as_(Role.OPERATOR))
            except NotFound:
                continue
            found += [] if outcome == [] else [name]
        moved = (await world.store.buses.seat_states(bus)).rev - rev
        assert bool(found) == bool(moved), (found, moved)
        return found

    async def log(self, me: Caller) -> object:
        entries = await self.world.store.audit.list(
            me, Wanted(self.world.operator_id), before=None, limit=5
        )
        return [entry for entry in entries if entry.operator_id == self.world.operator_id]


@pytest.fixture
async def rival(world: World) -> Rival:
    (added,) = await world.edit(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Southline', 'UTC', 'EUR') RETURNING operator_id"
    )
    return Rival(world, added["operator_id"])


@pytest.mark.parametrize("guards", GUARDS)
async def test_nothing_of_another_operator_is_seen_or_changed(
    world: World, rival: Rival, guards: str
) -> None:
    is_scoped, has_row_security = GUARDS[guards]
    if not has_row_security:
        await switch_off_row_security(world.owner)
    with scoping(is_on=is_scoped):
        assert await rival.leaks() == []


async def test_twin_without_either_guard_all_of_it_leaks(world: World, rival: Rival) -> None:
    await switch_off_row_security(world.owner)
    with scoping(is_on=False):
        assert len(await rival.leaks()) == 11


@pytest.mark.parametrize("guards", GUARDS)
async def test_a_days_sales_are_those_of_the_operators_that_were_asked_for(
    world: World, rival: Rival, guards: str
) -> None:
    is_scoped, has_row_security = GUARDS[guards]
    await world.book(await world.bus(), ["1A"], method="cash")
    await world.hold(await world.bus(), ["1A"])
    if not has_row_security:
        await switch_off_row_security(world.owner)
    with scoping(is_on=is_scoped):
        (day,) = await world.store.sales.today([rival.operator_id], {})
        assert (day.holds, day.hours, day.conflicts) == (0, (), 0)
        (own,) = await world.store.sales.today([world.operator_id], {})
        assert (own.holds, len(own.hours)) == (1, 1)


async def test_staff_of_another_operator_buys_like_anybody(world: World, rival: Rival) -> None:
    bus, stranger = await world.bus(), rival.as_(Role.AGENT)
    hold: Hold = await world.hold(bus, ["1A"], caller=stranger)
    assert await world.store.holds.find(stranger, (bus, hold.hold_id)) == hold
    booking: Booking = await world.book_hold(hold, caller=stranger)
    assert booking.user_id == stranger.user_id
    assert (await world.store.lookup.find_for(stranger, booking.ref, None)).ref == booking.ref


async def test_a_key_opens_what_it_is_for_whoever_has_it(world: World, rival: Rival) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    for caller in (rival.as_(Role.AGENT), world.guest(1), world.rider(9)):
        found = await world.store.lookup.find_for(
            caller, booking.ref, lambda number: number == booking.booking_id
        )
        assert found.ref == booking.ref
        with pytest.raises(NotFound):
            await world.store.lookup.find_for(caller, booking.ref, lambda _: False)
