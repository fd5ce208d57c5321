"""Signatures as Standard Webhooks has them: HMAC-SHA256 over number, time and body, one for every secret in use.

Its library is hardly more than this, and verifies in the tests what is signed here.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable


def sign(secrets: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers of a message."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            f"v1,{base64.b64encode(digest).decode()}" for digest in digests
        ),
    }
