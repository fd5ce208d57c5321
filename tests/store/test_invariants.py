"""The invariant queries find what they are there for: each is shown data that is broken in its way."""

from collections.abc import AsyncIterator

import pytest

from store.invariants import SQL, find_violations
from tests.support.world import World

# As no sale would do it: by the owner's hand, in the operator's scope.
DAMAGE = {
    "claims_match_states": ["UPDATE seats SET states = 'BB' WHERE seat_no = 8"],
    "live_holds_own_their_seats": [
        (
            "DELETE FROM claims AS c USING holds AS h"
            " WHERE c.bus_id = h.bus_id AND c.hold_id = h.hold_id AND h.state = 'ACTIVE' AND c.segment = 1"
        )
    ],
    "sold_seats_are_owned": [
        (
            "DELETE FROM claims AS c USING bookings AS b"
            " WHERE c.bus_id = b.bus_id AND c.booking_id = b.booking_id AND b.status = 'CONFIRMED' AND c.segment = 1"
        )
    ],
    "ended_owners_own_nothing": [
        "UPDATE holds SET state = 'RELEASED', ended_at = now() WHERE state = 'ACTIVE'"
    ],
    "pending_bookings_own_their_seats": [
        (
            "DELETE FROM claims AS c USING bookings AS b"
            " WHERE c.bus_id = b.bus_id AND c.booking_id = b.booking_id AND b.status = 'PENDING' AND c.segment = 1"
        )
    ],
    "booked_holds_have_their_booking": [
        "UPDATE holds SET state = 'BOOKED', ended_at = now() WHERE state = 'ACTIVE'"
    ],
    "revisions_have_no_gaps": ["DELETE FROM events WHERE rev = 2"],
    "events_are_of_the_operator_of_their_bus": [
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Other', 'UTC', 'EUR')",
        "UPDATE events SET operator_id = (SELECT max(operator_id) FROM operators) WHERE rev = 1",
    ],
    "jobs_are_of_a_booking": [
        (
            "INSERT INTO jobs (bus_id, booking_id, job_id, operator_id, kind, due_at, created_at)"
            " SELECT bus_id, 999, gen_random_uuid(), operator_id, 'REMINDER', now(), now() FROM buses"
        ),
    ],
    "paid_is_confirmed": [
        (
            "INSERT INTO payments SELECT bus_id, gen_random_uuid(), booking_id, operator_id, 'demo', 'SUCCEEDED', 1,"
            " now(), now() FROM bookings WHERE status = 'PENDING'"
        )
    ],
    "refunds_within_payment": [
        (
            "INSERT INTO refunds SELECT bus_id, gen_random_uuid(), payment_id, operator_id, amount + 1, '{1}', now()"
            " FROM payments"
        )
    ],
    # The books say less than was taken.
    "captured_is_confirmed_or_refunded": [
        "ALTER TABLE postings DISABLE TRIGGER USER",
        "DELETE FROM postings",
    ],
    "postings_sum_to_zero": [
        "ALTER TABLE postings DISABLE TRIGGER USER",
        "UPDATE postings SET amount = amount - 1 WHERE account = 'sales'",
    ],
    # Owed according to the books, promised to nobody.
    "paid_back_once_and_as_promised": [
        (
            "INSERT INTO postings (bus_id, operator_id, group_id, payment_id, account, amount, created_at)"
            " SELECT p.bus_id, p.operator_id, p.movement, p.payment_id, line.*, now() FROM"
            " (SELECT bus_id, operator_id, payment_id, gen_random_uuid() AS movement FROM payments) AS p,"
            " (VALUES ('refunds_due', -5), ('sales', 5)) AS line"
        )
    ],
    "sold_under_rules_of_the_operator": ["UPDATE bookings SET rules_id = 4711"],
    "cancelled_buses_hold_nothing": ["UPDATE buses SET status = 'CANCELLED', cancelled_at = now()"],
    "cash_is_paid_out_as_it_was_promised": [
        (
            "INSERT INTO shifts (operator_id, user_id, opened_at, opening)"
            " SELECT max(operator_id), 1, now(), '{}' FROM operators"
        ),
        (
            "INSERT INTO refunds SELECT bus_id, gen_random_uuid(), payment_id, operator_id, 10, '{1}', now()"
            " FROM payments LIMIT 1"
        ),
        (
            "INSERT INTO cash_payouts SELECT r.bus_id, r.refund_id, r.operator_id, s.shift_id, 1, 11, now()"
            " FROM refunds AS r, shifts AS s"
        ),
    ],
    "whoever_boards_travels": [
        (
            "INSERT INTO scans (bus_id, scan_id, operator_id, user_id, reading, booking_id, seat_no, verdict,"
            " is_offline, scanned_at, received_at) SELECT bus_id, gen_random_uuid(), operator_id, 1, 'x', booking_id,"
            " seat_no, 'ok', false, now(), now() FROM tickets"
        ),
        "UPDATE tickets SET status = 'NO_SHOW', no_show_at = now()",
    ],
    "searches_find_every_call": ["DELETE FROM calls WHERE idx = 1"],
    "counts_cover_holds": ["UPDATE buyer_holds SET seats_held = 0"],
    "buyers_stay_within_their_caps": ["UPDATE buyer_holds SET holds_held = 0, holds_max = 1"],
    "no_hold_outlives_the_hard_cap": [
        "ALTER TABLE holds DROP CONSTRAINT holds_lifetime",
        "UPDATE holds SET created_at = created_at - interval '1 hour' WHERE state = 'ACTIVE'",
    ],
    "ended_holds_forget_where_they_were_made": [
        "ALTER TABLE holds DROP CONSTRAINT holds_network_while_live",
        "UPDATE holds SET network = buyer, state = 'RELEASED', ended_at = now() WHERE buyer IS NOT NULL",
    ],
}


@pytest.fixture
async def used(database_url: str) -> AsyncIterator[World]:
    """A world with a bit of everything, that may end up broken."""
    world = await World.open(database_url)
    bus = await world.bus(segments=2, seats=8)
    await world.hold(bus, ["1A"], caller=world.rider(1))
    await world.book(bus, ["2B"], caller=world.rider(1))
    await world.book(bus, ["1B"])
    await world.book(bus, ["1C"], method="cash")
    await world.block(bus, ["1D"])
    await world.book_hold(await world.hold(bus, ["2A"]), method="cash")
    yield world
    await world.close()


def test_every_invariant_is_tried_here() -> None:
    assert DAMAGE.keys() == set(SQL.names())


@pytest.mark.parametrize("name", DAMAGE)
async def test_an_invariant_that_is_broken_is_named(used: World, name: str) -> None:
    assert await find_violations(used.store.db) == {}
    for statement in DAMAGE[name]:
        await used.edit(statement)
    assert name in await find_violations(used.store.db)
