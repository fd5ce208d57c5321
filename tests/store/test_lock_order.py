"""Every batch locks in one order: buyers' counts, seats, holds, bookings, and the buses last, with its last writes."""

import re
from collections.abc import Sequence
from functools import partial

import pytest

from store.facade import StoreOptions
from store.holds import SeatRequest
from store.model import Caller
from tests.store import deeds
from tests.support.interleave import Player, Stage
from tests.support.world import World, decide, key

# The signs by which a statement shows what it locks, in the order of locks.
SIGNS = [
    re.compile(r"INSERT INTO buyer_holds"),
    re.compile(r"FOR UPDATE OF s\b"),
    re.compile(r"FOR UPDATE OF h\b"),
    re.compile(r"FOR UPDATE OF b\b"),
    re.compile(r"FOR NO KEY UPDATE OF b\b"),
]
_BUS = len(SIGNS) - 1


def locks(statements: Sequence[str]) -> list[int]:
    """Return what is locked, as places in the order, in the sequence in which it is."""
    found: list[int] = []
    for statement in statements:
        marks = [
            (match.start(), n) for n, sign in enumerate(SIGNS) for match in sign.finditer(statement)
        ]
        found += [place for _, place in sorted(marks)]
    return found


@pytest.fixture
async def player(world: World, monkeypatch: pytest.MonkeyPatch) -> Player:
    store = await world.open_store(StoreOptions(pool_size=1))
    return Stage(monkeypatch, world.owner, [store]).players[0]


async def play(player: Player, deed: deeds.Deed) -> list[str]:
    """Let a deed through and return its statements that lock or write."""
    await player.run(lambda store: decide(partial(deed, store), key("k")))
    return player.statements


def check(statements: Sequence[str]) -> list[int]:
    """Return what is locked, in its order; owners whose time is over are locked again to be looked at."""
    order = list(dict.fromkeys(locks(statements)))
    assert order == sorted(order)
    assert statements[-1] == "COMMIT"
    if _BUS in order:
        assert SIGNS[_BUS].search(statements[-2])
        assert "INSERT INTO events" in statements[-2]
    return order


@pytest.mark.parametrize("name", deeds.ALL)
async def test_every_operation_locks_in_the_one_order_and_tells_last(
    world: World, player: Player, name: str
) -> None:
    deed = await deeds.ALL[name](world, await world.bus())
    order = check(await play(player, deed))
    assert 1 in order
    assert (_BUS in order) == (name != "extend")


async def test_the_count_of_a_signed_in_buyer_comes_first(world: World, player: Player) -> None:
    rider, bus = world.rider(1), await world.bus()
    request = SeatRequest(bus, ["1A"])
    order = check(await play(player, lambda store, ask: store.holds.hold(rider, request, ask)))
    assert order[0] == 0
    hold = await world.hold(bus, ["1B"], caller=rider)
    owned = bus, hold.hold_id
    order = check(
        await play(player, lambda store, ask: store.holds.replace(rider, owned, ["1C"], ask))
    )
    assert order[0] == 0


async def test_whoever_takes_over_locks_the_late_owner_after_the_seats(
    world: World, player: Player
) -> None:
    bus = await world.bus()
    await world.let_time_pass(await world.hold(bus, ["1A"]))
    await world.let_time_pass(await world.book(bus, ["1B"]))
    request = SeatRequest(bus, ["1A", "1B"])
    order = check(await play(player, lambda store, ask: store.holds.hold(Caller(), request, ask)))
    assert order == [1, 2, 3, _BUS]


async def test_a_sweep_locks_in_the_same_order(world: World, player: Player) -> None:
    bus = await world.bus()
    await world.let_time_pass(await world.hold(bus, ["1A"], caller=world.rider(1)))
    await world.let_time_pass(await world.book(bus, ["1B"]))
    assert await player.run(lambda store: store.expiry.sweep()) == 2
    assert player.statements.count("COMMIT") == 1
    assert check(player.statements) == [0, 1, 2, 3, _BUS]
