"""The application's role owns nothing, changes no schema, and removes no history."""

import asyncpg
import pytest

from store.db import Connection
from tests.schema.rows import ROWS

DELETABLE = {
    *("claims", "leg_fares", "mailed_tokens", "mails", "second_factors", "recovery_codes"),
    # The catalogue, as far as nothing points at it, and seats without claims.
    *("stops", "routes", "route_stops", "layouts", "layout_seats", "seats"),
    # The pretend provider's own, once they are delivered.
    "demo_webhooks",
    "refund_defaults",
    # Which server sells for which region is said by whoever runs them.
    "region_servers",
}
APPEND_ONLY = {
    *("payments", "refunds", "refund_attempts", "postings"),
    "events",
    "audit_log",
    "audit_seals",
    "audit_heads",
    "audit_checks",
    "invariant_checks",
    "idempotency_keys",
    "layouts",
    "layout_seats",
    "leg_fares",
    "session_ends",
    "scans",
    "cash_payouts",
}


async def test_the_role_is_an_ordinary_one_that_nobody_can_log_in_as(app: Connection) -> None:
    role = await app.fetchrow("SELECT * FROM pg_roles WHERE rolname = 'omnibus_app'")
    assert role is not None
    powers = (
        "rolsuper",
        "rolcreaterole",
        "rolcreatedb",
        "rolcanlogin",
        "rolreplication",
        "rolbypassrls",
    )
    assert {power: role[power] for power in powers} == dict.fromkeys(powers, False)
    parents = await app.fetch("SELECT FROM pg_auth_members WHERE member = 'omnibus_app'::regrole")
    assert parents == []


@pytest.mark.parametrize(
    ("catalogue", "owner"),
    [
        ("pg_class", "relowner"),
        ("pg_proc", "proowner"),
        ("pg_type", "typowner"),
        ("pg_namespace", "nspowner"),
        ("pg_database", "datdba"),
    ],
)
async def test_the_role_owns_nothing(app: Connection, catalogue: str, owner: str) -> None:
    owned = await app.fetch(f"SELECT FROM {catalogue} WHERE {owner} = 'omnibus_app'::regrole")
    assert owned == []


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE loot (n int)",
        "CREATE SCHEMA loot",
        "CREATE FUNCTION loot() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE INDEX ON seats (states)",
        "ALTER TABLE claims DROP CONSTRAINT claims_one_owner_per_seat_and_segment",
        "ALTER TABLE bookings NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE bookings DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE holds DISABLE TRIGGER holds_legal_move",
        "DROP POLICY bookings_of_operator ON bookings",
        "CREATE POLICY loot ON bookings USING (true)",
        "DROP TABLE claims",
        "DROP FUNCTION operators_in_scope",
        "CREATE OR REPLACE FUNCTION operators_in_scope() RETURNS int[] LANGUAGE sql AS 'SELECT ''{1}''::int[]'",
        "SET session_replication_role = replica",
        "COPY seats TO PROGRAM 'cat'",
        "COPY seats TO '/tmp/seats'",
        "CREATE EXTENSION dblink",
        "CREATE ROLE loot",
        "ALTER ROLE omnibus_app BYPASSRLS",
        "INSERT INTO schema_migrations VALUES ('9999_loot.sql', '')",
        "SELECT setval('booking_numbers', 1)",
    ],
)
async def test_the_role_changes_no_schema_and_lifts_no_guard(
    app: Connection, statement: str
) -> None:
    with pytest.raises(asyncpg.PostgresError) as refusal:
        await app.execute(statement)
    assert refusal.value.sqlstate == "42501"


@pytest.mark.parametrize("table", ROWS)
async def test_no_table_can_be_emptied(app: Connection, table: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize("table", sorted(ROWS.keys() - DELETABLE))
async def test_what_has_happened_cannot_be_removed(app: Connection, table: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(f"DELETE FROM {table}")  # noqa: S608 - of constants


@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
async def test_what_is_written_once_is_never_rewritten(app: Connection, table: str) -> None:
    column = next(iter(ROWS[table]))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(f"UPDATE {table} SET {column} = {column}")  # noqa: S608 - of constants


async def test_no_row_changes_hands_between_operators_or_buses(app: Connection) -> None:
    rows = await app.fetch(
        "SELECT table_name, column_name FROM information_schema.column_privileges"
        " WHERE grantee = 'omnibus_app' AND privilege_type = 'UPDATE' AND table_name <> 'users'"
        " AND column_name IN ('operator_id', 'bus_id', 'seat_no', 'segment', 'created_at')"
    )
    # Whoever is moved on a bus takes their ticket along, and what was scanned of it.
    assert {tuple(row) for row in rows} == {("tickets", "seat_no"), ("scans", "seat_no")}


async def test_seats_cannot_vanish_under_bookings_even_by_the_owners_hand(
    filled_url: str,
) -> None:
    owner = await asyncpg.connect(filled_url)
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute("SET LOCAL omnibus.operators = '{1,2}'")
    for statement in ("DELETE FROM seats WHERE bus_id = 1", "DELETE FROM buses WHERE bus_id = 1"):
        attempt = owner.transaction()
        await attempt.start()
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await owner.execute(statement)
        await attempt.rollback()
    await transaction.rollback()
    await owner.close()


async def test_nobody_else_is_let_in(app: Connection) -> None:
    await app.execute("RESET ROLE")
    grants = await app.fetch(
        "SELECT table_name FROM information_schema.role_table_grants"
        " WHERE table_schema = 'public' AND grantee = 'PUBLIC'"
    )
    assert grants == []
    access = await app.fetchval("SELECT has_schema_privilege('public', 'public', 'USAGE, CREATE')")
    assert access is False
