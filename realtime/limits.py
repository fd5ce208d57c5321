"""How much is too much: messages from one client, connections from one address and in all."""

import ipaddress
from collections import Counter
from typing import Literal

from realtime.settings import AdmissionSettings

Refusal = Literal["client", "process"]


class TokenBucket:
    """Starts full: `burst` at once, `per_second` for ever."""

    __slots__ = ("_burst", "_filled_at", "_per_second", "_tokens")

    def __init__(self, per_second: float, burst: float, *, now: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = burst
        self._filled_at = now

    def take(self, now: float) -> bool:
        elapsed = now - self._filled_at
        self._tokens = min(self._burst, self._tokens + elapsed * self._per_second)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Admission:
    def __init__(self, settings: AdmissionSettings) -> None:
        self._settings = settings
        self._by_client: Counter[str] = Counter()
        self.total = 0

    def admit(self, address: str | None) -> Refusal | None:
        """None means come in, and `release` later; None for an address means a local socket."""
        if self.total >= self._settings.connections_max:
            return "process"
        client = _client_of(address)
        if client is not None:
            if self._by_client[client] >= self._settings.connections_per_client:
                return "client"
            self._by_client[client] += 1
        self.total += 1
        return None

    def release(self, address: str | None) -> None:
        self.total -= 1
        client = _client_of(address)
        if client is not None:
            self._by_client[client] -= 1
            if self._by_client[client] <= 0:
                del self._by_client[client]


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
