"""What is given to those who wait, and to those who came in: verified here, without asking anybody.

A token says which room, whose (the digest of a browser's cookie, or an account's number), which place, which number and
until when, under a keyed digest. It is of no use to another browser, in another room, or later.
"""

import base64
import hmac
import re
import secrets
import struct
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from hashlib import blake2b

from store.house_keys import HouseKey

_SHAPE = struct.Struct(">BQ16s16sQI")
_SEAL_BYTES = 16
_SECRET_BYTES = 32
_LETTERS = re.compile(r"[A-Za-z0-9_-]{92}")


class Kind(IntEnum):
    """A place in the line, or the right to take seats."""

    PLACE = 1
    ADMISSION = 2


@dataclass(frozen=True, slots=True)
class RoomToken:
    """`number` is 0 as long as the order is not drawn; `expires_at` is in seconds since 1970."""

    kind: Kind
    room_id: int
    buyer: uuid.UUID
    place_id: uuid.UUID
    number: int
    expires_at: int


class RoomTokens:
    def __init__(self, keys: Sequence[HouseKey]) -> None:
        self.use(keys)

    def use(self, keys: Sequence[HouseKey]) -> None:
        """Sign with the first of these keys and verify with all of them."""
        self._keys = [bytes.fromhex(key.secret) for key in keys]

    def issue(self, token: RoomToken) -> str:
        """Return a token in letters."""
        body = _SHAPE.pack(
            token.kind,
            token.room_id,
            token.buyer.bytes,
            token.place_id.bytes,
            token.number,
            token.expires_at,
        )
        return base64.urlsafe_b64encode(body + _seal(self._keys[0], body)).decode()

    def read(self, text: str) -> RoomToken | None:
        """Return what a token of ours says, also when its time is over; None for anything else."""
        if _LETTERS.fullmatch(text) is None:
            return None
        raw = base64.urlsafe_b64decode(text)
        body, seal = raw[:-_SEAL_BYTES], raw[-_SEAL_BYTES:]
        if not any(hmac.compare_digest(seal, _seal(key, body)) for key in self._keys):
            return None
        kind, room_id, buyer, place_id, number, expires_at = _SHAPE.unpack(body)
        return RoomToken(
            Kind(kind),
            room_id,
            uuid.UUID(bytes=buyer),
            uuid.UUID(bytes=place_id),
            number,
            expires_at,
        )


def new_room_key() -> HouseKey:
    """Return a key that nobody has."""
    return HouseKey(secrets.token_hex(4), secrets.token_hex(_SECRET_BYTES))


def is_over(token: RoomToken, now: datetime | None = None) -> bool:
    return token.expires_at <= (time.time() if now is None else now.timestamp())


def _seal(key: bytes, body: bytes) -> bytes:
    return blake2b(body, key=key, person=b"room", digest_size=_SEAL_BYTES).digest()
