"""The ledger: written by whatever moves money, in its transaction; balanced, and never rewritten."""

import uuid

import asyncpg
import pytest

from store.payouts import Attempt, PayoutStatus
from tests.money.words import balances, find
from tests.support.world import World

PRICE = 2000


async def promised(world: World, bus: int) -> list[uuid.UUID]:
    rows = await world.edit("SELECT refund_id FROM refunds WHERE bus_id = $1", bus)
    return [row["refund_id"] for row in rows]


async def test_cash_lies_in_the_drawer_and_a_cancelled_seat_is_owed(world: World) -> None:
    bus = await world.bus()
    booking = await world.book(bus, ["1A", "1B"], caller=world.agent(), method="cash")
    assert await balances(world) == {"cash_drawer": 2 * PRICE, "sales": -2 * PRICE}
    await world.cancel(booking, ["1B"])
    assert await balances(world) == {
        "cash_drawer": 2 * PRICE,
        "sales": -PRICE,
        "refunds_due": -PRICE,
    }


async def test_what_is_paid_back_is_not_owed_any_more_however_often_it_is_told(
    world: World,
) -> None:
    bus = await world.bus()
    booking = await world.pay(await world.book(bus, ["1A"]))
    await world.cancel(booking)
    (refund_id,) = await promised(world, bus)
    payouts = world.store.payouts
    payout = await payouts.find(bus, refund_id)
    assert payout is not None
    assert not payout.is_paid
    pending = Attempt(uuid.uuid4(), PayoutStatus.PENDING)
    assert await payouts.record(payout, pending)
    assert await balances(world) == {"provider_clearing": PRICE, "refunds_due": -PRICE}
    done = [Attempt(uuid.uuid4(), PayoutStatus.DONE) for _ in range(3)]
    assert [await payouts.record(payout, each) for each in (*done, done[0])] == [
        True,
        *[False] * 3,
    ]
    assert await balances(world) == {}
    paid = await payouts.find(bus, refund_id)
    assert paid is not None
    assert paid.is_paid


async def test_a_sale_that_was_given_away_moves_no_money(world: World) -> None:
    booking = await world.book(
        await world.bus(price=0), ["1A"], caller=world.agent(), method="cash"
    )
    await world.cancel(booking)
    assert await balances(world) == {}
    assert (await find(world, booking)).refunded == 0


async def test_not_even_the_owner_rewrites_the_ledger(world: World) -> None:
    await world.book(await world.bus(), ["1A"], caller=world.agent(), method="cash")
    for statement in (
        "UPDATE postings SET amount = amount + 1",
        "DELETE FROM postings",
        "UPDATE refund_attempts SET status = 'DONE'",
        "DELETE FROM refund_attempts",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only ever added to"):
            await world.edit(statement)
