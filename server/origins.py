"""Pages of other origins: which of them a browser lets read our answers, and which may have a cookie count.

An origin is on the list or it is nobody: nothing that a request says is repeated to it unless we have said it first.
"""

from collections.abc import Iterable

from server.headers import Headers
from server.problems import HttpProblem

_READABLE = "ETag, Location, Retry-After, RateLimit, RateLimit-Policy, Idempotent-Replayed, Omnibus-Seen, X-Request-Id"
_ACCEPTED = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID,"
    " Omnibus-Seen, X-Booking-Key, X-Room-Token"
)
_REMEMBERED_SECONDS = 600
# What a browser says of a request that no page of another site has caused.
_OF_OURS = frozenset({b"same-origin", b"none"})


class Origins:
    """`listed` may call us with a token; a cookie may come along only from `own` ones, our server's other names."""

    def __init__(self, listed: Iterable[str], own: Iterable[str]) -> None:
        self._own = frozenset(origin.encode() for origin in own)
        self._told = {
            origin: self._tell(origin) for origin in {*map(str.encode, listed), *self._own}
        }

    def tell(self, origin: bytes) -> Headers:
        """Return what lets a page of this origin read an answer; nothing for whoever is not on the list."""
        return self._told.get(origin, ())

    def preflight(self, origin: bytes, allow: bytes) -> Headers:
        """Return what a browser asks for before it sends anything that a form could not."""
        told = self.tell(origin)
        if not told:
            return ()
        return (
            (b"access-control-allow-methods", allow),
            (b"access-control-allow-headers", _ACCEPTED.encode()),
            (b"access-control-max-age", b"%d" % _REMEMBERED_SECONDS),
        )

    def require_own_page(self, headers: dict[bytes, bytes]) -> None:
        """Raise unless our own page, a listed one of our site, or no page at all sent this: then a cookie counts."""
        origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
        is_listed = origin is None or origin.lower() in self._told
        is_near = site is None or site in _OF_OURS or (site == b"same-site" and origin is not None)
        if not (is_listed and is_near):
            raise HttpProblem(403, "forbidden", "Not allowed", "this page may not do that")

    def _tell(self, origin: bytes) -> Headers:
        told = (
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _READABLE.encode()),
        )
        if origin in self._own:
            return (*told, (b"access-control-allow-credentials", b"true"))
        return told
