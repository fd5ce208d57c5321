"""What travels, and who carries it: a link for every server that owns some of the channels."""

import asyncio
import logging
import random
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from realtime.bus.connections import REDIS_FAILURES
from realtime.bus.link import PROBE, Link, LinkEvents
from realtime.bus.pulse import ProbeLost
from realtime.bus.servers import Owners, Server, Servers, find_servers
from realtime.counters import Counters
from realtime.settings import BusSettings
from realtime.supervise import cancel, supervise

log = logging.getLogger(__name__)

VERSION = b"1"


@dataclass(frozen=True, slots=True)
class BusCallbacks:
    is_wanted: Callable[[int], bool]  # whether anybody here watches the bus
    received: Callable[[int, bytes], None]  # a delta from another process
    said: Callable[
        [bytes, bytes, bytes], bool
    ]  # who, which word, what else; False if it makes no sense
    missed: Callable[[], None]  # messages may have been lost: check positions
    health_changed: Callable[[bool], None]


class Bus:
    """Message: `version|origin|` and a line for each thing that went out at once.

    A line is `bus|delta` for a change of seats, `word|payload` for what else processes say to each other.
    One's own messages are dropped at their first bytes, most others at the number of the bus.
    """

    def __init__(
        self, url: str, settings: BusSettings, callbacks: BusCallbacks, counters: Counters
    ) -> None:
        self._callbacks = callbacks
        self._counters = counters
        self._settings = settings
        self._prefix = b"%b|%b|" % (VERSION, secrets.token_hex(6).encode())
        self._servers: Servers = find_servers(url, settings)
        partitions = settings.shards if self._servers.are_sharded else settings.partitions
        self._channels = [
            f"{settings.channel_prefix}:{{{number}}}".encode() for number in range(partitions)
        ]
        self._events = LinkEvents(self.take, self._subscribed, self._lost, self._judge_health)
        self._links: dict[str, Link] = {}
        self._routes: dict[bytes, Link] = {}
        self._homeless: deque[tuple[bytes, bytes]] = deque()  # lines of channels nobody owns
        self._is_stale = asyncio.Event()  # what is known of the servers
        self._was_healthy = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_healthy(self) -> bool:
        is_whole = len(self._routes) == len(self._channels)
        return is_whole and all(link.is_healthy for link in self._links.values())

    def start(self) -> None:
        self._tasks = [asyncio.create_task(supervise("bus", self._oversee))]

    async def stop(self) -> None:
        await cancel(self._tasks)
        await asyncio.gather(*(link.stop() for link in self._links.values()))

    def publish(self, bus_id: int, payload: bytes) -> None:
        """Queues; never waits, never raises. A full queue drops."""
        self._put(self._channels[bus_id % len(self._channels)], b"%d|%b" % (bus_id, payload))

    def say(self, word: bytes, payload: bytes = b"") -> None:
        """Like `publish`, for a word that is no bus: each other process hears it, or doesn't."""
        self._put(self._channels[0], b"%b|%b" % (word, payload))

    def take(self, data: bytes) -> None:
        """Redis drops a subscriber that reads slowly, so most messages end at their first bytes."""
        self._counters.bus_messages += 1
        if data.startswith(self._prefix):
            # The local hub had them before Redis did.
            self._counters.bus_own += data.count(b"\n") + 1
            return
        parts = data.split(b"|", 2)
        if len(parts) != 3 or parts[0] != VERSION:
            self._counters.bus_garbage += 1
            return
        for line in parts[2].split(b"\n"):
            self._take_line(parts[1], line)

    def _take_line(self, origin: bytes, line: bytes) -> None:
        name, bar, payload = line.partition(b"|")
        if bar and name.isdigit() and len(name) <= 19:
            bus_id = int(name)
            if self._callbacks.is_wanted(bus_id):
                self._callbacks.received(bus_id, payload)
            else:
                self._counters.bus_unwatched += 1
        elif name != PROBE and not (bar and self._callbacks.said(origin, name, payload)):
            self._counters.bus_garbage += 1

    def _put(self, channel: bytes, line: bytes) -> None:
        link = self._routes.get(channel)
        if link is not None:
            link.publisher.put(channel, line)
        elif len(self._homeless) < self._settings.queue_max:
            self._homeless.append((channel, line))
        else:
            self._counters.publish_dropped += 1

    # Which server owns which channels; of a standalone one that is known for good.

    async def _oversee(self) -> None:
        while True:
            self._is_stale.clear()
            try:
                await self._arrange(await self._servers.owners(self._channels))
            except REDIS_FAILURES as error:
                log.warning("no server of the cluster says who owns what: %r", error)
                self._is_stale.set()
            await asyncio.sleep(self._settings.survey_seconds * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, keeps no secret
            await self._is_stale.wait()

    async def _arrange(self, owners: Owners) -> None:
        """Rebuild the links of servers whose channels are others than before; leave the rest alone."""
        gone = [url for url, link in self._links.items() if owners.get(url) != link.channels]
        for url in gone:
            link = self._links.pop(url)
            for channel in link.channels:
                self._routes.pop(channel, None)
            await link.stop()
            self._homeless += link.publisher.give_up()
        for link in self._links.values():
            link.publisher.go_on()
        for url, channels in owners.items():
            if url not in self._links:
                link = self._links[url] = self._open(url, channels)
                self._routes.update(dict.fromkeys(channels, link))
                link.start()
        waiting, self._homeless = self._homeless, deque()
        for channel, line in waiting:
            self._put(channel, line)
        if gone:
            self._callbacks.missed()
        self._judge_health()

    def _open(self, url: str, channels: tuple[bytes, ...]) -> Link:
        server = Server(url, channels, is_sharded=self._servers.are_sharded)
        return Link(server, self._settings, self._events, self._counters, prefix=self._prefix)

    # What links tell.

    def _subscribed(self) -> None:
        self._counters.resubscribed += 1
        self._judge_health()
        self._callbacks.missed()

    def _lost(self, error: BaseException) -> None:
        log.warning("a Redis subscription is lost: %r", error)
        self._counters.subscriber_rebuilds += 1
        self._counters.probes_lost += isinstance(error, ProbeLost)
        self._judge_health()
        self._callbacks.missed()

    def _judge_health(self) -> None:
        is_healthy = self.is_healthy
        if self._servers.are_sharded and not is_healthy:
            self._is_stale.set()  # the channels may have moved
        if is_healthy != self._was_healthy:
            self._was_healthy = is_healthy
            self._callbacks.health_changed(is_healthy)
