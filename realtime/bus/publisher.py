"""The way out: one task that sends whatever has queued up, in one round trip and one message a channel."""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Sequence

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import MovedError

from realtime.bus.connections import REDIS_FAILURES, open_connection
from realtime.bus.servers import Server
from realtime.counters import Counters
from realtime.settings import BusSettings
from store.fault_points import fault_point

log = logging.getLogger(__name__)

Line = tuple[bytes, bytes]  # a channel, and what to say there


class Publisher:
    def __init__(
        self,
        server: Server,
        settings: BusSettings,
        counters: Counters,
        *,
        prefix: bytes,
        changed: Callable[[], None],
    ) -> None:
        self._url = server.url
        self._settings = settings
        self._counters = counters
        self._prefix = prefix
        self._changed = changed
        self._command = b"SPUBLISH" if server.is_sharded else b"PUBLISH"
        self._queue: deque[Line] = deque()
        self._has_work = asyncio.Event()
        self.is_well = True  # until something fails

    def put(self, channel: bytes, line: bytes) -> None:
        if len(self._queue) >= self._settings.queue_max:
            self._counters.publish_dropped += 1
            return
        self._queue.append((channel, line))
        self._has_work.set()

    def go_on(self) -> None:
        """Try again what was turned away: the servers have been asked who owns what."""
        if self._queue:
            self._has_work.set()

    def give_up(self) -> deque[Line]:
        """What nobody has sent, for somebody else to send."""
        left, self._queue = self._queue, deque()
        return left

    async def run(self) -> None:
        timeout_seconds = self._settings.publish_timeout_seconds
        connection = open_connection(self._url, timeout_seconds=timeout_seconds)
        try:
            while True:
                await self._has_work.wait()
                await self._send(connection)
        finally:
            await connection.disconnect(nowait=True)

    async def _send(self, connection: AbstractConnection) -> None:
        size = min(len(self._queue), self._settings.batch_max)
        taken = [self._queue.popleft() for _ in range(size)]
        if not self._queue:
            self._has_work.clear()
        lines: dict[bytes, list[bytes]] = {}
        for channel, line in taken:
            lines.setdefault(channel, []).append(line)
        commands = [
            (self._command, channel, self._prefix + b"\n".join(those))
            for channel, those in lines.items()
        ]
        try:
            await self._execute(connection, commands)
        except MovedError as error:
            # Another server owns one of the channels by now. Nothing is lost when all of it goes again, to whom it
            # belongs, once that is known: until then it waits here.
            self._queue.extendleft(reversed(taken))
            self._has_work.clear()
            self._report(is_well=False, error=error)
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
