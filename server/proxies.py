"""Whose word counts for where a request comes from: our own proxies', as far as the settings name them."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from starlette.types import Scope

Network = IPv4Network | IPv6Network


class Proxies:
    """Rewrites client and scheme of requests that came through proxies of ours; believes nobody else."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted: tuple[Network, ...] = tuple(ip_network(each) for each in trusted)

    def see_through(self, scope: Scope) -> None:
        """Put the first address that is no proxy of ours in the scope, and the scheme that the proxy was asked by.

        Every proxy appends whom it talked to, so the list is read from its end: what stands before the first foreign
        address, that one has written itself.
        """
        client = scope.get("client")
        if not self._trusted or client is None or not self._is_ours(client[0]):
            return
        headers = scope["headers"]
        told = b",".join(value for name, value in headers if name == b"x-forwarded-for")
        hops = [hop.strip() for hop in told.decode("latin-1").split(",") if hop.strip()]
        for hop in reversed(hops):
            if not _is_address(hop):
                break
            scope["client"] = (hop, 0)
            if not self._is_ours(hop):
                break
        schemes = [value for name, value in headers if name == b"x-forwarded-proto"]
        if schemes and schemes[-1] in {b"http", b"https"}:
            scope["scheme"] = schemes[-1].decode()

    def _is_ours(self, address: str) -> bool:
        if not _is_address(address):
            return False
        parsed = ip_address(address)
        mapped = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(mapped in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
