"""The invariants are asked in production, a few buses a round, and every process sees what came of it."""

import itertools
from collections.abc import AsyncIterator

import pytest

from server.jobs import Alarm
from store.invariants import SQL
from store.watch import PARTS, Watch
from tests.support.world import World

LOSE_CLAIMS = "DELETE FROM claims WHERE bus_id = $1"


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    """A world that may end up broken."""
    opened = await World.open(database_url)
    yield opened
    await opened.close()


async def a_watch(world: World, part: int) -> Watch:
    """Return a watch as a process has it that has just started, and begins with this part of the buses."""
    watch = Watch((await world.worker()).db)
    watch._parts = itertools.count(part % PARTS)
    return watch


async def forget_events(world: World) -> None:
    """Let all that has happened be long ago."""
    await world.edit("UPDATE events SET at = at - interval '1 day'")


async def test_a_round_of_a_sound_house_finds_nothing_and_says_when_it_was(world: World) -> None:
    bus = await world.bus()
    await world.hold(bus, ["1A"])
    assert await world.store.watch.last() == []
    assert await (await world.worker()).watch.look() == {}
    checks = await world.store.watch.last()
    assert [check.name for check in checks] == sorted(SQL.names())
    assert {check.violations for check in checks} == {0}
    assert await world.owner.fetchval("SELECT clock_timestamp() >= $1", checks[0].checked_at)


async def test_what_breaks_on_a_bus_that_changed_is_found_in_the_next_round(world: World) -> None:
    bus = await world.bus()
    watch = await a_watch(world, bus + 1)
    await world.book(bus, ["1A", "1B"], method="cash")
    await world.edit(LOSE_CLAIMS, bus)
    found = await watch.look()
    assert found.keys() == {"claims_match_states", "sold_seats_are_owned"}
    assert found["claims_match_states"].count == 2
    assert found["claims_match_states"].buses == {bus}
    other = await world.open_store()
    told = {check.name: check.violations for check in await other.watch.last()}
    assert (told["claims_match_states"], told["paid_is_confirmed"]) == (2, 0)


async def test_what_breaks_where_nothing_is_sold_is_found_within_sixty_rounds(world: World) -> None:
    buses = [await world.bus() for _ in range(3)]
    for bus in buses:
        await world.book(bus, ["1A"], method="cash")
        await world.edit(LOSE_CLAIMS, bus)
    await forget_events(world)
    watch = await a_watch(world, 0)
    found = [await watch.look() for _ in range(PARTS)]
    assert found[-1]["sold_seats_are_owned"].buses == set(buses)


async def test_what_was_found_is_looked_at_again_until_it_is_mended(world: World) -> None:
    bus = await world.bus()
    await world.book(bus, ["1A"], method="cash")
    await world.edit("CREATE TABLE lost AS SELECT * FROM claims")
    await world.edit(LOSE_CLAIMS, bus)
    await (await world.worker()).watch.look()
    await forget_events(world)
    restarted = await a_watch(world, bus + 1)
    assert "claims_match_states" in await restarted.look()
    await world.edit("INSERT INTO claims SELECT * FROM lost")
    assert await restarted.look() == {}
    assert {check.violations for check in await restarted.last()} == {0}


async def test_the_key_to_a_hold_is_not_shown_whole(world: World) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["1A"])
    await world.edit(LOSE_CLAIMS, bus)
    found = await (await world.worker()).watch.look()
    (row,) = found["live_holds_own_their_seats"].rows
    assert f"bus_id {bus}" in row
    assert str(hold.hold_id)[:8] in row
    assert str(hold.hold_id) not in row


async def test_an_alarm_is_raised_once_for_every_change(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    bus = await world.bus()
    await world.book(bus, ["1A"], method="cash")
    alarm = Alarm()

    async def hear() -> list[tuple[str, str]]:
        caplog.clear()
        alarm.tell(await (await world.worker()).watch.look())
        return [(record.levelname, record.getMessage()[:24]) for record in caplog.records]

    assert await hear() == []
    await world.edit("UPDATE seats SET states = 'X' WHERE bus_id = $1 AND seat_no = 5", bus)
    broken = ("CRITICAL", "INVARIANT BROKEN: claims")
    assert await hear() == [broken]
    assert await hear() == []
    await world.edit("UPDATE seats SET states = 'X' WHERE bus_id = $1 AND seat_no = 6", bus)
    assert await hear() == [broken]
    await world.edit("UPDATE seats SET states = 'A' WHERE bus_id = $1 AND seat_no > 4", bus)
    assert await hear() == [("WARNING", "invariant whole again: c")]


async def test_a_round_locks_nothing_that_a_sale_needs(world: World) -> None:
    bus = await world.bus()
    await world.hold(bus, ["1A"])
    async with world.owner.transaction():
        await world.owner.execute(
            "LOCK TABLE buses, seats, claims, holds, events IN ROW EXCLUSIVE MODE"
        )
        await world.owner.execute(
            "SELECT set_config('omnibus.operators', $1, true)", f"{{{world.operator_id}}}"
        )
        await world.owner.execute("SELECT FROM seats WHERE bus_id = $1 FOR UPDATE", bus)
        assert await (await world.worker()).watch.look() == {}
