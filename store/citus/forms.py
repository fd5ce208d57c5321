"""The forms in which Citus can run our statements on the one server that holds a lane's buses.

The planner sends a statement to one shard group if every table in it is compared with buses of that group in so many
words: a join with the batch's arrays does not say it, `bus_id = any($1)` does. So each join with `w` (what batches call
their arrays) names its lane as well. Rows may not be copied to where row security rules; an INSERT that returns
something goes another way. Those that need more are in `words`, under the names they have where they are at home.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from store.queries import Queries, about_all

if TYPE_CHECKING:
    Base = asyncpg.Connection[asyncpg.Record]
else:
    Base = asyncpg.Connection

WORDS = {path.stem: Queries(path) for path in Path(__file__).with_name("words").glob("*.sql")}
"""Statements that need words of their own, by the file that they are at home in."""
SESSION = {
    # A generic plan does not know which server holds the buses of this time.
    "plan_cache_mode": "auto",
    # What scopes a transaction scopes its parts on the other servers.
    "citus.propagate_set_commands": "local",
    # Hiding shards makes the driver's questions about types take seconds.
    "citus.override_table_visibility": "off",
}

# All buses of the batch, where a statement is told them: an empty array would name no server.
_LANE = re.compile(r"\bbus_id = any\((\$\d+)::bigint\[\]\)")
_ARRAYS = re.compile(r"(?=unnest\(\s*\$\d+::bigint\[\])")
_FIRST_ARRAY = re.compile(r"unnest\(\s*(\$\d+)")
_JOIN = re.compile(r"\b(\w+)\.bus_id = (?:w|locked)\.bus_id")
_ADDING_CTE = re.compile(r"( AS \(\n +INSERT INTO (?:(?!\n\)).)*)(?=\n\))", re.DOTALL)
_BROKEN = re.compile(r'constraint "(\w+?)(?:_\d+)?"')
_REPLACED = (
    (re.compile(r"set_config\('omnibus\.operators'"), "set_config_everywhere('omnibus.operators'"),
    # Only one shard's rows can be locked by one statement. Whoever finds them asks again under their lock.
    (re.compile(r"\nFOR UPDATE SKIP LOCKED"), ""),
    # Buses of all servers are changed without being locked before, in the order in which each server finds them.
    (
        re.compile(
            r"WITH locked AS MATERIALIZED \(\n    SELECT b\.bus_id\n    FROM buses AS b\n    WHERE((?:(?!\n\)).)*?)"
            r"\n    ORDER BY b\.bus_id\n    FOR NO KEY UPDATE OF b\n\)\n\n"
            r"UPDATE buses AS b SET facts = b\.facts \+ 1\nFROM locked AS l\nWHERE b\.bus_id = l\.bus_id",
            re.DOTALL,
        ),
        r"UPDATE buses AS b SET facts = b.facts + 1\nWHERE\1",
    ),
)


@lru_cache(maxsize=1000)
def form_of(statement: str) -> str:
    """Return the statement in a form that means the same and that Citus can run."""
    if (own := _own_forms().get(statement)) is not None:
        return own
    for words, others in _REPLACED:
        statement = words.sub(others, statement)
    lane = _LANE.search(statement)
    head, *rest = _ARRAYS.split(statement)
    named = head + "".join(_name_lane(part, lane and lane[1]) for part in rest)
    named = _ADDING_CTE.sub(lambda found: _returning(found[1]), named)
    if re.search(r"^INSERT INTO ", named, re.MULTILINE):
        tail = named.rindex("\nINSERT INTO ") if "\nINSERT INTO " in named else 0
        named = named[:tail] + _returning(named[tail:].rstrip(";"))
    return named


class CitusConnection(Base):
    """A connection that says what it is told in the words of Citus, and reports in ours."""

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        with _as_one_server():
            return await super().execute(form_of(query), *args, **options)

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        with _as_one_server():
            return await super().fetch(form_of(query), *args, **options)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        with _as_one_server():
            return await super().fetchrow(form_of(query), *args, **options)

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        with _as_one_server():
            return await super().fetchval(form_of(query), *args, **options)


@contextmanager
def _as_one_server() -> Iterator[None]:
    """Tell of constraints by their names, and of a worker that is away as of a database that is.

    Workers name the constraint in their message only, and a shard's with the shard's number behind.
    """
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        if error.constraint_name is None and (broken := _BROKEN.search(str(error))):
            error.constraint_name = broken[1]
        raise
    except asyncpg.InternalServerError as error:
        if "connection marked as essential" in str(error):
            raise asyncpg.CannotConnectNowError(str(error)) from error
        raise


@cache
def _own_forms() -> dict[str, str]:
    homes = {home: Queries(Path(__file__).parents[1] / f"{home}.sql") for home in WORDS}
    own = {
        homes[home][name]: words[name] for home, words in WORDS.items() for name in words.names()
    }
    return own | {about_all(home): about_all(form) for home, form in own.items()}


def _name_lane(part: str, lane: str | None) -> str:
    found = _FIRST_ARRAY.match(part)
    assert found is not None
    return _JOIN.sub(rf"\g<0> AND \1.bus_id = any({lane or found[1]}::bigint[])", part)


def _returning(insert: str) -> str:
    is_answering = "RETURNING" in insert or "ON CONFLICT" in insert or "SELECT" not in insert
    return insert if is_answering else f"{insert}\nRETURNING true"
