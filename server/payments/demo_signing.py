"""Signed messages: an HMAC over the moment and the raw body, so that neither is another's word or an old one."""

import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from server.payments.provider import Forged

HEADER = "omnibus-signature"
TOLERANCE_SECONDS = 300
_SIGNATURE = re.compile(r"t=(?P<at>[0-9]{1,12}),v1=(?P<mac>[0-9a-f]{64})")


def sign(secret: str, body: bytes, at: int) -> str:
    """Return the header that says that whoever knows the secret has sent this body at that second."""
    return f"t={at},v1={_mac(secret, body, at)}"


def verify(secrets: Sequence[str], given: str | None, body: bytes, now: datetime) -> None:
    """Raise Forged unless one of the secrets has signed the body lately.

    While secrets take turns there are two; each is tried whatever the first one says, and compared in constant time.
    """
    found = _SIGNATURE.fullmatch(given or "")
    if found is None:
        raise Forged("no signature")
    at = int(found["at"])
    matches = [
        hmac.compare_digest(found["mac"].encode(), _mac(secret, body, at).encode())
        for secret in secrets
    ]
    if not any(matches):
        raise Forged("the signature is not ours")
    if abs(now.timestamp() - at) > TOLERANCE_SECONDS:
        raise Forged("the signature is too old, or of the future")


def _mac(secret: str, body: bytes, at: int) -> str:
    return hmac.new(secret.encode(), str(at).encode() + b"." + body, sha256).hexdigest()
