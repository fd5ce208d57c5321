"""What was sold of the buses of some days, from the tables and by their indexes."""

from datetime import UTC, datetime, timedelta

import pytest

from store.errors import InvalidRequest, NotFound
from store.model import Caller, Role
from store.sales_report import SQL, Group, SalesLine, SalesPeriod
from store.timetable import NewBus
from tests.support.plans import explain
from tests.support.road import set_off
from tests.support.world import World

TODAY = datetime.now(UTC).date()
WEEK = (TODAY, TODAY + timedelta(days=7))


async def report(
    world: World, group: Group, caller: Caller | None = None
) -> dict[str | None, SalesLine]:
    lines = await world.store.sales_report.of(
        caller or world.manager(), SalesPeriod(*WEEK, group=group)
    )
    return {line.key: line for line in lines}


async def test_what_is_paid_is_counted_once_whatever_it_is_grouped_by(world: World) -> None:
    first = await world.bus(segments=2, seats=4, price=2000)
    second = await world.bus(seats=8, price=700)
    await world.pay(await world.book(first, ["1A", "1B"], leg=(0, 1)))
    await world.book(first, ["1C"])
    await world.book(second, ["1A"], caller=world.agent(), method="cash")
    back = await world.pay(await world.book(second, ["1B", "1C"]))
    await world.cancel(back, ["1B"])
    for group in Group:
        lines = (await report(world, group)).values()
        assert sum(line.bookings for line in lines) == 3
        assert sum(line.seats for line in lines) == 4
        amounts = [each for line in lines for each in line.revenue]
        assert {each.currency for each in amounts} == {"EUR"}
        assert sum(each.amount for each in amounts) == 2 * 1000 + 2 * 700
    by_bus = await report(world, Group.BUS)
    assert by_bus[str(first)].occupancy == 2 / 8
    assert by_bus[str(second)].occupancy == 2 / 8
    by_channel = await report(world, Group.CHANNEL)
    assert (by_channel["counter"].bookings, by_channel["online"].bookings) == (1, 2)
    assert by_channel["online"].occupancy is None
    (day,) = (await report(world, Group.DAY)).values()
    assert (day.buses, day.occupancy) == (2, round(4 / 16, 4))
    by_route = await report(world, Group.ROUTE)
    assert len(by_route) == 2
    assert by_route[None].seats == 2


async def test_drafts_are_not_in_it_and_cancelled_buses_have_no_places(world: World) -> None:
    gone = await world.bus()
    await world.pay(await world.book(gone, ["1A"]))
    await world.edit("UPDATE buses SET status = 'CANCELLED' WHERE bus_id = $1", gone)
    soon = datetime.now(UTC) + timedelta(days=1)
    new = NewBus("Draft", soon, 100, total_seats=4, is_draft=True)
    draft = (await world.store.timetable.add_bus(world.manager(), new)).bus_id
    by_bus = await report(world, Group.BUS)
    assert by_bus.keys() == {str(gone)}
    assert (by_bus[str(gone)].seats, by_bus[str(gone)].occupancy) == (1, None)
    assert by_bus[str(gone)].revenue[0].amount == 2000
    await world.edit("UPDATE buses SET status = 'SCHEDULED' WHERE bus_id = $1", draft)
    assert (await report(world, Group.BUS)).keys() == {str(gone), str(draft)}


async def test_a_seat_of_who_did_not_come_sold_again_is_two_sales_and_one_place(
    world: World,
) -> None:
    bus = await world.bus(segments=4, seats=4, price=4000)
    await world.book(bus, ["1A", "1B"], leg=(0, 4), caller=world.agent(), method="cash")
    await set_off(world, bus, timedelta(minutes=20))
    assert len(await world.store.no_shows.release(world.agent(), bus)) == 1
    # The day that it leaves on may be yesterday by now.
    period = SalesPeriod(TODAY - timedelta(days=1), WEEK[1], group=Group.BUS)

    async def told() -> tuple[int, int, int, float | None]:
        (line,) = await world.store.sales_report.of(world.manager(), period)
        return line.bookings, line.seats, line.revenue[0].amount, line.occupancy

    # Nothing is paid back. On the first segment two of four seats were theirs, the rest was given away.
    assert await told() == (1, 2, 8000, 2 / 16)
    await world.book(bus, ["1A"], leg=(1, 4), caller=world.agent(), method="cash")
    assert await told() == (2, 3, 8000 + 3000, 5 / 16)


async def test_money_of_two_currencies_is_never_added(world: World) -> None:
    euros, dollars = await world.bus(price=100), await world.bus(price=100)
    await world.edit(
        "UPDATE buses SET currency = 'USD', facts = facts + 1 WHERE bus_id = $1", dollars
    )
    for bus in (euros, dollars):
        await world.pay(await world.book(bus, ["1A"]))
    (day,) = (await report(world, Group.DAY)).values()
    assert [(each.amount, each.currency) for each in day.revenue] == [(100, "EUR"), (100, "USD")]


async def test_another_operators_sales_are_not_there(world: World) -> None:
    bus = await world.bus()
    await world.pay(await world.book(bus, ["1A"]))
    (row,) = await world.edit(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Southline', 'UTC', 'EUR')"
        " RETURNING operator_id"
    )
    rival = Caller(9, Role.OPERATOR, row["operator_id"])
    assert await report(world, Group.DAY, rival) == {}
    theirs = SalesPeriod(*WEEK, operator_id=world.operator_id)
    with pytest.raises(NotFound):
        await world.store.sales_report.of(rival, theirs)
    assert len(await world.store.sales_report.of(Caller(8, Role.SUPPORT), theirs)) == 1


async def test_a_period_is_a_year_at_most_and_runs_forwards(world: World) -> None:
    day = timedelta(days=1)
    for first, last, code in (
        (TODAY, TODAY - day, "reversed"),
        (TODAY, TODAY + 366 * day, "too_long"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            await world.store.sales_report.of(world.admin, SalesPeriod(first, last))
        assert refused.value.code == code
    year = SalesPeriod(TODAY, TODAY + 365 * day)
    assert await world.store.sales_report.of(world.admin, year) == []


async def test_a_report_goes_by_indexes(world: World) -> None:
    # As every session of the application has it.
    await world.owner.execute("SET enable_seqscan = off")
    plan = await explain(world, SQL["sales"], [world.operator_id], *WEEK, "day", 10)
    for table in ("buses", "bookings", "tickets", "payments", "refunds"):
        assert f"Seq Scan on {table}" not in plan, plan
    assert "buses_operator_departs_idx" in plan or "buses_departs_idx" in plan, plan
