"""An older schema whose tables lie on a cluster already, with rows, is brought to the newest one."""

import asyncpg
import pytest

from store.citus.distribute import undistributed
from store.facade import StoreOptions
from store.invariants import find_violations_on
from store.migrate import load, migrate, pending
from tests.schema.rows import base
from tests.support.cluster import CLUSTER_URL, WHY_NOT, above_scopes
from tests.support.databases import Databases, connect
from tests.support.world import World

pytestmark = pytest.mark.skipif(not CLUSTER_URL, reason=WHY_NOT)

_OLD = "0028"
# What `distribute` of today makes, and did not make of the older schema.
_NOT_YET = """
DROP VIEW calls;
DROP FUNCTION may_lie_in_region(bigint, integer);
DROP FUNCTION region_of_group(integer);
DROP FUNCTION next_bus_of(integer);
"""
_SCHEMA = """
SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
    || coalesce(' ' || column_default, '')
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'right ' || table_name || '.' || column_name || ' ' || grantee || ' ' || privilege_type
FROM information_schema.column_privileges WHERE table_schema = 'public' AND grantee <> 'postgres'
UNION ALL
SELECT 'right ' || table_name || ' ' || grantee || ' ' || privilege_type
FROM information_schema.table_privileges WHERE table_schema = 'public' AND grantee <> 'postgres'
UNION ALL
SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND conrelid::regclass::text !~ '_[0-9]+$'
UNION ALL
SELECT 'trigger ' || tgrelid::regclass || ' ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'policy ' || polrelid::regclass || ' ' || polname || coalesce(' ' || pg_get_expr(polqual, polrelid), '')
    || coalesce(' ' || pg_get_expr(polwithcheck, polrelid), '')
FROM pg_policy
UNION ALL
SELECT 'function ' || oid::regprocedure || ' ' || md5(prosrc)
FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname NOT LIKE 'moved%'
UNION ALL
SELECT 'spread ' || logicalrelid || ' ' || partmethod::text FROM pg_dist_partition
"""
# Of the shards of each table: whether all have the same columns, indexes, rules and rights.
_SHARDS = """
SELECT p.logicalrelid::text AS name, array_agg(DISTINCT r.result) AS found
FROM pg_dist_partition AS p, run_command_on_shards(p.logicalrelid, $$
    SELECT (SELECT string_agg(a.attname || coalesce(a.attacl::text, ''), ',' ORDER BY a.attname)
            FROM pg_attribute AS a WHERE a.attrelid = '%1$s'::regclass AND a.attnum > 0 AND NOT a.attisdropped)
        || ' ' || (SELECT count(*) FROM pg_index AS i WHERE i.indrelid = '%1$s'::regclass)
        || ' ' || (SELECT count(*) FROM pg_constraint AS c WHERE c.conrelid = '%1$s'::regclass)
        || ' ' || (SELECT count(*) FROM pg_trigger AS g WHERE g.tgrelid = '%1$s'::regclass AND NOT g.tgisinternal)
$$) AS r
GROUP BY p.logicalrelid::text
"""


async def test_an_older_schema_becomes_the_newest_and_sells_on(
    databases: Databases, database_url: str
) -> None:
    async with databases.fresh(is_migrated=False) as url:
        await _make_older(url)
        before = await _counts(url)
        assert min(before.values()) > 0
        done = await migrate(url)
        newer = [migration.name for migration in load() if migration.name >= _OLD]
        assert done[: len(newer)] == newer
        assert set(done[len(newer) :]) >= {
            "distribution of calls",
            "distribution of numbers of buses",
        }
        assert await pending(url) == []
        assert await migrate(url) == []
        assert await _counts(url) == before
        owner = await connect(url)
        fresh = await connect(database_url)
        assert await undistributed(owner) == []
        assert await _rows(owner, _SCHEMA) == await _rows(fresh, _SCHEMA)
        assert await _shards(owner) == await _shards(fresh)
        await owner.close()
        await fresh.close()
        world = await World.open(url, StoreOptions(pool_size=4))
        bus = await world.bus(segments=2)
        await world.book(bus, ["1A"])
        assert await find_violations_on(world.store.db, [bus], statement_seconds=60) == {}
        await world.close()


async def _make_older(url: str) -> None:
    """Make the schema as it was, spread it, and add rows."""
    owner = await asyncpg.connect(url)
    database = url.rpartition("/")[2]
    # Functions of today name tables that there were not.
    await owner.execute(f"ALTER DATABASE {database} SET check_function_bodies = off")
    await migrate(url, migrations=[each for each in load() if each.name < _OLD])
    await owner.execute(f"ALTER DATABASE {database} RESET check_function_bodies")
    await owner.execute(_NOT_YET)
    rows = await owner.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 2200"
    )
    await owner.close()
    superuser = await connect(above_scopes(url))
    for statement in base({row["relname"] for row in rows}):
        await superuser.execute(statement)
    # Its rows have numbers of their own.
    await superuser.fetch(
        "SELECT setval(c.oid::regclass, 1000) FROM pg_class AS c WHERE c.relkind = 'S' AND c.relnamespace = 2200"
    )
    await superuser.close()


async def _counts(url: str) -> dict[str, int]:
    superuser = await connect(above_scopes(url))
    tables = (
        "operators",
        "buses",
        "bus_stops",
        "seats",
        "holds",
        "bookings",
        "claims",
        "tickets",
        "payments",
    )
    counts = {name: await superuser.fetchval(f"SELECT count(*) FROM {name}") for name in tables}  # noqa: S608 - of constants
    await superuser.close()
    return counts


async def _rows(connection: "asyncpg.Connection[asyncpg.Record]", query: str) -> set[str]:
    return {row[0] for row in await connection.fetch(query)}


async def _shards(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, list[str]]:
    found = {row["name"]: row["found"] for row in await connection.fetch(_SHARDS)}
    assert {name: len(kinds) for name, kinds in found.items()} == dict.fromkeys(found, 1)
    return found
