"""Sign-in sessions: opaque refresh tokens, kept as digests, rotated at every use.

A used token that comes back means that it was copied: its whole family is revoked. Except within ten seconds, when it
is an answer that got lost: then the child that nobody used yet is replaced by a new one. (RFC 9700, section 4.14.)
"""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from store.db import Connection, Database
from store.queries import Queries

SQL = Queries.beside(__file__)
IDLE = timedelta(days=7)
LONGEST = timedelta(days=30)
GRACE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Session:
    user_id: int
    token: str
    """Opaque, 256 bits; the only copy."""


class Sessions:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def start(self, user_id: int) -> Session:
        """Begin a family of tokens: 7 days between uses, 30 in all."""
        token = secrets.token_urlsafe(32)
        await self._db.fetch(SQL["start"], _digest(token), uuid.uuid4(), user_id, IDLE, LONGEST)
        return Session(user_id, token)

    async def rotate(self, token: str) -> Session | None:
        """Swap a token for its successor; None when it is unknown, over, or has been used before.

        Locks the family by its first token; a second use revokes the family. Raises OutcomeUnknown.
        """
        digest = _digest(token)
        fresh = secrets.token_urlsafe(32)

        async def work(connection: Connection) -> Session | None:
            await connection.execute(SQL["lock_family"], digest)
            row = await connection.fetchrow(SQL["find_token"], digest)
            if row is None:
                return None
            now: datetime = row["now"]
            if row["revoked_at"] is not None or row["expires_at"] <= now:
                return None
            if row["used_at"] is not None:
                child = await connection.fetchval(SQL["find_unused_child"], digest)
                if now - row["used_at"] > GRACE or child is None:
                    await connection.execute(SQL["revoke_family"], row["family"])
                    return None
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
            return Session(row["user_id"], fresh)

        return await self._db.transaction([], work)

    async def end(self, token: str) -> None:
        """Revoke the token's whole family; unknown tokens are ended already."""

        async def work(connection: Connection) -> None:
            family = await connection.fetchval(SQL["lock_family"], _digest(token))
            if family is not None:
                await connection.execute(SQL["revoke_family"], family)

        await self._db.transaction([], work)

    async def end_all(self, user_id: int) -> None:
        """Revoke every family of a user: they sign in again wherever they are."""

        async def work(connection: Connection) -> None:
            await end_sessions(connection, user_id)

        await self._db.transaction([], work)

    async def purge(self) -> None:
        """Delete families that ended long ago."""
        await self._db.fetch(SQL["purge"])


async def end_sessions(connection: Connection, user_id: int, *, but: str | None = None) -> None:
    """Revoke a user's sessions in the caller's transaction, all but the one that the token `but` belongs to.

    Locks the tokens. A rotation that was waited for has added one that the statement could not see yet: hence again.
    """
    kept = _digest(but) if but else None
    while await connection.fetch(SQL["revoke_all"], user_id, kept):
        pass


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
