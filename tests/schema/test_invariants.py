"""The invariants that the schema keeps by itself, tried with raw SQL as the application's role."""

import asyncpg
import pytest

from store.db import Connection
from tests.schema.rows import HOLD, NOT_THE_APPLICATIONS, insert, uuid

HELD, SOLD, BLOCKED = (
    {"hold_id": HOLD},
    {"hold_id": "NULL", "booking_id": "1"},
    {"hold_id": "NULL", "block_id": uuid(11)},
)
OWNERS = {"a hold": HELD, "a booking": SOLD, "a block": BLOCKED}
_COLUMNS = """
SELECT c.table_name, c.column_name, c.data_type, c.domain_name, c.udt_name
FROM information_schema.columns AS c
JOIN pg_tables AS t ON t.schemaname = c.table_schema AND t.tablename = c.table_name
WHERE c.table_schema = 'public' AND c.table_name <> 'schema_migrations' AND c.is_generated = 'NEVER'
"""


@pytest.mark.parametrize("first", OWNERS)
@pytest.mark.parametrize("second", OWNERS)
async def test_a_second_owner_of_a_seat_on_a_segment_is_impossible(
    app: Connection, first: str, second: str
) -> None:
    await app.execute(insert("claims", **OWNERS[first]))
    with pytest.raises(asyncpg.UniqueViolationError) as refusal:
        await app.execute(insert("claims", **OWNERS[second]))
    assert refusal.value.constraint_name == "claims_one_owner_per_seat_and_segment"


async def test_a_claim_has_one_owner_and_is_never_handed_on(app: Connection) -> None:
    attempt = app.transaction()
    await attempt.start()
    with pytest.raises(asyncpg.CheckViolationError):
        await app.execute(insert("claims", booking_id="1"))
    await attempt.rollback()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("UPDATE claims SET hold_id = NULL, booking_id = 1 WHERE bus_id = 1")


async def test_an_expired_hold_blocks_its_seat_until_it_is_taken_over(app: Connection) -> None:
    overdue = await app.fetchval(
        "SELECT expires_at < now() + interval '20 years' FROM holds LIMIT 1"
    )
    assert overdue
    with pytest.raises(asyncpg.UniqueViolationError):
        await app.execute(insert("claims", segment="0", hold_id="NULL", booking_id="1"))


async def test_no_index_or_check_asks_the_clock(app: Connection) -> None:
    rows = await app.fetch(
        "SELECT pg_get_expr(indpred, indrelid) AS rule FROM pg_index WHERE indpred IS NOT NULL"
        " UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c'"
    )
    clocks = ("now()", "clock_timestamp", "current_", "transaction_timestamp")
    assert [row["rule"] for row in rows if any(c in row["rule"].lower() for c in clocks)] == []


async def test_nothing_of_a_bus_can_belong_to_another_operator(app: Connection) -> None:
    tables = await app.fetch(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND column_name IN ('bus_id', 'operator_id') GROUP BY table_name HAVING count(*) = 2"
    )
    # Keys may concern no bus yet, so they point at none. Events are written from their bus's row, and only so; calls
    # from its stops'.
    unbound = {"buses", "idempotency_keys", "events", "calls"}
    for table in {row["table_name"] for row in tables} - unbound:
        attempt = app.transaction()
        await attempt.start()
        with pytest.raises(asyncpg.ForeignKeyViolationError) as refusal:
            await app.execute(insert(table, operator_id="2"))
        await attempt.rollback()
        named = refusal.value.constraint_name
        if table == "claims":
            assert named == "claims_of_seat_and_owner"
        else:
            assert named == f"{table}_bus_id_operator_id_fkey"


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": "'2030-01-01 10:00+00'"},
        {"expires_at": "'2030-01-01 09:59+00'"},
        {"expires_at": "'2030-01-01 10:20:00.000001+00'"},
        {"state": "'BOOKED'"},
        {"state": "'EXPIRED'"},
    ],
)
async def test_a_hold_lives_at_most_twenty_minutes_and_ends_when_it_ends(
    app: Connection, changes: dict[str, str]
) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await app.execute(insert("holds", **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": "'2030-01-01 10:00+00'"},
        {"ended_at": "now()"},
        {"status": "'CONFIRMED'"},
        {"status": "'CONFIRMED'", "confirmed_at": "now()"},
        {"status": "'CONFIRMED'", "expires_at": "NULL"},
        {
            "status": "'CONFIRMED'",
            "expires_at": "NULL",
            "confirmed_at": "now()",
            "ended_at": "now()",
        },
        {"status": "'PARTIALLY_CANCELLED'", "expires_at": "NULL"},
        {"status": "'CANCELLED'"},
        {"status": "'EXPIRED'"},
        {"status": "'FAILED'"},
    ],
)
async def test_what_a_booking_says_of_its_times_fits_its_status(
    app: Connection, changes: dict[str, str]
) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await app.execute(insert("bookings", **changes))
    assert refusal.value.constraint_name == "bookings_state_shape"


