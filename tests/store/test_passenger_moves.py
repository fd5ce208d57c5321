"""A passenger gets another seat: atomically, never one that somebody else has, and with the ticket that they have."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from store import Store, passenger_moves
from store.errors import (
    Departed,
    Forbidden,
    InvalidRequest,
    NotFound,
    SeatUnavailable,
    WrongState,
)
from store.facade import StoreOptions
from store.invariants import find_violations
from store.jobs import JobKind
from store.model import Booking, Caller, DeviceKind, Hold, Role
from store.scans import RefSeat, Scan, SignedTicket, Verdict
from tests.store import deeds
from tests.store.test_scans import scan, scan_of, told
from tests.support.fleet import device, rival
from tests.support.locks import session
from tests.support.road import set_off
from tests.support.twins import drop_guarantee, locking, think_before_writing, without_locks
from tests.support.world import World, key, value

ROUNDS = 20


@pytest.fixture
async def scanner(world: World) -> Caller:
    return await device(world, DeviceKind.SCANNER)


@pytest.fixture
async def rivals(database_url: str) -> AsyncIterator[World]:
    """A world in which there is a pause between looking and writing; its data may end up unsound."""
    world = await World.open(database_url, StoreOptions(pool_size=6))
    await think_before_writing(world, 0.05)
    yield world
    await world.close()


async def sold(world: World, bus: int, *seats: str, leg: tuple[int, int] | None = None) -> Booking:
    return await world.book(bus, seats, leg=leg, caller=world.agent(), method="cash")


async def move(
    world: World,
    booking: Booking,
    seat: str,
    *,
    place: int = 0,
    who: Caller | None = None,
    store: Store | None = None,
) -> Booking:
    """Move the passenger of one of a booking's tickets, as they were numbered when it was sold."""
    moves = (store or world.store).passenger_moves
    code = booking.tickets[place].code
    return await value(lambda ask: moves.move(who or world.agent(), booking, code, seat, ask))


def seats_of(booking: Booking) -> list[str]:
    return [booking.bus.layout.label(each.seat_no) for each in booking.passengers]


async def test_a_passenger_gets_another_seat_and_everyone_sees_both_change_at_once(
    world: World,
) -> None:
    bus = await world.bus(segments=3)
    booking = await sold(world, bus, "1A", "1B", leg=(0, 2))
    await sold(world, bus, "3C", leg=(2, 3))
    before = len(world.events)
    moved = await move(world, booking, "3C")
    assert seats_of(moved) == ["3C", "1B"], "passengers keep their order"
    assert (moved.total, moved.prices) == (booking.total, booking.prices)
    shown = await world.states(bus)
    assert (shown["1A"], shown["1B"], shown["3C"]) == ("AAA", "BBA", "BBB")
    (event,) = world.events[before:]
    assert (event.kind, event.rev) == ("moved", event.prev + 1)
    assert dict(event.seats) == {"1A": "AAA", "3C": "BBB"}
    assert await world.store.lookup.find(bus, booking.booking_id) == moved
    assert {t.code for t in moved.tickets} == {t.code for t in booking.tickets}
    again = await world.hold(bus, ["1A"], leg=(0, 3))
    assert isinstance(again, Hold), "what was left is on sale"
    (entry,) = await world.edit(
        "SELECT actor_id, subject, detail::text FROM audit_log WHERE action = 'ticket.move'"
    )
    assert (entry["actor_id"], entry["subject"]) == (
        *(world.agent().user_id, f"booking {booking.ref}"),
    )
    assert '"seats": ["1A", "3C"]' in entry["detail"]
    jobs = await world.edit(
        "SELECT detail::text FROM jobs WHERE kind = $1", JobKind.PASSENGER_MOVED
    )
    assert len(jobs) == 1


async def test_whoever_booked_from_a_hold_is_moved_as_well_and_cancelled_later(
    world: World,
) -> None:
    bus = await world.bus()
    held = await world.hold(bus, ["1A", "1B"])
    booking = await world.pay(await world.book_hold(held))
    moved = await move(world, booking, "4D")
    cancelled = await world.cancel(moved, ["4D"])
    assert [ticket.status for ticket in cancelled.tickets] == ["VALID", "CANCELLED"]
    shown = await world.states(bus)
    assert (shown["1A"], shown["1B"], shown["4D"]) == ("A", "B", "A")


