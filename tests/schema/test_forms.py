"""The forms that statements take on a cluster: valid on one PostgreSQL too, and each names its lane."""

import re
from pathlib import Path

import pytest

import store
from store.citus.forms import SQL, form_of
from store.db import Connection
from store.queries import Queries

BATCH = Queries(Path(store.__file__).with_name("batch.sql"))
JOINED = [
    name for name in BATCH.names() if "INNER JOIN" in BATCH[name] or "= w.bus_id" in BATCH[name]
]


@pytest.mark.parametrize("name", BATCH.names())
async def test_every_form_is_valid_and_takes_what_the_statement_takes(
    app: Connection, name: str
) -> None:
    plain = await app.prepare(BATCH[name])
    formed = await app.prepare(form_of(BATCH[name]))
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


async def test_a_form_of_its_own_stands_for_a_statement_that_there_is() -> None:
    assert set(SQL.names()) <= set(BATCH.names())


async def test_a_sweep_locks_nothing_and_a_scope_is_set_everywhere() -> None:
    sweep = "SELECT 1\nFROM holds\nFOR UPDATE SKIP LOCKED;"
    assert form_of(sweep) == "SELECT 1\nFROM holds;"
    scope = "BEGIN; SELECT set_config('omnibus.operators', '{1}', true)"
    assert form_of(scope) == "BEGIN; SELECT set_config_everywhere('omnibus.operators', '{1}', true)"
