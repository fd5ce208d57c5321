"""A TCP proxy before PostgreSQL that knows what passes through it, and does to a COMMIT what networks do.

It listens on loopback and forwards to the server's Unix socket. Faults are armed for COMMITs that are to come, or
left to chance with a seed.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from urllib.parse import parse_qs, urlsplit, urlunsplit

_PORT = 5432
_QUERY, _PARSE, _BIND, _READY = b"Q", b"P", b"B", b"Z"


class Fault(Enum):
    """What becomes of a COMMIT and of the connection that it comes on."""

    NONE = auto()
    CUT_BEFORE = auto()
    """The server never sees it and rolls back."""
    CUT_AFTER = auto()
    """The server does it, and its answer is lost."""
    LATE = auto()
    """The client is cut off at once; the server keeps the session, and gets the COMMIT a while later."""
    SLOW = auto()
    """It arrives late, and all is well."""


class _CutError(Exception):
    pass


@dataclass(slots=True)
class _Link:
    """One client's connection and ours to the server for it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    is_swallowing: bool = False
    """The answer that comes next is lost, and the connection with it."""
    marked: bytes | None = None
    """The name of the prepared statement whose answer shall be lost."""


@dataclass(slots=True)
class FaultProxy:
    dsn: str
    delay_seconds: float = 0.3
    struck: list[Fault] = field(default_factory=list)
    _armed: deque[Fault] = field(default_factory=deque)
    _marker: bytes | None = None
    _chance: random.Random | None = None
    _odds: dict[Fault, float] = field(default_factory=dict)
    _port: int = 0
    _is_refusing: bool = False
    _links: list[_Link] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Return the server's URL by way of this proxy."""
        parts = urlsplit(self.dsn)
        user = parts.netloc.rpartition("@")[0]
        return urlunsplit(
            parts._replace(netloc=f"{user}@127.0.0.1:{self._port}", query="sslmode=disable")
        )

    def arm(self, fault: Fault, *, skip: int = 0) -> None:
        """Strike one COMMIT to come: the next one, or the one after `skip` others."""
        self._armed.extend([Fault.NONE] * skip + [fault])

    def lose_answer_to(self, statement: bytes) -> None:
        """Let the server run a statement with this text, and lose its answer with the connection."""
        self._marker = statement

    def leave_to_chance(self, seed: int, odds: dict[Fault, float]) -> None:
        """Strike each COMMIT to come with these probabilities."""
        self._chance, self._odds = random.Random(seed), odds

    def cut_all(self) -> None:
        """Cut every connection there is, whatever it is doing."""
        for link in self._links:
            link.client.transport.abort()

    def refuse(self) -> None:
        """Be gone for good: cut what is there and let nobody in."""
        self._is_refusing = True
        self.cut_all()

    def calm(self) -> None:
        self._armed.clear()
        self._odds = {}

    def _next_fault(self) -> Fault:
        fault = self._armed.popleft() if self._armed else Fault.NONE
        if self._chance is not None and self._odds:
            dice = self._chance.random()
            for candidate, probability in self._odds.items():
                dice -= probability
                if dice < 0:
                    fault = candidate
                    break
        if fault is not Fault.NONE:
            self.struck.append(fault)
        return fault

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_refusing:
            writer.transport.abort()
            return
        folder = parse_qs(urlsplit(self.dsn).query)["host"][0]
        from_server, to_server = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{_PORT}")
        link = _Link(writer, to_server)
        there = asyncio.create_task(self._forward(reader, link))
        back = asyncio.create_task(self._answer(from_server, link))
        self._links.append(link)
        self._tasks |= {there, back}
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        if link.is_swallowing:
            await asyncio.wait({back}, timeout=5)
        for task in (there, back):
            task.cancel()
        await asyncio.gather(there, back, return_exceptions=True)
        self._links.remove(link)
        self._tasks -= {there, back}
        for end in (writer, to_server):
            end.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, link: _Link) -> None:
        # The first message has no type: its length, then who wants what.
        link.server.write(await _read_rest(reader, b""))
        with suppress(asyncio.IncompleteReadError, ConnectionError, _CutError):
            while True:
                kind = await reader.readexactly(1)
                message = await _read_rest(reader, kind)
                if _is_commit(kind, message):
                    await self._strike(self._next_fault(), link)
                self._mark(kind, message, link)
                link.server.write(message)
                await link.server.drain()

    def _mark(self, kind: bytes, message: bytes, link: _Link) -> None:
        names = message[5:].split(b"\0", 2)
        if kind == _PARSE and self._marker is not None and self._marker in message:
            link.marked, self._marker = names[0], None
        elif kind == _BIND and link.marked == names[1]:
            link.is_swallowing = True

    async def _strike(self, fault: Fault, link: _Link) -> None:
        match fault:
            case Fault.CUT_BEFORE:
                raise _CutError
            case Fault.CUT_AFTER:
                link.is_swallowing = True
            case Fault.LATE:
                link.is_swallowing = True
                link.client.transport.abort()
                await asyncio.sleep(self.delay_seconds)
            case Fault.SLOW:
                await asyncio.sleep(self.delay_seconds)
            case Fault.NONE:
                pass

    async def _answer(self, reader: asyncio.StreamReader, link: _Link) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind = await reader.readexactly(1)
                message = await _read_rest(reader, kind)
                if not link.is_swallowing:
                    link.client.write(message)
                    await link.client.drain()
                elif kind == _READY:
                    return


async def _read_rest(reader: asyncio.StreamReader, kind: bytes) -> bytes:
    """Read the length of a message, which counts itself, and all that belongs to it."""
    length = await reader.readexactly(4)
    return kind + length + await reader.readexactly(int.from_bytes(length) - 4)


def _is_commit(kind: bytes, message: bytes) -> bool:
    return kind in {_QUERY, _PARSE} and b"COMMIT" in message.upper()


@asynccontextmanager
async def fault_proxy(dsn: str) -> AsyncIterator[FaultProxy]:
    proxy = FaultProxy(dsn)
    server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
    proxy._port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in list(proxy._tasks):
            task.cancel()
        await server.wait_closed()
