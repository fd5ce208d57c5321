"""Sessions that are over before their access tokens are: noted in the transaction that ends them, told to everybody.

An access token proves by itself who it speaks for, so whoever takes it back has to tell all who would believe it. The
note stands for as long as a token lives and longer; the notification arrives with the commit. `store/bulletin.py` is
how processes hear of both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from store.db import Connection, Database
from store.model import Caller
from store.queries import Queries

SQL = Queries.beside(__file__)
KEPT = timedelta(minutes=15)
"""Longer than any access token lives."""


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """A session that is over, and whose it was."""

    user_id: int
    session_id: str


Told = Callable[[Sequence[SessionEnd]], None]


class SessionEnds:
    """`told` hears of what this process has ended, after the commit and before anybody else."""

    def __init__(self, db: Database, told: Told = lambda _: None) -> None:
        self._db = db
        self.told = told

    async def is_open(self, caller: Caller, session_id: str) -> bool:
        """Ask the database whether a token still speaks for its user: what processes do that hear nothing.

        Locks nothing. Raises Overloaded.
        """
        row = await self._db.fetchrow(
            SQL["is_open"], caller.user_id, session_id, caller.role, caller.operator_id
        )
        return row is not None

    async def purge(self) -> None:
        """Forget ends that no token outlives."""
        await self._db.fetch(SQL["purge"], KEPT)


async def end_family(connection: Connection, user_id: int, family: str) -> list[SessionEnd]:
    """End one session. Locks its tokens; the caller has locked the root of the family."""
    await connection.execute(SQL["revoke_family"], family)
    return await _note(connection, user_id, {family})


async def end_families(
    connection: Connection, user_id: int, *, but: str | None = None
) -> list[SessionEnd]:
    """End every session of a user, or every one but one. Locks their tokens; the caller has locked the user."""
    families: set[str] = set()
    # A rotation that we waited for has added a token that this statement could not see yet.
    while rows := await connection.fetch(SQL["revoke_families"], user_id, but):
        families |= {str(row["family"]) for row in rows}
    return await _note(connection, user_id, families)


async def _note(connection: Connection, user_id: int, families: set[str]) -> list[SessionEnd]:
    if families:
        await connection.fetch(SQL["note"], user_id, sorted(families))
    return [SessionEnd(user_id, family) for family in sorted(families)]
