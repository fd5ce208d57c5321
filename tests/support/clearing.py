"""Makes a bus as it was before anything was sold: cheaper than a new one."""

from tests.support.world import World

_CLEAR = """
SELECT set_config('omnibus.operators', '{{{operator}}}', true);
DELETE FROM claims WHERE bus_id = {bus};
DELETE FROM tickets WHERE bus_id = {bus};
DELETE FROM refunds WHERE bus_id = {bus};
DELETE FROM payments WHERE bus_id = {bus};
DELETE FROM bookings WHERE bus_id = {bus};
DELETE FROM holds WHERE bus_id = {bus};
DELETE FROM blocks WHERE bus_id = {bus};
DELETE FROM buyer_holds WHERE bus_id = {bus};
DELETE FROM idempotency_keys WHERE bus_id = {bus};
DELETE FROM events WHERE bus_id = {bus};
UPDATE seats SET states = repeat('A', length(states)) WHERE bus_id = {bus} AND states ~ '[^A]';
UPDATE buses SET rev = 0, status = 'SCHEDULED' WHERE bus_id = {bus};
"""


async def clear(world: World, *buses: int) -> None:
    """Forget all sales of these buses, and whatever was announced."""
    async with world.owner.transaction():
        for bus in buses:
            await world.owner.execute(_CLEAR.format(bus=bus, operator=world.operator_id))
    world.events.clear()
