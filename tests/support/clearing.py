"""Makes a bus as it was before anything was sold: cheaper than a new one."""

from tests.support.world import World

# What is written once goes all the same, from this database on: put back each time, the guards would cost every session
# the plans that it has made.
_UNGUARD = """
SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', t.tgrelid::regclass, t.tgname) AS statement
FROM pg_trigger AS t
WHERE t.tgname IN (
    'payments_append_only', 'refunds_append_only', 'refund_attempts_append_only', 'postings_append_only'
) AND t.tgenabled <> 'D'
"""
_CLEAR = """
SELECT set_config('omnibus.operators', '{{{operator}}}', true);
DELETE FROM jobs WHERE bus_id = {bus};
DELETE FROM claims WHERE bus_id = {bus};
DELETE FROM tickets WHERE bus_id = {bus};
DELETE FROM postings WHERE bus_id = {bus};
DELETE FROM refund_attempts WHERE bus_id = {bus};
DELETE FROM intents WHERE bus_id = {bus};
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
        for row in await world.owner.fetch(_UNGUARD):
            await world.owner.execute(row["statement"])
        for bus in buses:
            await world.owner.execute(_CLEAR.format(bus=bus, operator=world.operator_id))
    world.events.clear()
