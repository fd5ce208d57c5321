"""Shifts: every sale in cash counts to one drawer or to none, and what a drawer came to never changes."""

import asyncio
import uuid
from collections.abc import Sequence

import asyncpg
import pytest

from store import Store, drawers
from store.errors import Forbidden, InvalidRequest, NoOpenShift, NotFound, WrongState
from store.facade import StoreOptions
from store.holds import SeatRequest
from store.model import Booking, Caller, DeviceKind, Role
from store.pairing import NewDevice
from store.shifts import CashUp, Shift
from tests.support.interleave import Deed, Stage, orders
from tests.support.twins import locking
from tests.support.world import World, decide, purchase_of, value


async def open_shift(world: World, who: Caller, opening: int = 0, **more: int) -> Shift:
    drawer = {"EUR": opening} if opening else {}
    return await value(lambda ask: world.store.shifts.open(who, drawer, ask, **more))


async def close(world: World, who: Caller, shift: Shift, counted: int) -> CashUp:
    amounts = {"EUR": counted}
    return await value(lambda ask: world.store.shifts.close(who, shift.shift_id, amounts, ask))


async def kiosk(world: World) -> Caller:
    line = await world.line()
    (row,) = await world.edit("SELECT stop_id FROM route_stops WHERE route_id = $1 LIMIT 1", line)
    new = NewDevice(world.operator_id, DeviceKind.KIOSK, "Hall", row["stop_id"])
    shown = await world.store.pairing.show_code(world.admin, new)
    paired = await world.store.pairing.pair(shown.code, uuid.UUID(int=1), "1.0")
    return Caller(role=DeviceKind.KIOSK, operator_id=world.operator_id, device_id=paired.device_id)


async def test_a_shift_is_its_sellers_sales_in_cash_and_nobody_elses(world: World) -> None:
    bus, one, other = await world.bus(price=1500), world.agent(1), world.agent(2)
    await world.book(bus, ["1A"], caller=one, method="cash")
    shift = await open_shift(world, one, 5000)
    await world.book(bus, ["1B", "1C"], caller=one, method="cash")
    await world.book_hold(await world.hold(bus, ["1D"], caller=one), caller=one, method="cash")
    await world.book(bus, ["2A"], caller=other, method="cash")
    await world.pay(await world.book(bus, ["2B"], caller=one))
    current = await world.store.shifts.current(one)
    assert [(line.kind, line.amount) for line in current.lines] == [("sale", 3000), ("sale", 1500)]
    assert current.shift.expected("EUR") == 9500
    done = await close(world, one, shift, 9400)
    assert (done.shift.sold, done.shift.difference("EUR")) == ({"EUR": 4500}, -100)
    with pytest.raises(NotFound):
        await world.store.shifts.current(one)


async def test_a_kiosk_has_a_shift_of_its_own_that_staff_may_empty(world: World) -> None:
    device, bus = await kiosk(world), await world.bus(price=1000)
    shift = await open_shift(world, device, 100)
    await world.book(bus, ["1A"], caller=device, method="cash")
    await world.book(bus, ["1B"], caller=world.agent(), method="cash")
    with pytest.raises(Forbidden):
        await close(world, await kiosk(world), shift, 0)
    done = await close(world, world.agent(), shift, 1100)
    assert (done.shift.sold, done.shift.difference("EUR")) == ({"EUR": 1000}, 0)
    assert device.device_id is not None
    again = await open_shift(world, world.agent(), kiosk=device.device_id)
    assert (again.device_id, again.user_id) == (device.device_id, None)
    with pytest.raises(NotFound):
        await open_shift(world, world.agent(), kiosk=4711)


async def test_of_many_who_open_a_shift_of_one_seller_one_does_it(world: World) -> None:
    one = world.agent()
    outcomes = await asyncio.gather(
        *(open_shift(world, one) for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Shift) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, WrongState) for outcome in outcomes) == 5
    await open_shift(world, world.agent(2))


async def test_a_closed_shift_never_changes_not_even_past_the_store(world: World) -> None:
    bus, one = await world.bus(), world.agent()
    shift = await open_shift(world, one)
    await world.book(bus, ["1A"], caller=one, method="cash")
    done = await close(world, one, shift, 2000)
    await world.book(bus, ["1B"], caller=one, method="cash")
    with pytest.raises(WrongState):
        await close(world, one, shift, 1)
    assert await world.store.shifts.find(world.manager(), shift.shift_id) == done
    with pytest.raises(asyncpg.CheckViolationError):
        await world.edit("UPDATE shifts SET sold = '{}' WHERE shift_id = $1", shift.shift_id)
    later = await open_shift(world, one)
    assert (await world.store.shifts.current(one)).lines == ()
    assert later.shift_id > shift.shift_id


