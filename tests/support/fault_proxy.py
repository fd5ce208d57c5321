"""A TCP proxy before PostgreSQL that knows what passes through it, and does to a commit what networks do.

It listens on loopback and forwards to where the server listens, a Unix socket or a port. Faults are armed for commits
that are to come, or left to chance with a seed. A commit is a COMMIT, or the execution of a prepared statement that
changes something while no transaction is open: it commits by itself, and its answer can be lost in just the same way.
"""

import asyncio
import random
import re
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

_PORT = 5432
_QUERY, _PARSE, _BIND, _READY, _NOTIFICATION = b"Q", b"P", b"B", b"Z", b"A"
_IDLE = b"I"
_CHUNK_BYTES = 1 << 16
_LOST_SECONDS = 5.0

_CHANGES = re.compile(rb"\b(INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)
_CALLS = re.compile(rb"^\s*(SELECT\b[^;]*?\bFROM|SELECT|CALL)\s+[a-z_.]+\(\s*\$1\b", re.IGNORECASE)
_BUILT_IN = re.compile(rb"\b(unnest|any|set_config|pg_\w+)\(\s*\$1\b", re.IGNORECASE)


class Fault(Enum):
    """What becomes of a commit and of the connection that it comes on."""

    NONE = auto()
    CUT_BEFORE = auto()
    """The server never sees it and rolls back."""
    CUT_AFTER = auto()
    """The server does it, and its answer is lost."""
    LATE = auto()
    """The client is cut off at once; the server keeps the session, and gets the commit a while later."""
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
    state: bytes = _IDLE
    """What the server said last: idle, in a transaction, or in a failed one."""
    committing: set[bytes] = field(default_factory=set)
    """The names of prepared statements that change something."""


@dataclass(slots=True)
class FaultProxy:
    dsn: str
    delay_seconds: float = 0.3
    struck: list[Fault] = field(default_factory=list)
    commits: Counter[str] = field(default_factory=Counter)
    """Commits that came by, and those that were struck, by form and fault."""
    is_deaf: bool = False
    """Notifications do not come through, as behind a pooler that gives every transaction another session."""
    _armed: deque[Fault] = field(default_factory=deque)
    _marker: bytes | None = None
    _chance: random.Random | None = None
    _odds: dict[Fault, float] = field(default_factory=dict)
    _port: int = 0
    _is_refusing: bool = False
    _links: list[_Link] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _serving: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Return the server's URL by way of this proxy."""
        parts = urlsplit(self.dsn)
        user = parts.netloc.rpartition("@")[0]
        return urlunsplit(
            parts._replace(netloc=f"{user}@127.0.0.1:{self._port}", query="sslmode=disable")
        )

    def arm(self, fault: Fault, *, skip: int = 0) -> None:
        """Strike one commit to come: the next one, or the one after `skip` others."""
        self._armed.extend([Fault.NONE] * skip + [fault])

    def lose_answer_to(self, statement: bytes) -> None:
        """Let the server run a statement with this text, and lose its answer with the connection."""
        self._marker = statement

    def leave_to_chance(self, seed: int, odds: dict[Fault, float]) -> None:
        """Strike each commit to come with these probabilities."""
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

    def _next_fault(self, form: str) -> Fault:
        fault = self._armed.popleft() if self._armed else Fault.NONE
        if self._chance is not None and self._odds:
            dice = self._chance.random()
            for candidate, probability in self._odds.items():
                dice -= probability
                if dice < 0:
                    fault = candidate
                    break
        self.commits[form] += 1
        if fault is not Fault.NONE:
            self.struck.append(fault)
            self.commits[f"{form}, {fault.name.lower()}"] += 1
        return fault

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_refusing:
            writer.transport.abort()
            return
        try:
            from_server, to_server = await self._reach_server()
        except OSError:  # it is down; so are we, for whoever asks
            writer.transport.abort()
            return
        link = _Link(writer, to_server)
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        there = asyncio.create_task(self._forward(reader, link))
        back = asyncio.create_task(self._answer(from_server, link))
        self._links.append(link)
        self._tasks |= {there, back}
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        if link.is_swallowing:
            await asyncio.wait({back}, timeout=_LOST_SECONDS)
        for task in (there, back):
            task.cancel()
        await asyncio.gather(there, back, return_exceptions=True)
        self._links.remove(link)
        self._tasks -= {there, back}
        for end in (writer, to_server):
            end.transport.abort()

    async def _reach_server(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.dsn)
        if parts.hostname:
            return await asyncio.open_connection(parts.hostname, parts.port or _PORT)
        folder = parse_qs(parts.query)["host"][0]
        return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{_PORT}")

    async def _forward(self, reader: asyncio.StreamReader, link: _Link) -> None:
        messages = _Messages()
        with suppress(asyncio.IncompleteReadError, ConnectionError, _CutError):
            # The first message has no type: its length, then who wants what.
            length = await reader.readexactly(4)
            link.server.write(length + await reader.readexactly(int.from_bytes(length) - 4))
            while data := await reader.read(_CHUNK_BYTES):
                for kind, message in messages.split(data):
                    if form := _form_of_commit(kind, message, link):
                        await self._strike(self._next_fault(form), link)
                    self._mark(kind, message, link)
                    link.server.write(message)
                await link.server.drain()

    def _mark(self, kind: bytes, message: bytes, link: _Link) -> None:
        if kind == _PARSE:
            name = message[5:].split(b"\0", 1)[0]
            link.committing.discard(name)  # the unnamed statement is another one each time
            if _is_change(message):
                link.committing.add(name)
            if self._marker is not None and self._marker in message:
                link.marked, self._marker = name, None
        elif kind == _BIND and link.marked is not None and link.marked == _bound(message):
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
        messages = _Messages()
        with suppress(ConnectionError):
            while data := await reader.read(_CHUNK_BYTES):
                told = bytearray()
                for kind, message in messages.split(data):
                    if kind == _READY:
                        link.state = message[5:6]
                        if link.is_swallowing:
                            return
                    if kind == _NOTIFICATION and self.is_deaf:
                        continue
                    told += message
                if not link.is_swallowing:
                    link.client.write(bytes(told))
                    await link.client.drain()


class _Messages:
    """Cuts a stream into whole messages, as they become whole."""

    def __init__(self) -> None:
        self._rest = b""

    def split(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield (kind, message) for each that is complete with `data`."""
        data = self._rest + data
        self._rest = b""
        start = 0
        while len(data) >= start + 5:
            # A message's length counts itself, and not the kind before it.
            end = start + 1 + int.from_bytes(data[start + 1 : start + 5])
            if end > len(data):
                break
            yield data[start : start + 1], data[start:end]
            start = end
        self._rest = data[start:]


def _form_of_commit(kind: bytes, message: bytes, link: _Link) -> str | None:
    """Return in which form this message commits, or None."""
    if kind in {_QUERY, _PARSE} and b"COMMIT" in message.upper():
        return "COMMIT"
    if kind == _BIND and link.state == _IDLE and _bound(message) in link.committing:
        return "statement"
    return None


def _bound(message: bytes) -> bytes:
    """Return the name of the prepared statement that a Bind message is about: the second of its two names."""
    return message[5:].split(b"\0", 2)[1]


def _is_change(parse: bytes) -> bool:
    """Whether a statement changes something: by its words, or because it calls a function of ours with arguments."""
    text = parse[5:].split(b"\0", 2)[1]
    return bool(_CHANGES.search(text) or (_CALLS.search(text) and not _BUILT_IN.search(text)))


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
        await asyncio.gather(*proxy._serving, return_exceptions=True)
        await server.wait_closed()
