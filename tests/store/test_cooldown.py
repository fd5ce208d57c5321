"""A seat that a buyer has let go is others' for a while."""

from collections.abc import Awaitable, Callable

import pytest

from store.errors import SeatCoolingDown
from store.model import Caller
from tests.support.world import World

LetGo = Callable[[World, int, Caller], Awaitable[object]]


async def release(world: World, bus: int, buyer: Caller) -> None:
    await world.release(await world.hold(bus, ["1A"], caller=buyer), caller=buyer)


async def drop(world: World, bus: int, buyer: Caller) -> None:
    hold = await world.hold(bus, ["1A", "1B"], caller=buyer)
    await world.replace(hold, ["1B"], caller=buyer)


async def run_out(world: World, bus: int, buyer: Caller) -> None:
    """Let the time run out, just now and unswept."""
    await world.hold(bus, ["1A"], caller=buyer)
    await age(world, "holds")


async def run_out_swept(world: World, bus: int, buyer: Caller) -> None:
    await run_out(world, bus, buyer)
    assert await world.store.expiry.sweep() == 1


async def never_pay(world: World, bus: int, buyer: Caller) -> None:
    await world.book(bus, ["1A"], caller=buyer)
    await age(world, "bookings")


async def never_pay_swept(world: World, bus: int, buyer: Caller) -> None:
    await never_pay(world, bus, buyer)
    assert await world.store.expiry.sweep() == 1


async def cancel_unpaid(world: World, bus: int, buyer: Caller) -> None:
    await world.cancel(await world.book(bus, ["1A"], caller=buyer))


async def age(world: World, table: str) -> None:
    """Move everything live back in time until it has just run out."""
    await world.edit(
        f"UPDATE {table} SET expires_at = clock_timestamp(),"  # noqa: S608 - of constants
        " created_at = clock_timestamp() - interval '60 seconds' WHERE ended_at IS NULL"
    )


WAYS: dict[str, LetGo] = {
    way.__name__: way
    for way in (
        release,
        drop,
        run_out,
        run_out_swept,
        never_pay,
        never_pay_swept,
        cancel_unpaid,
    )
}


@pytest.mark.parametrize("let_go", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("how", ["hold", "book"])
async def test_a_buyer_waits_for_a_seat_just_let_go(world: World, let_go: LetGo, how: str) -> None:
    rider, bus = world.rider(1), await world.bus()
    await let_go(world, bus, rider)
    take = world.hold if how == "hold" else world.book
    with pytest.raises(SeatCoolingDown) as refusal:
        await take(bus, ["1A", "2A"], caller=rider)
    assert refusal.value.seats == ("1A",)
    assert 100 < refusal.value.retry_after_seconds <= 120
    assert (await world.states(bus))["2A"] == "A"


@pytest.mark.parametrize("let_go", WAYS.values(), ids=WAYS)
async def test_another_buyer_may_take_it_at_once(world: World, let_go: LetGo) -> None:
    bus = await world.bus()
    await let_go(world, bus, world.guest(1))
    await world.hold(bus, ["1A"], caller=world.guest(2))


@pytest.mark.parametrize("let_go", WAYS.values(), ids=WAYS)
async def test_after_the_time_it_may_be_had_again(world: World, let_go: LetGo) -> None:
    rider, bus = world.rider(1), await world.bus()
    await let_go(world, bus, rider)
    for table in ("holds", "bookings"):
        await world.owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await world.edit(
            f"UPDATE {table} SET ended_at = ended_at - interval '120 seconds',"  # noqa: S608 - of constants
            " created_at = created_at - interval '121 seconds',"
            " expires_at = expires_at - interval '120 seconds'"
        )
    await world.hold(bus, ["1A"], caller=rider)


async def test_the_time_is_the_operators_to_say(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    await world.limit(cooldown_seconds=0)
    await release(world, bus, rider)
    await release(world, bus, rider)
    await world.limit(cooldown_seconds=3600)
    with pytest.raises(SeatCoolingDown) as refusal:
        await world.hold(bus, ["1A"], caller=rider)
    assert refusal.value.retry_after_seconds > 3500


async def test_it_is_the_seat_of_that_bus_only(world: World) -> None:
    rider = world.rider(1)
    await release(world, await world.bus(), rider)
    await world.hold(await world.bus(), ["1A"], caller=rider)


async def test_a_hold_may_take_back_what_it_dropped_since_its_deadline_stays(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    hold = await world.hold(bus, ["1A", "1B"], caller=rider)
    smaller = await world.replace(hold, ["1B"], caller=rider)
    again = await world.replace(smaller, ["1A", "1B"], caller=rider)
    assert (again.seats, again.expires_at) == (hold.seats, hold.expires_at)
    await world.release(again, caller=rider)
    other = await world.hold(bus, ["3A"], caller=rider)
    with pytest.raises(SeatCoolingDown):
        await world.replace(other, ["1A", "3A"], caller=rider)


async def test_a_declined_payment_lets_the_buyer_try_again_with_the_same_seats(
    world: World,
) -> None:
    rider, bus = world.rider(1), await world.bus()
    await world.decline(await world.book(bus, ["1A"], caller=rider))
    await world.hold(bus, ["1A"], caller=rider)


async def test_what_was_bought_and_given_back_is_not_let_go_of_but_returned(world: World) -> None:
    rider, bus = world.rider(1), await world.bus()
    await world.cancel(await world.book(bus, ["1A"], caller=rider, method="cash"))
    await world.cancel(await world.pay(await world.book(bus, ["1B"], caller=rider)))
    await world.hold(bus, ["1A", "1B"], caller=rider)
