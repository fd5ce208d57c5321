"""Spreads a migrated database over a Citus cluster, again and again until nothing is left to do.

Tables with a `bus_id` are distributed by it, side by side; small tables are copied to every server; the rest stays
where it is, on the coordinator. See law 7 and `tests/schema/test_one_bus.py`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import asyncpg

from store.queries import Queries
from store.roles import APP, WORKER

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

SQL = Queries.beside(__file__)
REFERENCE = (
    *("operators", "stops", "routes", "route_stops", "layouts", "layout_seats", "vehicles"),
    *("devices", "device_codes"),
    *("refund_rules", "refund_defaults", "shifts"),
)
"""Small tables that rows of a bus point at or are read with; each after those it points at."""
_WITH_BUSES = "buses"
_MIGRATIONS = Path(__file__).with_name("migrations")


async def is_citus(connection: "Connection | PoolConnectionProxy[asyncpg.Record]") -> bool:
    """Return whether this is the coordinator of a cluster."""
    return await connection.fetchval(SQL["find_version"]) is not None


async def suit(connection: Connection) -> None:
    """Let a session change tables that are distributed, triggers included; nothing on a plain PostgreSQL."""
    if await is_citus(connection):
        await connection.execute(SQL["allow_triggers"])


async def words_of(connection: Connection, migration: str, text: str) -> list[str]:
    """Return what to run for a migration: its text; one statement after the other where buses are spread already."""
    if not await is_citus(connection) or not await connection.fetchval(SQL["is_spread"]):
        return [text]
    return spread_words(migration, text)


def spread_words(migration: str, text: str) -> list[str]:
    """Return the statements of a migration on a cluster, or what stands for them; Citus takes them one by one only."""
    path = _MIGRATIONS / migration
    return _statements(path.read_text(encoding="utf-8") if path.exists() else text)


def _statements(text: str) -> list[str]:
    """Return the statements of a script, each with the comments before it. A body between `$$` is part of its own."""
    statements, said = [], ""
    for line in text.splitlines(keepends=True):
        said += line
        if line.endswith(";\n") and not line.startswith("--") and said.count("$$") % 2 == 0:
            statements.append(said)
            said = ""
    return statements


async def undistributed(connection: Connection) -> list[str]:
    """Return what `distribute` would do, a name for each table; nothing on a plain PostgreSQL."""
    if not await is_citus(connection):
        return []
    copied = await _names(connection, "find_uncopied", list(REFERENCE))
    spread = await _names(connection, "find_undistributed")
    unsuited = await _names(connection, "find_unsuited")
    return [f"distribution of {name}" for name in (*copied, *spread, *unsuited)]


async def distribute(
    connection: Connection, report: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Place every table where it belongs, rows included, in one transaction; return and report what was done.

    Nothing happens on a plain PostgreSQL, nor a second time. Locks each table it moves until the end, so that sales
    wait meanwhile. Raises what PostgreSQL has against it, and then nothing was moved.
    """
    todo = await undistributed(connection)
    if not todo:
        return []
    await suit(connection)
    async with connection.transaction():
        await connection.execute(SQL["take_time"])
        await _prepare(connection)
        spread = await _names(connection, "find_undistributed")
        if "claims" in spread:
            await connection.execute(SQL["key_claims"])
        copied = await _names(connection, "find_uncopied", list(REFERENCE))
        forced = await _names(connection, "forced_tables", [*copied, *spread])
        keys = await connection.fetch(SQL["foreign_keys"], spread)
        for statement in [
            *(row["removal"] for row in keys),
            *(f"ALTER TABLE public.{name} NO FORCE ROW LEVEL SECURITY" for name in forced),
        ]:
            await connection.execute(statement)
        for name in copied:
            report(f"distribution of {name}")
            await connection.execute(SQL["copy_everywhere"], name)
        for name in spread:
            report(f"distribution of {name}")
            beside = "none" if name == _WITH_BUSES else _WITH_BUSES
            await connection.execute(SQL["spread"], name, beside)
        for statement in [
            *(row["statement"] for row in keys),
            *(f"ALTER TABLE public.{name} FORCE ROW LEVEL SECURITY" for name in forced),
        ]:
            await connection.execute(statement)
        await connection.execute(SQL["search_stops"])
    return todo


async def _prepare(connection: Connection) -> None:
    """Put what Citus cannot do in words that it understands, and let those who work reach its servers."""
    for row in await connection.fetch(SQL["plain_policies"]):
        await connection.execute(row["statement"])
    await connection.execute(SQL["scope_everywhere"])
    await connection.execute(SQL["check_stops_of_shard"])
    await connection.execute(SQL["forget_months"])
    await connection.execute(SQL["forget_as_asked"])
    await connection.execute(SQL["tell_nobody"])
    await connection.execute(SQL["place_by_region"])
    await connection.execute(SQL["free_users"])
    await connection.execute(SQL["let_roles_lock"])
    for row in await connection.fetch(SQL["let_roles_in"], [APP, WORKER]):
        await connection.execute(row["statement"])


async def _names(connection: Connection, query: str, *args: object) -> list[str]:
    return [cast("str", row["name"]) for row in await connection.fetch(SQL[query], *args)]
