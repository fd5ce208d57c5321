"""Second factors: six digits from the time and a shared secret (RFC 6238), and the secrets under seal.

Secrets have to be read back to be compared with, so they cannot be digests; they are kept under a house key instead, so
that a copy of the table alone is no use. Recovery codes are random and long enough for plain digests.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from urllib.parse import quote

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, OctKey

from store.house_keys import HouseKey
from store.second_factors import Attempt

STEP_SECONDS = 30
_DIGITS = 6
_STEPS_OFF = 1
_SECRET_BYTES = 20
_RECOVERY_CODES = 10
_ALGORITHMS: Final = ["dir", "A256GCM"]


@dataclass(frozen=True, slots=True)
class NewSecret:
    """`text` is what people type into an authenticator, `uri` what they scan, `sealed` what is stored."""

    text: str
    uri: str
    sealed: str


class Authenticator:
    """Makes and reads sealed secrets; all processes of an installation share the keys."""

    def __init__(self, keys: list[HouseKey]) -> None:
        """`keys` as the house keeps them: the first seals, all of them open."""
        self._sealing = keys[0].key_id
        self._keys = {key.key_id: OctKey.import_key(bytes.fromhex(key.secret)) for key in keys}

    def new_secret(self, user_id: int, email: str) -> NewSecret:
        secret = secrets.token_bytes(_SECRET_BYTES)
        text = base64.b32encode(secret).decode()
        uri = f"otpauth://totp/{quote(f'Omnibus:{email}')}?secret={text}&issuer=Omnibus"
        return NewSecret(text, uri, self._seal(user_id, secret))

    def attempt(self, user_id: int, given: str) -> Attempt:
        """Return how the store is to judge what somebody typed: a code of now, or a recovery code."""
        typed = given.replace(" ", "").replace("-", "")
        return Attempt(partial(self._find_step, user_id, typed), digest_of(typed))

    def _find_step(self, user_id: int, typed: str, sealed: str, now: datetime) -> int | None:
        return find_step(self._open(user_id, sealed), typed, now.timestamp())

    def _seal(self, user_id: int, secret: bytes) -> str:
        # Whose it is goes under the seal, too: a row copied to another user opens nothing.
        plain = f"{user_id} ".encode() + secret
        header = {"alg": "dir", "enc": "A256GCM", "kid": self._sealing}
        return jwe.encrypt_compact(
            header, plain, self._keys[self._sealing], algorithms=[*_ALGORITHMS]
        )

    def _open(self, user_id: int, sealed: str) -> bytes:
        def find_key(box: GuestProtocol) -> OctKey:
            return self._keys[box.headers()["kid"]]

        try:
            plain = jwe.decrypt_compact(sealed, find_key, algorithms=[*_ALGORITHMS]).plaintext
        except (JoseError, KeyError) as error:
            raise ValueError("a second factor is sealed with a key that is not ours") from error
        owner, _, secret = (plain or b"").partition(b" ")
        if owner != str(user_id).encode():
            raise ValueError("a second factor is sealed for somebody else")
        return secret


def code_at(secret: bytes, step: int, digits: int = _DIGITS) -> str:
    """Return the code of a half minute (RFC 6238 with SHA-1, RFC 4226)."""
    mac = hmac.digest(secret, step.to_bytes(8), "sha1")
    place = mac[-1] & 0xF
    number = int.from_bytes(mac[place : place + 4]) & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}}"


def find_step(secret: bytes, typed: str, at: float) -> int | None:
    """Return the latest half minute around `at` whose code this is; clocks may be off by one."""
    now = int(at) // STEP_SECONDS
    given = typed.encode()
    steps = range(now - _STEPS_OFF, now + _STEPS_OFF + 1)
    fitting = [step for step in steps if hmac.compare_digest(code_at(secret, step).encode(), given)]
    return max(fitting, default=None)


def new_recovery_codes() -> list[str]:
    """Return codes of 80 bits, in groups that can be copied by hand."""
    texts = (
        base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(_RECOVERY_CODES)
    )
    return ["-".join(text[at : at + 4] for at in range(0, 16, 4)) for text in texts]


def digests_of(codes: Iterable[str]) -> list[bytes]:
    return [digest_of(code.replace("-", "")) for code in codes]


def digest_of(typed: str) -> bytes:
    return hashlib.sha256(typed.lower().encode()).digest()
