"""A bus that is cancelled: what is unpaid ends at once, and everybody else gets everything back, once."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from store import Store, batch, cancellations
from store.bus_status import Step
from store.cancellations import Case
from store.errors import WrongState
from store.facade import StoreOptions
from store.model import Booking, BookingStatus, HoldState
from store.refund_quotes import Because, RefundQuote
from store.refund_rules import ALL_BACK, Paid, share_out
from tests.store.tariffs import HALF, leave_in, sell_under
from tests.support.interleave import Deed, Stage, orders
from tests.support.twins import locking
from tests.support.world import World, decide


async def refund_all(world: World, store: Store | None = None) -> int:
    """Do what the jobs of cancelled buses ask for, as a worker does; return how many had an effect."""
    worker = store or await world.worker()
    jobs = await world.edit(
        "SELECT bus_id, booking_id FROM jobs WHERE kind = 'BUS_CHANGED' ORDER BY job_id"
    )
    done = await asyncio.gather(
        *(worker.cancellations.refund_cancelled(row["bus_id"], row["booking_id"]) for row in jobs)
    )
    return sum(done)


async def refunds(world: World) -> list[tuple[int, list[int]]]:
    rows = await world.edit("SELECT amount, seats FROM refunds ORDER BY created_at, seats")
    return [(row["amount"], list(row["seats"])) for row in rows]


async def test_what_is_held_or_unpaid_ends_with_the_commit(world: World) -> None:
    bus = await world.bus(segments=2)
    held = await world.hold(bus, ["1A", "1B"], caller=world.rider(1))
    unpaid = await world.book(bus, ["1C"], leg=(0, 1))
    of_hold = await world.book_hold(await world.hold(bus, ["1D"]))
    paid = await world.book(bus, ["2A"], method="cash")
    late = await world.hold(bus, ["2B"])
    await world.let_time_pass(late)
    await world.block(bus, ["2C"])
    done = await world.cancel_bus(bus)
    assert (done.affected.bookings, done.affected.unpaid) == (1, 2)
    states = await world.states(bus)
    assert {seat: letters for seat, letters in states.items() if letters != "AA"} == {
        "2A": "BB",
        "2C": "XX",
    }
    rows = await world.edit("SELECT hold_id, state FROM holds")
    ended = {row["hold_id"]: row["state"] for row in rows}
    assert (ended[held.hold_id], ended[late.hold_id]) == (HoldState.RELEASED, HoldState.EXPIRED)
    for booking in (unpaid, of_hold):
        found = await world.store.lookup.find(bus, booking.booking_id)
        assert found.status is BookingStatus.CANCELLED
    jobs = await world.edit(
        "SELECT booking_id, kind FROM jobs WHERE kind <> 'BOOKING_CONFIRMED' ORDER BY booking_id"
    )
    assert [(row["booking_id"], row["kind"]) for row in jobs] == [
        (unpaid.booking_id, "BOOKING_CANCELLED"),
        (of_hold.booking_id, "BOOKING_CANCELLED"),
        (paid.booking_id, "BUS_CHANGED"),
    ]
    news = world.events[-1]
    assert (news.kind, news.status) == ("bus_cancel", "CANCELLED")
    assert dict(news.seats) == dict.fromkeys(("1A", "1B", "1C", "1D", "2B"), "AA")


async def test_everybody_gets_everything_back_whatever_the_rules_say(world: World) -> None:
    await sell_under(world, HALF)
    bus = await world.bus(segments=2, price=3000)
    bookings = [
        await world.book(bus, ["1A", "1B"], method="cash"),
        await world.pay(await world.book(bus, ["1C"])),
        await world.book(bus, ["1D"], leg=(1, 2), method="cash"),
    ]
    free = await world.book(await world.bus(price=0), ["1A"], method="cash")
    await world.cancel_bus(bus)
    assert await refund_all(world) == 3
    for booking in bookings:
        found = await world.store.lookup.find(bus, booking.booking_id)
        assert (found.status, found.refunded) == (BookingStatus.CANCELLED, booking.total)
    assert set((await world.states(bus)).values()) == {"AA"}
    await world.cancel_bus(free.bus.bus_id)
    assert await refund_all(world) == 1, "what cost nothing is cancelled, too"
    kinds = await world.edit(
        "SELECT kind, count(*)::integer AS jobs FROM jobs GROUP BY kind ORDER BY kind"
    )
    assert {row["kind"]: row["jobs"] for row in kinds} == {
        "BOOKING_CONFIRMED": 4,
        "BUS_CHANGED": 4,
        "BOOKING_CANCELLED": 4,
        "REFUND": 3,
    }


async def test_what_was_cancelled_before_is_not_paid_more(world: World) -> None:
    await sell_under(world, HALF)
    bus = await world.bus(price=1000)
    booking = await world.book(bus, ["1A", "1B"], method="cash")
    await world.cancel(booking, ["1A"])
    await world.cancel_bus(bus)
    await refund_all(world)
    found = await world.store.lookup.find(bus, booking.booking_id)
    assert (found.status, found.refunded) == (BookingStatus.CANCELLED, 500 + 1000)


async def test_who_has_boarded_a_bus_that_has_left_is_paid_back_as_well(world: World) -> None:
    bus = await world.bus()
    booking = await world.book(bus, ["1A"], method="cash")
    await leave_in(world, bus, -timedelta(minutes=5))
    await world.cancel_bus(bus)
    assert await refund_all(world) == 1
    assert (await world.store.lookup.find(bus, booking.booking_id)).refunded == booking.total


async def test_progress_is_told_and_a_second_round_pays_nothing(world: World) -> None:
    bus, find = await world.bus(seats=12), world.store.bus_refunds.find
    assert (await find(world.manager(), bus)).booked == 0, "nothing is counted of a bus that goes"
    labels = list(await world.states(bus))
    for seat in labels[:6]:
        await world.book(bus, [seat], method="cash")
    gone = await world.book(bus, [labels[6]], method="cash")
    await world.cancel(gone)
    await world.cancel_bus(bus)
    progress = await find(world.manager(), bus)
    assert (progress.booked, progress.refunded, progress.to_go, progress.amount) == (6, 0, 6, 0)
    assert await refund_all(world) == 6
    progress = await find(world.manager(), bus)
    assert (progress.booked, progress.refunded, progress.to_go) == (6, 6, 0)
    assert (progress.amount, progress.currency) == (12_000, "EUR")
    before = await refunds(world)
    assert await refund_all(world) == 0
    assert await refunds(world) == before


async def test_two_workers_at_once_pay_each_ticket_once(world: World) -> None:
    bus = await world.bus(seats=40)
    for seat in list(await world.states(bus)):
        await world.book(bus, [seat], method="cash")
    await world.cancel_bus(bus)
    workers = [await world.open_store() for _ in range(3)]
    done = await asyncio.gather(*(refund_all(world, each) for each in workers))
    assert sum(done) == 40
    paid = await refunds(world)
    assert sorted(seat for _, seats in paid for seat in seats) == list(range(1, 41))
    assert sum(amount for amount, _ in paid) == 40 * 2000


def assess_whatever_it_is(booking: Booking, _: Sequence[str] | None, case: Case) -> RefundQuote:
    """Not looking at what has become of booking and tickets: all of it, once more."""
    paid = {seat: Paid(price) for seat, price in zip(booking.seats, booking.prices, strict=True)}
    shares = share_out(paid, ALL_BACK, left=booking.total)
    return RefundQuote(booking, shares, Because.BUS_CANCELLED, case.initiator, case.now)


async def test_twin_without_the_look_at_the_ticket_a_job_that_comes_twice_pays_twice(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await World.open(database_url)
    try:
        bus = await world.bus()
        await world.book(bus, ["1A"], method="cash")
        await world.cancel_bus(bus)
        for guard in (
            "ALTER TABLE refunds DROP CONSTRAINT refunds_once",
            "ALTER TABLE tickets DISABLE TRIGGER tickets_legal_move",
            "ALTER TABLE bookings DISABLE TRIGGER bookings_legal_move",
        ):
            await world.owner.execute(guard)
        monkeypatch.setattr(cancellations, "assess", assess_whatever_it_is)
        assert await refund_all(world) == 1
        assert await refund_all(world) == 1
        assert [amount for amount, _ in await refunds(world)] == [2000, 2000]
    finally:
        await world.close()


# A rider cancels, under rules that give half, while the bus is cancelled: in every order.


def rider_cancels(booking: Booking) -> Deed:
    place = booking.bus.bus_id, booking.booking_id

    async def deed(store: Store) -> object:
        return await decide(lambda ask: store.cancellations.cancel(*place, None, ask))

    return deed


def operator_cancels(world: World, bus: int) -> Deed:
    async def deed(store: Store) -> object:
        move = store.bus_status.move
        return await decide(lambda ask: move(world.manager(), bus, Step.CANCEL, None, ask))

    return deed


async def play(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, int]]:
    """Return for each order whether the bus was cancelled first, and what the rider got."""
    await sell_under(world, HALF)
    stores = [await world.open_store(StoreOptions(pool_size=1)) for _ in range(2)]
    stage = Stage(monkeypatch, world.owner, stores)
    for player in stage.players:
        player.steps = 3
    played: list[tuple[bool, int]] = []
    for order in orders(3, 3):
        bus = await world.bus()
        booking = await world.book(bus, ["1A"], method="cash")
        for store in stores:
            await store.buses.find(bus)
        await stage.play([rider_cancels(booking), operator_cancels(world, bus)], order)
        await refund_all(world)
        (row,) = await world.edit(
            "SELECT k.status, k.ended_at > b.cancelled_at AS is_after, (SELECT count(*) FROM refunds AS r"
            " WHERE r.bus_id = k.bus_id) AS refunds, (SELECT sum(r.amount)::integer FROM refunds AS r"
            " WHERE r.bus_id = k.bus_id) AS amount"
            " FROM bookings AS k JOIN buses AS b USING (bus_id) WHERE k.bus_id = $1",
            bus,
        )
        assert (row["status"], row["refunds"]) == ("CANCELLED", 1)
        played.append((row["is_after"], row["amount"]))
    return played


async def test_whoever_is_first_a_rider_gets_what_is_due_then_and_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = await play(world, monkeypatch)
    assert set(played) == {(False, 1000), (True, 2000)}


async def test_twin_without_the_edition_of_facts_a_rider_gets_half_of_a_bus_that_does_not_go(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget_facts(text: str) -> str:
        return text.replace(" AND b.facts = w.facts", "")

    with locking(forget_facts, batch.SQL):
        played = await play(world, monkeypatch)
    assert (True, 1000) in played


async def test_a_bus_is_cancelled_once_and_for_good(world: World) -> None:
    bus = await world.bus()
    await world.cancel_bus(bus)
    with pytest.raises(WrongState):
        await world.cancel_bus(bus)
