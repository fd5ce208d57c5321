"""The `Idempotency-Key` header: a structured string (RFC 8941), or the same without its quotes."""

from server.headers import Headers
from server.problems import bad_field

_LONGEST = 255


def read_key(given: Headers, headers: dict[bytes, bytes]) -> str | None:
    """Return the key of a request, None without one; refuse what is none."""
    raw = headers.get(b"idempotency-key")
    if raw is None:
        return None
    key = raw.decode("latin-1").strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if (
        [name for name, _ in given].count(b"idempotency-key") > 1
        or not 1 <= len(key) <= _LONGEST
        or not (key.isascii() and key.isprintable())
    ):
        raise bad_field(
            "",
            "idempotency_key",
            "an Idempotency-Key is one header of 1 to 255 printable ASCII characters",
            status=400,
        )
    return key
