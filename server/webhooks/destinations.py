"""Where a webhook may lead: to public addresses only, however the address is written and whatever its name resolves to.

An operator names the address, we connect from inside: left to itself that would open the inside to every operator. So
an address is judged twice, when it is registered and whenever something is sent, and what is connected to is the very
address that was judged, not the name once more. A name that leads to several addresses must lead to none that is
forbidden.
"""

import asyncio
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from server.config import Settings

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
PORTS = frozenset({443, 8443})
URL_LENGTH_MAX = 2000
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~%!$&'()*+,;=:@/?-]*)?",
    re.ASCII,
)
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
# What is written like a number is one to whoever connects: 127.1, 0x7f.1, 2130706433.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_INSIDE_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "onion", "arpa")
_RESOLVE_SECONDS = 5.0
_ASKING = threading.BoundedSemaphore(128)
_ADDRESSES_MAX = 4

# IANA's registries of special purposes; not what a version of Python knows of them.
_FORBIDDEN_V4 = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",
            "100.64.0.0/10",  # between a carrier and its customers
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local, and where clouds tell a machine its secrets
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "168.63.129.16/32",  # public to look at, and the inside of a cloud
        ),
    )
)
_PUBLIC_V6 = ip_network("2000::/3")
_FORBIDDEN_V6 = tuple(
    map(
        ip_network,
        (
            "2001::/23",  # protocols' own, Teredo among them, which hides an IPv4 address
            "2001:db8::/32",
            "2002::/16",  # the same for 6to4
            "3fff::/20",
        ),
    )
)


_NOWHERE = "it leads to no public address"


class NotAllowed(Exception):
    """The address leads where a webhook may not; the message says why.

    It says the same of a name that leads inside and of one that leads nowhere: which names there are inside is nobody's
    business.
    """


@dataclass(frozen=True, slots=True)
class Destination:
    """An address as it was written, understood in one way only; `host` is in lower case and without brackets."""

    is_tls: bool
    host: str
    port: int
    target: str
    is_named: bool
    """Whether our own settings name the host, so that it may be inside."""

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Destinations:
    """The rules. `inside` are hosts that our own settings name: they may be private, without TLS, on any port."""

    inside: Collection[str] = ()
    resolve: Resolve | None = None

    def read(self, url: str) -> Destination:
        """Understand an address, without asking anybody; raise NotAllowed."""
        found = _URL.fullmatch(url) if len(url) <= URL_LENGTH_MAX else None
        if found is None:
            raise NotAllowed(
                "an address is https://host/path: printable ASCII, no user, no password, no fragment"
            )
        is_tls = found["scheme"] == "https"
        host = found["host"].lower().strip("[]")
        if ("[" in found["host"]) != (":" in host):
            raise NotAllowed("an IPv6 address, and nothing else, stands in brackets")
        port = int(found["port"] or (443 if is_tls else 80))
        is_named = host in self.inside
        if not is_named:
            _check_name(host)
            if not is_tls:
                raise NotAllowed("it has to be https")
            if port not in PORTS:
                raise NotAllowed(f"the port has to be one of {', '.join(map(str, sorted(PORTS)))}")
        if not 1 <= port <= 65535:
            raise NotAllowed("there is no such port")
        return Destination(is_tls, host, port, found["path"] or "/", is_named)

    async def find(self, url: str) -> tuple[Destination, list[str]]:
        """Return an address and the addresses of the machines that it leads to, all of them allowed.

        Raises NotAllowed.
        """
        destination = self.read(url)
        try:
            addresses: Sequence[str] = [str(ip_address(destination.host))]
        except ValueError:
            addresses = await self._ask(destination)
        for address in addresses:
            if not _may_reach(address, is_named=destination.is_named):
                raise NotAllowed(_NOWHERE)
        return destination, list(dict.fromkeys(addresses))[:_ADDRESSES_MAX]

    async def _ask(self, destination: Destination) -> Sequence[str]:
        ask = self.resolve or ask_resolver
        try:
            async with asyncio.timeout(_RESOLVE_SECONDS):
                addresses = await ask(destination.host, destination.port)
        except (OSError, TimeoutError) as error:
            raise NotAllowed(_NOWHERE) from error
        if not addresses:
            raise NotAllowed(_NOWHERE)
        return addresses


async def ask_resolver(host: str, port: int) -> list[str]:
    """Ask the system's resolver; raise OSError.

    A name server that does not answer keeps a thread for a while. So they are no pool's, which others would wait for,
    and none that a process has to wait for when it leaves; and they are so many at most.
    """
    if not _ASKING.acquire(blocking=False):
        raise OSError("too many names are being asked for")
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def ask() -> None:
        try:
            found: list[str] | OSError = [
                str(address[0])
                for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            ]
        except (OSError, UnicodeError) as error:
            found = OSError(str(error))
        finally:
            _ASKING.release()
        with suppress(RuntimeError):  # the loop is gone, and who asked with it
            loop.call_soon_threadsafe(tell, found)

    def tell(found: list[str] | OSError) -> None:
        if answer.done():
            return
        if isinstance(found, OSError):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    return await answer


def destinations_of(settings: Settings) -> Destinations:
    """Return the rules of an installation: a demo may be tried out with a receiver on the same machine."""
    named = {host.strip("[]") for host in settings.webhook_hosts}
    return Destinations(inside=named | LOOPBACK_NAMES if settings.demo else named)


def is_public(address: Address) -> bool:
    """Whether an address is one of the public Internet, and stands for itself only."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _FORBIDDEN_V4)
    # Whatever hides another address (mapped, NAT64, SIIT, ...) and all that is local lies outside of this.
    return address in _PUBLIC_V6 and not any(address in network for network in _FORBIDDEN_V6)


def _may_reach(text: str, *, is_named: bool) -> bool:
    try:
        address = ip_address(text)
    except ValueError:  # with a scope, as in fe80::1%eth0
        return False
    if is_named:
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        address = mapped or address
        # What whoever runs this has named may be inside; it is still one machine, and no cloud's treasury.
        return not (address.is_link_local or address.is_multicast or address.is_unspecified)
    return is_public(address)


def _check_name(host: str) -> None:
    try:
        address = ip_address(host)
    except ValueError:
        labels = host.split(".")
        if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
            raise NotAllowed("this is not the name of a host") from None
        if _NUMBER.fullmatch(labels[-1]):
            raise NotAllowed("an IPv4 address is written as four numbers with dots") from None
        if len(labels) < 2 or any(
            host == name or host.endswith(f".{name}") for name in _INSIDE_NAMES
        ):
            raise NotAllowed("it has to be a name of the public Internet") from None
        return
    if not is_public(address):
        raise NotAllowed(_NOWHERE)
