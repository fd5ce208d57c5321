"""Many buyers at once from one process: a connection each, requests as ready-made bytes."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import msgspec

_LENGTH = b"\r\ncontent-length: "


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]

    @property
    def code(self) -> str:
        """What programs branch on."""
        return str(self.body.get("code"))


class Racer(asyncio.Protocol):
    """A buyer with an open connection. Knows only what our server does: keep-alive and Content-Length."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._waiting: asyncio.Future[Answer] | None = None

    def ask(self, request: bytes) -> "asyncio.Future[Answer]":
        """Send a request now; its answer comes later."""
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._waiting

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, gap, body = self._buffer.partition(b"\r\n\r\n")
        if not gap:
            return
        place = head.index(_LENGTH) + len(_LENGTH)
        length = int(head[place:].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        assert self._waiting is not None
        self._buffer = b""
        self._waiting.set_result(Answer(int(head[9:12]), msgspec.json.decode(body)))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionError("closed before the answer"))


@asynccontextmanager
async def racers(addresses: Sequence[tuple[str, int]], count: int) -> AsyncIterator[list[Racer]]:
    """Connect `count` buyers, spread evenly over the serving processes."""
    loop = asyncio.get_running_loop()
    ready: list[Racer] = []
    try:
        for number in range(count):
            _, racer = await loop.create_connection(Racer, *addresses[number % len(addresses)])
            ready.append(racer)
        yield ready
    finally:
        for racer in ready:
            racer.close()


def post(path: str, body: dict[str, Any]) -> bytes:
    """Return a POST with an idempotency key of its own."""
    raw = msgspec.json.encode(body)
    head = (
        f"POST /api/v1{path} HTTP/1.1\r\nhost: omnibus\r\ncontent-type: application/json\r\n"
        f"idempotency-key: {uuid.uuid4()}\r\ncontent-length: {len(raw)}\r\n\r\n"
    )
    return head.encode() + raw
