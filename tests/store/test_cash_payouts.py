"""Refunds in cash are handed over once, by whoever has a drawer open, and count to it."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from store import Store, cash_payouts
from store.cash_payouts import Refund
from store.errors import Forbidden, NoOpenShift, NotFound, WrongState
from store.facade import StoreOptions
from store.model import Booking, Caller, Role
from tests.store.test_shifts import close, open_shift
from tests.support.interleave import Deed, Stage, orders
from tests.support.twins import locking, without_locks
from tests.support.world import World, answer, decide, key, value

Owned = tuple[int, UUID]


async def owed(world: World, method: str = "cash") -> tuple[Booking, Owned]:
    """Cancel a booking that was paid; return it and its refund."""
    booking = await world.book(await world.bus(), ["1A"], method=method)
    if method != "cash":
        booking = await world.pay(booking)
    booking = await world.cancel(booking)
    (refund,) = await world.store.cash_payouts.list_of(world.manager(), booking)
    return booking, (refund.bus_id, refund.refund_id)


async def pay(world: World, who: Caller, owned: Owned) -> Refund:
    return await value(lambda ask: world.store.cash_payouts.pay(who, owned, ask))


async def test_a_refund_in_cash_is_handed_over_out_of_ones_own_open_drawer(world: World) -> None:
    booking, owned = await owed(world)
    one = world.agent()
    with pytest.raises(NoOpenShift):
        await pay(world, one, owned)
    shift = await open_shift(world, one, 5000)
    paid = await pay(world, one, owned)
    assert (paid.amount, paid.shift_id, paid.ref) == (2000, shift.shift_id, booking.ref)
    done = await close(world, one, shift, 3000)
    assert [(line.kind, line.amount, line.ref) for line in done.lines] == [
        ("payout", 2000, booking.ref)
    ]
    assert (done.shift.paid_out, done.shift.difference("EUR")) == ({"EUR": 2000}, 0)
    (shown,) = await world.store.cash_payouts.list_of(world.manager(), booking)
    assert shown.paid_at == paid.paid_at
    (row,) = await world.edit(
        "SELECT count(*) AS entries FROM audit_log WHERE action = 'refund.pay_out' AND subject = $1",
        f"booking {booking.ref}",
    )
    assert row["entries"] == 1


async def test_what_is_paid_out_is_not_paid_out_again(world: World) -> None:
    _, owned = await owed(world)
    one, other = world.agent(1), world.agent(2)
    await open_shift(world, one)
    await open_shift(world, other)
    await pay(world, one, owned)
    for who in (one, other):
        with pytest.raises(WrongState):
            await pay(world, who, owned)


async def test_a_payout_that_is_asked_for_twice_under_one_key_is_one(world: World) -> None:
    _, owned = await owed(world)
    await open_shift(world, world.agent())
    payouts = world.store.cash_payouts
    await value(lambda ask: payouts.pay(world.agent(), owned, ask), key("pay"))
    again = await answer(lambda ask: payouts.pay(world.agent(), owned, ask), key("pay"))
    assert (again.status, again.is_replayed) == (200, True)


async def test_what_came_from_a_provider_is_not_handed_over_in_cash(world: World) -> None:
    _, owned = await owed(world, "demo")
    await open_shift(world, world.agent())
    with pytest.raises(WrongState):
        await pay(world, world.agent(), owned)


async def test_other_operators_refunds_are_not_there(world: World) -> None:
    booking, owned = await owed(world)
    rival = Caller(9, Role.AGENT, world.operator_id + 1)
    with pytest.raises(NotFound):
        await pay(world, rival, owned)
    with pytest.raises(NotFound):
        await world.store.cash_payouts.list_of(rival, booking)
    with pytest.raises(NotFound):
        await pay(world, world.agent(), (owned[0], UUID(int=1)))
    with pytest.raises(Forbidden):
        await pay(world, world.admin, owned)


# Two agents and one refund: in every order.


def pay_out(who: Caller, owned: Owned) -> Deed:
    async def deed(store: Store) -> object:
        return await decide(lambda ask: store.cash_payouts.pay(who, owned, ask))

    return deed


async def play(world: World, monkeypatch: pytest.MonkeyPatch) -> list[list[object]]:
    stores = [await world.open_store(StoreOptions(pool_size=1)) for _ in range(2)]
    stage = Stage(monkeypatch, world.owner, stores)
    agents = [world.agent(1), world.agent(2)]
    for agent in agents:
        await open_shift(world, agent)
    played: list[list[object]] = []
    for order in orders(3, 3):
        _, owned = await owed(world)
        played.append(await stage.play([pay_out(agent, owned) for agent in agents], order))
    return played


def is_won_by_one(outcomes: Sequence[object]) -> bool:
    return {type(outcome) for outcome in outcomes} == {Refund, WrongState}


async def test_of_two_agents_one_hands_it_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(map(is_won_by_one, await play(world, monkeypatch)))


async def test_without_the_lock_the_key_alone_refuses_the_second(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locking(without_locks, cash_payouts.SQL):
        assert all(map(is_won_by_one, await play(world, monkeypatch)))


async def test_twin_without_the_lock_and_without_the_key_both_do(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.owner.execute("ALTER TABLE cash_payouts DROP CONSTRAINT cash_payouts_once")
    with locking(without_locks, cash_payouts.SQL):
        played = await play(world, monkeypatch)
    assert any(all(isinstance(outcome, Refund) for outcome in outcomes) for outcomes in played)
