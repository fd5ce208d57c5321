"""The runner: in order, once, whole files, and never over what it does not know."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from store.db import Connection
from store.migrate import Migration, MigrationError, load, migrate, pending
from tests.schema.dump import SCHEMA, dump
from tests.schema.rows import ROWS, base
from tests.support.databases import Databases

FIRST = Migration("0001_first.sql", "CREATE TABLE places (n int PRIMARY KEY, name text)")
SECOND = Migration(
    "0002_second.sql",
    "INSERT INTO places SELECT n, 'place ' || n FROM generate_series(1, 1000) AS n",
)
INDEX = Migration(
    "0003_index.sql",
    "-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS places_name_idx ON places (name)",
)
BROKEN = Migration(
    "0004_broken.sql", "CREATE TABLE half (n int); INSERT INTO half VALUES (1); SELECT 1 / 0"
)


@pytest.fixture
async def empty_url(databases: Databases) -> AsyncIterator[str]:
    async with databases.fresh(is_migrated=False) as url:
        yield url


@pytest.fixture
async def reader(empty_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(empty_url)
    yield connection
    await connection.close()


async def applied(reader: Connection) -> list[str]:
    rows = await reader.fetch("SELECT name FROM schema_migrations ORDER BY applied_at, name")
    return [row["name"] for row in rows]


async def exists(reader: Connection, relation: str) -> bool:
    return await reader.fetchval("SELECT to_regclass($1)", relation) is not None


async def test_all_that_is_missing_is_applied_in_order(empty_url: str, reader: Connection) -> None:
    heard: list[str] = []
    names = await migrate(empty_url, migrations=[FIRST, SECOND], report=heard.append)
    assert names == heard == await applied(reader) == [FIRST.name, SECOND.name]
    assert await migrate(empty_url, migrations=[FIRST, SECOND, INDEX]) == [INDEX.name]
    assert await exists(reader, "places_name_idx")
    assert await migrate(empty_url, migrations=[FIRST, SECOND, INDEX]) == []


async def test_an_index_that_was_left_half_built_is_built_anew(
    empty_url: str, reader: Connection
) -> None:
    await migrate(empty_url, migrations=[FIRST, SECOND])
    busy = reader.transaction()
    await busy.start()
    await reader.execute("INSERT INTO places VALUES (0, 'uncommitted')")
    builder = await asyncpg.connect(empty_url)
    await builder.execute("SET statement_timeout = '300ms'")
    with pytest.raises(asyncpg.QueryCanceledError):
        await builder.execute(INDEX.text)
    await builder.close()
    await busy.rollback()
    is_valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'places_name_idx'::regclass"
    assert await reader.fetchval(is_valid) is False
    assert await migrate(empty_url, migrations=[FIRST, SECOND, INDEX]) == [INDEX.name]
    assert await reader.fetchval(is_valid) is True


async def test_ours_go_on_an_empty_database_and_then_nothing_is_pending(empty_url: str) -> None:
    names = [migration.name for migration in load()]
    assert await pending(empty_url) == names
    assert await migrate(empty_url) == names
    assert await pending(empty_url) == []
    assert await migrate(empty_url) == []


_BUYERS_SINCE = 8
_HAS_UNDONE = """
SELECT EXISTS (
    SELECT FROM information_schema.columns WHERE table_name = 'scans' AND column_name = 'undone_at'
)
"""
_COLUMNS = """
SELECT c.table_name, string_agg(quote_ident(c.column_name), ', ' ORDER BY c.ordinal_position) AS columns
FROM information_schema.columns AS c
WHERE c.table_schema = 'public' AND c.table_name <> 'schema_migrations'
GROUP BY c.table_name
"""


@pytest.mark.parametrize("stage", range(5, len(load())))
async def test_a_database_in_use_is_brought_forward_with_all_that_it_holds(
    empty_url: str, reader: Connection, stage: int
) -> None:
    """From every stage that could sell, with the tables it had, as whoever upgrades comes from one of them."""
    await migrate(empty_url, migrations=load()[:stage])
    tables = [table for table in ROWS if await exists(reader, table)]
    word = "ok" if await reader.fetchval(_HAS_UNDONE) else "boarded"
    async with reader.transaction():
        await reader.execute("SET LOCAL omnibus.operators = '{1,2,9}'")
        for statement in base(tables, has_buyers=stage >= _BUYERS_SINCE):
            await reader.execute(statement.replace("'ok'", f"'{word}'"))
    columns = {row["table_name"]: row["columns"] for row in await reader.fetch(_COLUMNS)}
    before = await _contents(reader, columns)
    if "scans" in before:
        before["scans"] = before["scans"].replace(f",{word},", ",ok,")  # as it is said since
    await migrate(empty_url)
    assert await _contents(reader, columns) == before
    assert dump(empty_url) == SCHEMA.read_text(encoding="utf-8")


async def test_departures_of_late_have_months_of_their_own_when_searches_begin_to_go_by_them(
    empty_url: str, reader: Connection
) -> None:
    """In the rest they would be read, and searches wait, whenever a month is made."""
    until = [migration.name[:4] for migration in load()].index("0034")
    await migrate(empty_url, migrations=load()[:until])
    tables = [table for table in ROWS if await exists(reader, table)]
    async with reader.transaction():
        await reader.execute("SET LOCAL omnibus.operators = '{1,2,9}'")
        for statement in base(tables):
            await reader.execute(statement)
        by = (
            "SELECT date_trunc('month', now(), 'UTC') - ago * interval '1 month' - b.departs_at"
            " FROM buses AS b INNER JOIN (VALUES (1, 1), (2, 3)) AS v (bus_id, ago) USING (bus_id)"
            " WHERE b.bus_id = $1"
        )
        for bus in (1, 2):
            shift = await reader.fetchval(by, bus)
            await reader.execute(
                "UPDATE bus_stops SET arrives_at = arrives_at + $2, departs_at = departs_at + $2 WHERE bus_id = $1",
                bus,
                shift,
            )
            await reader.execute(
                "UPDATE buses SET departs_at = departs_at + $2, arrives_at = arrives_at + $2, facts = facts + 1"
                " WHERE bus_id = $1",
                bus,
                shift,
            )
        moved = await reader.fetch(
            "SELECT to_char(departs_at AT TIME ZONE 'UTC', '\"months.calls_\"YYYY_MM') AS month FROM bus_stops"
            " WHERE departs_at < now()"
        )
    await migrate(empty_url, migrations=load()[: until + 1])
    months = {row["month"] for row in moved}
    assert len(months) == 2
    lie = await reader.fetch("SELECT DISTINCT tableoid::regclass::text AS month FROM calls")
    assert months <= {row["month"] for row in lie}
    made = await reader.fetch(
        "SELECT inhrelid::regclass::text AS month FROM pg_inherits WHERE inhparent = 'calls'::regclass"
    )
    this = await reader.fetchval(
        "SELECT to_char(now() AT TIME ZONE 'UTC', '\"months.calls_\"YYYY_MM')"
    )
    assert {row["month"] for row in made if row["month"] < this} == months, "and no other"


async def test_whoever_kept_seats_before_buyers_had_numbers_is_counted_at_once(
    empty_url: str, reader: Connection
) -> None:
    await migrate(empty_url, migrations=load()[: _BUYERS_SINCE - 1])
    tables = [table for table in ROWS if await exists(reader, table)]
    async with reader.transaction():
        await reader.execute("SET LOCAL omnibus.operators = '{1,2,9}'")
        for statement in base(tables, has_buyers=False):
            await reader.execute(statement)
    await migrate(empty_url)
    async with reader.transaction():
        await reader.execute("SET LOCAL omnibus.operators = '{1,2}'")
        counts = await reader.fetch(
            "SELECT bus_id, buyer, seats_held, holds_held FROM buyer_holds ORDER BY bus_id"
        )
    one = UUID(int=1)
    assert [tuple(row) for row in counts] == [(1, one, 4, 2), (2, one, 4, 2)]


async def _contents(reader: Connection, columns: Mapping[str, str]) -> dict[str, str]:
    """Return what every table says, in the columns that it had; counts are made anew from what is counted."""
    async with reader.transaction():
        await reader.execute("SET LOCAL omnibus.operators = '{1,2,9}'")
        rows = "SELECT array_agg(t ORDER BY t::text)::text FROM (SELECT {} FROM {}) AS t"
        return {
            table: await reader.fetchval(rows.format(listed, table))
            for table, listed in columns.items()
            if table != "buyer_holds"
        }


async def test_asking_what_is_pending_changes_nothing(empty_url: str, reader: Connection) -> None:
    await pending(empty_url)
    assert not await exists(reader, "schema_migrations")
    tables = await reader.fetch("SELECT FROM pg_tables WHERE schemaname = 'public'")
    assert tables == []


async def test_a_migration_edited_after_it_was_applied_is_refused(
    empty_url: str, reader: Connection
) -> None:
    await migrate(empty_url, migrations=[FIRST])
    edited = Migration(FIRST.name, FIRST.text + "; SELECT 1")
    with pytest.raises(MigrationError, match="0001_first"):
        await migrate(empty_url, migrations=[edited, SECOND])
    assert await applied(reader) == [FIRST.name]


async def test_a_database_that_cannot_hold_names_of_all_languages_is_refused(
    databases: Databases,
) -> None:
    url = await databases.create("old_letters", letters="ENCODING 'LATIN1' LOCALE 'C'")
    try:
        with pytest.raises(MigrationError, match=r"LATIN1.*ENCODING 'UTF8'"):
            await migrate(url)
    finally:
        await databases.drop("old_letters")


async def test_a_database_newer_than_the_program_is_left_alone(
    empty_url: str, reader: Connection
) -> None:
    await migrate(empty_url, migrations=[FIRST, SECOND])
    with pytest.raises(MigrationError, match=r"newer.*0002_second.sql"):
        await migrate(empty_url, migrations=[FIRST])
    with pytest.raises(MigrationError, match="newer"):
        await pending(empty_url)
    assert await applied(reader) == [FIRST.name, SECOND.name]


async def test_a_migration_that_fails_leaves_nothing_and_keeps_those_before_it(
    empty_url: str, reader: Connection
) -> None:
    with pytest.raises(MigrationError, match="0004_broken"):
        await migrate(empty_url, migrations=[FIRST, SECOND, BROKEN])
    assert await applied(reader) == [FIRST.name, SECOND.name]
    assert not await exists(reader, "half")
    fixed = Migration(BROKEN.name, "CREATE TABLE half (n int)")
    assert await migrate(empty_url, migrations=[FIRST, SECOND, fixed]) == [BROKEN.name]


async def test_six_runners_at_once_apply_each_migration_once(
    empty_url: str, reader: Connection
) -> None:
    plan = [FIRST, SECOND, INDEX]
    done = await asyncio.gather(*(migrate(empty_url, migrations=plan) for _ in range(6)))
    assert sorted(name for names in done for name in names) == [step.name for step in plan]
    assert await applied(reader) == [step.name for step in plan]
    assert await reader.fetchval(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = 'places_name_idx'::regclass"
    )


async def test_our_own_migrations_run_on_several_databases_of_a_cluster_at_once(
    databases: Databases,
) -> None:
    async with (
        databases.fresh(is_migrated=False) as first,
        databases.fresh(is_migrated=False) as second,
        databases.fresh(is_migrated=False) as third,
    ):
        done = await asyncio.gather(*(migrate(url) for url in (first, second, third, second)))
        assert sorted(len(names) for names in done) == [0, *[len(load())] * 3]


async def test_two_statements_cannot_hide_in_a_file_without_a_transaction(
    empty_url: str, reader: Connection
) -> None:
    sloppy = Migration(
        "0002_sloppy.sql", f"{INDEX.text}; CREATE INDEX CONCURRENTLY ON places (name)"
    )
    with pytest.raises(MigrationError, match="0002_sloppy"):
        await migrate(empty_url, migrations=[FIRST, sloppy])
    assert await applied(reader) == [FIRST.name]


async def test_a_migration_waits_for_a_lock_only_so_long(
    empty_url: str, reader: Connection
) -> None:
    await migrate(empty_url, migrations=[FIRST])
    async with reader.transaction():
        await reader.execute("LOCK TABLE places")
        waiting = Migration("0002_wait.sql", "ALTER TABLE places ADD COLUMN more text")
        with pytest.raises(MigrationError, match="lock timeout"):
            await migrate(empty_url, migrations=[FIRST, waiting])
    assert await applied(reader) == [FIRST.name]


def test_a_file_may_ask_for_more_time() -> None:
    assert FIRST.timeout == "5s"
    assert Migration("0001_slow.sql", "-- timeout: 60s\nSELECT 1").timeout == "60s"
    assert Migration("0001_slow.sql", "-- Why.\n-- timeout: 10min\nSELECT 1").timeout == "10min"


def test_files_are_loaded_by_number_and_a_wrong_name_is_refused(tmp_path: Path) -> None:
    for name in ("0002_b.sql", "0001_a.sql"):
        (tmp_path / name).write_text("SELECT 1")
    assert [migration.name for migration in load(tmp_path)] == ["0001_a.sql", "0002_b.sql"]
    (tmp_path / "3_c.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="3_c"):
        load(tmp_path)
