"""A TCP proxy before Redis that loses, doubles and reorders what subscribers are sent, and nothing else.

It listens on loopback. Commands and their answers pass as they are: a publisher is told that all went well.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

_CHUNK_BYTES = 1 << 16
_MESSAGES = (b"$7\r\nmessage\r\n", b"$8\r\nsmessage\r\n")


@dataclass(slots=True, eq=False)
class _Subscriber:
    writer: asyncio.StreamWriter
    held: bytes = b""
    """A message that the next one overtakes."""


@dataclass(slots=True)
class RedisProxy:
    target: tuple[str, int]
    chance: random.Random
    struck: Counter[str] = field(default_factory=Counter)
    """Messages by what became of them."""
    _share: float = 0.0
    _port: int = 0
    _subscribers: set[_Subscriber] = field(default_factory=set)
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def trouble(self, share: float) -> None:
        """Lose this share of the messages, double it of the rest, and let as many be overtaken."""
        self._share = share

    def calm(self) -> None:
        """From now on everything passes; what was held back comes late."""
        self._share = 0.0
        for subscriber in self._subscribers:
            subscriber.writer.write(subscriber.held)
            subscriber.held = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        subscriber = _Subscriber(writer)
        self._subscribers.add(subscriber)
        async with AsyncExitStack() as stack:
            stack.callback(writer.transport.abort)
            stack.callback(self._subscribers.discard, subscriber)
            stack.callback(self._serving.discard, serving)
            try:
                from_redis, to_redis = await asyncio.open_connection(*self.target)
                stack.callback(to_redis.transport.abort)
                async with asyncio.TaskGroup() as group:
                    group.create_task(_pass_on(reader, to_redis))
                    group.create_task(self._answer(from_redis, subscriber))
            except* (ConnectionError, EOFError):
                pass  # either end has gone, or Redis is not there

    async def stop(self) -> None:
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, subscriber: _Subscriber) -> None:
        rest = b""
        while data := await reader.read(_CHUNK_BYTES):
            rest += data
            for reply in _whole_replies(rest):
                rest = rest[len(reply) :]
                sent = self._strike(reply, subscriber) if _is_message(reply) else reply
                subscriber.writer.write(sent)
            await subscriber.writer.drain()
        raise EOFError

    def _strike(self, message: bytes, subscriber: _Subscriber) -> bytes:
        """Return what is sent in the place of a message."""
        held, subscriber.held = subscriber.held, b""
        chance, share = self.chance.random, self._share
        if chance() < share:
            self.struck["lost"] += 1
            return held
        if chance() < share:
            self.struck["doubled"] += 1
            message *= 2
        if chance() < share and not held:
            self.struck["overtaken"] += 1
            subscriber.held = message
            return b""
        self.struck["passed"] += 1
        return message + held


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
    raise EOFError


def _is_message(reply: bytes) -> bool:
    return reply[:1] in b"*>" and reply[4:].startswith(_MESSAGES)


def _whole_replies(data: bytes) -> Iterator[bytes]:
    start = 0
    while (end := _end_of_reply(data, start)) is not None:
        yield data[start:end]
        start = end


def _end_of_reply(data: bytes, start: int) -> int | None:
    """Return where the reply (RESP, 2 or 3) that begins at `start` ends; None while it is not whole."""
    line_end = data.find(b"\r\n", start)
    if line_end < 0:
        return None
    kind, end = data[start : start + 1], line_end + 2
    if kind == b"$":
        size = int(data[start + 1 : line_end])
        end += max(0, size + 2)  # -1 stands for nothing, without a body
        return end if end <= len(data) else None
    if kind in b"*>~%":
        count = int(data[start + 1 : line_end]) * (2 if kind == b"%" else 1)
        for _ in range(count):
            inner = _end_of_reply(data, end)
            if inner is None:
                return None
            end = inner
    return end


@asynccontextmanager
async def redis_proxy(host: str, port: int, chance: random.Random) -> AsyncIterator[RedisProxy]:
    proxy = RedisProxy((host, port), chance)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy._port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()
        await server.wait_closed()
