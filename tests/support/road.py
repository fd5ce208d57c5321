"""Buses that are under way: sold as others are, then moved in time."""

from datetime import timedelta

from tests.support.world import World


async def set_off(world: World, bus_id: int, ago: timedelta) -> None:
    """Let a bus have left its first stop so long ago; the ways between its stops take as long as before."""
    (row,) = await world.edit(
        "SELECT clock_timestamp() - departs_at AS late FROM bus_stops WHERE bus_id = $1 AND idx = 0",
        bus_id,
    )
    shift = row["late"] - ago
    moved = "departs_at = departs_at + $2::interval, arrives_at = arrives_at + $2::interval"
    for change in (f"bus_stops SET {moved}", f"buses SET facts = facts + 1, {moved}"):
        await world.edit(f"UPDATE {change} WHERE bus_id = $1", bus_id, shift)
    world.store.buses.forget(bus_id)
