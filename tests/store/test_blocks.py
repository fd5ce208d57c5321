import asyncio
import uuid

import pytest

from store.blocks import Block
from store.errors import (
    Forbidden,
    InvalidRequest,
    NotFound,
    SeatUnavailable,
    StoreError,
    WrongState,
)
from store.model import GUEST, Caller, Role
from tests.support.world import World, value


async def test_a_blocked_seat_is_off_sale_until_the_block_is_lifted(world: World) -> None:
    bus = await world.bus(segments=2)
    block = await world.block(bus, ["1A", "1B"])
    with pytest.raises(SeatUnavailable) as refusal:
        await world.hold(bus, ["1A"])
    assert refusal.value.seats == (("1A", "X"),)
    await world.lift(block)
    assert set((await world.states(bus)).values()) == {"AA"}
    await world.hold(bus, ["1A"])


async def test_a_seat_that_is_held_or_sold_cannot_be_blocked(world: World) -> None:
    bus = await world.bus()
    await world.hold(bus, ["1A"])
    await world.book(bus, ["1B"], method="cash")
    with pytest.raises(SeatUnavailable) as refusal:
        await world.block(bus, ["1A", "1B", "1C"])
    assert refusal.value.seats == (("1A", "L"), ("1B", "B"))
    assert (await world.states(bus))["1C"] == "A"


async def test_a_block_takes_over_what_has_expired(world: World) -> None:
    bus = await world.bus()
    await world.let_time_pass(await world.hold(bus, ["1A"]))
    await world.block(bus, ["1A"])
    assert (await world.states(bus))["1A"] == "X"
    await world.store.expiry.sweep()
    assert (await world.states(bus))["1A"] == "X"


async def test_a_block_is_lifted_once(world: World) -> None:
    bus = await world.bus()
    block = await world.block(bus, ["1A"])
    await world.lift(block)
    await world.book(bus, ["1A"], method="cash")
    with pytest.raises(WrongState):
        await world.lift(block)
    assert (await world.states(bus))["1A"] == "B"


async def test_lifting_a_block_again_leaves_the_next_one_alone(world: World) -> None:
    bus = await world.bus()
    block = await world.block(bus, ["1A"])
    await world.lift(block)
    await world.block(bus, ["1A"])
    with pytest.raises(WrongState):
        await world.lift(block)
    assert (await world.states(bus))["1A"] == "X"


async def test_of_two_who_lift_a_block_one_does(world: World) -> None:
    block = await world.block(await world.bus(), ["1A"])
    outcomes = await asyncio.gather(*(world.lift(block) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(outcome, Block) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, WrongState) for outcome in outcomes) == 3


@pytest.mark.parametrize(
    ("caller", "refusal"),
    [
        (GUEST, Forbidden),
        (Caller(9, Role.RIDER), Forbidden),
        (Caller(9, Role.AGENT, 1), Forbidden),
        (Caller(9, Role.OPERATOR, 2), NotFound),
    ],
    ids=["a guest", "a rider", "an agent", "another operator"],
)
async def test_only_the_operators_administrators_block_and_lift(
    world: World, caller: Caller, refusal: type[StoreError]
) -> None:
    bus = await world.bus()
    with pytest.raises(refusal):
        await world.block(bus, ["1A"], caller=caller)
    block = await world.block(bus, ["1A"])
    with pytest.raises(refusal):
        await world.lift(block, caller=caller)


async def test_who_blocked_what_and_why_is_logged(world: World) -> None:
    bus = await world.bus()
    await world.lift(await world.block(bus, ["1A"]))
    rows = await world.edit(
        "SELECT action, actor_id, subject FROM audit_log WHERE action LIKE 'seats.%' ORDER BY audit_id"
    )
    actor = world.manager().user_id
    assert [tuple(row) for row in rows] == [
        ("seats.block", actor, f"bus {bus}"),
        ("seats.unblock", actor, f"bus {bus}"),
    ]


async def test_a_block_that_nobody_made_is_not_found(world: World) -> None:
    owned = await world.bus(), uuid.uuid4()
    with pytest.raises(NotFound):
        await value(lambda ask: world.store.blocks.lift(world.manager(), owned, ask))


async def test_seats_that_the_bus_does_not_have_cannot_be_blocked(world: World) -> None:
    with pytest.raises(InvalidRequest):
        await world.block(await world.bus(), ["99Z"])
