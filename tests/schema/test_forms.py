"""The forms that statements take on a cluster: valid on one PostgreSQL too, and each names its lane."""

import re
from pathlib import Path

import pytest

import store
from store.citus.distribute import spread_words
from store.citus.forms import WORDS, form_of
from store.db import Connection
from store.migrate import load
from store.queries import Queries, about_all
from tests.support.databases import Databases, connect

FOLDER = Path(store.__file__).parent
BATCH = Queries(FOLDER / "batch.sql")
STATEMENTS = {
    f"{file}: {name}": Queries(FOLDER / f"{file}.sql")[name]
    for file in sorted({*("batch", "fares", "day_prices", "retention", "watch"), *WORDS})
    for name in Queries(FOLDER / f"{file}.sql").names()
}
JOINED = [
    name for name in BATCH.names() if "INNER JOIN" in BATCH[name] or "= w.bus_id" in BATCH[name]
]


@pytest.mark.parametrize("name", STATEMENTS)
async def test_every_form_is_valid_and_takes_what_the_statement_takes(
    app: Connection, name: str
) -> None:
    plain = await app.prepare(STATEMENTS[name])
    formed = await app.prepare(form_of(STATEMENTS[name]))
    assert formed.get_parameters() == plain.get_parameters()
    answered = [column.name for column in formed.get_attributes()]
    assert [column.name for column in plain.get_attributes()] in (answered, [])


@pytest.mark.parametrize("name", JOINED)
async def test_every_join_with_a_batch_names_its_lane(name: str) -> None:
    form = form_of(BATCH[name])
    joined = re.findall(r"(\w+)\.bus_id = (?:w|locked)\.bus_id", form)
    named = re.findall(r"(\w+)\.bus_id = any\(\$\d+::bigint\[\]\)", form)
    assert joined
    assert set(joined) <= set(named)


@pytest.mark.parametrize("name", BATCH.names())
async def test_nothing_is_copied_to_where_row_security_rules(name: str) -> None:
    form = form_of(BATCH[name])
    answering = re.findall(r"RETURNING|ON CONFLICT", form)
    assert len(answering) >= form.count("INSERT INTO")


@pytest.mark.parametrize("home", WORDS)
async def test_words_of_its_own_stand_for_a_statement_that_there_is(home: str) -> None:
    for name in WORDS[home].names():
        assert form_of(STATEMENTS[f"{home}: {name}"]) == WORDS[home][name]


@pytest.mark.parametrize("name", ["search_from", "search_all"])
async def test_a_search_names_the_bus_that_fares_and_seats_lie_with(name: str) -> None:
    form = form_of(STATEMENTS[f"catalogue: {name}"])
    assert "f.bus_id = b.bus_id AND f.from_idx = l.from_idx" in form
    assert re.search(r"s\.bus_id = b\.bus_id\s+GROUP BY s\.bus_id", form)
    assert "FROM stops AS place" not in form, "a part with a limit cannot depend on a copied table"


async def test_a_sweep_locks_nothing_and_a_scope_is_set_everywhere() -> None:
    sweep = "SELECT 1\nFROM holds\nFOR UPDATE SKIP LOCKED;"
    assert form_of(sweep) == "SELECT 1\nFROM holds;"
    scope = "BEGIN; SELECT set_config('omnibus.operators', '{1}', true)"
    assert form_of(scope) == "BEGIN; SELECT set_config_everywhere('omnibus.operators', '{1}', true)"


@pytest.mark.parametrize("file", ["operators", "refund_terms", "shifts"])
async def test_buses_of_all_servers_are_changed_without_being_locked_before(
    app: Connection, file: str
) -> None:
    plain = Queries(FOLDER / f"{file}.sql")["touch_buses"]
    form = form_of(plain)
    assert "FOR NO KEY UPDATE" in plain
    assert "FOR NO KEY UPDATE" not in form
    assert "b.departs_at > now() - interval '7 days'" in form
    taken = [(await app.prepare(each)).get_parameters() for each in (plain, form)]
    assert taken[0] == taken[1]


def test_what_has_words_of_its_own_has_them_about_all_buses_too() -> None:
    invariants = Queries(FOLDER / "invariants.sql")
    words = WORDS["invariants"]
    assert words.names()
    for name in words.names():
        assert form_of(about_all(invariants[name])) == about_all(words[name])
        assert "$1" not in about_all(words[name])


async def test_migrations_make_the_same_tables_in_their_other_words(
    databases: Databases, owner: Connection
) -> None:
    names = {migration.name for migration in load()}
    others = {path.name for path in (FOLDER / "citus" / "migrations").glob("*.sql")}
    assert others
    assert others <= names
    async with databases.fresh(is_migrated=False) as url:
        connection = await connect(url)
        for migration in load():
            for statement in spread_words(migration.name, migration.text):
                await connection.execute(statement)
        assert await _tables(connection) == await _tables(owner)
        await connection.close()


async def _tables(connection: Connection) -> set[str]:
    """Return columns, rules and rights of all tables but `calls`, which a cluster has no table of."""
    rows = await connection.fetch(
        "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default)"
        " FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'calls'"
        " UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))"
        " FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'calls'"
        " UNION ALL SELECT concat_ws(' ', table_name, column_name, grantee, privilege_type)"
        " FROM information_schema.column_privileges WHERE table_schema = 'public' AND table_name <> 'calls'"
        " UNION ALL SELECT concat_ws(' ', polrelid::regclass, polname) FROM pg_policy"
        " WHERE polrelid::regclass::text <> 'calls'"
    )
    return {row[0] for row in rows if not str(row[0]).startswith("schema_migrations")}
