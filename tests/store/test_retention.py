from functools import partial

from tests.store import deeds
from tests.support.world import World, answer, key


async def test_old_events_go_as_whole_beginnings_of_a_history(world: World) -> None:
    bus, fresh = await world.bus(), await world.bus()
    for seat in ("1A", "1B", "1C"):
        await world.hold(bus, [seat])
    await world.hold(fresh, ["1A"])
    await world.edit(
        "UPDATE events SET at = at - interval '7 hours' WHERE bus_id = $1 AND rev <= 2", bus
    )
    assert await (await world.worker()).retention.purge() == 2
    rows = await world.edit("SELECT bus_id, rev FROM events ORDER BY bus_id, rev")
    assert [tuple(row) for row in rows] == [(bus, 3), (fresh, 1)]
    assert await (await world.worker()).retention.purge() == 0


async def test_keys_are_kept_for_two_days(world: World) -> None:
    deed = await deeds.hold(world, await world.bus())
    await answer(partial(deed, world.store), key("k"))
    assert await (await world.worker()).retention.purge() == 0
    await world.edit("UPDATE idempotency_keys SET created_at = created_at - interval '49 hours'")
    assert await (await world.worker()).retention.purge() == 1
