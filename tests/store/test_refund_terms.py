"""Rules pinned at sale: what was promised with a ticket is what comes back of it, whatever is published later."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from store.errors import AlreadyExists, Forbidden, InvalidRequest, NotFound, WrongState
from store.model import Booking, Caller, Role
from store.refund_rules import Channel, Initiator, Term
from store.refund_terms import NewRules, RulesCard
from tests.store.tariffs import BANDS, HALF, leave_in, publish, sell_under, use
from tests.support.world import World, purchase_of, value


async def rules_of(world: World, booking_id: int) -> int | None:
    (row,) = await world.edit("SELECT rules_id FROM bookings WHERE booking_id = $1", booking_id)
    found: int | None = row["rules_id"]
    return found


async def test_what_was_sold_keeps_its_rules_when_others_come_into_force(world: World) -> None:
    bus = await world.bus(price=1001)
    before = await world.book(bus, ["1A"], method="cash")
    first = await sell_under(world, HALF)
    then = await world.book(bus, ["1B"], method="cash")
    second = await sell_under(world, (Term(0, 10),))
    after = await world.book(bus, ["1C"], method="cash")
    assert (first.version, second.version) == (1, 2)
    assert [await rules_of(world, each.booking_id) for each in (before, then, after)] == [
        None,
        first.rules_id,
        second.rules_id,
    ]
    assert (await world.cancel(before)).refunded == 1001
    assert (await world.cancel(then)).refunded == 501
    assert (await world.cancel(after)).refunded == 100


@pytest.mark.parametrize("caller", ["guest", "rider", "agent"])
async def test_every_way_to_a_sale_pins_the_rules(world: World, caller: str) -> None:
    who = {"guest": world.guest(1), "rider": world.rider(1), "agent": world.agent()}[caller]
    rules = await sell_under(world, HALF)
    bus = await world.bus()
    await world.hold(
        bus, ["9A"], caller=who
    )  # the database's clock is heard: the express way opens
    direct = await world.book(bus, ["1A"], caller=who)
    await world.cancel(direct)
    held = await world.book_hold(await world.hold(bus, ["1B"], caller=who), caller=who)
    assert direct.rules_id == held.rules_id == rules.rules_id
    for booking in (direct, held):
        assert await rules_of(world, booking.booking_id) == rules.rules_id
        found = await world.store.lookup.find(bus, booking.booking_id)
        assert (found.rules_id, found.sold_by) == (rules.rules_id, booking.sold_by)
        assert (found.sold_by is not None) == (caller == "agent")


async def test_a_routes_own_rules_come_before_the_operators(world: World) -> None:
    general = await sell_under(world, HALF, "General")
    bus = await world.bus(segments=2)
    (row,) = await world.edit("SELECT route_id FROM buses WHERE bus_id = $1", bus)
    special = await sell_under(world, (Term(0, 0),), "Special", route=row["route_id"])
    other = await world.bus()
    assert (await world.book(bus, ["1A"])).rules_id == special.rules_id
    assert (await world.book(other, ["1A"])).rules_id == general.rules_id
    await use(world, None, route=row["route_id"])
    assert (await world.book(bus, ["1B"])).rules_id == general.rules_id
    await use(world, None)
    assert (await world.book(bus, ["1C"])).rules_id is None


async def test_rules_are_for_what_is_sold_in_their_currency(world: World) -> None:
    await sell_under(world, HALF)
    bus = await world.bus()
    await world.edit("UPDATE buses SET currency = 'CHF', facts = facts + 1 WHERE bus_id = $1", bus)
    assert (await world.book(bus, ["1A"])).rules_id is None


async def test_a_process_that_knows_older_facts_sells_under_the_rules_in_force(
    world: World,
) -> None:
    bus, other = await world.bus(), await world.open_store()
    await other.buses.find(bus)
    await world.hold(bus, ["9A"])
    rules = await sell_under(world, HALF)
    assert (await other.buses.find(bus)).rules_id is None, "it has not heard of them"
    request = await world.request(bus, ["1A"])
    booked: Booking = await value(
        lambda ask: other.bookings.book(world.rider(1), request, purchase_of(["1A"]), ask)
    )
    assert booked.rules_id == rules.rules_id


async def test_published_rules_are_never_changed_not_even_past_the_store(world: World) -> None:
    number = await publish(world, HALF)
    terms = world.store.refund_terms
    with pytest.raises(WrongState):
        await terms.rewrite(world.manager(), number, BANDS)
    with pytest.raises(WrongState):
        await value(lambda ask: terms.publish(world.manager(), number, ask))
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await world.edit("UPDATE refund_rules SET terms = '[]' WHERE rules_id = $1", number)
    assert refusal.value.constraint_name == "refund_rules_published_for_good"


async def test_a_name_has_one_draft_which_may_be_rewritten(world: World) -> None:
    terms = world.store.refund_terms

    async def draft() -> RulesCard | AlreadyExists:
        try:
            new = NewRules("Saver", HALF)
            card: RulesCard = await value(lambda ask: terms.draft(world.manager(), new, ask))
        except AlreadyExists as refusal:
            return refusal
        return card

    drafts = await asyncio.gather(*(draft() for _ in range(4)))
    cards = [draft for draft in drafts if isinstance(draft, RulesCard)]
    assert len(cards) == 1
    number = cards[0].rules.rules_id
    assert number is not None
    await terms.rewrite(world.manager(), number, BANDS)
    assert (await terms.find(number)).terms == BANDS
    with pytest.raises(InvalidRequest):
        await use(world, number)
    await value(lambda ask: terms.publish(world.manager(), number, ask))
    await use(world, number)
    (card,) = await terms.list(world.manager(), None, after=0, limit=10)
    assert (card.is_default, card.routes, card.rules.version) == (True, (), 1)


async def test_rules_of_another_operator_are_not_there(world: World) -> None:
    number = await publish(world, HALF)
    (row,) = await world.edit(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Other', 'UTC', 'EUR')"
        " RETURNING operator_id"
    )
    rival, terms = Caller(7, Role.OPERATOR, row["operator_id"]), world.store.refund_terms
    with pytest.raises(NotFound):
        await terms.rewrite(rival, number, BANDS)
    with pytest.raises(InvalidRequest):
        await terms.set_default(rival, row["operator_id"], None, rules_id=number)
    with pytest.raises(NotFound):
        await terms.set_default(rival, world.operator_id, None, rules_id=number)
    with pytest.raises(Forbidden):
        await value(lambda ask: terms.draft(world.agent(), NewRules("Mine", HALF), ask))
    assert await terms.list(rival, None, after=0, limit=10) == []


async def test_time_is_measured_to_the_passengers_own_stop(world: World) -> None:
    await sell_under(world, BANDS)
    bus = await world.bus(segments=2)  # half an hour apart
    await leave_in(world, bus, timedelta(minutes=45))
    early = await world.book(bus, ["1A"], leg=(0, 1), method="cash")
    late = await world.book(bus, ["1B"], leg=(1, 2), method="cash")
    assert (await world.cancel(early)).refunded == 0
    assert (await world.cancel(late)).refunded == late.total * 40 // 100


async def test_a_counters_ticket_is_under_the_counters_terms_and_a_kiosks_under_its_own(
    world: World,
) -> None:
    await sell_under(
        world,
        (Term(0, 10), Term(0, 20, channel=Channel.COUNTER), Term(0, 30, channel=Channel.WEB)),
    )
    bus = await world.bus(price=1000)
    counter = await world.book(bus, ["1A"], caller=world.agent(), method="cash")
    web = await world.pay(await world.book(bus, ["1B"], caller=world.rider(1)))
    assert (await world.cancel(counter)).refunded == 200
    assert (await world.cancel(web)).refunded == 300


async def test_passengers_who_cancel_one_after_the_other_get_what_they_would_have_at_once(
    world: World,
) -> None:
    await sell_under(world, (Term(0, 33, fee=100),))
    bus = await world.bus(price=1999)
    at_once = await world.book(bus, ["1A", "1B", "1C"], method="cash")
    one_by_one = await world.book(bus, ["2A", "2B", "2C"], method="cash")
    together = (await world.cancel(at_once)).refunded
    refunded = [(await world.cancel(one_by_one, [seat])).refunded for seat in ("2B", "2A", "2C")]
    assert refunded[-1] == together == 3 * (660 - 100)


async def test_nothing_that_comes_back_is_no_refund(world: World) -> None:
    await sell_under(world, (Term(0, 0),))
    booking = await world.book(await world.bus(), ["1A"], method="cash")
    assert (await world.cancel(booking)).refunded == 0
    assert await world.edit("SELECT FROM refunds") == []
    jobs = await world.edit("SELECT kind FROM jobs WHERE booking_id = $1", booking.booking_id)
    assert sorted(row["kind"] for row in jobs) == ["BOOKING_CANCELLED", "BOOKING_CONFIRMED"]


async def test_the_refund_and_the_job_that_pays_it_are_written_together(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A", "1B"], method="cash")
    await world.cancel(booking, ["1B"])
    (refund,) = await world.edit("SELECT refund_id::text AS number, amount FROM refunds")
    jobs = await world.edit(
        "SELECT kind, detail->>'refund_id' AS number FROM jobs WHERE kind <> 'BOOKING_CONFIRMED'"
    )
    assert {tuple(row) for row in jobs} == {
        ("BOOKING_CANCELLED", refund["number"]),
        ("REFUND", refund["number"]),
    }


async def test_the_operator_pays_everything_back_unless_its_rules_say_otherwise(
    world: World,
) -> None:
    bus = await world.bus(price=1000)
    await sell_under(world, (Term(0, 0),))
    booking = await world.book(bus, ["1A"], method="cash")
    quote = await world.store.cancellations.quote(bus, booking.booking_id, None, Initiator.OPERATOR)
    assert (quote.amount, quote.because) == (1000, "operator")
    await sell_under(world, (Term(0, 0), Term(0, 80, initiator=Initiator.OPERATOR)))
    booking = await world.book(bus, ["1B"], method="cash")
    quote = await world.store.cancellations.quote(bus, booking.booking_id, None, Initiator.OPERATOR)
    assert (quote.amount, quote.because) == (800, "rules")
