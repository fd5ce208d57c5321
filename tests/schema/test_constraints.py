"""Every constraint is tried with raw SQL as the application's role; the catalogue says which there are."""

import asyncpg
import pytest

from store.db import Connection
from tests.schema.cases import CASES, Case
from tests.schema.rows import ROWS, insert

_NAMES = """
SELECT conname AS name FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'p', 'u', 'x')
UNION
SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace AND i.indisunique
UNION
SELECT t.tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
"""

_REQUIRED = """
SELECT c.relname AS table_name, a.attname AS column_name
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
    AND a.attnotnull AND NOT a.attisdropped AND c.relname <> 'schema_migrations'
"""

# Row security asks whose row it is before the columns are looked at; the log's numbers are not ours to give.
_SPEAKS_FIRST = {"operator_id": "42501", "audit_id": "428C9"}


async def test_every_constraint_of_the_catalogue_has_a_case(
    app: Connection,
) -> None:
    there = {row["name"] for row in await app.fetch(_NAMES)}
    tried = [case.name for case in CASES]
    assert sorted(there - set(tried)) == []
    assert sorted(set(tried) - there) == []
    assert len(tried) == len(set(tried))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_what_a_constraint_forbids_is_refused_by_name(app: Connection, case: Case) -> None:
    with pytest.raises(asyncpg.PostgresError) as refusal:
        await app.execute(case.statement)
    assert refusal.value.sqlstate == case.sqlstate
    assert getattr(refusal.value, "constraint_name", None) == case.speaks


@pytest.mark.parametrize("table", ROWS)
async def test_the_row_that_the_cases_spoil_is_good(app: Connection, table: str) -> None:
    assert await app.execute(insert(table)) == "INSERT 0 1"


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
        with pytest.raises(asyncpg.PostgresError) as refusal:
            await app.execute(insert(table, **{column: "NULL"}))
        await attempt.rollback()
        assert refusal.value.sqlstate in {"23502", _SPEAKS_FIRST.get(column)}, (table, column)
