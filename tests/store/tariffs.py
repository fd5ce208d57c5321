"""Cancellation rules for tests: drafted, published and in use in one call; and buses close to leaving."""

from datetime import UTC, datetime, timedelta

from store.refund_rules import RuleSet, Term
from store.refund_terms import NewRules, RulesCard
from tests.support.world import World, value

HALF = (Term(0, 50),)
BANDS = (Term(24 * 60, 100), Term(60, 40))


async def publish(world: World, terms: tuple[Term, ...], name: str = "Saver") -> int:
    """Publish the next version of a name and return its number."""
    terms_of = world.store.refund_terms
    card: RulesCard = await value(
        lambda ask: terms_of.draft(world.manager(), NewRules(name, terms), ask)
    )
    number = card.rules.rules_id
    assert number is not None
    await value(lambda ask: terms_of.publish(world.manager(), number, ask))
    return number


async def sell_under(
    world: World, terms: tuple[Term, ...], name: str = "Saver", *, route: int | None = None
) -> RuleSet:
    """Let everything be sold under new rules from now on, or the buses of one route."""
    number = await publish(world, terms, name)
    await use(world, number, route=route)
    return await world.store.refund_terms.find(number)


async def use(world: World, number: int | None, *, route: int | None = None) -> None:
    await world.store.refund_terms.set_default(
        world.manager(), world.operator_id, route, rules_id=number
    )


async def leave_in(world: World, bus: int, ahead: timedelta) -> None:
    """Move a bus so that it leaves its first stop so long from now; who knows its facts learns of it."""
    first = (await world.store.buses.find(bus)).stops[0].departs_at
    shift = datetime.now(UTC) + ahead - first
    await world.edit(
        "UPDATE bus_stops SET arrives_at = arrives_at + $2::interval, departs_at = departs_at + $2::interval"
        " WHERE bus_id = $1",
        bus,
        shift,
    )
    await world.edit(
        "UPDATE buses SET facts = facts + 1, departs_at = departs_at + $2::interval,"
        " arrives_at = arrives_at + $2::interval WHERE bus_id = $1",
        bus,
        shift,
    )