async def test_a_seat_that_somebody_has_is_named_with_what_is_the_matter(world: World) -> None:
    bus = await world.bus(segments=2)
    booking = await sold(world, bus, "1A", leg=(0, 2))
    await world.hold(bus, ["1B"], leg=(1, 2))
    await sold(world, bus, "1C", leg=(1, 2))
    await world.block(bus, ["1D"], leg=(1, 2))
    for seat, letter in (("1B", "L"), ("1C", "B"), ("1D", "X")):
        with pytest.raises(SeatUnavailable) as refusal:
            await move(world, booking, seat)
        assert refusal.value.seats == ((seat, letter),)
    assert (await world.states(bus))["1A"] == "BB"


async def test_a_move_takes_over_what_has_expired(world: World) -> None:
    bus = await world.bus()
    booking = await sold(world, bus, "1A")
    await world.let_time_pass(await world.hold(bus, ["1B"]))
    await world.let_time_pass(await world.book(bus, ["1C"]))
    moved = await move(world, booking, "1B")
    await move(world, moved, "1C")
    await world.store.expiry.sweep()
    shown = await world.states(bus)
    assert (shown["1A"], shown["1B"], shown["1C"]) == ("A", "A", "B")


async def test_who_is_not_to_be_moved_stays(world: World, scanner: Caller) -> None:
    bus = await world.bus()
    unpaid = await world.book(bus, ["1A"])
    with pytest.raises(WrongState, match="PENDING"):
        await value(
            lambda ask: world.store.passenger_moves.move(
                world.agent(), unpaid, uuid.uuid4(), "2A", ask
            )
        )
    booking = await sold(world, bus, "1B", "1C", "1D")
    gone = await world.cancel(booking, ["1B"])
    with pytest.raises(WrongState, match="CANCELLED"):
        await move(world, booking, "2A")
    with pytest.raises(WrongState, match="gave that seat back"):
        await move(world, gone, "1B", place=1)
    with pytest.raises(WrongState, match="already"):
        await move(world, booking, "1C", place=1)
    with pytest.raises(InvalidRequest):
        await move(world, booking, "99Z", place=1)
    assert await told(world, scanner, scan_of(booking, 1)) == [Verdict.OK]
    with pytest.raises(WrongState, match="BOARDED"):
        await move(world, booking, "2A", place=1)
    await set_off(world, bus, timedelta(minutes=1))
    with pytest.raises(Departed):
        await move(world, booking, "2A", place=2)


async def test_passengers_are_moved_by_the_operators_own_staff(world: World) -> None:
    bus = await world.bus()
    booking = await sold(world, bus, "1A")
    stranger = Caller(9, Role.AGENT, await rival(world))
    with pytest.raises(NotFound):
        await move(world, booking, "2A", who=stranger)
    for who in (world.rider(1), Caller(8, Role.SUPPORT)):
        with pytest.raises(Forbidden):
            await move(world, booking, "2A", who=who)
    with pytest.raises(NotFound):
        await move(world, booking, "2A", who=await device(world, DeviceKind.KIOSK))
    assert seats_of(await move(world, booking, "2A", who=world.manager())) == ["2A"]


async def test_a_move_that_is_asked_for_again_is_done_once(world: World) -> None:
    bus = await world.bus()
    booking = await sold(world, bus, "1A")
    deed = deeds.move_of(world, booking, "2A")
    first: Booking = await value(lambda ask: deed(world.store, ask), key("k"))
    assert seats_of(first) == ["2A"]
    before = len(world.events)
    with pytest.raises(WrongState):
        await move(world, booking, "2A")
    assert len(world.events) == before


async def test_the_old_ticket_opens_the_door_and_the_new_seat_is_told(
    world: World, scanner: Caller
) -> None:
    bus = await world.bus()
    booking = await sold(world, bus, "1A", "1B")
    printed = [
        SignedTicket(bus, booking.booking_id, each.seat_no, booking.leg, each.code.bytes[:2])
        for each in booking.tickets
    ]
    mistaken = scan_of(booking)
    assert await told(world, scanner, mistaken) == [Verdict.OK]
    await world.store.unboarding.undo(scanner, bus, mistaken.scan_id)
    await move(world, booking, "4A")
    # The neighbour gets the seat that was left, so that its number alone says nothing any more.
    await move(world, booking, "1A", place=1)
    readings = [Scan(uuid.uuid4(), bus, "printed", each) for each in printed]
    first, second = await scan(world, scanner, *readings)
    label = booking.bus.layout.label
    told_seats = [label(each.passenger.seat_no) for each in (first, second) if each.passenger]
    assert (first.verdict, second.verdict, told_seats) == (Verdict.OK, Verdict.OK, ["4A", "1A"])
    spoken = RefSeat(booking.ref, "1B")
    (third,) = await scan(world, scanner, Scan(uuid.uuid4(), bus, "spoken", spoken))
    assert third.verdict is Verdict.ALREADY_BOARDED
    (replayed,) = await scan(world, scanner, mistaken)
    assert replayed.is_undone
    assert replayed.passenger is not None
    assert label(replayed.passenger.seat_no) == "4A", "a scan goes where its ticket goes"
    assert await find_violations(world.store.db) == {}


