"""A stream that carries slips of jobs (`server/work/carriers`): here because Redis is spoken to in this package only.

The stream holds what is not done: an entry that is finished is deleted. It is bounded, and what falls off its end, or
goes with the server, comes again from the table of jobs.
"""

import secrets
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from realtime.bus.connections import REDIS_FAILURES

STREAM_FAILURES = REDIS_FAILURES
KEY = b"omnibus:jobs"
GROUP = b"omnibus"
_FIELD = b"slip"
_TIMEOUT_SECONDS = 5.0
_FORGOTTEN_MS = 3_600_000  # a consumer that has nothing and was not heard of

Entry = tuple[bytes, bytes]
"""The id of an entry, and what it carries."""


class JobStream:
    """One member of the group. Everything raises STREAM_FAILURES."""

    def __init__(self, url: str, *, length_max: int, connections_max: int) -> None:
        self._redis: Any = Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            # Whoever uses us starts over: a command of unknown outcome is not repeated.
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
            max_connections=connections_max,
        )
        self._length_max = length_max
        self._member = f"{socket.gethostname()}-{secrets.token_hex(4)}".encode()

    async def open(self) -> None:
        """Make the stream and its group if there are none, and forget members that left without a word."""
        with suppress(ResponseError):  # BUSYGROUP: there is one
            await self._redis.xgroup_create(KEY, GROUP, id="0", mkstream=True)
        for member in await self._redis.xinfo_consumers(KEY, GROUP):
            if member["pending"] == 0 and member["idle"] > _FORGOTTEN_MS:
                await self._redis.xgroup_delconsumer(KEY, GROUP, member["name"])

    async def add(self, bodies: Sequence[bytes]) -> None:
        """Append entries; the oldest fall off when there are too many."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for body in bodies:
                pipeline.xadd(KEY, {_FIELD: body}, maxlen=self._length_max, approximate=True)
            await pipeline.execute()

    async def read(self, count: int, *, wait_seconds: float) -> list[Entry]:
        """Return entries that nobody had yet; wait a while for the first."""
        answer = await self._redis.xreadgroup(
            GROUP, self._member, {KEY: ">"}, count=count, block=int(wait_seconds * 1000)
        )
        return [entry for _, entries in answer or () for entry in _bodies(entries)]

    async def claim(self, count: int, *, quiet_ms: int) -> list[Entry]:
        """Take over entries whose members were not heard of for so long."""
        answer = await self._redis.xautoclaim(
            KEY, GROUP, self._member, min_idle_time=quiet_ms, start_id="0-0", count=count
        )
        return _bodies(answer[1])

    async def finish(self, entry_id: bytes) -> None:
        """Have done with an entry."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.xack(KEY, GROUP, entry_id)
            pipeline.xdel(KEY, entry_id)
            await pipeline.execute()

    async def touch(self, entry_id: bytes, *, quiet_ms: int) -> None:
        """Set for how long nobody was heard of an entry of ours: it can be claimed when that is long enough."""
        await self._redis.xclaim(
            KEY, GROUP, self._member, 0, [entry_id], idle=quiet_ms, justid=True
        )

    async def close(self) -> None:
        """Leave the group if nothing of it is ours, and disconnect; raise nothing."""
        with suppress(*REDIS_FAILURES):
            for member in await self._redis.xinfo_consumers(KEY, GROUP):
                if member["name"] == self._member and member["pending"] == 0:
                    await self._redis.xgroup_delconsumer(KEY, GROUP, self._member)
        with suppress(*REDIS_FAILURES):
            await self._redis.aclose()


def _bodies(entries: Sequence[tuple[bytes, dict[bytes, bytes] | None]]) -> list[Entry]:
    # An entry that was trimmed while somebody had it has no fields any more.
    return [(entry_id, fields.get(_FIELD, b"")) for entry_id, fields in entries if fields]
