"""An operator's private rows exist only inside that operator's scope."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

import store
from store.db import Connection, Database
from store.errors import Overloaded
from tests.schema.rows import NOT_THE_APPLICATIONS, ROWS, insert
from tests.support.databases import Databases

PRIVATE = (
    "buyer_holds",
    "holds",
    "bookings",
    "blocks",
    "claims",
    "tickets",
    "payments",
    "intents",
    "refunds",
    "refund_attempts",
    "postings",
    "idempotency_keys",
    "conflict_counts",
    "vehicles",
    "devices",
    "device_codes",
    "scans",
    "jobs",
    "shifts",
    "cash_payouts",
    *("webhook_endpoints", "webhook_deliveries", "webhook_attempts"),
    "imports",
    "room_places",
)
PUBLIC = (
    "routes",
    "route_stops",
    "layouts",
    "layout_seats",
    "buses",
    "bus_stops",
    "leg_fares",
    "seats",
    "events",
    "refund_rules",
    "refund_defaults",
    "rooms",
)
# Tables of operators that are not forced on their owner, or not scoped at all, by why.
NOT_FORCED = {
    "calls": "what may be written to bus_stops is, by its triggers, as their owner",
    "operators": "anyone may read who sells; whoever owns the database sets operators up",
    "audit_log": "the seals are set, and the log is read in full, as its owner",
    "audit_seals": "the trigger that seals runs as their owner",
    "audit_heads": "the same",
    "audit_checks": "whoever owns the database reads what was found",
}
NEVER_SCOPED = {"users": "signing in comes before any scope"}
# Tables that are of no operator, by why.
NOBODYS = {
    "stops": "places are the country's, and public",
    "refresh_tokens": "a person's; found by what only that person has",
    "session_ends": "a person's; asked for by what only their tokens say",
    "second_factors": "a person's",
    "recovery_codes": "a person's; found by what only that person has",
    "mails": "to a person, or to whoever may be one; of a booking they know the number only",
    "mailed_tokens": "a person's; found by what only that person has",
    "house_keys": "the installation's",
    "pairing_tries": "addresses that tried wrong codes, before anybody knows whose device it would be",
    "webhook_counts": "how many attempts came to what, whosever they were",
    "job_inbox": "names handlers by the numbers of jobs, which workers take whosever they are",
    "job_counts": "how many tries came to what, whosever they were",
    "invariant_checks": "about buses by number; says how many rows are wrong",
    "region_servers": "the installation's",
    "schema_migrations": "the program's own",
    "provider_events": "what a provider calls a payment, before anybody has looked whose it is",
    "demo_payments": "the pretend provider's",
    "demo_refunds": "the pretend provider's",
    "demo_webhooks": "the pretend provider's",
}
# Tables whose operator is right by other means than a key, by which.
PINNED_OTHERWISE = {
    "calls": "triggers of bus_stops write what stands there; an invariant looks",
    "operators": "it is the operator",
    "claims": "a trigger compares operator, seat and owner once a statement (0010)",
    "events": "the statement that writes them takes the operator from the bus row; an invariant looks",
    "idempotency_keys": "bus 0 is of no operator; the statement that writes them takes it from the bus's facts",
    "webhook_endpoints": "the statement that adds one reads the operator's row; a key would bind a cluster's clock",
    "imports": "the same",
    "rooms": "the same",
    "conflict_counts": "that of the keys they were, which are counted and deleted in one transaction",
    "room_places": "the room's, which the statement that adds one has locked",
    "audit_log": "what concerns the platform has none",
    "audit_seals": "0 is the platform",
    "audit_heads": "0 is the platform",
    "audit_checks": "0 is the platform",
}
NO_SCOPE = [
    "RESET omnibus.operators",
    "SET LOCAL omnibus.operators = ''",
    "SET LOCAL omnibus.operators = '{}'",
]
_TENANT_TABLES = """
SELECT c.relname, c.relrowsecurity AS is_enabled, c.relrowsecurity AND c.relforcerowsecurity AS is_forced
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'operator_id'
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""
_TABLES = """
SELECT c.relname AS tablename FROM pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
_KEYS = """
SELECT c.conname AS name, c.conrelid::regclass::text AS source, c.confrelid::regclass::text AS target,
    ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (n, place)
        JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY k.place) AS here,
    ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS k (n, place)
        JOIN pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY k.place) AS there
