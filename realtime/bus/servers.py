"""Which servers there are, and which of them owns which channel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from redis.crc import key_slot
from redis.exceptions import RedisError

from realtime.bus.connections import REDIS_FAILURES, open_connection
from realtime.settings import BusSettings

CLUSTER_SUFFIX = "+cluster"

Owners = Mapping[str, tuple[bytes, ...]]
"""The channels of each server, by its URL. A channel that no server owns is absent."""


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    channels: tuple[bytes, ...]
    is_sharded: bool


class Servers(Protocol):
    are_sharded: bool

    async def owners(self, channels: Sequence[bytes]) -> Owners:
        """Raises REDIS_FAILURES when nobody answers."""


def find_servers(url: str, settings: BusSettings) -> Servers:
    """`redis+cluster://user:password@host:port,host:port` is a cluster, anything else one server."""
    scheme, mark, rest = url.partition("://")
    if scheme.endswith(CLUSTER_SUFFIX):
        return _Cluster(scheme.removesuffix(CLUSTER_SUFFIX) + mark + rest, settings)
    return _Standalone(url)


class _Standalone:
    are_sharded = False

    def __init__(self, url: str) -> None:
        self._url = url

    async def owners(self, channels: Sequence[bytes]) -> Owners:
        return {self._url: tuple(channels)}


class _Cluster:
    """Asks the servers it was told of, and those they tell of, until one answers."""

    are_sharded = True

    def __init__(self, url: str, settings: BusSettings) -> None:
        self._settings = settings
        parts = urlsplit(url)
        credentials, at, hosts = parts.netloc.rpartition("@")
        tail = f"?{parts.query}" if parts.query else ""
        self._form = f"{parts.scheme}://{credentials}{at}{{}}/0{tail}"
        self._seeds = [self._form.format(host) for host in hosts.split(",")]
        self._known: list[str] = []

    async def owners(self, channels: Sequence[bytes]) -> Owners:
        failure: BaseException = RedisError("no server is named")
        for url in dict.fromkeys((*self._known, *self._seeds)):
            try:
                ranges = await self._ask(url)
            except REDIS_FAILURES as error:
                failure = error
                continue
            found: dict[str, list[bytes]] = {}
            for channel in channels:
                slot = key_slot(channel)
                for first, last, owner in ranges:
                    if first <= slot <= last:
                        found.setdefault(owner, []).append(channel)
            self._known = list(dict.fromkeys(owner for _, _, owner in ranges))
            return {owner: tuple(those) for owner, those in found.items()}
        raise failure

    async def _ask(self, url: str) -> list[tuple[int, int, str]]:
        """Return who owns which slots, as this server sees it."""
        timeout_seconds = self._settings.connect_timeout_seconds
        connection = open_connection(url, timeout_seconds=timeout_seconds)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # of the library
            await connection.send_command("CLUSTER", "SLOTS")
            answer: list[list[Any]] = await connection.read_response()
        finally:
            await connection.disconnect(nowait=True)
        return [
            (first, last, self._url_of(owner[0], owner[1], asked=url))
            for first, last, owner, *_ in answer
        ]

    def _url_of(self, host: bytes | None, port: int, *, asked: str) -> str:
        # A server that does not know its own name leaves it out.
        name = host.decode() if host and host != b"?" else str(urlsplit(asked).hostname)
        return self._form.format(f"[{name}]:{port}" if ":" in name else f"{name}:{port}")
