"""A boarding that was a mistake is taken back: by whom it was made, for a while, and it is written down."""

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from store.errors import Forbidden, NotFound, WrongState
from store.model import Booking, Caller, DeviceKind
from store.scans import Scan, Verdict
from tests.store.test_scans import scan, scan_of, told
from tests.support.fleet import device, rival
from tests.support.world import World

SOON = timedelta(hours=2)


@pytest.fixture
async def scanner(world: World) -> Caller:
    return await device(world, DeviceKind.SCANNER)


async def boarded(world: World, who: Caller) -> tuple[Booking, Scan]:
    booking = await world.book(await world.bus(), ["1A"], caller=world.agent(), method="cash")
    once = scan_of(booking)
    assert await told(world, who, once) == [Verdict.OK]
    return booking, once


async def test_a_boarding_is_taken_back_and_the_ticket_boards_again(
    world: World, scanner: Caller
) -> None:
    booking, once = await boarded(world, scanner)
    bus = booking.bus.bus_id
    undone = await world.store.unboarding.undo(scanner, bus, once.scan_id)
    assert (undone.passenger.name, undone.passenger.ref) == ("Passenger 1A", booking.ref)
    again = await world.store.unboarding.undo(scanner, bus, once.scan_id)
    assert again.undone_at == undone.undone_at, "a second time changes nothing"
    (replayed,) = await scan(world, scanner, once)
    assert (replayed.verdict, replayed.is_replayed, replayed.is_undone) == (Verdict.OK, True, True)
    assert await told(world, scanner, scan_of(booking)) == [Verdict.OK]
    assert await told(world, scanner, scan_of(booking)) == [Verdict.ALREADY_BOARDED]
    rows = await world.edit(
        "SELECT actor_id, detail->>'ref' AS ref, detail->>'seat' AS seat, (detail->>'device')::bigint AS device"
        " FROM audit_log WHERE action = 'boarding.undo'"
    )
    assert [tuple(row) for row in rows] == [(None, booking.ref, "1A", scanner.device_id)]


async def test_whose_boarding_was_taken_back_may_cancel_again(
    world: World, scanner: Caller
) -> None:
    booking, once = await boarded(world, scanner)
    with pytest.raises(WrongState):
        await world.cancel(booking)
    await world.store.unboarding.undo(world.agent(), booking.bus.bus_id, once.scan_id)
    assert (await world.cancel(booking)).status == "CANCELLED"


async def test_what_a_manifest_is_called_changes(world: World, scanner: Caller) -> None:
    booking, once = await boarded(world, scanner)
    bus = booking.bus.bus_id
    before = await world.store.manifests.find(scanner, bus)
    await world.store.unboarding.undo(scanner, bus, once.scan_id)
    after = await world.store.manifests.find(scanner, bus)
    assert after.scans == before.scans + 1
    assert [line.boarded_at is None for line in after.lines] == [True]
    await told(world, scanner, scan_of(booking))
    assert (await world.store.manifests.find(scanner, bus)).scans == after.scans + 1


async def test_another_device_takes_nothing_back_and_staff_does(
    world: World, scanner: Caller
) -> None:
    booking, once = await boarded(world, scanner)
    other = await device(world, DeviceKind.SCANNER, name="Rear door")
    bus = booking.bus.bus_id
    with pytest.raises(Forbidden):
        await world.store.unboarding.undo(other, bus, once.scan_id)
    stranger = Caller(9, world.agent().role, await rival(world))
    for nobody in (stranger, world.rider(1), await device(world, DeviceKind.KIOSK)):
        with pytest.raises(NotFound):
            await world.store.unboarding.undo(nobody, bus, once.scan_id)
    await world.store.unboarding.undo(world.agent(), bus, once.scan_id)


async def test_later_it_stands(world: World, scanner: Caller) -> None:
    booking, once = await boarded(world, scanner)
    await world.edit(
        "UPDATE scans SET scanned_at = scanned_at - interval '16 minutes',"
        " received_at = received_at - interval '16 minutes'"
    )
    with pytest.raises(WrongState):
        await world.store.unboarding.undo(world.agent(), booking.bus.bus_id, once.scan_id)


