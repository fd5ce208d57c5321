"""Redis pub/sub between processes: a hint that saves time and is never waited for.

What is lost here, twice here or late here is repaired by the position check; so nothing is retried,
nothing is stored, and a process without Redis is only slower.
"""

import asyncio
import logging
import math
import random
import secrets
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from realtime.counters import Counters
from realtime.settings import BusSettings
from realtime.supervise import cancel, supervise
from store.fault_points import fault_point

log = logging.getLogger(__name__)

VERSION = b"1"
PROBE = b"probe"
REDIS_FAILURES = (RedisError, OSError, TimeoutError)


class ProbeLost(RedisError):
    """The subscription is silent although something was published: it is dead, or Redis is."""


@dataclass(frozen=True, slots=True)
class BusCallbacks:
    is_wanted: Callable[[int], bool]  # whether anybody here watches the bus
    received: Callable[[int, bytes], None]  # a delta from another process
    missed: Callable[[], None]  # messages may have been lost: check positions
    health_changed: Callable[[bool], None]


class Bus:
    """Message: `version|origin|` and a line `bus|delta` for every change that went out at once.

    One's own messages are dropped at their first bytes, most others at the number of the bus.
    """

    def __init__(
        self, url: str, settings: BusSettings, callbacks: BusCallbacks, counters: Counters
    ) -> None:
        self._callbacks = callbacks
        self._counters = counters
        self._settings = settings
        self._prefix = b"%b|%b|" % (VERSION, secrets.token_hex(6).encode())
        self._channels = [
            f"{settings.channel_prefix}:{{{number}}}".encode()
            for number in range(settings.partitions)
        ]
        self._publisher = _Publisher(url, settings, counters, self._prefix, self._judge_health)
        self._subscriber = _Subscriber(url, settings, self)
        self._was_healthy = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_healthy(self) -> bool:
        return self._subscriber.is_subscribed and self._publisher.is_well

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(supervise("publisher", self._publisher.run)),
            asyncio.create_task(supervise("subscriber", self._subscriber.run)),
        ]

    async def stop(self) -> None:
        await cancel(self._tasks)

    def publish(self, bus_id: int, payload: bytes) -> None:
        """Queues; never waits, never raises. A full queue drops."""
        line = b"%d|%b" % (bus_id, payload)
        self._publisher.put(self._channels[bus_id % len(self._channels)], line)

    # For the subscriber.

    @property
    def channels(self) -> list[bytes]:
        return self._channels

    @property
    def is_publishing(self) -> bool:
        return self._publisher.is_well

    def probe(self) -> None:
        """Takes the way of every delta, through another partition each time."""
        self._counters.probes += 1
        channel = self._channels[self._counters.probes % len(self._channels)]
        self._publisher.put(channel, PROBE + b"|")

    def subscribed(self) -> None:
        self._counters.resubscribed += 1
        self._judge_health()
        self._callbacks.missed()

    def lost(self, error: BaseException) -> None:
        log.warning("the Redis subscription is lost: %r", error)
        self._counters.subscriber_rebuilds += 1
        self._counters.probes_lost += isinstance(error, ProbeLost)
        self._judge_health()
        self._callbacks.missed()

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
            self._take_line(line)

    def _take_line(self, line: bytes) -> None:
        name, bar, payload = line.partition(b"|")
        if bar and name.isdigit() and len(name) <= 19:
            bus_id = int(name)
            if self._callbacks.is_wanted(bus_id):
                self._callbacks.received(bus_id, payload)
            else:
                self._counters.bus_unwatched += 1
        elif name != PROBE:
            self._counters.bus_garbage += 1

    def _judge_health(self) -> None:
        is_healthy = self.is_healthy
        if is_healthy != self._was_healthy:
            self._was_healthy = is_healthy
            self._callbacks.health_changed(is_healthy)


class _Publisher:
    """One task that sends whatever has queued up, in one round trip and one message a channel."""

    def __init__(
        self,
        url: str,
        settings: BusSettings,
        counters: Counters,
        prefix: bytes,
        changed: Callable[[], None],
    ) -> None:
        self._url = url
        self._settings = settings
        self._counters = counters
        self._prefix = prefix
        self._changed = changed
        self._queue: deque[tuple[bytes, bytes]] = deque()
        self._has_work = asyncio.Event()
        self.is_well = True  # until something fails

    def put(self, channel: bytes, line: bytes) -> None:
        if len(self._queue) >= self._settings.queue_max:
            self._counters.publish_dropped += 1
            return
        self._queue.append((channel, line))
        self._has_work.set()

    async def run(self) -> None:
        client = _client(self._url, timeout_seconds=self._settings.publish_timeout_seconds)
        # One for good, which connects when it must: taking it from the pool each time costs more than to publish.
        connection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # of the library
        try:
            while True:
                await self._has_work.wait()
                await self._send(connection)
        finally:
            await connection.disconnect(nowait=True)

    async def _send(self, connection: AbstractConnection) -> None:
        size = min(len(self._queue), self._settings.batch_max)
        lines: dict[bytes, list[bytes]] = {}
        for _ in range(size):
            channel, line = self._queue.popleft()
            lines.setdefault(channel, []).append(line)
        if not self._queue:
            self._has_work.clear()
        commands = [
            (b"PUBLISH", channel, self._prefix + b"\n".join(those))
            for channel, those in lines.items()
        ]
        try:
            await self._execute(connection, commands)
        except REDIS_FAILURES as error:
            # A timed-out batch may still arrive: receivers drop what they have.
            self._counters.publish_dropped += size
            self._report(is_well=False, error=error)
        else:
            fault_point("after_publish")
            self._counters.published += size
            self._report(is_well=True)

    async def _execute(
        self, connection: AbstractConnection, commands: Sequence[tuple[bytes, ...]]
    ) -> None:
        """What the library's pipeline does, without an object and a timer for each command."""
        if connection.is_connected and await connection.can_read():
            await connection.disconnect(nowait=True)  # nothing was asked: Redis has hung up
        try:
            await connection.send_packed_command(connection.pack_commands(commands))
            async with asyncio.timeout(self._settings.publish_timeout_seconds):
                for _ in commands:
                    await connection.read_response(timeout=math.inf)
        except BaseException:
            # Answers that nobody has read would be taken for those of the next commands.
            await connection.disconnect(nowait=True)
            raise

    def _report(self, *, is_well: bool, error: BaseException | None = None) -> None:
        if is_well != self.is_well:
            if error is not None:
                log.warning("publishing to Redis fails: %s", error)
            self.is_well = is_well
            self._changed()


class _Subscriber:
    """One task that owns the subscription; after any failure it builds a new one."""

    def __init__(self, url: str, settings: BusSettings, bus: Bus) -> None:
        self._url = url
        self._settings = settings
        self._bus = bus
        self._failures = 0
        self.is_subscribed = False

    async def run(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 - whatever it was, a new one may do better
                self._bus.lost(error)
            await asyncio.sleep(self._backoff_seconds())

    def _backoff_seconds(self) -> float:
        settings = self._settings
        delay = min(settings.backoff_max_seconds, settings.backoff_seconds * (1 << self._failures))
        self._failures = min(self._failures + 1, 16)
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret

    async def _listen(self) -> None:
        client = _client(self._url, timeout_seconds=self._settings.connect_timeout_seconds)
        pubsub = client.pubsub(ignore_subscribe_messages=False)
        try:
            await pubsub.subscribe(*self._bus.channels)
            await self._read(pubsub)
        finally:
            self.is_subscribed = False
            await _close(pubsub)
            await _close(client)

    async def _read(self, pubsub: PubSub) -> None:
        # Redis' word that a channel is subscribed comes as a message. The client library repeats
        # the subscription by itself when it reconnects, and only these words tell.
        missing = set(self._bus.channels)
        pulse = _Pulse(self._settings, now=time.monotonic())
        patience_seconds = pulse.shortest_seconds() / 4
        while True:
            message = await pubsub.get_message(timeout=patience_seconds)
            now = time.monotonic()
            if message is not None:
                pulse.hear(now)
                if message["type"] == "message":
                    self._bus.take(message["data"])
                elif message["type"] == "subscribe":
                    self._acknowledge(message["channel"], missing)
            if pulse.is_lost(now):
                raise ProbeLost("nothing came back")
            if pulse.wants_probe(now, is_publishing=self._bus.is_publishing):
                self._bus.probe()

    def _acknowledge(self, channel: bytes, missing: set[bytes]) -> None:
        if not missing:
            missing.update(self._bus.channels)  # a reconnect that nobody mentioned
        missing.discard(channel)
        if not missing:
            self.is_subscribed = True
            self._failures = 0
            self._bus.subscribed()


class _Pulse:
    """Is the way through Redis open? Asked by a message that must come back."""

    def __init__(self, settings: BusSettings, *, now: float) -> None:
        self._settings = settings
        self._heard_at = now
        self._probed_at = now
        self._silent_since: float | None = None  # the first probe nothing has answered

    def hear(self, now: float) -> None:
        self._heard_at = now
        self._silent_since = None

    def wants_probe(self, now: float, *, is_publishing: bool) -> bool:
        settings = self._settings
        if is_publishing:
            quiet_since = max(self._heard_at, self._probed_at)
            is_due = now - quiet_since >= settings.probe_idle_seconds
        else:
            # What other processes publish says nothing about this one.
            is_due = now - self._probed_at >= settings.probe_degraded_seconds
        if is_due:
            self._probed_at = now
            if self._silent_since is None:
                self._silent_since = now
        return is_due

    def is_lost(self, now: float) -> bool:
        since = self._silent_since
        return since is not None and now - since >= self._settings.probe_timeout_seconds

    def shortest_seconds(self) -> float:
        settings = self._settings
        return min(
            settings.probe_idle_seconds,
            settings.probe_degraded_seconds,
            settings.probe_timeout_seconds,
        )


def _client(url: str, *, timeout_seconds: float) -> "Redis":
    options: dict[str, Any] = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        # The library would try ten times more, for a minute on a frozen server.
        "retry": Retry(NoBackoff(), 0),
        # RESP3's push handler formats every message for a log nobody reads.
        "protocol": 2,
        "driver_info": None,
    }
    if not url.startswith("unix"):
        options["socket_keepalive"] = True
        user_timeout = getattr(socket, "TCP_USER_TIMEOUT", None)
        if user_timeout is not None:
            # Keepalive stays silent while unacknowledged data is in flight; this does not.
            options["socket_keepalive_options"] = {user_timeout: 10_000}
    return Redis.from_url(url, **options)


async def _close(resource: "Redis | PubSub") -> None:
    """A dead server must not hold up a rebuild or an exit."""
    try:
        async with asyncio.timeout(1.0):
            await resource.aclose()
    except REDIS_FAILURES:
        pass
