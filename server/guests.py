"""Callers who have not signed in: told from one another by a cookie of ours, and bound together by their address.

Only for limits on what is held: a cookie opens nothing. Whoever has no valid one shares an identity with all others on
that address who have none, and all guests of an address share a cap, so collecting cookies gains nothing.
Addresses leave here as keyed digests only.
"""

import base64
import hmac
import re
import secrets
from hashlib import blake2b
from http.cookies import CookieError, SimpleCookie
from ipaddress import IPv6Address, ip_address
from uuid import UUID

from store.buyers import buyer_of_guest
from store.model import Caller, Guest

_SECONDS = 30 * 24 * 3600
_ID_BYTES = 16
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")
_SUBSCRIBER_BITS = 64
_SITE_BITS = 48


class Guests:
    """Reads and makes buyer cookies, under a key that all processes of an installation share."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def recognise(self, cookie: str | None, address: str) -> Caller:
        """Return the guest behind a cookie's value (None: no cookie) and an address."""
        place = subscriber_of(address).encode()
        network = buyer_of_guest(self._digest(b"network", place))
        known = self._read(cookie) if cookie else None
        buyer = self._digest(b"address", place) if known is None else self._digest(b"buyer", known)
        return Caller(guest=Guest(buyer_of_guest(buyer), network))

    def network_of(self, address: str) -> UUID:
        """Return what stands for all that a household or a company is given: an IPv4 address, or an IPv6 /48."""
        return buyer_of_guest(self._digest(b"site", _prefix_of(address, _SITE_BITS).encode()))

    def is_ours(self, cookie: str | None) -> bool:
        return cookie is not None and self._read(cookie) is not None

    def new_cookie(self) -> str:
        """Return the value of a cookie for someone new: a random id and our seal on it."""
        raw = secrets.token_bytes(_ID_BYTES)
        return base64.urlsafe_b64encode(raw + self._digest(b"cookie", raw)).decode().rstrip("=")

    def _read(self, cookie: str) -> bytes | None:
        if _VALUE.fullmatch(cookie) is None:
            return None
        raw = base64.urlsafe_b64decode(cookie + "=")
        given, seal = raw[:_ID_BYTES], raw[_ID_BYTES:]
        return given if hmac.compare_digest(seal, self._digest(b"cookie", given)) else None

    def seal(self, data: bytes) -> bytes:
        """Return what stands for an address or a name where it must not be read: a keyed digest, in letters."""
        return self._digest(b"pace", data).hex().encode()

    def _digest(self, purpose: bytes, data: bytes) -> bytes:
        return blake2b(data, key=self._key, person=purpose, digest_size=16).digest()


def subscriber_of(address: str) -> str:
    """Return what a subscriber has for sure: an IPv4 address, or the /64 of an IPv6 one, whose rest changes daily."""
    return _prefix_of(address, _SUBSCRIBER_BITS)


def _prefix_of(address: str, bits: int) -> str:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        rest = parsed.max_prefixlen - bits
        return f"{IPv6Address(int(parsed) >> rest << rest)}/{bits}"
    return str(parsed)


def cookie_name(scheme: str) -> str:
    # A `__Host-` cookie must be Secure, and plain HTTP (a laptop, a demo) cannot carry one.
    return "__Host-omnibus_buyer" if scheme == "https" else "omnibus_buyer"


def read_cookie(headers: dict[bytes, bytes], scheme: str) -> str | None:
    given = headers.get(b"cookie")
    if given is None:
        return None
    try:
        found = SimpleCookie(given.decode("latin-1")).get(cookie_name(scheme))
    except CookieError:
        return None
    return found.value if found else None


def cookie_header(value: str, scheme: str) -> tuple[bytes, bytes]:
    parts = [
        f"{cookie_name(scheme)}={value}",
        "Path=/",
        "HttpOnly",
        "SameSite=Strict",
        f"Max-Age={_SECONDS}",
        *(["Secure"] if scheme == "https" else []),
    ]
    return b"set-cookie", "; ".join(parts).encode()
