"""How the database finds rows in tables that are large."""

from store.queries import Queries
from tests.support.world import World

MONTH = Queries.beside(__file__)


async def explain(world: World, query: str, *args: object) -> str:
    """Return the plan, with a month of sales in the tables that are gone again afterwards."""
    bus = await world.bus()
    change = world.owner.transaction()
    await change.start()
    try:
        await world.owner.execute(f"SET LOCAL omnibus.operators = '{{{world.operator_id}}}'")
        for name in MONTH.names():
            await world.owner.execute(MONTH[name], bus, world.operator_id)
        await world.owner.execute("ANALYZE holds; ANALYZE bookings; ANALYZE idempotency_keys")
        await world.owner.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        rows = await world.owner.fetch(f"EXPLAIN {query}", *args)
    finally:
        await change.rollback()
    return "\n".join(row[0] for row in rows)
