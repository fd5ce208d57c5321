"""Signatures of webhooks: HMAC-SHA256 over the bytes as they came, with either of the secrets that hold now.

Not by the SDKs' own functions: those take one secret and decoded text, and ask their own clock.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence


def sign(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def is_signed(message: bytes, given: Iterable[str], secrets: Sequence[str]) -> bool:
    """Return whether any of the signatures given is one of ours.

    Every signature is compared with every secret, each in constant time: how long it takes tells nothing.
    """
    offered = [signature.encode(errors="replace") for signature in given]
    expected = [sign(secret, message).encode() for secret in secrets]
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in offered]
    return any(matches)
