"""Sign-in sessions: opaque refresh tokens, kept as digests, rotated at every use.

A used token that comes back means that it was copied: its whole family is revoked. Except within ten seconds, when it
is an answer that got lost: then the child that nobody used yet is replaced by a new one. (RFC 9700, section 4.14.)
A family is a session: access tokens name it, and it ends for all processes at once (`store/session_ends.py`).
"""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from store.db import Connection, Database
from store.errors import NotFound
from store.queries import Queries
from store.session_ends import SessionEnd, SessionEnds, end_families, end_family

SQL = Queries.beside(__file__)
IDLE = timedelta(days=7)
LONGEST = timedelta(days=30)
GRACE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Session:
    user_id: int
    token: str
    """Opaque, 256 bits; the only copy."""
    session_id: str
    """Names the family in access tokens; opens nothing."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as its user sees it; `used_at` is when its token was swapped last."""

    session_id: str
    begun_at: datetime
    used_at: datetime


class Sessions:
    def __init__(self, db: Database, ends: SessionEnds) -> None:
        self._db = db
        self._ends = ends

    async def start(self, user_id: int) -> Session:
        """Begin a family of tokens: 7 days between uses, 30 in all. Raises NotFound for a user who may not enter.

        Locks the user, shared: whoever is disabled or changed meanwhile has this session ended with the others. So what
        is read of the user from now on is what the session may say of them.
        """
        token, family = secrets.token_urlsafe(32), uuid.uuid4()
        row = await self._db.fetchrow(SQL["start"], _digest(token), family, user_id, IDLE, LONGEST)
        if row is None:
            raise NotFound("user")
        return Session(user_id, token, str(family))

    async def rotate(self, token: str) -> Session | None:
        """Swap a token for its successor; None when it is unknown, over, or has been used before.

        Locks the family by its first token; a second use ends the family. Raises OutcomeUnknown.
        """
        digest = _digest(token)
        fresh = secrets.token_urlsafe(32)

        async def work(connection: Connection) -> Session | list[SessionEnd]:
            await connection.execute(SQL["lock_family"], digest)
            row = await connection.fetchrow(SQL["find_token"], digest)
            if row is None:
                return []
            now: datetime = row["now"]
            if row["revoked_at"] is not None or row["expires_at"] <= now:
                return []
            if row["used_at"] is not None:
                child = await connection.fetchval(SQL["find_unused_child"], digest)
                if now - row["used_at"] > GRACE or child is None:
                    return await end_family(connection, row["user_id"], str(row["family"]))
                await connection.execute(SQL["revoke_token"], child)
            await connection.execute(
                SQL["rotate"],
                _digest(fresh),
                digest,
                row["family"],
                row["user_id"],
                IDLE,
                now,
                row["family_expires_at"],
            )
            return Session(row["user_id"], fresh, str(row["family"]))

        outcome = await self._db.transaction([], work)
        if isinstance(outcome, Session):
            return outcome
        self._ends.told(outcome)
        return None

    async def end(self, token: str) -> int | None:
        """End the token's whole family and return whose it was; unknown tokens are ended already.

        Locks the family by its first token.
        """

        async def work(connection: Connection) -> tuple[int | None, list[SessionEnd]]:
            row = await connection.fetchrow(SQL["lock_family"], _digest(token))
            if row is None:
                return None, []
            return row["user_id"], await end_family(connection, row["user_id"], str(row["family"]))

        user_id, ended = await self._db.transaction([], work)
        self._ends.told(ended)
        return user_id

    async def end_one(self, user_id: int, session_id: str) -> None:
        """End one session of a user. Locks the family by its first token. Raises NotFound if they have no such one."""

        async def work(connection: Connection) -> list[SessionEnd]:
            if await connection.fetchval(SQL["lock_session"], user_id, session_id) is None:
                raise NotFound("session")
            return await end_family(connection, user_id, session_id)

        self._ends.told(await self._db.transaction([], work))

    async def end_all(self, user_id: int, *, but: str | None = None) -> None:
        """End every session of a user, or every one but one. Locks the user, then their tokens."""

        async def work(connection: Connection) -> list[SessionEnd]:
            await connection.execute(SQL["lock_user"], user_id)
            return await end_families(connection, user_id, but=but)

        self._ends.told(await self._db.transaction([], work))

    async def list_open(self, user_id: int) -> list[OpenSession]:
        """Return a user's sessions that can go on, the last used first; a hundred at most."""
        rows = await self._db.fetch(SQL["list_open"], user_id)
        return [OpenSession(str(row["family"]), row["begun_at"], row["used_at"]) for row in rows]

    async def purge(self) -> None:
        """Delete families that ended long ago, and notes of ends that no token outlives."""
        await self._db.fetch(SQL["purge"])
        await self._ends.purge()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
