"""One client: raw HTTP/1.1 over an asyncio protocol, requests as ready-made bytes.

It knows only what the servers here do: keep-alive, Content-Length, one request at a time on a connection.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import cast

from tests.bench.rig import Address

_LENGTH = b"\r\ncontent-length: "
_RETRY_AFTER = b"\r\nretry-after: "
_CONNECTING = 64  # at once: a listening socket's queue is not endless

Answered = Callable[["Connection", bytes, float], None]
"""Hears the connection, its whole answer and the latency in seconds."""


class Connection(asyncio.Protocol):
    """Sends a request, waits for the whole answer, tells, and is ready for the next."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self.request = b""
        self.due_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, due_at: float | None = None) -> None:
        """Send a request; its latency counts from `due_at`, when it should have gone out."""
        self.request = request
        self.due_at = due_at or time.perf_counter()
        assert self._transport is not None
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        head_end = buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        place = buffer.find(_LENGTH, 0, head_end)
        length = 0
        if place >= 0:
            start = place + len(_LENGTH)
            length = int(buffer[start : buffer.find(b"\r\n", start)])
        if len(buffer) < head_end + 4 + length:
            return
        self._buffer = b""
        self._answered(self, buffer, time.perf_counter() - self.due_at)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def connect(addresses: Sequence[Address], count: int, answered: Answered) -> list[Connection]:
    """Open `count` connections, shared out among the addresses."""
    loop = asyncio.get_running_loop()
    connections: list[Connection] = []

    async def open_one(number: int) -> None:
        address = addresses[number % len(addresses)]
        _, connection = await loop.create_connection(lambda: Connection(answered), *address)
        connections.append(connection)

    for first in range(0, count, _CONNECTING):
        await asyncio.gather(*(open_one(n) for n in range(first, min(count, first + _CONNECTING))))
    return connections


def has_retry_after(answer: bytes) -> bool:
    return _RETRY_AFTER in answer[: answer.find(b"\r\n\r\n") + 2]


def body_of(answer: bytes) -> bytes:
    return answer[answer.find(b"\r\n\r\n") + 4 :]
