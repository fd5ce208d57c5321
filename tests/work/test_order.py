"""Jobs of one booking are done one after the other, in the order of what happened, however many workers there are."""

import re
from contextlib import AsyncExitStack

from store import jobs
from tests.support.twins import locking
from tests.support.waiting import wait_until
from tests.support.world import World
from tests.work.effects import are_done, book, lay_tables, leave_effect, queue
from tests.work.workers import working

_WORKERS = 4
_ORDER = re.compile(r"AND NOT EXISTS \(.*?\n        \)", re.DOTALL)


async def work_through(world: World) -> dict[int, list[tuple[int, bool]]]:
    """Let four workers do six jobs of each of eight bookings; return each booking's beginnings and ends in order."""
    await lay_tables(world)
    bus, bookings = await book(world, 8)
    await queue(world, bus, bookings, each=6)
    async with AsyncExitStack() as stack:
        for _ in range(_WORKERS):
            await stack.enter_async_context(working(world, leave_effect(pause=0.002)))
        await wait_until(lambda: are_done(world), seconds=30)
    seen: dict[int, list[tuple[int, bool]]] = {booking: [] for booking in bookings}
    for row in await world.owner.fetch("SELECT booking_id, n, is_end FROM tries ORDER BY number"):
        seen[row["booking_id"]].append((row["n"], row["is_end"]))
    return seen


IN_ORDER = [(n, is_end) for n in range(6) for is_end in (False, True)]


async def test_four_workers_keep_the_order_of_each_booking(world: World) -> None:
    seen = await work_through(world)
    assert [each for each in seen.values() if each != IN_ORDER] == []


async def test_twin_that_claims_whatever_is_due_mixes_them_up(world: World) -> None:
    with locking(lambda text: _ORDER.sub("", text), jobs.SQL):
        seen = await work_through(world)
    assert [each for each in seen.values() if each != IN_ORDER] != []


async def test_what_is_set_for_later_keeps_nothing_waiting_that_came_after_it(
    world: World,
) -> None:
    await lay_tables(world)
    bus, bookings = await book(world, 1)
    await queue(world, bus, bookings, each=2)
    await world.edit(
        "UPDATE jobs SET due_at = now() + interval '1 hour' WHERE detail @> '{\"n\": 0}'"
    )
    async with working(world, leave_effect()):
        await wait_until(lambda: has_done(world, [1]))
        await world.edit("UPDATE jobs SET due_at = now() WHERE state = 'QUEUED'")
        await wait_until(lambda: has_done(world, [1, 0]))


async def has_done(world: World, wanted: list[int]) -> bool:
    rows = await world.owner.fetch("SELECT n FROM tries WHERE is_end ORDER BY number")
    return [row["n"] for row in rows] == wanted