FROM pg_constraint AS c
WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
"""


async def count(connection: Connection, table: str, where: str = "true") -> int:
    rows: int = await connection.fetchval(f"SELECT count(*) FROM {table} WHERE {where}")  # noqa: S608 - of constants
    return rows


async def enter(connection: Connection, *operators: int) -> None:
    listed = ",".join(map(str, operators))
    await connection.execute(f"SET LOCAL omnibus.operators = '{{{listed}}}'")


async def test_every_table_of_an_operator_has_row_security_forced(app: Connection) -> None:
    tables = {row["relname"]: row for row in await app.fetch(_TENANT_TABLES)}
    forced = {table for table, row in tables.items() if row["is_forced"]}
    enabled = {table for table, row in tables.items() if row["is_enabled"]}
    assert forced == {*PRIVATE, *PUBLIC}
    assert enabled - forced == NOT_FORCED.keys()
    assert tables.keys() - enabled == NEVER_SCOPED.keys()


async def test_a_table_is_an_operators_or_says_why_not(app: Connection) -> None:
    tables = {row["tablename"] for row in await app.fetch(_TABLES)}
    of_operators = {row["relname"] for row in await app.fetch(_TENANT_TABLES)}
    assert tables - of_operators == NOBODYS.keys()


async def test_a_new_table_that_nobody_thought_of_is_reported(databases: Databases) -> None:
    async with databases.fresh() as url:
        owner = await asyncpg.connect(url)
        await owner.execute("CREATE TABLE wishes (operator_id integer NOT NULL, wish text)")
        await owner.execute("CREATE TABLE thoughts (thought text)")
        for check in (
            test_every_table_of_an_operator_has_row_security_forced,
            test_a_table_is_an_operators_or_says_why_not,
            test_an_operators_row_points_at_nothing_of_another_operator,
        ):
            with pytest.raises(AssertionError):
                await check(owner)
        await owner.close()


async def test_an_operators_row_points_at_nothing_of_another_operator(app: Connection) -> None:
    """A key of a tenant's table names the operator, or stays within a bus whose operator is pinned by another key."""
    tables = {row["relname"] for row in await app.fetch(_TENANT_TABLES)}
    pinned: set[str] = set()
    loose: list[str] = []
    for key in await app.fetch(_KEYS):
        here, there = list(key["here"]), list(key["there"])
        if key["source"] not in tables or key["target"] not in tables:
            continue
        if "operator_id" in here:
            assert there[here.index("operator_id")] == "operator_id", key["name"]
            pinned.add(key["source"])
        elif not (here[0] == there[0] == "bus_id"):
            loose.append(key["name"])
    # The same columns once more, with the operator beside them, are another key of the same table.
    assert sorted(loose) == ["layout_seats_layout_id_fkey", "route_stops_route_id_fkey"]
    assert {"layout_seats", "route_stops"} <= pinned
    assert tables - pinned == PINNED_OTHERWISE.keys()


LOGS = ("audit_log", "audit_seals", "audit_heads")


@pytest.mark.parametrize("table", LOGS)
async def test_the_log_of_an_operator_is_private_with_all_that_proves_it(
    app: Connection, table: str
) -> None:
    for operator in (1, 2):
        await enter(app, operator)
        assert await count(app, table, f"operator_id = {operator}") == 1
        assert await count(app, table) == 1
    await app.execute("RESET omnibus.operators")
    assert await count(app, table) == 0


async def test_what_concerns_the_platform_is_read_in_its_scope_only(app: Connection) -> None:
    await enter(app, 1, 2)
    assert await count(app, "audit_log", "operator_id IS NULL") == 0
    await enter(app, 0)
    assert (
        await count(app, "audit_log") == await count(app, "audit_log", "operator_id IS NULL") == 1
    )


