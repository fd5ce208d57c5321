"""Whoever has paid is told what becomes of their bus."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from store.bus_edits import BusEdit
from store.bus_status import Moved, Step
from store.requests import Ask, Reply
from tests.support.world import World

_ASK: Ask[Moved] = Ask(lambda _: Reply(200, b"{}"))


async def test_everyone_who_has_paid_is_told_when_a_bus_is_moved_or_cancelled(world: World) -> None:
    bus = await world.bus()
    paid = [await world.pay(await world.book(bus, [seat])) for seat in ("1A", "1B")]
    await world.book(bus, ["1C"])
    gone = await world.pay(await world.book(bus, ["1D"]))
    await world.cancel(gone)
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    await world.store.bus_edits.change(world.admin, bus, BusEdit(departs_at=later), None)
    await world.store.bus_edits.change(world.admin, bus, BusEdit(name="The other"), None)
    await world.store.bus_status.move(world.admin, bus, Step.CANCEL, None, _ASK)
    for booking in paid:
        moved, cancelled = await told_to(world, booking.booking_id)
        assert (moved["change"], cancelled) == ("rescheduled", {"change": "cancelled"})
        assert datetime.fromisoformat(moved["departs_at"][1]) == later
    rows = await world.edit("SELECT FROM jobs WHERE kind = 'BUS_CHANGED'")
    assert len(rows) == 2 * len(paid)


async def told_to(world: World, booking: int) -> list[dict[str, Any]]:
    rows = await world.edit(
        "SELECT detail FROM jobs WHERE booking_id = $1 AND kind = 'BUS_CHANGED' ORDER BY job_id",
        booking,
    )
    return [json.loads(row["detail"]) for row in rows]