async def test_every_currency_that_was_in_the_drawer_is_counted(world: World) -> None:
    bus, one = await world.bus(), world.agent()
    await world.edit("UPDATE buses SET currency = 'CHF', facts = facts + 1 WHERE bus_id = $1", bus)
    shift = await open_shift(world, one, 100)
    await world.book(bus, ["1A"], caller=one, method="cash")
    with pytest.raises(InvalidRequest):
        await close(world, one, shift, 100)
    counted = {"EUR": 90, "CHF": 2010}
    done: CashUp = await value(
        lambda ask: world.store.shifts.close(one, shift.shift_id, counted, ask)
    )
    differences = {each: done.shift.difference(each) for each in done.shift.currencies}
    assert differences == {"CHF": 10, "EUR": -10}


async def test_where_cash_needs_a_shift_none_is_taken_without_one(world: World) -> None:
    bus, one = await world.bus(), world.agent()
    await world.store.shifts.set_policy(world.manager(), world.operator_id, needs_shift=True)
    hold = await world.hold(bus, ["1B"], caller=one)
    with pytest.raises(NoOpenShift):
        await world.book(bus, ["1A"], caller=one, method="cash")
    with pytest.raises(NoOpenShift):
        await world.book_hold(hold, caller=one, method="cash")
    await world.pay(await world.book(bus, ["1C"], caller=one))
    shift = await open_shift(world, one)
    await world.book(bus, ["1A"], caller=one, method="cash")
    await close(world, one, shift, 2000)
    with pytest.raises(NoOpenShift):
        await world.book(bus, ["2A"], caller=one, method="cash")
    await world.store.shifts.set_policy(world.manager(), world.operator_id, needs_shift=False)
    await world.book(bus, ["2A"], caller=one, method="cash")


async def test_who_may_see_and_close_which_shift(world: World) -> None:
    one, other = world.agent(1), world.agent(2)
    shift = await open_shift(world, one)
    rival = Caller(9, Role.OPERATOR, world.operator_id + 1)
    find = world.store.shifts.find
    for who in (world.manager(), world.admin, one):
        assert (await find(who, shift.shift_id)).shift.user_id == one.user_id
    for who in (other, rival):
        with pytest.raises(NotFound):
            await find(who, shift.shift_id)
    with pytest.raises(Forbidden):
        await close(world, other, shift, 0)
    with pytest.raises(Forbidden):
        await open_shift(world, world.rider(1))
    await close(world, world.manager(), shift, 7)
    (listed,) = await world.store.shifts.list(
        world.manager(), None, is_open=False, before=2**63 - 1, limit=10
    )
    assert listed.difference("EUR") == 7


# A sale under way while its shift is closed: in every order.


def sell(who: Caller, bus: int) -> Deed:
    request, purchase = SeatRequest(bus, ["1A"]), purchase_of(["1A"], "cash")

    async def deed(store: Store) -> object:
        return await decide(lambda ask: store.bookings.book(who, request, purchase, ask))

    return deed


def close_up(who: Caller, shift: Shift) -> Deed:
    async def deed(store: Store) -> object:
        closing = store.shifts.close
        return await decide(lambda ask: closing(who, shift.shift_id, {"EUR": 0}, ask))

    return deed


async def play(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Return for each order what the shift says that it sold, and what its lines come to when all is over."""
    stores = [await world.open_store(StoreOptions(pool_size=1)) for _ in range(2)]
    stage = Stage(monkeypatch, world.owner, stores)
    one, played = world.agent(), list[tuple[int, int]]()
    for order in orders(3, 3):
        bus = await world.bus()
        shift = await open_shift(world, one)
        outcomes: Sequence[object] = await stage.play([sell(one, bus), close_up(one, shift)], order)
        assert isinstance(outcomes[0], Booking)
        assert isinstance(outcomes[1], CashUp)
        report = await world.store.shifts.find(one, shift.shift_id)
        sold = report.shift.sold.get("EUR", 0)
        played.append((sold, sum(line.amount for line in report.lines)))
    return played


async def test_a_sale_under_way_is_waited_for_and_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = await play(world, monkeypatch)
    assert all(sold == lines for sold, lines in played), played
    # It had its lock before the shift could be closed, so closing has waited for it.
    assert {sold for sold, _ in played} == {2000}


async def test_twin_without_the_shared_lock_a_closed_shift_gains_a_sale(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locking(lambda text: text.replace("FOR SHARE OF h", ""), drawers.SQL):
        played = await play(world, monkeypatch)
    assert any(lines > sold for sold, lines in played), played
