"""Nobody boards twice on one ticket, however many doors there are."""

import asyncio
import re
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from store import scans as store_scans
from store.errors import Departed, WrongState
from store.facade import StoreOptions
from store.model import Booking, Caller, DeviceKind
from store.scans import Outcome, RefSeat, Scan, TicketCode, Verdict
from tests.support.fleet import device, rival
from tests.support.locks import session
from tests.support.twins import locking
from tests.support.world import World

AT_ONCE = 50
_LOCK = re.compile(r"FOR NO KEY UPDATE OF b")


@pytest.fixture
async def scanner(world: World) -> Caller:
    return await device(world, DeviceKind.SCANNER)


@pytest.fixture
async def doors(database_url: str) -> AsyncIterator[World]:
    """A world in which there is a pause between looking at a ticket and writing; its data may end up unsound."""
    world = await World.open(database_url, StoreOptions(pool_size=AT_ONCE))
    await world.owner.execute(
        "CREATE FUNCTION think() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END'"
    )
    await world.owner.execute(
        "CREATE TRIGGER think BEFORE INSERT ON scans FOR EACH STATEMENT EXECUTE FUNCTION think()"
    )
    yield world
    await world.close()


def scan_of(booking: Booking, place: int = 0, *, bus_id: int | None = None) -> Scan:
    """Return a scan of one of a booking's tickets, with a number that nobody has used."""
    code = TicketCode(booking.bus.bus_id, booking.tickets[place].code)
    return Scan(uuid.uuid4(), bus_id or booking.bus.bus_id, str(code.code), code)


async def scan(world: World, who: Caller, *scans: Scan) -> list[Outcome]:
    return await world.store.scans.record(who, scans)


async def told(world: World, who: Caller, *scans: Scan) -> list[Verdict]:
    return [outcome.verdict for outcome in await scan(world, who, *scans)]


async def kept(world: World, bus_id: int) -> Sequence[str]:
    rows = await world.edit("SELECT verdict FROM scans WHERE bus_id = $1 ORDER BY verdict", bus_id)
    return [row["verdict"] for row in rows]


async def test_a_passenger_boards_once_and_the_second_scan_says_when_and_where(
    world: World, scanner: Caller
) -> None:
    booking = await world.book(await world.bus(), ["1A", "1B"], caller=world.agent(), method="cash")
    other = await device(world, DeviceKind.SCANNER, name="Rear door")
    (first,) = await scan(world, other, scan_of(booking))
    assert (first.verdict, first.passenger and first.passenger.name) == (
        Verdict.OK,
        "Passenger 1A",
    )
    (again,) = await scan(world, scanner, scan_of(booking))
    assert again.verdict is Verdict.ALREADY_BOARDED
    assert again.boarding is not None
    assert again.boarding.by == "Rear door"
    assert again.boarding.where is not None
    assert await told(world, scanner, scan_of(booking, 1)) == [Verdict.OK]


async def test_a_scan_that_comes_again_is_answered_as_before_and_kept_once(
    world: World, scanner: Caller
) -> None:
    booking = await world.book(await world.bus(), ["1A"], caller=world.agent(), method="cash")
    once = scan_of(booking)
    (first,) = await scan(world, scanner, once)
    (again,) = await scan(world, scanner, once)
    assert (first.verdict, first.is_replayed) == (Verdict.OK, False)
    assert (again.verdict, again.is_replayed) == (Verdict.OK, True)
    nothing = Scan(uuid.uuid4(), booking.bus.bus_id, "nonsense", None)
    assert await told(world, scanner, nothing, nothing, once) == [
        *(Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.OK)
    ]
    assert await kept(world, booking.bus.bus_id) == ["ok", "unknown"]


async def test_a_number_that_belongs_to_another_scan_is_not_its_answer(
    world: World, scanner: Caller
) -> None:
    bus = await world.bus()
    one = await world.book(bus, ["1A"], caller=world.agent(), method="cash")
    two = await world.book(bus, ["1B"], caller=world.agent(), method="cash")
    first = scan_of(one)
    await scan(world, scanner, first)
    clash = replace(scan_of(two), scan_id=first.scan_id)
    assert await told(world, scanner, clash) == [Verdict.ID_REUSED]
    assert await told(world, scanner, scan_of(two)) == [Verdict.OK]


async def test_a_ticket_is_read_out_by_ref_and_seat(world: World, scanner: Caller) -> None:
    bus = await world.bus()
    booking = await world.book(bus, ["1A"], caller=world.agent(), method="cash")

    def spoken(ref: str, seat: str) -> Scan:
        return Scan(uuid.uuid4(), bus, f"{ref} {seat}", RefSeat(ref, seat))

    wanted = [spoken(booking.ref, "1B"), spoken("ZZZZZZ", "1A"), spoken(booking.ref, "1A")]
    assert await told(world, scanner, *wanted) == [*(Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.OK)]


async def test_a_ticket_of_another_bus_says_which(world: World, scanner: Caller) -> None:
    here, there = await world.bus(), await world.bus()
    booking = await world.book(there, ["1A"], caller=world.agent(), method="cash")
    (wrong,) = await scan(world, scanner, scan_of(booking, bus_id=here))
    assert (wrong.verdict, wrong.right_bus_id) == (Verdict.WRONG_BUS, there)
    by_ref = Scan(uuid.uuid4(), here, f"{booking.ref} 1A", RefSeat(booking.ref, "1A"))
    assert await told(world, scanner, by_ref) == [Verdict.WRONG_BUS]
    assert await told(world, scanner, scan_of(booking)) == [Verdict.OK]


