"""The database's clock and the operator's word decide what is still for sale."""

from datetime import timedelta

import pytest

from store.errors import Departed, SalesClosed
from store.model import Hold
from tests.support.waiting import wait_until
from tests.support.world import World


async def test_a_bus_that_has_left_sells_nothing(world: World) -> None:
    bus = await world.bus(departs_in=timedelta(minutes=-1))
    with pytest.raises(Departed):
        await world.hold(bus, ["1A"])
    with pytest.raises(Departed):
        await world.book(bus, ["1A"], method="cash")


async def test_a_bus_leaves_by_the_clock_of_the_database(world: World) -> None:
    bus = await world.bus(departs_in=timedelta(seconds=1), seats=200)
    facts = await world.store.buses.find(bus)
    leaves_at = facts.stops[0].departs_at
    sold: list[Hold] = []
    labels = iter(await world.states(bus))

    async def is_refused() -> bool:
        try:
            sold.append(await world.hold(bus, [next(labels)]))
        except Departed:
            return True
        return False

    await wait_until(is_refused)
    assert all(hold.created_at < leaves_at for hold in sold)
    assert await world.owner.fetchval("SELECT clock_timestamp() >= $1", leaves_at)


async def test_a_hold_made_in_time_is_not_booked_after_departure(world: World) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["1A"])
    await world.edit(
        "UPDATE bus_stops SET arrives_at = arrives_at - interval '2 days',"
        " departs_at = departs_at - interval '2 days' WHERE bus_id = $1",
        bus,
    )
    await world.edit("UPDATE buses SET facts = facts + 1 WHERE bus_id = $1", bus)
    with pytest.raises(Departed):
        await world.book_hold(hold)
    with pytest.raises(Departed):
        await world.replace(hold, ["1A", "1B"])
    await world.release(hold)


async def test_sales_close_before_departure_when_the_operator_says_so(world: World) -> None:
    bus = await world.bus(departs_in=timedelta(minutes=30))
    hold = await world.hold(bus, ["1A"])
    await world.edit(
        "UPDATE buses SET sales_close_seconds = 3600, facts = facts + 1 WHERE bus_id = $1", bus
    )
    with pytest.raises(SalesClosed):
        await world.hold(bus, ["1B"])
    with pytest.raises(SalesClosed):
        await world.book(bus, ["1B"], method="cash")
    with pytest.raises(SalesClosed):
        await world.book_hold(hold)


@pytest.mark.parametrize("status", ["CLOSED", "CANCELLED"])
async def test_a_bus_taken_off_sale_sells_nothing_and_lets_go_of_everything(
    world: World, status: str
) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["1A"])
    paid = await world.book(bus, ["1B"], method="cash")
    unpaid = await world.book(bus, ["1C"])
    await world.edit("UPDATE buses SET status = $2 WHERE bus_id = $1", bus, status)
    with pytest.raises(SalesClosed):
        await world.hold(bus, ["1D"])
    with pytest.raises(SalesClosed):
        await world.book(bus, ["1D"], method="cash")
    with pytest.raises(SalesClosed):
        await world.book_hold(hold)
    with pytest.raises(SalesClosed):
        await world.replace(hold, ["1D"])
    await world.release(hold)
    await world.cancel(paid)
    await world.cancel(unpaid)
    await world.lift(await world.block(bus, ["2A"]))
    assert set((await world.states(bus)).values()) == {"A"}
