"""What a mailed link proves: whoever shows its token reads the mail of an address. Digests only, good for one use."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from store.db import Connection
from store.errors import LinkExpired
from store.queries import Queries

SQL = Queries.beside(__file__)


class Purpose(StrEnum):
    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - what a token is for, and none itself


LIFETIMES = {
    Purpose.VERIFY_EMAIL: timedelta(hours=24),
    Purpose.RESET_PASSWORD: timedelta(minutes=30),
}
KEPT = timedelta(days=1)
_AT_A_TIME = 1000


@dataclass(frozen=True, slots=True)
class Proof:
    """Whoever has shown the token reads the mail of `email`, and is user `user_id` as far as that goes."""

    user_id: int
    email: str


async def mint(
    connection: Connection,
    token: str,
    purpose: Purpose,
    proof: Proof,
    lifetime: timedelta | None = None,
) -> datetime | None:
    """Make a token good from now on and return until when; its time begins anew when its mail is tried again."""
    lifetime = lifetime or LIFETIMES[purpose]
    expires_at: datetime | None = await connection.fetchval(
        SQL["mint"], _digest(token), purpose, proof.user_id, proof.email, lifetime
    )
    return expires_at


async def look_at(connection: Connection, token: str, purpose: Purpose) -> Proof:
    """Return what a token proves without using it; raise LinkExpired."""
    row = await connection.fetchrow(SQL["find"], _digest(token), purpose)
    if row is None:
        raise LinkExpired
    return Proof(**dict(row))


async def use(connection: Connection, token: str, purpose: Purpose) -> Proof:
    """Use a token up and return what it proves; raise LinkExpired.

    Locks the token: of any number of uses at once, one finds it good. All others of its user and purpose end with it.
    """
    row = await connection.fetchrow(SQL["use"], _digest(token), purpose)
    if row is None:
        raise LinkExpired
    await end_tokens(connection, row["user_id"], purpose)
    return Proof(**dict(row))


async def end_tokens(connection: Connection, user_id: int, purpose: Purpose) -> None:
    """Make whatever was mailed to a user for a purpose good for nothing."""
    await connection.execute(SQL["end_all"], user_id, purpose)


async def purge_tokens(connection: Connection) -> None:
    """Forget tokens whose time was over a day ago."""
    await connection.execute(SQL["purge"], KEPT, _AT_A_TIME)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