async def test_the_log_takes_entries_of_the_operator_in_scope_and_of_the_platform(
    app: Connection,
) -> None:
    await enter(app, 2)
    await app.execute(insert("audit_log", operator_id="NULL"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(insert("audit_log"))


async def test_an_operators_own_row_is_changed_and_locked_by_nobody_else(app: Connection) -> None:
    await enter(app, 2)
    for statement in (
        "UPDATE operators SET seats_per_buyer = 100 WHERE operator_id = 1",
        "SELECT FROM operators WHERE operator_id = 1 FOR KEY SHARE",
    ):
        assert (await app.execute(statement)).endswith(" 0")
    assert await count(app, "operators", "operator_id = 1") == 1


@pytest.mark.parametrize("leave", NO_SCOPE)
@pytest.mark.parametrize("table", PRIVATE)
async def test_without_a_scope_there_are_no_private_rows(
    app: Connection, table: str, leave: str
) -> None:
    assert await count(app, table) >= 2
    await app.execute(leave)
    assert await count(app, table) == 0


@pytest.mark.parametrize("leave", NO_SCOPE)
@pytest.mark.parametrize("table", [*PRIVATE, *PUBLIC])
async def test_without_a_scope_nothing_is_written(app: Connection, table: str, leave: str) -> None:
    await app.execute(leave)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(insert(table))


@pytest.mark.parametrize("table", PUBLIC)
async def test_what_is_for_sale_can_be_read_by_anyone(app: Connection, table: str) -> None:
    await app.execute("RESET omnibus.operators")
    assert await count(app, table) >= 1


@pytest.mark.parametrize("table", PRIVATE)
async def test_an_operator_sees_its_own_rows_only(app: Connection, table: str) -> None:
    await enter(app, 1)
    assert await count(app, table, "operator_id = 1") >= 1
    assert await count(app, table, "operator_id = 2") == 0
    await enter(app, 2)
    assert await count(app, table, "operator_id <> 2") == 0


@pytest.mark.parametrize("table", [*PRIVATE, *PUBLIC])
async def test_an_operator_cannot_write_rows_of_another(app: Connection, table: str) -> None:
    await enter(app, 2)
    if table in NOT_THE_APPLICATIONS:
        await app.execute("SET LOCAL ROLE omnibus_worker")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await app.execute(insert(table))


UPDATES = (
    "UPDATE buses SET rev = rev + 1 WHERE bus_id = 2",
    "UPDATE bus_stops SET arrives_at = arrives_at WHERE operator_id = 2",
    "UPDATE seats SET states = 'BB' WHERE bus_id = 2",
    "UPDATE buyer_holds SET seats_held = 0 WHERE bus_id = 2",
    "UPDATE holds SET expires_at = expires_at WHERE bus_id = 2",
    "UPDATE bookings SET email = NULL WHERE bus_id = 2",
    "UPDATE blocks SET lifted_at = now() WHERE bus_id = 2",
    "UPDATE tickets SET status = status WHERE bus_id = 2",
    "UPDATE jobs SET state = 'DEAD' WHERE bus_id = 2",
    "DELETE FROM refund_defaults WHERE operator_id = 2",
    "UPDATE shifts SET closed_at = closed_at WHERE operator_id = 2",
    "DELETE FROM claims WHERE bus_id = 2",
    "DELETE FROM leg_fares WHERE bus_id = 2",
    "SELECT FROM seats WHERE bus_id = 2 FOR UPDATE",
)


@pytest.mark.parametrize("statement", UPDATES)
async def test_an_operator_cannot_change_remove_or_lock_rows_of_another(
    app: Connection, statement: str
) -> None:
    await enter(app, 1)
    assert (await app.execute(statement)).endswith(" 0")
    await enter(app, 2)
    assert not (await app.execute(statement)).endswith(" 0")


@pytest.mark.parametrize("table", ["events", "idempotency_keys", "buyer_holds"])
async def test_the_worker_forgets_what_is_in_its_scope_only(app: Connection, table: str) -> None:
    await app.execute("SET LOCAL ROLE omnibus_worker")
    await enter(app, 1)
    statement = f"DELETE FROM {table} WHERE bus_id = 2"  # noqa: S608 - of constants
    assert (await app.execute(statement)).endswith(" 0")
    await enter(app, 2)
    assert not (await app.execute(statement)).endswith(" 0")


async def test_a_worker_sees_the_jobs_of_all_operators_and_the_application_those_in_its_scope(
    app: Connection,
) -> None:
    await enter(app, 1)
    assert await count(app, "jobs") == 1
    await app.execute("RESET omnibus.operators")
    assert await count(app, "jobs") == 0
    await app.execute("SET LOCAL ROLE omnibus_worker")
    assert await count(app, "jobs") == 2


async def test_a_scope_that_makes_no_sense_shows_nothing(app: Connection) -> None:
    await app.execute("SET LOCAL omnibus.operators = 'everyone'")
    with pytest.raises(asyncpg.DataError):
        await count(app, "bookings")


async def test_row_security_cannot_be_switched_off(app: Connection) -> None:
    await enter(app, 1)
    await app.execute("SET LOCAL row_security = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await count(app, "bookings")


async def test_the_owner_of_the_tables_is_no_exception(filled_url: str) -> None:
    connection = await asyncpg.connect(filled_url)
    assert {table: await count(connection, table) for table in PRIVATE} == dict.fromkeys(PRIVATE, 0)
    await connection.close()


async def test_every_tenant_table_is_tried_here(app: Connection) -> None:
    tables = {row["relname"] for row in await app.fetch(_TENANT_TABLES)}
    assert tables - NEVER_SCOPED.keys() - NOT_FORCED.keys() == {*PRIVATE, *PUBLIC}
    assert tables <= ROWS.keys()


@pytest.fixture
async def single(filled_url: str) -> AsyncIterator[Database]:
    """One connection only, so that whoever comes next gets the same one."""
    db = await Database.connect(filled_url, size=1)
    yield db
    await db.close()


async def _sees_private_rows(db: Database) -> bool:
    (row,) = await db.fetch("SELECT count(*) AS bookings FROM bookings")
    return bool(row["bookings"])


async def _read(connection: Connection) -> int:
    return await count(connection, "bookings")


async def test_a_scope_ends_with_its_transaction(single: Database) -> None:
    assert await single.transaction([1], _read) == 1
    assert await single.transaction([1, 2], _read) == 2
    assert not await _sees_private_rows(single)
    assert await single.transaction([2], _read) == 1
    assert await single.transaction([], _read) == 0


async def test_all_operators_means_all_and_only_for_one_transaction(single: Database) -> None:
    assert await single.transaction(None, _read) == 2
    assert not await _sees_private_rows(single)


async def test_a_scope_does_not_outlive_an_error(single: Database) -> None:
    async def fail(connection: Connection) -> None:
        assert await _read(connection) == 1
        await connection.execute("SELECT 1 / 0")

    async def give_up(connection: Connection) -> None:
        assert await _read(connection) == 1
        raise LookupError

    with pytest.raises(asyncpg.DivisionByZeroError):
        await single.transaction([1], fail)
    assert not await _sees_private_rows(single)
    with pytest.raises(LookupError):
        await single.transaction([1], give_up)
    assert not await _sees_private_rows(single)


async def test_a_scope_does_not_outlive_a_cancelled_task(single: Database) -> None:
    inside = asyncio.Event()

    async def linger(connection: Connection) -> None:
        inside.set()
        await connection.execute("SELECT pg_sleep(30)")

    task = asyncio.create_task(single.transaction([1], linger))
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not await _sees_private_rows(single)
    assert await single.transaction([2], _read) == 1


async def test_a_statement_that_is_a_transaction_of_its_own_leaves_no_scope(
    single: Database,
) -> None:
    scoped = "SELECT set_config('omnibus.operators', '{1}', true) AS scope, (SELECT count(*) FROM bookings) / $1::int"
    assert (await single.commit_statement(scoped, 1))["scope"] == "{1}"
    assert not await _sees_private_rows(single)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await single.commit_statement(scoped, 0)
    assert not await _sees_private_rows(single)


async def test_a_scope_does_not_outlive_a_statement_that_took_too_long(single: Database) -> None:
    async def dawdle(connection: Connection) -> None:
        await connection.execute("SET LOCAL statement_timeout = '20ms'")
        await connection.execute("SELECT pg_sleep(5)")

    with pytest.raises(Overloaded):
        await single.transaction([1], dawdle)
    assert not await _sees_private_rows(single)
    assert await single.transaction([2], _read) == 1


async def test_clients_who_take_turns_on_one_connection_see_their_own(filled_url: str) -> None:
    """As behind PgBouncer: whoever has no transaction open does not know whose connection comes next."""
    (first, second), (server,) = await _sharing(filled_url, clients=2)
    seen = await asyncio.gather(
        *(db.transaction([n % 2 + 1], _operators) for n in range(40) for db in (first, second))
    )
    assert seen == [{n % 2 + 1} for n in range(40) for _ in range(2)]
    assert not await _sees_private_rows(first)
    await server.close()


async def test_what_another_left_in_the_session_opens_nothing(single: Database) -> None:
    """Even if a scope were set for a whole session, a transaction's own counts in it."""

    async def leave(connection: Connection) -> None:
        await connection.execute("SET omnibus.operators = '{2}'")

    await single.transaction([], leave)
    assert await single.transaction([1], _operators) == {1}
    assert await single.transaction([], _read) == 0


def test_a_scope_is_never_set_for_longer_than_a_transaction() -> None:
    root = Path(store.__file__).parent
    sources = [*root.rglob("*.py"), *root.rglob("*.sql")]
    settings = [
        found[0]
        for path in sources
        if "migrations" not in path.parts
        for found in _SETTING.finditer(path.read_text(encoding="utf-8"))
    ]
    assert len(settings) >= 5
    assert [setting for setting in settings if not re.search(r",\s*true\)$", setting)] == []


_SETTING = re.compile(r"set_config\(\s*'omnibus\.operators'.*?(?:true|false)\)", re.DOTALL)


async def _operators(connection: Connection) -> set[int]:
    rows = await connection.fetch("SELECT operator_id FROM bookings")
    await asyncio.sleep(0)
    return {row["operator_id"] for row in rows}


async def _sharing(url: str, *, clients: int) -> tuple[list[Database], list[Database]]:
    """Return clients that have one server connection between them."""
    server = await Database.connect(url, size=1)
    return [Database(server._pool) for _ in range(clients)], [server]
