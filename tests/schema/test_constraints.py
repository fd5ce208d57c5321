"""Every constraint is tried with raw SQL as the application's role; the catalogue says which there are."""

from collections import Counter
from collections.abc import Sequence

import asyncpg
import pytest

from store.db import Connection
from tests.schema.cases import CASES, Case
from tests.schema.rows import NOT_THE_APPLICATIONS, ROWS, insert
from tests.support.databases import Databases

# Names are unique in a table or a domain only: one that two things share appears twice here, and is refused.
# Triggers that tell of edits, or copy them, refuse nothing: tests/api/test_reading.py hears each of the first, and
# tests/store/test_months.py looks at what the others write.
_NAMES = """
SELECT conname AS name FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'p', 'u', 'x')
UNION ALL
SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace AND i.indisunique
    AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT t.tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
    AND t.tgfoid NOT IN ('tell_catalogue'::regproc, 'keep_calls'::regproc)
"""

_REQUIRED = """
SELECT c.relname AS table_name, a.attname AS column_name
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
    AND a.attnotnull AND NOT a.attisdropped AND a.attgenerated = '' AND c.relname <> 'schema_migrations'
"""

# Row security asks whose row it is before the columns are looked at; the log's numbers and times are not ours to give.
_SPEAKS_FIRST = {"operator_id": "42501", "audit_id": "428C9", "at": "42501"}


# What a migration might bring along, and under which name it must be missed.
ADDED = {
    "holds_new_check": "ALTER TABLE holds ADD CONSTRAINT holds_new_check CHECK (bus_id <> 4711)",
    "label_new_check": "ALTER DOMAIN label ADD CONSTRAINT label_new_check CHECK (VALUE <> 'x')",
    "holds_new_key": "ALTER TABLE holds ADD CONSTRAINT holds_new_key UNIQUE (bus_id, created_at)",
    "holds_new_fkey": (
        "ALTER TABLE holds ADD CONSTRAINT holds_new_fkey FOREIGN KEY (user_id) REFERENCES users"
    ),
    "holds_new_exclusion": (
        "ALTER TABLE holds ADD CONSTRAINT holds_new_exclusion EXCLUDE USING btree (hold_id WITH =)"
    ),
    "holds_new_index": "CREATE UNIQUE INDEX holds_new_index ON holds (bus_id) WHERE state = 'GONE'",
    "holds_new_trigger": (
        "CREATE TRIGGER holds_new_trigger BEFORE UPDATE ON holds FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
    # A second one of a name that is tried already, on another table.
    "bookings_leg": "ALTER TABLE tickets ADD CONSTRAINT bookings_leg CHECK (seat_no > 0)",
}


async def test_every_constraint_of_the_catalogue_has_a_case(
    app: Connection,
) -> None:
    there = await _names(app)
    tried = [case.name for case in CASES]
    assert _untried(there) == []
    assert sorted(set(tried) - set(there)) == []
    assert len(tried) == len(set(tried))


@pytest.mark.parametrize("name", ADDED)
async def test_a_new_constraint_without_a_case_is_reported(databases: Databases, name: str) -> None:
    async with databases.fresh() as url:
        connection = await asyncpg.connect(url)
        assert _untried(await _names(connection)) == []
        await connection.execute(ADDED[name])
        found = _untried(await _names(connection))
        await connection.close()
    assert found == [name]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_what_a_constraint_forbids_is_refused_by_name(app: Connection, case: Case) -> None:
    if case.is_owners:
        await app.execute("RESET ROLE")
    with pytest.raises(asyncpg.PostgresError) as refusal:
        await app.execute(case.statement)
    assert refusal.value.sqlstate == case.sqlstate
    assert getattr(refusal.value, "constraint_name", None) == case.speaks


@pytest.mark.parametrize("table", ROWS)
async def test_the_row_that_the_cases_spoil_is_good(app: Connection, table: str) -> None:
    if table in NOT_THE_APPLICATIONS:
        await app.execute("RESET ROLE")
    # A movement of money has two lines.
    lines = 2 if table == "postings" else 1
    assert await app.execute(insert(table)) == f"INSERT 0 {lines}"


async def test_every_table_has_a_row_to_spoil(
    app: Connection,
) -> None:
    tables = await app.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {row["tablename"] for row in tables} == {*ROWS, "schema_migrations"}


async def test_what_is_required_cannot_be_left_empty(app: Connection) -> None:
    for row in await app.fetch(_REQUIRED):
        table, column = row["table_name"], row["column_name"]
        attempt = app.transaction()
        await attempt.start()
        if table in NOT_THE_APPLICATIONS:
            await app.execute("RESET ROLE")
        with pytest.raises(asyncpg.PostgresError) as refusal:
            await app.execute(insert(table, **{column: "NULL"}))
        await attempt.rollback()
        assert refusal.value.sqlstate in {"23502", _SPEAKS_FIRST.get(column)}, (table, column)


async def _names(connection: Connection) -> list[str]:
    return [row["name"] for row in await connection.fetch(_NAMES)]


def _untried(there: Sequence[str]) -> list[str]:
    """Return the names that have no case, or fewer than there are things of that name."""
    return sorted(Counter(there) - Counter(case.name for case in CASES))
