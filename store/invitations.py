"""What lets somebody whom others have added choose a password: a token for one use, kept as its digest."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from store.db import Connection
from store.queries import Queries

SQL = Queries.beside(__file__)
LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Invitation:
    token: str = field(repr=False)
    """The only copy."""
    expires_at: datetime


async def invite(connection: Connection, user_id: int) -> Invitation:
    """Make a token in the transaction that adds the user."""
    token = secrets.token_urlsafe(32)
    digest = hashlib.sha256(token.encode()).digest()
    expires_at = await connection.fetchval(SQL["add"], digest, user_id, LIFETIME)
    return Invitation(token, expires_at)
