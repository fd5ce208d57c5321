"""Every named query is valid on the migrated schema, may be run by the application's role, and is used."""

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import asyncpg
import pytest

import store
from store.db import Connection
from store.queries import Queries

ROOT = Path(store.__file__).parent
FILES = [path for path in sorted(ROOT.rglob("*.sql")) if path.parent.name != "migrations"]
# What is asked of a cluster needs one: tests/store/test_citus.py runs it.
CLUSTER = {ROOT / "citus" / f"{name}.sql" for name in ("distribute", "placement")}
# What a cluster has other words for, by the file it is at home in: tests/schema/test_forms.py.
WORDS = ROOT / "citus" / "words"
NAMED = [path for path in FILES if path != ROOT / "schema.sql"]
# What only workers ask; the application may not.
WORKERS = {
    *(f"retention.{name}" for name in ("purge_events", "purge_keys", "purge_counts")),
    "retention.purge_jobs",
    *("retention.count_conflicts", "retention.purge_conflicts"),
    *("months.open", "months.forget"),
    *("pairing.purge_codes", "pairing.purge_tries"),
    *(f"webhook_outbox.{name}" for name in ("claim", "add_attempt", "add_counts")),
    *(f"webhook_outbox.{name}" for name in ("purge_deliveries", "purge_endpoints")),
    *(f"jobs.{name}" for name in ("claim", "claim_found", "finish", "renew", "add_counts")),
    "inbox.purge",
    "imports.purge_imports",
    "rooms.purge_places",
    "rooms.purge_rooms",
    *("carriage.hand_over", "carriage.take", "job_inbox.find", "job_inbox.enter"),
    *("watch.keep_checks", "sessions.purge", "session_ends.purge", "audit_chain.keep_check"),
}
_CAN_BE_PLANNED = re.compile(r"(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
QUERIES = [(path, name) for path in NAMED if path not in CLUSTER for name in Queries(path).names()]


def modules() -> Iterator[ModuleType]:
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        yield importlib.import_module(".".join(part for part in parts if part != "__init__"))


def tree_of(module: ModuleType) -> ast.Module:
    assert module.__file__ is not None
    return ast.parse(Path(module.__file__).read_text(encoding="utf-8"))


def loaded_by(module: ModuleType) -> dict[str, Queries]:
    return {name: value for name, value in vars(module).items() if isinstance(value, Queries)}


@pytest.mark.parametrize(
    ("path", "name"), QUERIES, ids=[f"{path.stem}.{name}" for path, name in QUERIES]
)
async def test_every_query_is_valid_and_may_be_run_by_those_whose_it_is(
    app: Connection, path: Path, name: str
) -> None:
    await _stage(app)
    query = _code(path, name)
    if f"{path.stem}.{name}" in WORKERS:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _try(app, query)
        await app.execute("SET LOCAL ROLE omnibus_worker")
    await _try(app, query)


async def _try(app: Connection, query: str) -> None:
    async with app.transaction():
        await _plan(app, query)


async def _plan(app: Connection, query: str) -> None:
    if ";" in query:
        await app.execute(query)
        return
    prepared = await app.prepare(query)
    if _CAN_BE_PLANNED.match(query):
        # Nothing is run, but a plan is made, and that is when privileges are looked at.
        await app.fetch(f"EXPLAIN {query}", *[None] * len(prepared.get_parameters()))


async def test_every_query_that_is_asked_for_exists() -> None:
    missing = []
    for module in modules():
        loaded = loaded_by(module)
        for node in ast.walk(tree_of(module)):
            if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name):
                continue
            queries = loaded.get(node.value.id)
            if queries is not None:
                missing += [name for name in _strings(node.slice) if name not in queries.names()]
    assert missing == []


async def test_every_query_that_exists_is_asked_for() -> None:
    used: dict[Path, set[str]] = {path: set() for path in NAMED}
    for module in modules():
        tree = tree_of(module)
        for variable, queries in loaded_by(module).items():
            used[queries._path] |= set(_strings(tree))
            if f"{variable}.names()" in ast.unparse(tree):
                used[queries._path] |= set(queries.names())
    dead = [
        f"{path.name} {name}"
        for path, name in QUERIES
        if name not in used[path] and path.parent != WORDS
    ]
    assert dead == []


async def test_every_file_of_queries_has_the_name_of_a_module() -> None:
    homes = [path if path.parent != WORDS else ROOT / path.name for path in NAMED]
    orphans = [path.name for path in homes if not path.with_suffix(".py").exists()]
    assert orphans == []


async def test_no_name_is_given_twice_in_a_file() -> None:
    for path in NAMED:
        headers = [line for line in path.read_text().splitlines() if line.startswith("-- name: ")]
        assert len(headers) == len(set(headers)) == len(Queries(path).names())


def _strings(node: ast.AST) -> list[str]:
    return [
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]


async def _stage(app: Connection) -> None:
    """Make the temporary tables that bulk loads work on."""
    for statement in _staging():
        await app.execute(statement)


@cache
def _staging() -> list[str]:
    queries = [_code(path, name) for path, name in QUERIES]
    return [query for query in queries if "CREATE TEMPORARY TABLE" in query]


def _code(path: Path, name: str) -> str:
    lines = Queries(path)[name].splitlines()
    text = "\n".join(line for line in lines if not line.startswith("--"))
    text = text.replace("TEMPORARY TABLE", "TEMPORARY TABLE IF NOT EXISTS")
    return text.strip().removesuffix(";")
