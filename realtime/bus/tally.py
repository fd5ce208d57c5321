"""What callers have used of their allowances, counted in Redis for all processes: one script, one round trip for many.

Nobody waits for Redis longer than `answer_seconds`. While a server is away its link says so and is not asked.
"""

import asyncio
import logging
import math
import random
from collections.abc import Callable, Sequence
from hashlib import sha1
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from redis.asyncio.connection import AbstractConnection

from realtime.bus.connections import REDIS_FAILURES, open_connection
from realtime.bus.servers import Owners, Servers, find_servers
from realtime.settings import BusSettings, TallySettings
from realtime.supervise import cancel, supervise

log = logging.getLogger(__name__)

_SCRIPT = Path(__file__).with_name("tally.lua").read_bytes()
_DIGEST = sha1(_SCRIPT, usedforsecurity=False).hexdigest().encode()  # the name that Redis gives it
_HEAD = b"*%d\r\n$7\r\nEVALSHA\r\n$40\r\n" + _DIGEST + b"\r\n"
_VALUES_EACH = 3


class Entry(NamedTuple):
    """One use: of which key, at what terms (from `pack_terms`), and who is told the debt; None: it was not counted."""

    key: bytes
    terms: bytes
    answered: Callable[[Any, int | None], None]
    context: Any


def pack_terms(cost_us: int, most_us: int, *, is_asked: bool) -> bytes:
    """Return the values of a use as they go over the wire: see tally.lua."""
    values = (b"%d" % cost_us, b"%d" % most_us, b"?" if is_asked else b"!")
    return b"".join(map(_pack, values))


class Tally:
    """Finds the link of the server that counts a key. In a cluster keys are spread over as many slots as `shards`."""

    def __init__(
        self, url: str, settings: TallySettings | None = None, bus: BusSettings | None = None
    ) -> None:
        self._settings = settings or TallySettings()
        self._servers: Servers = find_servers(url, bus or BusSettings())
        shards = self._settings.shards if self._servers.are_sharded else 1
        self._prefixes = [
            f"{self._settings.key_prefix}:{{{number}}}".encode() for number in range(shards)
        ]
        self._links: dict[str, TallyLink] = {}
        self._by_shard: list[TallyLink | None] = [None] * shards
        self._is_stale = asyncio.Event()  # what is known of the servers
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(supervise("tally", self._oversee))]

    async def stop(self) -> None:
        await cancel(self._tasks)
        await asyncio.gather(*(link.stop() for link in self._links.values()))

    @property
    def is_well(self) -> bool:
        return all(link is not None and link.is_well for link in self._by_shard)

    def find(self, key: bytes) -> "tuple[TallyLink, bytes] | None":
        """Return who counts the key, and its name there; None while nobody does."""
        shards = len(self._prefixes)
        shard = crc32(key) % shards if shards > 1 else 0
        link = self._by_shard[shard]
        if link is None or not link.is_well:
            return None
        return link, b"%b:%b" % (self._prefixes[shard], key)

    async def _oversee(self) -> None:
        while True:
            self._is_stale.clear()
            try:
                await self._arrange(await self._servers.owners(self._prefixes))
            except REDIS_FAILURES as error:
                log.warning("no server of the cluster says who counts what: %r", error)
                self._is_stale.set()
            await asyncio.sleep(_soon(self._settings.retry_seconds))
            await self._is_stale.wait()

    async def _arrange(self, owners: Owners) -> None:
        for url in self._links.keys() - owners.keys():
            await self._links.pop(url).stop()
        self._by_shard = [None] * len(self._prefixes)
        for url, prefixes in owners.items():
            link = self._links.get(url)
            if link is None:
                link = self._links[url] = TallyLink(url, self._settings, self._note_loss)
                link.start()
            for prefix in prefixes:
                self._by_shard[self._prefixes.index(prefix)] = link

    def _note_loss(self) -> None:
        if self._servers.are_sharded:
            self._is_stale.set()  # the slots may have moved


