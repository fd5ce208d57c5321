"""What lets somebody whom others have added choose a password: a token for one use, like a forgotten password's."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from store.db import Connection
from store.mailed_tokens import Proof, Purpose, mint

LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Invitation:
    token: str = field(repr=False)
    """The only copy."""
    expires_at: datetime


async def invite(connection: Connection, user_id: int, email: str) -> Invitation:
    """Make a token in the transaction that adds the user; whoever shows it may set the password."""
    token = secrets.token_urlsafe(32)
    proof = Proof(user_id, email)
    expires_at = await mint(connection, token, Purpose.RESET_PASSWORD, proof, LIFETIME)
    assert expires_at is not None, "nobody has used a token that was made just now"
    return Invitation(token, expires_at)
