"""Control twins: the same store with a safeguard taken out, so that the failure it prevents must appear."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from store import batch, counts, express, express_held
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