async def test_nobody_boarded_by_what_let_nobody_in(world: World, scanner: Caller) -> None:
    booking, _ = await boarded(world, scanner)
    second, bus = scan_of(booking), booking.bus.bus_id
    nonsense = Scan(uuid.uuid4(), bus, "nonsense", None)
    await told(world, scanner, second, nonsense)
    for which in (second, nonsense):
        with pytest.raises(WrongState):
            await world.store.unboarding.undo(scanner, bus, which.scan_id)
    with pytest.raises(NotFound):
        await world.store.unboarding.undo(scanner, bus, uuid.uuid4())


async def test_of_many_who_board_while_it_is_taken_back_one_does(
    world: World, scanner: Caller
) -> None:
    booking, once = await boarded(world, scanner)
    found = await asyncio.gather(
        world.store.unboarding.undo(scanner, booking.bus.bus_id, once.scan_id),
        *(told(world, scanner, scan_of(booking)) for _ in range(10)),
        world.store.unboarding.undo(scanner, booking.bus.bus_id, once.scan_id),
    )
    assert sum(each == [Verdict.OK] for each in found) <= 1
    rows = await world.edit("SELECT FROM scans WHERE verdict = 'ok' AND undone_at IS NULL")
    assert len(rows) <= 1


async def test_what_comes_long_after_it_was_scanned_is_marked(
    world: World, scanner: Caller
) -> None:
    booking = await world.book(
        await world.bus(departs_in=SOON), ["1A", "1B"], caller=world.agent(), method="cash"
    )
    at = datetime.now(UTC) - timedelta(minutes=9)
    late = replace(scan_of(booking), at=at, is_offline=True)
    soon = replace(
        scan_of(booking, 1), at=datetime.now(UTC) - timedelta(minutes=1), is_offline=True
    )
    outcomes = await scan(world, scanner, late, soon)
    assert [(each.verdict, each.is_late) for each in outcomes] == [
        (Verdict.OK, True),
        (Verdict.OK, False),
    ]
    (again,) = await scan(world, scanner, late)
    assert (again.is_replayed, again.is_late) == (True, True)


async def test_where_the_bus_stands_counts(world: World) -> None:
    bus, agent = await world.bus(segments=3, departs_in=SOON), world.agent()
    booking = await world.book(bus, ["1A"], leg=(1, 3), caller=agent, method="cash")
    stops = await world.stops(bus)

    def at(stop: int | None) -> Scan:
        return replace(scan_of(booking), stop_id=stop)

    elsewhere = await world.stops(await world.bus(segments=2))
    for wrong in (stops[0], stops[3], elsewhere[0]):
        assert await told(world, agent, at(wrong)) == [Verdict.WRONG_STOP]
    assert await told(world, agent, at(stops[2])) == [Verdict.OK], "later than paid for is theirs"


async def test_a_scanner_that_stands_at_a_stop_boards_there(world: World) -> None:
    bus = await world.bus(segments=2, departs_in=SOON)
    stops = await world.stops(bus)
    later = await world.book(bus, ["1A"], leg=(1, 2), caller=world.agent(), method="cash")
    here = await world.book(bus, ["1B"], caller=world.agent(), method="cash")
    # The first stop that there is.
    standing = await device(world, DeviceKind.SCANNER)
    assert min(stops) == stops[0]
    assert await told(world, standing, scan_of(later)) == [Verdict.WRONG_STOP]
    assert await told(world, standing, replace(scan_of(later), stop_id=stops[1])) == [Verdict.OK]
    assert await told(world, standing, scan_of(here)) == [Verdict.OK]
    other = await world.book(await world.bus(), ["1A"], caller=world.agent(), method="cash")
    assert await told(world, standing, scan_of(other)) == [Verdict.OK], "that bus does not call"