async def test_a_cancelled_ticket_lets_nobody_in(world: World, scanner: Caller) -> None:
    booking = await world.book(await world.bus(), ["1A", "1B"], caller=world.agent(), method="cash")
    await world.cancel(booking, ["1A"])
    assert await told(world, scanner, scan_of(booking), scan_of(booking, 1)) == [
        *(Verdict.CANCELLED, Verdict.OK)
    ]


async def test_who_has_boarded_travels_and_gets_nothing_back(world: World, scanner: Caller) -> None:
    booking = await world.book(await world.bus(), ["1A", "1B"], caller=world.agent(), method="cash")
    await scan(world, scanner, scan_of(booking))
    for seats in (None, ["1A"], ["1A", "1B"]):
        with pytest.raises(WrongState):
            await world.cancel(booking, seats)
    assert (await world.cancel(booking, ["1B"])).status == "PARTIALLY_CANCELLED"


async def test_a_bus_is_boarded_from_a_day_before_until_hours_after(
    world: World, scanner: Caller
) -> None:
    booking = await world.book(
        await world.bus(departs_in=timedelta(days=3)), ["1A"], caller=world.agent(), method="cash"
    )
    assert await told(world, scanner, scan_of(booking)) == [Verdict.TOO_EARLY]
    left = await world.book(await world.bus(), ["1A"], caller=world.agent(), method="cash")
    await world.edit(
        "UPDATE bus_stops SET arrives_at = arrives_at - interval '3 days',"
        " departs_at = departs_at - interval '3 days' WHERE bus_id = $1",
        left.bus.bus_id,
    )
    await world.edit("UPDATE buses SET facts = facts + 1 WHERE bus_id = $1", left.bus.bus_id)
    world.store.buses.forget(left.bus.bus_id)
    assert await told(world, scanner, scan_of(left)) == [Verdict.TOO_LATE]
    in_time = replace(
        scan_of(left), at=datetime.now(UTC) - timedelta(days=2, hours=1), is_offline=True
    )
    assert await told(world, scanner, in_time) == [Verdict.OK]
    with pytest.raises(Departed):
        await world.cancel(left)


async def test_what_was_scanned_offline_was_scanned_no_later_than_it_is_reported(
    world: World, scanner: Caller
) -> None:
    booking = await world.book(await world.bus(), ["1A"], caller=world.agent(), method="cash")
    ahead = replace(scan_of(booking), at=datetime.now(UTC) + timedelta(hours=2), is_offline=True)
    (outcome,) = await scan(world, scanner, ahead)
    assert outcome.boarding is not None
    assert outcome.boarding.at < datetime.now(UTC) + timedelta(minutes=1)


async def test_a_bus_of_another_operator_is_none(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"], caller=world.agent(), method="cash")
    stranger = await device(world, DeviceKind.SCANNER, operator_id=await rival(world))
    kiosk = await device(world, DeviceKind.KIOSK)
    for who in (stranger, kiosk):
        assert await told(world, who, scan_of(booking)) == [Verdict.UNKNOWN]
    assert await kept(world, booking.bus.bus_id) == []
    assert await told(world, world.agent(), scan_of(booking)) == [Verdict.OK]


async def test_a_cancellation_under_way_is_waited_for(world: World, scanner: Caller) -> None:
    booking = await world.book(await world.bus(), ["1A"], caller=world.agent(), method="cash")
    async with session(world) as other:
        # The last that a cancellation locks: by then it has the booking, and has voided the ticket.
        await other.connection.execute(
            "SELECT FROM buses WHERE bus_id = $1 FOR NO KEY UPDATE", booking.bus.bus_id
        )
        cancelling = asyncio.create_task(world.cancel(booking))
        await other.has_waiters()
        running = asyncio.create_task(told(world, scanner, scan_of(booking)))
        await other.has_waiters(2)
    await cancelling
    assert await running == [Verdict.CANCELLED]


async def race(world: World) -> Counter[Verdict]:
    """Let fifty scanners scan one ticket at one instant."""
    who = await device(world, DeviceKind.SCANNER)
    booking = await world.book(await world.bus(), ["1A"], caller=world.agent(), method="cash")
    runs = [told(world, who, scan_of(booking)) for _ in range(AT_ONCE)]
    found = Counter(verdict for (verdict,) in await asyncio.gather(*runs))
    assert Counter(await kept(world, booking.bus.bus_id)) == Counter(
        {verdict.value: count for verdict, count in found.items()}
    )
    return found


async def test_of_fifty_scanners_at_one_instant_one_lets_the_passenger_in(world: World) -> None:
    assert await race(world) == {Verdict.OK: 1, Verdict.ALREADY_BOARDED: AT_ONCE - 1}


async def test_without_the_lock_the_key_alone_lets_one_in(doors: World) -> None:
    with locking(lambda text: _LOCK.sub("", text), store_scans.SQL):
        assert await race(doors) == {Verdict.OK: 1, Verdict.ALREADY_BOARDED: AT_ONCE - 1}


async def test_twin_without_lock_and_key_several_board_on_one_ticket(doors: World) -> None:
    await doors.owner.execute("DROP INDEX scans_boarded_once")
    with locking(lambda text: _LOCK.sub("", text), store_scans.SQL):
        assert (await race(doors))[Verdict.OK] > 1
