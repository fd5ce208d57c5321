"""Control twins: the same store with a safeguard taken out, so that the failure it prevents must appear."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import asyncpg
import pytest

from store import (
    audit,
    authority,
    batch,
    counts,
    express,
    express_held,
    outbox,
    refund_terms,
    shifts,
    webhooks,
)
from store.model import Caller, Role
from store.queries import Queries
from tests.support.world import World

_COUNT_LOCK = re.compile(r"\bINSERT INTO buyer_holds\b")
_NO_LOCK = "SELECT $1::bigint[], $2::integer[], $3::uuid[], $4::text[]"
# Not the bus row's: without that one, revisions collide and nothing is sold at all.
_ROW_LOCK = re.compile(r"FOR UPDATE OF \w+( SKIP LOCKED)?")
_TRIES = 20


class _Rewritten(dict[str, str]):
    """Named queries, each rewritten whenever it is asked for."""

    def __init__(self, texts: dict[str, str], rewrite: Callable[[str], str]) -> None:
        super().__init__(texts)
        self._rewrite = rewrite

    def __getitem__(self, name: str) -> str:
        return self._rewrite(super().__getitem__(name))


@contextmanager
def locking(rewrite: Callable[[str], str], *queries: Queries) -> Iterator[None]:
    """Let every statement that locks rows, of both ways to a sale, go through `rewrite` for a while."""
    texts = [(each, each._texts) for each in queries or (batch.SQL, express.SQL, express_held.SQL)]
    for each, plain in texts:
        tried = [*plain.values()] * _TRIES  # it may act at random
        assert any(rewrite(text) != text for text in tried), "it changes nothing"
        each._texts = _Rewritten(plain, rewrite)
    try:
        yield
    finally:
        for each, plain in texts:
            each._texts = plain


def without_locks(text: str) -> str:
    return _ROW_LOCK.sub("", text)


@contextmanager
def counting_without_locks() -> Iterator[None]:
    """Let nobody wait for the count of a buyer that another batch has under lock."""
    with locking(lambda text: _NO_LOCK if _COUNT_LOCK.search(text) else text, counts.SQL):
        yield


async def drop_guarantee(world: World) -> None:
    """Take away the key that makes a second owner of a seat impossible."""
    await world.owner.execute(
        "ALTER TABLE claims DROP CONSTRAINT claims_one_owner_per_seat_and_segment"
    )


async def think_before_writing(world: World, seconds: float) -> None:
    """Put a pause between what a sale has read and what it writes."""
    for statement in (
        # Only a cluster knows this setting, and asks for it. It takes one statement at a time.
        "SET citus.enable_unsafe_triggers = on",
        (
            "CREATE FUNCTION think() RETURNS trigger LANGUAGE plpgsql AS"
            f" 'BEGIN PERFORM pg_sleep({seconds:f}); RETURN NULL; END'"
        ),
        "CREATE TRIGGER think BEFORE UPDATE ON seats FOR EACH STATEMENT EXECUTE FUNCTION think()",
    ):
        await world.owner.execute(statement)


async def switch_off_row_security(owner: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Let every row be seen and changed by whoever has the privilege: rules and queries stand alone then."""
    tables = await owner.fetch(
        "SELECT oid::regclass::text AS name FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relrowsecurity"
    )
    assert len(tables) >= 20, "there is nothing to switch off"
    for table in tables:
        await owner.execute(f"ALTER TABLE {table['name']} DISABLE ROW LEVEL SECURITY")


# The statements that narrow what they show to an operator, and how they say so.
_NARROWED = {
    ("lookup", "find_of_operators"),
    ("audit", "list_entries"),
    ("timetable", "find_route"),
    ("timetable", "find_layout_size"),
    *(("sales", name) for name in ("hours", "conversion", "conflicts")),
}
_OPERATOR_CONDITION = re.compile(
    r"(?:coalesce\(\w\.operator_id, 0\)|\b\w\.operator_id) = (?:any\(\$(\d)::(integer\[\])\)|\$(\d))"
)


def without_operators(text: str) -> str:
    """Return a statement that takes the same parameters and shows what it finds, whosever it is."""
    # PostgreSQL must still be able to tell what the parameters are.
    return _OPERATOR_CONDITION.sub(
        lambda found: f"(${found[1] or found[3]}::{found[2] or 'integer'} IS NULL OR true)", text
    )


@contextmanager
def staff_is_everybodys() -> Iterator[None]:
    """Make the rules say yes to staff of any operator, and take the operator out of the statements."""
    with pytest.MonkeyPatch.context() as patch:
        asking = Queries.__getitem__

        def ask(queries: Queries, name: str) -> str:
            text = asking(queries, name)
            if (queries._path.stem, name) not in _NARROWED:
                return text
            wider = without_operators(text)
            assert wider != text, "it changes nothing"
            return wider

        patch.setattr(Queries, "__getitem__", ask)
        patch.setattr(Caller, "works_for", _has_role(Role.AGENT, Role.OPERATOR))
        patch.setattr(Caller, "manages", _has_role(Role.OPERATOR))
        patch.setattr(audit, "_readable", lambda _, wanted: None if wanted is None else [wanted])
        for module in (authority, outbox, refund_terms, shifts, webhooks):
            patch.setattr(module, "operator_asked_for", _whichever)
        patch.setattr(shifts, "_is_of", lambda _caller, _row: True)
        yield


def _whichever(caller: Caller, operator_id: int | None) -> int | None:
    return caller.operator_id if operator_id is None else operator_id


def _has_role(*roles: Role) -> Callable[[Caller, int], bool]:
    return lambda caller, _operator_id: caller.role in (Role.ADMIN, *roles)
