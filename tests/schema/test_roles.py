"""What each role may do to each table: the whole of it, written down, compared with the catalogue.

Letters: `r` read, `a` add, `u` change, `d` remove, `t` empty; in capitals where it is some columns only.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import asyncpg
import pytest

import store
from store import Store
from store.db import Connection, Database
from store.facade import StoreOptions
from store.migrate import MigrationError, load, migrate
from store.roles import APP, MIGRATE, READONLY, ROLES, WORKER, script
from tests.support.databases import Databases
from tests.support.world import World, value

WORKING = (APP, WORKER, READONLY)
# Table: application, worker, reader.
MATRIX: Mapping[str, tuple[str, str, str]] = {
    "operators": ("raU", "r", "r"),
    "stops": ("raUd", "r", "r"),
    "routes": ("raUd", "", "r"),
    "route_stops": ("rad", "", "r"),
    "layouts": ("rad", "r", "r"),
    "layout_seats": ("rad", "r", "r"),
    "vehicles": ("raU", "", "r"),
    "buses": ("raU", "rU", "r"),
    "bus_stops": ("raU", "r", "r"),
    "calls": ("r", "r", "r"),
    "leg_fares": ("rad", "r", "r"),
    "seats": ("raUd", "rU", "r"),
    "devices": ("raU", "", "R"),
    "device_codes": ("raU", "Rd", ""),
    "pairing_tries": ("raU", "Rd", ""),
    "scans": ("raU", "R", "R"),
    "buyer_holds": ("raU", "raUd", ""),
    "holds": ("raU", "rU", "R"),
    "bookings": ("raU", "rU", "R"),
    "blocks": ("raU", "r", "r"),
    "claims": ("rad", "rad", "R"),
    "tickets": ("raU", "raU", "R"),
    "payments": ("ra", "ra", "r"),
    "intents": ("raU", "rU", "R"),
    "refunds": ("ra", "ra", "r"),
    "refund_attempts": ("ra", "ra", "r"),
    "postings": ("ra", "ra", "r"),
    "provider_events": ("raU", "rUd", "r"),
    "demo_payments": ("raU", "rU", ""),
    "demo_refunds": ("ra", "ra", ""),
    "demo_webhooks": ("raUd", "", ""),
    "refund_rules": ("raU", "r", "r"),
    "refund_defaults": ("raUd", "r", "r"),
    "shifts": ("raU", "", "r"),
    "cash_payouts": ("ra", "r", "r"),
    "events": ("ra", "rad", "r"),
    "idempotency_keys": ("ra", "rad", ""),
    "conflict_counts": ("r", "raUd", "r"),
    "jobs": ("raU", "raUd", "R"),
    "job_inbox": ("", "ra", ""),
    "job_counts": ("r", "raU", "r"),
    "webhook_endpoints": ("raU", "rUd", "R"),
    "webhook_deliveries": ("raU", "raUd", "r"),
    "webhook_attempts": ("r", "ra", "R"),
    "webhook_counts": ("r", "raU", "r"),
    "imports": ("raU", "rd", "r"),
    "region_servers": ("raUd", "", "r"),
    "rooms": ("raU", "Rd", "R"),
    "room_places": ("raU", "Rd", ""),
    "users": ("raU", "R", "R"),
    "mails": ("raUd", "raUd", ""),
    "mailed_tokens": ("raUd", "raUd", ""),
    "second_factors": ("raUd", "", ""),
    "recovery_codes": ("raUd", "", ""),
    "session_ends": ("ra", "rd", ""),
    "refresh_tokens": ("raU", "Rd", ""),
    "house_keys": ("raU", "ra", ""),
    "audit_log": ("rA", "rA", "r"),
    "audit_seals": ("r", "r", "r"),
    "audit_heads": ("r", "r", "r"),
    "audit_checks": ("r", "raU", "r"),
    "invariant_checks": ("r", "raU", "r"),
    "schema_migrations": ("r", "", ""),
}
_PRIVILEGES = {"r": "SELECT", "a": "INSERT", "u": "UPDATE"}
_WHOLE_ONLY = {"d": "DELETE", "t": "TRUNCATE"}
_SECRET = {
    ("users", "password_hash"),
    ("holds", "hold_id"),
    ("bookings", "hold_id"),
    ("claims", "hold_id"),
    ("tickets", "code"),
    ("devices", "key_digest"),
    ("devices", "old_key_digest"),
    ("scans", "reading"),
    ("intents", "action"),
    ("intents", "provider_ref"),
    ("webhook_endpoints", "url"),
    ("webhook_attempts", "answer"),
}


async def allowed(connection: Connection, role: str, table: str) -> str:
    found = ""
    for letter, privilege in _PRIVILEGES.items():
        if await connection.fetchval(
            "SELECT has_table_privilege($1, $2, $3)", role, table, privilege
        ):
            found += letter
        elif await connection.fetchval(
            "SELECT has_any_column_privilege($1, $2, $3)", role, table, privilege
        ):
            found += letter.upper()
    for letter, privilege in _WHOLE_ONLY.items():
        if await connection.fetchval(
            "SELECT has_table_privilege($1, $2, $3)", role, table, privilege
        ):
            found += letter
    return found


async def test_every_role_may_do_to_every_table_what_the_matrix_says_and_nothing_else(
    app: Connection,
) -> None:
    rows = await app.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found = {
        row["tablename"]: tuple([await allowed(app, role, row["tablename"]) for role in WORKING])
        for row in rows
    }
    assert found == MATRIX


async def test_what_opens_something_is_not_the_readers(app: Connection) -> None:
    for table, column in _SECRET:
        may = await app.fetchval(
            "SELECT has_column_privilege($1, $2, $3, 'SELECT')", READONLY, table, column
        )
        assert may is False, (table, column)


async def test_a_reader_sees_bookings_only_of_operators_it_names(app: Connection) -> None:
    await app.execute("SET LOCAL ROLE omnibus_readonly")
    await app.execute("RESET omnibus.operators")
    assert await app.fetch("SELECT names FROM bookings") == []
    await app.execute("SET LOCAL omnibus.operators = '{2}'")
    assert len(await app.fetch("SELECT names, email FROM bookings")) == 1


@pytest.mark.parametrize("role", WORKING)
async def test_a_role_is_ordinary_and_owns_nothing(app: Connection, role: str) -> None:
    facts = await app.fetchrow(
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS has_powers, rolcanlogin,"
        " EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) AS has_tables,"
        " EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid) AS has_parents"
        " FROM pg_roles AS r WHERE rolname = $1",
        role,
    )
    assert facts is not None
    assert not any(facts)


DDL = (
    "CREATE TABLE loot (n int)",
    "ALTER TABLE audit_log DISABLE TRIGGER ALL",
    "ALTER TABLE bookings DISABLE ROW LEVEL SECURITY",
    "DROP TABLE claims",
    "DROP POLICY bookings_of_operator ON bookings",
    "CREATE SCHEMA loot",
    "SET session_replication_role = replica",
    "SELECT setval('booking_numbers', 1)",
)


@pytest.mark.parametrize("role", WORKING)
@pytest.mark.parametrize("statement", DDL)
async def test_no_role_that_works_changes_the_schema(
    app: Connection, role: str, statement: str
) -> None:
    await app.execute(f"SET LOCAL ROLE {role}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement)


# Privileges and statements.

_CHANGES = re.compile(
    r"\bUPDATE (\w+)(?: AS \w+)?\s+SET\s+(.*?)(?=\n(?:FROM|WHERE|RETURNING|\s*\))|\sWHERE|\sFROM|;)"
    r"|INSERT INTO (\w+)(?:(?!INSERT INTO).)*?DO UPDATE\s+SET\s+(.*?)(?=;|\n\))",
    re.DOTALL,
)
_COLUMN = re.compile(r"(?:^|,)\s*(\w+)\s*=")
_ASKED = re.compile(r"\((?:(?!UPDATE|INSERT)[^()])*\)")


def changed() -> Iterator[tuple[str, str]]:
    """Yield every column that some statement of ours changes, with its table."""
    for path in Path(store.__file__).parent.rglob("*.sql"):
        if "migrations" in path.parts or path.name in {"schema.sql", "distribute.sql"}:
            continue
        text, found = re.sub(r"--.*", "", path.read_text(encoding="utf-8")), 1
        while found:  # what a column is set to may ask a query, which has clauses of its own
            text, found = _ASKED.subn("", text)
        for change in _CHANGES.finditer(text):
            table, columns = (change[1], change[2]) if change[1] else (change[3], change[4])
            yield from ((table, column) for column in _COLUMN.findall(columns))


async def test_no_column_may_be_changed_that_nobody_changes(app: Connection) -> None:
    await app.execute("RESET ROLE")  # a role is shown its own privileges only
    rows = await app.fetch(
        "SELECT table_name, column_name FROM information_schema.column_privileges"
        " WHERE grantee = ANY ($1::text[]) AND privilege_type = 'UPDATE'",
        list(WORKING),
    )
    granted = {(row["table_name"], row["column_name"]) for row in rows}
    assert len(granted) >= 30
    assert granted - set(changed()) == set()
    # Those who copy a table lock it, too: what is changed may be changed.
    assert set(changed()) - granted == set()


# Logins.


@pytest.fixture
async def superuser(databases: Databases) -> "asyncpg.Connection[asyncpg.Record]":
    return await databases._connect()


def url_of(url: str, login: str) -> str:
    return re.sub(r"//[^@]+@", f"//{login}:{login}@", url)


async def test_a_login_that_is_only_the_application_sells_and_can_be_nothing_else(
    world: World, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    bus = await world.bus()
    await superuser.execute(f"CREATE ROLE counter LOGIN PASSWORD 'counter' IN ROLE {APP}")
    try:
        url = url_of(world.url, "counter")
        seller = await Store.open(url, StoreOptions(pool_size=1))
        request = await world.request(bus, ["1A"])
        await value(lambda ask: seller.holds.hold(world.rider(1), request, ask))
        await seller.close()
        login = await asyncpg.connect(url)
        for statement in ("SET ROLE omnibus", f"SET ROLE {WORKER}", *DDL):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await login.execute(statement)
        await login.close()
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="set role"):
            await Database.connect(url, size=1, role=WORKER)
    finally:
        await superuser.execute("DROP ROLE counter")


async def test_a_deployer_migrates_and_what_it_makes_is_the_owners(
    databases: Databases, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await superuser.execute(f"CREATE ROLE deployer LOGIN PASSWORD 'deployer' IN ROLE {MIGRATE}")
    try:
        async with databases.fresh(is_migrated=False) as url:
            assert len(await migrate(url_of(url, "deployer"))) == len(load())
            owner = await asyncpg.connect(url)
            owners = await owner.fetch(
                "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
            )
            await owner.close()
        assert [row["tableowner"] for row in owners] == ["omnibus"]
    finally:
        await superuser.execute("DROP ROLE deployer")


async def test_where_we_may_make_no_roles_the_message_says_what_does(
    databases: Databases, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """On a cluster of its own, roles would be missing; here one is named that nobody has made."""
    await superuser.execute("CREATE ROLE modest LOGIN PASSWORD 'modest'")
    await superuser.execute("CREATE DATABASE modest OWNER modest")
    made = ROLES.copy()
    ROLES["omnibus_dreamer"] = "does not exist"
    try:
        async with databases.fresh(is_migrated=False) as url:
            there = re.sub(r"/test_\d+", "/modest", url_of(url, "modest"))
            with pytest.raises(
                MigrationError, match=r"omnibus_dreamer .*`omnibus migrate --roles`"
            ):
                await migrate(there)
    finally:
        ROLES.clear()
        ROLES.update(made)
        await superuser.execute("DROP DATABASE modest WITH (FORCE)")
        await superuser.execute("DROP ROLE modest")


async def test_the_script_for_administrators_may_be_run_again_and_again(
    superuser: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    for _ in range(2):
        await superuser.execute(script("omnibus"))
    assert 'TO "Our Shop"' in script("Our Shop")
