"""Streams of Redis or Valkey: a group of consumers; what a dead one had is claimed by the others."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Self

from realtime.bus.job_stream import STREAM_FAILURES, JobStream
from server.work.carriers.carrier import (
    QUIET_SECONDS,
    WAITING_MAX,
    Delivery,
    failing_as_lost,
    pack,
)
from server.work.carriers.room import Room
from store.carriage import Slip

_WAIT_SECONDS = 2.0

_told = partial(failing_as_lost, "Redis", *STREAM_FAILURES)


class StreamCarrier:
    def __init__(self, stream: JobStream, prefetch: int, quiet_seconds: float) -> None:
        self._stream = stream
        self._room = Room(prefetch)
        self._quiet_ms = int(quiet_seconds * 1000)

    @classmethod
    async def open(cls, url: str, *, prefetch: int, quiet_seconds: float = QUIET_SECONDS) -> Self:
        stream = JobStream(url, length_max=WAITING_MAX, connections_max=prefetch + 2)
        with _told():
            try:
                await stream.open()
            except BaseException:
                await stream.close()
                raise
        return cls(stream, prefetch, quiet_seconds)

    async def publish(self, slips: Sequence[Slip]) -> None:
        with _told():
            await self._stream.add([pack(slip) for slip in slips])

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """Yield what others left behind first, then what is new."""
        while True:
            free = await self._room.wait()
            with _told():
                entries = await self._stream.claim(free, quiet_ms=self._quiet_ms)
                if not entries:
                    entries = await self._stream.read(free, wait_seconds=_WAIT_SECONDS)
            self._room.take(len(entries))
            for entry_id, body in entries:
                yield Delivery(body, entry_id)

    async def ack(self, delivery: Delivery) -> None:
        self._room.give()
        with _told():
            await self._stream.finish(delivery.receipt)

    async def nack(self, delivery: Delivery, *, later_seconds: float = 0.0) -> None:
        self._room.give()
        quiet_ms = max(0, self._quiet_ms - int(later_seconds * 1000))
        with _told():
            await self._stream.touch(delivery.receipt, quiet_ms=quiet_ms)

    async def bury(self, delivery: Delivery) -> None:
        await self.ack(delivery)

    async def hold_on(self, delivery: Delivery) -> None:
        with _told():
            await self._stream.touch(delivery.receipt, quiet_ms=0)

    async def close(self) -> None:
        await self._stream.close()
