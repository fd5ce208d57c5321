"""Requests and answers over a few kept connections, as a proxy before many browsers would send them."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import h11

_ANSWER_SECONDS = 30.0
_IDLE_SECONDS = 2.0
_PIECE = 65_536


class Unplayable(Exception):
    """There is no such server, or nothing to buy; the message says which."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 0: no answer came."""

    status: int
    headers: Mapping[str, str]
    document: Any
    seconds: float

    @property
    def code(self) -> str:
        """What a refusal is branched on; empty for a success."""
        if self.status == 0:
            return "unanswered"
        return str(self.document.get("code", "unknown")) if self.status >= 400 else ""


@dataclass(slots=True)
class _Line:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    protocol: h11.Connection = field(default_factory=lambda: h11.Connection(h11.CLIENT))
    used_at: float = 0.0


class Exchange:
    """At most `lines` connections; who finds none free waits for one. Plain HTTP only."""

    def __init__(self, url: str, lines: int = 64) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._authority = parts.netloc
        self._free: list[_Line] = []
        self._places = asyncio.Semaphore(lines)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        for line in self._free:
            line.writer.close()
        self._free.clear()

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; its seconds do not count the wait for a connection."""
        async with self._places:
            began = time.perf_counter()
            line: _Line | None = None
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    line = self._take_free() or await self._connect()
                    status, told, raw = await self._exchange(
                        line, method, path, body, headers or {}
                    )
            except (OSError, EOFError, TimeoutError, h11.ProtocolError):
                if line is not None:
                    line.writer.transport.abort()
                return Answer(0, {}, {}, time.perf_counter() - began)
            return Answer(status, told, _document(raw), time.perf_counter() - began)

    def _take_free(self) -> _Line | None:
        """Return the line that was used last, unless the other end may be about to close it."""
        while self._free:
            line = self._free.pop()
            if time.monotonic() - line.used_at < _IDLE_SECONDS and not line.reader.at_eof():
                return line
            line.writer.close()
        return None

    async def _connect(self) -> _Line:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        return _Line(reader, writer)

    async def _exchange(
        self, line: _Line, method: str, path: str, body: object, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        data = b"" if body is None else json.dumps(body).encode()
        sent = {"host": self._authority, "content-length": str(len(data)), **headers}
        if data:
            sent["content-type"] = "application/json"
        protocol = line.protocol
        request = h11.Request(method=method, target=path, headers=list(sent.items()))
        pieces = [protocol.send(request)]
        if data:
            pieces.append(protocol.send(h11.Data(data=data)))
        pieces.append(protocol.send(h11.EndOfMessage()))
        line.writer.write(b"".join(piece for piece in pieces if piece))
        status, told, raw = await _read(line)
        if protocol.our_state is h11.DONE and protocol.their_state is h11.DONE:
            protocol.start_next_cycle()
            line.used_at = time.monotonic()
            self._free.append(line)
        else:
            line.writer.close()
        return status, told, raw


async def _read(line: _Line) -> tuple[int, Mapping[str, str], bytes]:
    status, told, raw = 0, dict[str, str](), bytearray()
    while True:
        event = line.protocol.next_event()
        if event is h11.NEED_DATA:
            piece = await line.reader.read(_PIECE)
            if not piece:
                raise EOFError
            line.protocol.receive_data(piece)
        elif isinstance(event, h11.Response):
            status = event.status_code
            told = {name.decode(): value.decode("latin-1") for name, value in event.headers}
        elif isinstance(event, h11.Data):
            raw += event.data
        elif isinstance(event, h11.EndOfMessage):
            return status, told, bytes(raw)
        else:
            raise EOFError


def _document(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else {}
    except ValueError:
        return {}
