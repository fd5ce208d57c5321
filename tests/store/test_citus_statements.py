"""Whatever is asked of a cluster can be planned there, and what is searched for is sorted where it lies."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

import store
from store.citus.forms import form_of
from store.db import Connection
from store.queries import Queries
from store.timetable import NewBus
from tests.support.cluster import CLUSTER_URL, WHY_NOT, above_scopes
from tests.support.databases import connect
from tests.support.world import World

pytestmark = pytest.mark.skipif(not CLUSTER_URL, reason=WHY_NOT)

FOLDER = Path(store.__file__).parent
# Of one server: its schema, what holds and books in one statement, months.
ONE_SERVER = {"schema", "express", "express_held", "months"}
# Found first there, and claimed bus by bus (store/jobs.py).
NOT_ASKED = {"jobs: claim"}
FILES = [path for path in sorted(FOLDER.glob("*.sql")) if path.stem not in ONE_SERVER]
_PLANNED = re.compile(r"(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
_TEXTS = ("EUR", "{}", None)
_NOW = datetime(2030, 1, 1, tzinfo=UTC)
_VALUES: dict[str, object] = {
    "int2": 1,
    "int4": 1,
    "int8": 1,
    "float8": 1,
    "bool": True,
    "bytea": f"\\x{'00' * 32}",
    "uuid": UUID(int=1),
    "timestamptz": _NOW,
    "date": _NOW.date(),
    "interval": "1 day",
    "jsonb": "{}",
}


async def test_every_statement_can_be_planned(database_url: str) -> None:
    connection = await connect(database_url)
    texts = {
        f"{path.stem}: {name}": Queries(path)[name]
        for path in FILES
        for name in Queries(path).names()
    }
    failed: dict[str, list[str]] = {}
    for name, text in texts.items():
        query = _code(form_of(text))
        if name not in NOT_ASKED and _PLANNED.match(query):
            tries = [await _try(connection, role, query, texts) for role in ("app", "worker")]
            if all(tries):
                failed[name] = [tried for tried in tries if tried]
    await connection.close()
    assert len(texts) > 500
    assert failed == {}


@pytest.mark.parametrize("form", ["search_from", "search_all", "search_all to", "next_departures"])
async def test_each_server_sends_no_more_than_a_page(world: World, form: str) -> None:
    route = await world.line(3)
    wanted = NewBus(
        "The 10:05",
        datetime.now(UTC) + timedelta(days=1),
        2000,
        total_seats=4,
        operator_id=world.operator_id,
        route_id=route,
    )
    added = [await world.store.timetable.add_bus(world.admin, wanted) for _ in range(40)]
    stops = await world.stops(added[0].bus_id)
    name = form.split(maxsplit=1)[0]
    home = "boards" if name == "next_departures" else "catalogue"
    page, now = 3, datetime.now(UTC)
    arguments: Sequence[object] = {
        "search_from": ([stops[0]], [stops[2]], now + timedelta(days=60), None, now, 0, page),
        "search_all": (None, now + timedelta(days=60), None, now, 0, page),
        "search_all to": ([stops[2]], now + timedelta(days=60), None, now, 0, page),
        "next_departures": ([stops[0]], page),
    }[form]
    statement = form_of(Queries(FOLDER / f"{home}.sql")[name])
    connection = await connect(above_scopes(world.url))
    await connection.execute("SET citus.explain_all_tasks = on")
    explained = await connection.fetchval(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {_with_values(statement, await _kinds(connection, statement), arguments)}"
    )
    await connection.close()
    sent = _rows_of_tasks(json.loads(explained))
    assert sum(sent) >= page
    assert max(sent) <= page


async def _try(connection: Connection, role: str, query: str, texts: dict[str, str]) -> str:
    """Plan a statement as a role; return why it cannot be."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(
            f"SET LOCAL ROLE omnibus_{role}; SET LOCAL omnibus.operators = '{{1}}'"
        )
        if (
            "staged_" in query
            or "fresh_buses" in query
            or "known_buses" in query
            or "place_stops" in query
        ):
            await connection.execute(texts["departures: stage"])
        if "CREATE TEMPORARY" in query:
            return ""
        kinds = await _kinds(connection, query)
        # A text may be read as something else.
        for text in _TEXTS:
            values = _VALUES | {"text": text}
            arguments = [
                [values[kind.removesuffix("[]")]] if kind.endswith("[]") else values[kind]
                for kind in kinds
            ]
            try:
                async with connection.transaction():
                    await connection.fetch(f"EXPLAIN {_with_values(query, kinds, arguments)}")
                break
            except (asyncpg.DataError, asyncpg.CheckViolationError):
                if text == _TEXTS[-1]:
                    raise
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return f"{role}: {error}"
    finally:
        await transaction.rollback()
    return ""


async def _kinds(connection: Connection, query: str) -> list[str]:
    prepared = await connection.prepare(query)
    return [parameter.name for parameter in prepared.get_parameters()]


def _with_values(query: str, kinds: Sequence[str], values: Sequence[object]) -> str:
    """Say values in the statement: what explains takes none for some that are planned with them."""
    return re.sub(
        r"\$(\d+)",
        lambda found: _literal(values[int(found[1]) - 1]) + f"::{kinds[int(found[1]) - 1]}",
        query,
    )


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return "'{" + ",".join("NULL" if each is None else str(each) for each in value) + "}'"
    return f"'{value}'"


def _code(query: str) -> str:
    return "\n".join(line for line in query.splitlines() if not line.startswith("--")).strip()


def _rows_of_tasks(node: Any) -> list[int]:
    """Return how many rows each part of a plan's tasks has sent."""
    if isinstance(node, list):
        return [rows for part in node for rows in _rows_of_tasks(part)]
    if not isinstance(node, dict):
        return []
    if "Remote Plan" in node:
        return [int(plan["Plan"]["Actual Rows"]) for plans in node["Remote Plan"] for plan in plans]
    return [rows for part in node.values() for rows in _rows_of_tasks(part)]