async def test_whoever_is_moved_while_their_ticket_is_read_boards_all_the_same(
    world: World, scanner: Caller
) -> None:
    bus = await world.bus()
    booking = await sold(world, bus, "1A")
    async with session(world) as other:
        # What a scan locks: by then it has looked where the ticket is.
        await other.connection.execute("SELECT FROM bookings WHERE bus_id = $1 FOR UPDATE", bus)
        reading = asyncio.create_task(told(world, scanner, scan_of(booking)))
        await other.has_waiters()
        await other.connection.execute(
            "UPDATE bookings SET seats = ARRAY[5] WHERE bus_id = $1", bus
        )
        await other.connection.execute(
            "UPDATE tickets SET seat_no = 5, moved_at = now(), former_seats = ARRAY[seat_no] WHERE bus_id = $1",
            bus,
        )
        await other.connection.execute("COMMIT; BEGIN")
    assert await reading == [Verdict.OK]
    await world.edit("DELETE FROM scans")
    await world.edit("UPDATE tickets SET seat_no = 1, moved_at = NULL, former_seats = NULL")
    await world.edit("UPDATE bookings SET seats = ARRAY[1]")


async def test_who_has_just_boarded_keeps_their_seat(world: World, scanner: Caller) -> None:
    assert isinstance(await _board_while_moved(world, scanner), WrongState)
    assert await find_violations(world.store.db) == {}


async def test_twin_without_the_check_who_has_boarded_is_moved(
    world: World, scanner: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passenger_moves, "is_aboard", lambda _ticket: False)
    assert isinstance(await _board_while_moved(world, scanner), Booking)


async def _board_while_moved(world: World, scanner: Caller) -> object:
    """Let somebody board between the moment when a move is asked for and that when it is decided."""
    booking = await sold(world, await world.bus(), "1A")
    async with session(world) as other:
        await other.connection.execute(
            "SELECT FROM seats WHERE bus_id = $1 FOR UPDATE", booking.bus.bus_id
        )
        moving = asyncio.create_task(move(world, booking, "2A"))
        await other.has_waiters()
        assert await told(world, scanner, scan_of(booking)) == [Verdict.OK]
    (outcome,) = await asyncio.gather(moving, return_exceptions=True)
    return outcome


async def test_who_cancels_while_their_passenger_is_moved_gives_the_new_seat_back(
    world: World,
) -> None:
    bus = await world.bus()
    booking = await sold(world, bus, "1A")
    other = await world.open_store()

    async def cancel() -> Booking:
        return await value(
            lambda ask: other.cancellations.cancel(bus, booking.booking_id, None, ask)
        )

    async with session(world) as lock:
        # The last that a move locks: by then it has the seats.
        await lock.connection.execute("SELECT FROM buses WHERE bus_id = $1 FOR NO KEY UPDATE", bus)
        moving = asyncio.create_task(move(world, booking, "2A"))
        await lock.has_waiters()
        ending = asyncio.create_task(cancel())
        await lock.has_waiters(2)
    await asyncio.gather(moving, ending)
    assert set((await world.states(bus)).values()) == {"A"}


async def race(world: World) -> Counter[tuple[str, str]]:
    """Let a passenger be moved to a seat at the moment when another process sells it, seat by seat."""
    bus = await world.bus(seats=2 * ROUNDS)
    seats = list(await world.states(bus))
    other = await world.open_store(StoreOptions(pool_size=2))
    bookings = [await sold(world, bus, seat) for seat in seats[:ROUNDS]]
    found: Counter[tuple[str, str]] = Counter()
    for booking, seat in zip(bookings, seats[ROUNDS:], strict=True):
        outcomes = await asyncio.gather(
            move(world, booking, seat), deeds.hold_one(other, bus, seat), return_exceptions=True
        )
        found[type(outcomes[0]).__name__, type(outcomes[1]).__name__] += 1
    return found


async def test_a_seat_that_is_sold_while_somebody_is_moved_to_it_has_one_owner(
    rivals: World,
) -> None:
    found = await race(rivals)
    assert found.keys() <= {("Booking", "SeatUnavailable"), ("SeatUnavailable", "Hold")}
    assert await find_violations(rivals.store.db) == {}


async def test_twin_without_lock_and_key_a_seat_is_sold_that_somebody_is_moved_to(
    rivals: World,
) -> None:
    await drop_guarantee(rivals)
    with locking(without_locks):
        found = await race(rivals)
    assert found["Booking", "Hold"] > 0
