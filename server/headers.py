"""Headers that every answer has, whoever writes it."""

from collections.abc import Sequence

from starlette.types import Scope

Headers = Sequence[tuple[bytes, bytes]]
EXTRA = "omnibus.headers"
"""Where the scope keeps headers of an answer that are not its handler's business."""

_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NOTHING_LOADS = (
    b"content-security-policy",
    b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)
# Of every answer of the API: which origin may read it is said to that origin alone.
VARY: Headers = ((b"vary", b"origin"),)
_HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")


def add_safe(scope: Scope, given: Headers) -> Headers:
    """Return what an answer with these headers lacks."""
    names = {name for name, _ in given}
    headers = [
        *(each for each in _SAFE if each[0] not in names),
        (b"x-request-id", scope["omnibus.request_id"].encode()),
        *scope.get(EXTRA, ()),
    ]
    if b"content-security-policy" not in names:
        headers.append(_NOTHING_LOADS)
    if scope.get("scheme") == "https":
        headers.append(_HSTS)
    return headers


def pack(headers: Headers) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in headers])


ALWAYS_ADDED = pack([*_SAFE, _NOTHING_LOADS, *VARY])
"""What every answer of the API has over plain HTTP, but for the request's id."""
