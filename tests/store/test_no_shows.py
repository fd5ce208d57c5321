"""Seats of passengers who did not come are sold again, and nobody who has boarded is put out."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from store import no_shows
from store.errors import Departed, Forbidden, NotFound, WrongState
from store.invariants import find_violations
from store.model import Booking, Caller, DeviceKind
from store.no_shows import Released
from store.scans import Verdict
from tests.store.test_scans import scan_of, told
from tests.support.fleet import device, rival
from tests.support.locks import session
from tests.support.road import set_off
from tests.support.world import World

GRACE = timedelta(minutes=15)
# The stops of a line are half an hour apart.
GONE = timedelta(minutes=20)


@pytest.fixture
async def scanner(world: World) -> Caller:
    return await device(world, DeviceKind.SCANNER)


async def sold(world: World, bus: int, seats: Sequence[str], leg: tuple[int, int]) -> Booking:
    return await world.book(bus, seats, leg=leg, caller=world.agent(), method="cash")


async def release(world: World, bus: int, who: Caller | None = None) -> list[Released]:
    return await world.store.no_shows.release(who or world.agent(), bus)


async def states_of(world: World, booking: Booking) -> list[str]:
    found = await world.store.lookup.find(booking.bus.bus_id, booking.booking_id)
    return [ticket.status for ticket in found.tickets]


async def deeds(world: World, bus: int) -> list[str]:
    rows = await world.edit(
        "SELECT action FROM audit_log WHERE subject = $1 ORDER BY audit_id", f"bus {bus}"
    )
    return [row["action"] for row in rows]


async def test_seats_of_who_did_not_come_are_sold_again_from_where_the_bus_is(
    world: World, scanner: Caller
) -> None:
    bus = await world.bus(segments=4)
    booking = await sold(world, bus, ["1A", "1B"], (0, 4))
    await sold(world, bus, ["2A"], (2, 4))
    await set_off(world, bus, GONE)
    assert await told(world, world.agent(), scan_of(booking)) == [Verdict.OK]
    before = len(world.events)
    (released,) = await release(world, bus)
    assert (released.ref, released.seats, released.leg.start, released.leg.end) == (
        *(booking.ref, (booking.seats[1],)),
        *(1, 4),
    )
    assert await states_of(world, booking) == ["VALID", "NO_SHOW"]
    shown = await world.states(bus)
    assert (shown["1A"], shown["1B"], shown["2A"]) == ("BBBB", "BAAA", "AABB")
    (event,) = world.events[before:]
    assert (event.kind, event.seats) == ("no_show", (("1B", "BAAA"),))
    assert event.rev == event.prev + 1
    assert (await deeds(world, bus))[1:] == ["ticket.no_show"]
    again = await sold(world, bus, ["1B"], (1, 3))
    assert (await world.states(bus))["1B"] == "BBBA"
    assert again.status == "CONFIRMED"
    assert await find_violations(world.store.db) == {}


async def test_whoever_comes_late_is_told_why_and_gets_nothing_back(
    world: World, scanner: Caller
) -> None:
    bus = await world.bus(segments=2)
    booking = await sold(world, bus, ["1A"], (0, 2))
    await set_off(world, bus, GONE)
    assert len(await release(world, bus)) == 1
    assert await told(world, scanner, scan_of(booking)) == [Verdict.NO_SHOW]
    found = await world.store.lookup.find(bus, booking.booking_id)
    assert (found.status, found.refunded) == ("CONFIRMED", 0)
    with pytest.raises((WrongState, Departed)):
        await world.cancel(booking)
    assert await release(world, bus) == [], "a second time there is nothing to give away"


async def test_passengers_are_waited_for_until_the_grace_is_over(world: World) -> None:
    bus = await world.bus(segments=2)
    booking = await sold(world, bus, ["1A"], (0, 2))
    assert await release(world, bus) == []
    await set_off(world, bus, GRACE - timedelta(minutes=1))
    assert await release(world, bus) == []
    await world.edit("UPDATE operators SET no_show_minutes = 5")
    assert len(await release(world, bus)) == 1
    assert await states_of(world, booking) == ["NO_SHOW"]


async def test_when_nothing_is_left_to_sell_they_are_no_shows_all_the_same(world: World) -> None:
    bus = await world.bus(segments=1)
    booking = await sold(world, bus, ["1A"], (0, 1))
    await set_off(world, bus, GONE)
    (released,) = await release(world, bus)
    assert released.leg.segments == range(1, 1)
    assert await states_of(world, booking) == ["NO_SHOW"]
    assert (await world.states(bus))["1A"] == "B"
    assert world.events[-1].kind == "no_show", "the list at the door is another one"


async def test_only_those_are_released_that_were_named(world: World) -> None:
    bus = await world.bus(segments=2)
    booking = await sold(world, bus, ["1A", "1B"], (0, 2))
    await set_off(world, bus, GONE)
    codes = [booking.tickets[1].code]
    (released,) = await world.store.no_shows.release(world.agent(), bus, codes)
    assert released.seats == (booking.seats[1],)
    assert await states_of(world, booking) == ["VALID", "NO_SHOW"]


async def test_seats_are_given_away_by_the_operators_own_staff(world: World) -> None:
    bus = await world.bus(segments=2)
    booking = await sold(world, bus, ["1A"], (0, 2))
    await set_off(world, bus, GONE)
    stranger = Caller(9, world.agent().role, await rival(world))
    with pytest.raises(NotFound):
        await release(world, bus, stranger)
    with pytest.raises(Forbidden):
        await release(world, bus, world.rider(1))
    with pytest.raises(NotFound):
        await release(world, bus, await device(world, DeviceKind.KIOSK))
    assert await states_of(world, booking) == ["VALID"]


async def race(world: World, who: Caller) -> tuple[list[Verdict], list[Released], Booking]:
    """Let a passenger come at the moment when their seat is given away."""
    bus = await world.bus(segments=2)
    booking = await sold(world, bus, ["1A"], (0, 2))
    await set_off(world, bus, GONE)
    verdicts, released = await asyncio.gather(
        told(world, who, scan_of(booking)), release(world, bus)
    )
    return verdicts, released, booking


async def test_of_boarding_and_giving_away_at_one_instant_one_happens(
    world: World, scanner: Caller
) -> None:
    for _ in range(8):
        (verdict,), released, booking = await race(world, scanner)
        outcome = verdict, len(released), await states_of(world, booking)
        assert outcome in [(Verdict.OK, 0, ["VALID"]), (Verdict.NO_SHOW, 1, ["NO_SHOW"])]
    assert await find_violations(world.store.db) == {}


async def test_who_boards_while_their_seat_is_about_to_be_given_away_keeps_it(
    world: World, scanner: Caller
) -> None:
    bus = await world.bus(segments=2)
    booking = await sold(world, bus, ["1A"], (0, 2))
    await set_off(world, bus, GONE)
    async with session(world) as other:
        # What a release locks first: by then it has looked who is missing.
        await other.connection.execute("SELECT FROM seats WHERE bus_id = $1 FOR UPDATE", bus)
        releasing = asyncio.create_task(release(world, bus))
        await other.has_waiters()
        assert await told(world, scanner, scan_of(booking)) == [Verdict.OK]
    assert await releasing == []
    assert await states_of(world, booking) == ["VALID"]


async def test_who_comes_while_their_seat_is_being_given_away_waits_and_is_told(
    world: World, scanner: Caller
) -> None:
    bus = await world.bus(segments=2)
    booking = await sold(world, bus, ["1A"], (0, 2))
    await set_off(world, bus, GONE)
    async with session(world) as other:
        # The last that a release locks: by then it has the booking.
        await other.connection.execute("SELECT FROM buses WHERE bus_id = $1 FOR NO KEY UPDATE", bus)
        releasing = asyncio.create_task(release(world, bus))
        await other.has_waiters()
        running = asyncio.create_task(told(world, scanner, scan_of(booking)))
        await other.has_waiters(2)
    assert len(await releasing) == 1
    assert await running == [Verdict.NO_SHOW]


async def test_twin_without_the_check_somebody_on_the_bus_loses_their_seat(
    world: World, scanner: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = await world.bus(segments=2)
    booking = await sold(world, bus, ["1A"], (0, 2))
    await set_off(world, bus, GONE)
    monkeypatch.setattr(no_shows, "is_missing", lambda ticket: ticket.status == "VALID")
    async with session(world) as other:
        await other.connection.execute("SELECT FROM seats WHERE bus_id = $1 FOR UPDATE", bus)
        releasing = asyncio.create_task(release(world, bus))
        await other.has_waiters()
        assert await told(world, scanner, scan_of(booking)) == [Verdict.OK]
    assert len(await releasing) == 1
    assert (await world.states(bus))["1A"] == "BA"
    broken = await find_violations(world.store.db)
    assert broken.keys() == {"whoever_boards_travels"}
    await world.edit("DELETE FROM scans")


async def test_a_worker_gives_seats_away_for_operators_who_want_it(
    world: World, scanner: Caller
) -> None:
    worker = await world.worker()
    bus, unscanned = await world.bus(segments=3), await world.bus(segments=3)
    missing = await sold(world, bus, ["1A"], (0, 3))
    there = await sold(world, bus, ["1B"], (0, 3))
    later = await sold(world, bus, ["1C"], (2, 3))
    nobody = await sold(world, unscanned, ["1A"], (0, 3))
    for each in (bus, unscanned):
        await set_off(world, each, GONE)
    await told(world, world.agent(), scan_of(there))
    assert await worker.no_shows.sweep() == 0, "this operator has not asked for it"
    await world.edit("UPDATE operators SET releases_no_shows = true")
    assert await worker.no_shows.sweep() == 1
    assert await worker.no_shows.sweep() == 0
    assert await states_of(world, missing) == ["NO_SHOW"]
    for kept in (there, later, nobody):
        assert await states_of(world, kept) == ["VALID"]
    assert (await world.states(bus))["1A"] == "BAA"
    rows = await world.edit("SELECT actor_id FROM audit_log WHERE action = 'ticket.no_show'")
    assert [row["actor_id"] for row in rows] == [None]


async def test_a_worker_leaves_a_bus_alone_on_which_nothing_is_left_to_sell(world: World) -> None:
    worker = await world.worker()
    bus = await world.bus(segments=2)
    gone = await sold(world, bus, ["1A"], (0, 1))
    there = await sold(world, bus, ["1B"], (0, 2))
    await world.edit("UPDATE operators SET releases_no_shows = true")
    await set_off(world, bus, GONE)
    await told(world, world.agent(), scan_of(there))
    assert await worker.no_shows.sweep() == 0
    assert await states_of(world, gone) == ["VALID"]
