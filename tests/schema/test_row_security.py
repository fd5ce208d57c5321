"""An operator's private rows exist only inside that operator's scope."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from store.db import Connection, Database
from tests.schema.rows import ROWS, insert

PRIVATE = (
    "buyer_holds",
    "holds",
    "bookings",
    "blocks",
    "claims",
    "tickets",
    "payments",
    "refunds",
    "idempotency_keys",
    "devices",
    "device_codes",
    "scans",
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
)
# Sign-in comes before any scope, and who runs what is no secret.
NEVER_SCOPED = {"operators", "users"}
NO_SCOPE = [
    "RESET omnibus.operators",
    "SET LOCAL omnibus.operators = ''",
    "SET LOCAL omnibus.operators = '{}'",
]
_TENANT_TABLES = """
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS is_forced
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'operator_id'
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
"""


async def count(connection: Connection, table: str, where: str = "true") -> int:
    rows: int = await connection.fetchval(f"SELECT count(*) FROM {table} WHERE {where}")  # noqa: S608 - of constants
    return rows


async def enter(connection: Connection, *operators: int) -> None:
    listed = ",".join(map(str, operators))
    await connection.execute(f"SET LOCAL omnibus.operators = '{{{listed}}}'")


async def test_every_table_of_an_operator_has_row_security_forced(app: Connection) -> None:
    tables = {row["relname"]: row["is_forced"] for row in await app.fetch(_TENANT_TABLES)}
    forced = {table for table, is_forced in tables.items() if is_forced}
    assert forced == {*PRIVATE, *PUBLIC}
    # The log is private too, but not from whoever owns the database.
    assert tables.keys() - forced == {*NEVER_SCOPED, "audit_log"}


async def test_the_log_of_an_operator_is_private(app: Connection) -> None:
    await enter(app, 1)
    assert await count(app, "audit_log", "operator_id = 1") == 1
    assert await count(app, "audit_log", "operator_id = 2") == 0
    await app.execute("RESET omnibus.operators")
    assert await count(app, "audit_log") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(insert("audit_log"))


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
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await app.execute(insert(table))


UPDATES = (
    "UPDATE buses SET rev = rev + 1 WHERE bus_id = 2",
    "UPDATE bus_stops SET stop_id = stop_id WHERE operator_id = 2",
    "UPDATE seats SET states = 'BB' WHERE bus_id = 2",
    "UPDATE buyer_holds SET seats_held = 0 WHERE bus_id = 2",
    "UPDATE holds SET expires_at = expires_at WHERE bus_id = 2",
    "UPDATE bookings SET email = NULL WHERE bus_id = 2",
    "UPDATE blocks SET lifted_at = now() WHERE bus_id = 2",
    "UPDATE tickets SET status = status WHERE bus_id = 2",
    "UPDATE payments SET status = status WHERE bus_id = 2",
    "DELETE FROM claims WHERE bus_id = 2",
    "DELETE FROM events WHERE bus_id = 2",
    "DELETE FROM leg_fares WHERE bus_id = 2",
    "DELETE FROM idempotency_keys WHERE bus_id = 2",
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
    assert tables - NEVER_SCOPED - {"audit_log"} == {*PRIVATE, *PUBLIC}
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