async def test_a_booking_that_waits_for_payment_has_a_deadline(app: Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await app.execute(insert("bookings", expires_at="NULL"))


async def test_a_booking_has_lines_and_no_line_costs_less_than_nothing(app: Connection) -> None:
    for changes in ({"prices": "'{-1,0}'"}, {"prices": "'{1}'"}, {"seats": "'{1,2,3}'"}):
        attempt = app.transaction()
        await attempt.start()
        with pytest.raises(asyncpg.CheckViolationError):
            await app.execute(insert("bookings", **changes))
        await attempt.rollback()


@pytest.mark.parametrize("table", ["holds", "bookings"])
@pytest.mark.parametrize("column", ["prices", "seats"])
async def test_no_line_of_a_sale_is_empty(app: Connection, table: str, column: str) -> None:
    with pytest.raises((asyncpg.CheckViolationError, asyncpg.NotNullViolationError)):
        await app.execute(insert(table, **{column: "'{1,NULL}'"}))


@pytest.mark.parametrize("column", ["names", "categories"])
async def test_no_passenger_of_a_booking_is_empty(app: Connection, column: str) -> None:
    with pytest.raises((asyncpg.CheckViolationError, asyncpg.NotNullViolationError)):
        await app.execute(insert("bookings", **{column: "'{ann,NULL}'"}))


async def test_money_is_whole_minor_units_in_the_currency_of_the_bus(app: Connection) -> None:
    money = await app.fetch(
        _COLUMNS + " AND column_name IN ('amount', 'prices', 'fares') ORDER BY table_name"
    )
    types = {(row["table_name"], row["udt_name"]) for row in money}
    assert types == {
        ("bookings", "_int4"),
        ("buses", "_int4"),
        ("holds", "_int4"),
        ("leg_fares", "int4"),
        ("payments", "int8"),
        ("intents", "int8"),
        ("refunds", "int8"),
        ("postings", "int8"),
        ("demo_payments", "int8"),
        ("demo_refunds", "int8"),
        ("cash_payouts", "int8"),
    }
    currencies = await app.fetch(_COLUMNS + " AND column_name = 'currency'")
    # The pretend provider knows no bus. Rules say what their fees are in, and are used for what is sold in it. A
    # payment names its currency only where it is another one, and then it goes back.
    assert {row["table_name"] for row in currencies} == {
        *("buses", "operators", "demo_payments", "payments"),
        *("refund_rules", "refund_defaults"),
    }


async def test_a_buyer_cannot_be_counted_past_the_cap(app: Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await app.execute("UPDATE buyer_holds SET seats_held = seats_held + 5 WHERE bus_id = 1")
    assert refusal.value.constraint_name == "buyer_holds_cap"


async def test_a_key_is_answered_once_for_each_bus(app: Connection) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        await app.execute(insert("idempotency_keys", key_hash=uuid(51), request_hash=uuid(99)))


async def test_a_key_that_is_there_is_complete_or_has_no_answer_at_all(app: Connection) -> None:
    await app.execute(insert("idempotency_keys", status="NULL", response="NULL"))
    for changes in ({"status": "NULL"}, {"response": "NULL"}):
        attempt = app.transaction()
        await attempt.start()
        with pytest.raises(asyncpg.CheckViolationError):
            await app.execute(insert("idempotency_keys", key_hash=uuid(53), **changes))
        await attempt.rollback()


async def test_a_revision_has_one_event_and_nobody_rewrites_it(app: Connection) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        await app.execute(insert("events", rev="1", kind="'released'"))


async def test_a_bus_never_calls_at_a_stop_before_it_left_the_one_before(app: Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await app.execute(insert("bus_stops", arrives_at="'2040-01-01 09:00+00'"))
    assert refusal.value.constraint_name == "bus_stops_ordered"


async def test_sales_close_before_departure_and_a_bus_arrives_after_it(app: Connection) -> None:
    for changes in (
        {"sales_close_seconds": "-1"},
        {"arrives_at": "'2040-01-01 10:00+00'"},
        {"arrives_at": "'2040-01-01 09:00+00'"},
    ):
        attempt = app.transaction()
        await attempt.start()
        with pytest.raises(asyncpg.CheckViolationError):
            await app.execute(insert("buses", **changes))
        await attempt.rollback()


async def test_every_moment_has_a_time_zone(app: Connection) -> None:
    rows = await app.fetch(_COLUMNS + " AND data_type LIKE '%time%'")
    assert {row["data_type"] for row in rows} == {"timestamp with time zone"}


TEXT_TOO_LONG = "repeat('x', 100000)"


async def test_every_text_is_bounded_also_in_an_array(app: Connection) -> None:
    accepting: set[tuple[str, str]] = set()
    for row in await app.fetch(_COLUMNS):
        value = _TOO_LONG.get(row["udt_name"])
        if value is None:
            continue
        attempt = app.transaction()
        await attempt.start()
        try:
            if row["table_name"] in NOT_THE_APPLICATIONS:
                await app.execute("RESET ROLE")
            await app.execute(insert(row["table_name"], **{row["column_name"]: value}))
            accepting.add((row["table_name"], row["column_name"]))
        except asyncpg.IntegrityConstraintViolationError:
            pass
        finally:
            await attempt.rollback()
    assert accepting == set()


_TOO_LONG = {
    "text": TEXT_TOO_LONG,
    "bytea": f"{TEXT_TOO_LONG}::bytea",
    "jsonb": f"jsonb_build_object('a', {TEXT_TOO_LONG})",
    "_text": f"ARRAY[{TEXT_TOO_LONG}, 'x']",
    "_person_name": f"ARRAY[{TEXT_TOO_LONG}, 'x']",
}


async def test_no_name_holds_a_control_character(app: Connection) -> None:
    rows = await app.fetch(_COLUMNS + " AND domain_name IN ('label', 'person_name', 'code')")
    assert len(rows) >= 10
    for row in rows:
        for character in (r"E'a\nb'", r"E'a\tb'", r"E'a\x07b'", r"E'\x1b[2J'"):
            attempt = app.transaction()
            await attempt.start()
            with pytest.raises(asyncpg.CheckViolationError):
                await app.execute(insert(row["table_name"], **{row["column_name"]: character}))
            await attempt.rollback()
