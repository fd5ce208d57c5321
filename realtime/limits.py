"""How much is too much: messages from one client, connections from one address, of one user and in all."""

import ipaddress
from collections import Counter
from typing import Literal, TypeVar

from realtime.settings import AdmissionSettings

K = TypeVar("K")
Refusal = Literal["client", "handshakes", "process"]


class TokenBucket:
    """Starts full: `burst` at once, `per_second` for ever."""

    __slots__ = ("_burst", "_filled_at", "_per_second", "_tokens")

    def __init__(self, per_second: float, burst: float, *, now: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = burst
        self._filled_at = now

    def take(self, now: float) -> bool:
        self._fill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def is_full(self, now: float) -> bool:
        self._fill(now)
        return self._tokens >= self._burst

    def _fill(self, now: float) -> None:
        elapsed = now - self._filled_at
        self._tokens = min(self._burst, self._tokens + elapsed * self._per_second)
        self._filled_at = now


class Admission:
    """Counts connections. What it remembers of clients that are gone is bounded, too."""

    def __init__(self, settings: AdmissionSettings) -> None:
        self._settings = settings
        self._by_client: Counter[str] = Counter()
        self._by_user: Counter[int] = Counter()
        self._paces: dict[str, TokenBucket] = {}
        self.total = 0

    def admit(self, address: str | None, *, now: float) -> Refusal | None:
        """None means come in, and `release` later; None for an address means a local socket."""
        if self.total >= self._settings.connections_max:
            return "process"
        client = _client_of(address)
        if client is not None:
            if self._by_client[client] >= self._settings.connections_per_client:
                return "client"
            if not self._pace_of(client, now).take(now):
                return "handshakes"
            self._by_client[client] += 1
        self.total += 1
        return None

    def release(self, address: str | None) -> None:
        self.total -= 1
        client = _client_of(address)
        if client is not None:
            _decrement(self._by_client, client)

    def admit_user(self, user_id: int) -> bool:
        """Count a connection as this user's, until `release_user`; False when that is one too many."""
        if self._by_user[user_id] >= self._settings.connections_per_user:
            return False
        self._by_user[user_id] += 1
        return True

    def release_user(self, user_id: int) -> None:
        _decrement(self._by_user, user_id)

    @property
    def users(self) -> int:
        return len(self._by_user)

    def _pace_of(self, client: str, now: float) -> TokenBucket:
        pace = self._paces.get(client)
        if pace is None:
            settings = self._settings
            if len(self._paces) > settings.connections_max:
                self._forget_paces(now)
            burst = 2 * settings.connections_per_client
            pace = self._paces[client] = TokenBucket(settings.handshakes_per_second, burst, now=now)
        return pace

    def _forget_paces(self, now: float) -> None:
        kept = {client: pace for client, pace in self._paces.items() if not pace.is_full(now)}
        # So many clients in so short a time are bound by what the process takes, not by their paces.
        self._paces = kept if len(kept) <= self._settings.connections_max // 2 else {}


def _decrement(counts: Counter[K], key: K) -> None:
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]


def _client_of(address: str | None) -> str | None:
    """One subscriber of an internet provider: an IPv4 address, or a whole IPv6 /64."""
    if not address:
        return None
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address  # whatever a proxy calls its clients
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