class TallyLink:
    """One server: what has queued up goes out in one call for each slot, and the answers come back together."""

    def __init__(self, url: str, settings: TallySettings, lost: Callable[[], None]) -> None:
        self._url = url
        self._settings = settings
        self._tell_loss = lost
        self._queue: list[Entry] = []
        self._under_way: Sequence[Entry] = ()
        self._has_work = asyncio.Event()
        self._gathering: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._has_complained = False
        self.is_well = False

    @property
    def answer_seconds(self) -> float:
        return self._settings.answer_seconds

    def start(self) -> None:
        self._tasks = [asyncio.create_task(supervise("tally link", self._run))]

    async def stop(self) -> None:
        await cancel(self._tasks)

    def tell(self, entry: Entry) -> None:
        """Have a use counted soon, with all others of the moment; only while the link is well."""
        self._queue.append(entry)
        if self._gathering is None and not self._has_work.is_set():
            loop = asyncio.get_running_loop()
            self._gathering = loop.call_later(self._settings.gather_seconds, self._send_off)

    def ask(self, entry: Entry) -> None:
        """Have a use counted, with all others of this turn; only while the link is well.

        The answer may take `silence_seconds`: who cannot wait so long gives up after `answer_seconds`.
        """
        self._queue.append(entry)
        if not self._has_work.is_set():
            self._send_off()

    def _send_off(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        self._has_work.set()

    async def _run(self) -> None:
        timeout_seconds = self._settings.connect_timeout_seconds
        while True:
            connection = open_connection(self._url, timeout_seconds=timeout_seconds)
            try:
                await connection.connect()  # type: ignore[no-untyped-call]  # of the library
                await connection.send_command("SCRIPT", "LOAD", _SCRIPT)
                await connection.read_response()
                self._become(is_well=True)
                await self._serve(connection)
            except REDIS_FAILURES as error:
                self._become(is_well=False, error=error)
            finally:
                self.is_well = False
                self._give_up()
                await connection.disconnect(nowait=True)
            self._tell_loss()
            await asyncio.sleep(_soon(self._settings.retry_seconds))

    async def _serve(self, connection: AbstractConnection) -> None:
        silence_seconds, most = self._settings.silence_seconds, self._settings.batch_max
        while True:
            await self._has_work.wait()
            self._under_way, self._queue = self._queue[:most], self._queue[most:]
            if not self._queue:
                self._has_work.clear()
            async with asyncio.timeout(silence_seconds):
                await self._exchange(connection, self._under_way)
            self._under_way = ()

    async def _exchange(self, connection: AbstractConnection, entries: Sequence[Entry]) -> None:
        calls = _by_slot(entries)
        await connection.send_packed_command([b"".join(map(_call, calls))])
        for call in calls:
            answer: bytes = await connection.read_response(timeout=math.inf)
            _, *debts = map(int, answer.split())
            for entry, debt in zip(call, debts, strict=True):
                entry.answered(entry.context, debt)

    def _give_up(self) -> None:
        """Tell all who wait that nobody counts. Some may have been counted: it costs their callers one each."""
        left = [*self._under_way, *self._queue]
        self._under_way, self._queue = (), []
        self._has_work.clear()
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        for entry in left:
            entry.answered(entry.context, None)

    def _become(self, *, is_well: bool, error: BaseException | None = None) -> None:
        self.is_well = is_well
        if error is not None and not self._has_complained:
            log.warning("limits are kept by each process for itself: %r", error)
        self._has_complained = error is not None


def _by_slot(entries: Sequence[Entry]) -> list[Sequence[Entry]]:
    """Return the entries by the tag of their keys: in a cluster those of one call must share a slot."""
    first = entries[0].key.partition(b"}")[0]
    if all(entry.key.startswith(first) for entry in entries):
        return [entries]
    slots: dict[bytes, list[Entry]] = {}
    for entry in entries:
        slots.setdefault(entry.key.partition(b"}")[0], []).append(entry)
    return list(slots.values())


def _call(entries: Sequence[Entry]) -> bytes:
    """Return the call as it goes over the wire; the library's packer takes longer than the script."""
    count = len(entries)
    head = _HEAD % (3 + (1 + _VALUES_EACH) * count) + _pack(b"%d" % count)
    keys = [b"$%d\r\n%b\r\n" % (len(entry.key), entry.key) for entry in entries]
    return b"".join((head, *keys, *(entry.terms for entry in entries)))


def _pack(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


def _soon(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret
