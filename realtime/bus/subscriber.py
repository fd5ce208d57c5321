"""The way in: one task that owns a subscription, and after any failure builds a new one.

It reads from a connection of its own. The library's pub/sub objects reconnect and subscribe again
without a word, and what was published meanwhile is gone: here a lost connection is lost, and the
word that a channel is subscribed always means that positions have to be checked.
"""

import asyncio
import math
import random
import time
from collections.abc import Callable

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from realtime.bus.connections import open_connection
from realtime.bus.pulse import ProbeLost, Pulse
from realtime.bus.servers import Server
from realtime.settings import BusSettings


class SubscriptionEnded(RedisError):
    """The server took a channel away: its slot has moved to another."""


class Subscriber:
    def __init__(
        self,
        server: Server,
        settings: BusSettings,
        *,
        received: Callable[[bytes], None],
        subscribed: Callable[[], None],
        lost: Callable[[BaseException], None],
        probe: Callable[[float], None],
    ) -> None:
        self._server = server
        self._settings = settings
        self._receive = received
        self._tell_subscribed = subscribed
        self._tell_lost = lost
        self._probe = probe
        self._command = b"SSUBSCRIBE" if server.is_sharded else b"SUBSCRIBE"
        self._failures = 0
        self.pulse = Pulse(settings, now=time.monotonic())
        self.is_subscribed = False

    async def run(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 - whatever it was, a new one may do better
                cause = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
                self._tell_lost(cause)
            await asyncio.sleep(self._backoff_seconds())

    def _backoff_seconds(self) -> float:
        settings = self._settings
        delay = min(settings.backoff_max_seconds, settings.backoff_seconds * (1 << self._failures))
        self._failures = min(self._failures + 1, 16)
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret

    async def _listen(self) -> None:
        timeout_seconds = self._settings.connect_timeout_seconds
        connection = open_connection(self._server.url, timeout_seconds=timeout_seconds)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # of the library
            # One command a channel: in a cluster those of one command must share a slot.
            commands = [(self._command, channel) for channel in self._server.channels]
            await connection.send_packed_command(connection.pack_commands(commands))
            self.pulse = Pulse(self._settings, now=time.monotonic())
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch_pulse())
                group.create_task(self._read(connection))
        finally:
            self.is_subscribed = False
            await connection.disconnect(nowait=True)

    async def _watch_pulse(self) -> None:
        # Beside the reader and not in it, where a timeout for every message would cost more than to read it.
        pulse = self.pulse
        patience_seconds = pulse.shortest_seconds() / 4
        while True:
            await asyncio.sleep(patience_seconds)
            now = time.monotonic()
            if pulse.is_lost(now):
                raise ProbeLost("nothing came back")
            self._probe(now)

    async def _read(self, connection: AbstractConnection) -> None:
        missing = set(self._server.channels)
        hear = self.pulse.hear
        while True:
            kind, channel, data = await connection.read_response(timeout=math.inf)
            hear(time.monotonic())
            if kind in {b"message", b"smessage"}:
                self._receive(data)
            elif kind in {b"subscribe", b"ssubscribe"}:
                missing.discard(channel)
                if not missing:
                    self.is_subscribed = True
                    self._failures = 0
                    self._tell_subscribed()
            else:
                raise SubscriptionEnded(channel)
