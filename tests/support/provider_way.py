"""The way to a payment provider, with the faults of the network and of providers: an HTTP proxy on loopback.

It can keep answers under their Idempotency-Key as Stripe says it does, which localstripe does not do.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from types import TracebackType
from typing import Any, Self

_HOST = "127.0.0.1"
_KEYS = ("idempotency-key", "x-refund-idempotency")
_HOP_HEADERS = (b"connection", b"transfer-encoding", b"content-length", b"keep-alive")


class Fault(Enum):
    """What becomes of a request, or of its answer."""

    LOSE_ANSWER = auto()
    """The provider does it, and its answer is lost."""
    HANG = auto()
    """Nothing comes back, and nothing is closed."""
    TRICKLE = auto()
    """An answer comes, letter by letter, and never ends."""
    CUT = auto()
    """The answer breaks off in its middle."""
    ERROR_500 = auto()
    UNAVAILABLE_503 = auto()
    TOO_MANY_429 = auto()
    REDIRECT = auto()
    PAGE_FOR_PEOPLE = auto()
    """200, and HTML."""
    NOT_UTF8 = auto()
    OTHER_JSON = auto()
    """200, and a list."""
    EMPTY_OBJECT = auto()
    """200, and an object with nothing in it."""
    REFUSAL_WITHOUT_REASON = auto()
    """400, and JSON of another shape."""
    ENDLESS = auto()
    """200, and megabytes."""


_MADE_UP: dict[Fault, tuple[int, bytes]] = {
    Fault.ERROR_500: (500, b'{"error": {"message": "internal"}}'),
    Fault.UNAVAILABLE_503: (503, b"<html>down for maintenance</html>"),
    Fault.TOO_MANY_429: (429, b'{"error": {"message": "slow down"}}'),
    Fault.REDIRECT: (302, b""),
    Fault.PAGE_FOR_PEOPLE: (200, b"<html>hello</html>"),
    Fault.NOT_UTF8: (200, b'{"id": "\xff\xfe"}'),
    Fault.OTHER_JSON: (200, b"[1, 2]"),
    Fault.EMPTY_OBJECT: (200, b"{}"),
    Fault.REFUSAL_WITHOUT_REASON: (400, b'{"oops": 1}'),
    Fault.ENDLESS: (200, b'"' + b"x" * 3_000_000 + b'"'),
}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def _spare(_request: Request) -> Fault | None:
    return None


@dataclass(slots=True)
class ProviderWay:
    """Forwards to a port of this machine. A fault strikes one request to come: the next, or the one after `skip`.

    Where none is armed, `strike` says what becomes of a request.
    """

    port_behind: int
    remembers_keys: bool = False
    drops_keys: bool = False
    """Let no idempotency key through: what would happen if nobody sent one."""
    strike: Callable[[Request], Fault | None] = _spare
    seen: list[Request] = field(default_factory=list)
    connections: int = 0
    _armed: deque[Fault | None] = field(default_factory=deque)
    _answers: deque[_Answer] = field(default_factory=deque)
    _kept: dict[str, tuple[Request, _Answer | None]] = field(default_factory=dict)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _port: int = 0
    _held: asyncio.Event = field(default_factory=asyncio.Event)
    _held_line: str = ""
    waiting: int = 0
    """How many requests are held."""

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self._port}"

    def arm(self, fault: Fault, *, skip: int = 0) -> None:
        self._armed.extend([None] * skip + [fault])

    def calm(self) -> None:
        self._armed.clear()

    def answer_with(self, status: int, document: object) -> None:
        """Answer the next request, or the one after those that have their answer, by ourselves."""
        kind = ((b"content-type", b"application/json"),)
        self._answers.append(_Answer(status, kind, json.dumps(document).encode()))

    def forget_keys(self) -> None:
        """Be a day older: answers are no longer kept."""
        self._kept.clear()

    def hold(self, on: str = "") -> None:
        """Let no request through whose line has this text in it, until `let_go`."""
        self._held_line = on
        self._held.clear()

    def let_go(self) -> None:
        self._held.set()

    async def refuse(self) -> None:
        """Be gone: whoever comes finds nobody at the port."""
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def listen(self) -> None:
        """Be there (again), at the same port."""
        self._server = await asyncio.start_server(self._serve, _HOST, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def __aenter__(self) -> Self:
        self._held.set()
        await self.listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.refuse()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections += 1
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            # Cancelled by `refuse` alone, which waits for it.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    await self._serve_one(await _read_request(reader), writer)
        finally:
            writer.transport.abort()

    async def _serve_one(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.seen.append(request)
        if self._held_line in str(request):
            self.waiting += 1
            await self._held.wait()
            self.waiting -= 1
        fault = self._armed.popleft() if self._armed else self.strike(request)
        if self._answers:
            writer.write(_wire(self._answers.popleft()))
            await writer.drain()
            return
        if fault is Fault.HANG:
            await asyncio.Event().wait()
        if fault in _MADE_UP:
            status, body = _MADE_UP[fault]
            elsewhere = ((b"location", b"http://127.0.0.1:1/"),) if fault is Fault.REDIRECT else ()
            writer.write(_wire(_Answer(status, elsewhere, body)))
            await writer.drain()
            return
        data = _wire(await self._forward(request))
        if fault is Fault.TRICKLE:
            await _trickle(data, writer)
        if fault is Fault.CUT:
            writer.write(data[:-5])
            await writer.drain()
        if fault in {Fault.CUT, Fault.LOSE_ANSWER}:
            raise ConnectionResetError
        writer.write(data)
        await writer.drain()

    async def _forward(self, request: Request) -> _Answer:
        if self.drops_keys:
            kept = {name: text for name, text in request.headers.items() if name not in _KEYS}
            request = replace(request, headers=kept)
        key = request.headers.get("idempotency-key") if self.remembers_keys else None
        if key is None:
            return await self._ask(request)
        if key in self._kept:
            return _answer_again(request, *self._kept[key])
        self._kept[key] = request, None
        answer = await self._ask(request)
        self._kept[key] = request, answer
        return answer

    async def _ask(self, request: Request) -> _Answer:
        reader, writer = await asyncio.open_connection(_HOST, self.port_behind)
        try:
            head = [f"{request.method} {request.path} HTTP/1.1"]
            head += [
                f"{name}: {value}"
                for name, value in request.headers.items()
                if name.encode() not in _HOP_HEADERS
            ]
            head += [f"content-length: {len(request.body)}", "connection: close", "", ""]
            writer.write("\r\n".join(head).encode() + request.body)
            first, headers = _parse_head(await reader.readuntil(b"\r\n\r\n"))
            kept = tuple((name, value) for name, value in headers if name not in _HOP_HEADERS)
            return _Answer(int(first.split(b" ")[1]), kept, await reader.read(-1))
        finally:
            writer.transport.abort()


def _answer_again(request: Request, first: Request, answer: _Answer | None) -> _Answer:
    """Answer as Stripe's documentation says for a key that was used before."""
    if answer is None:
        return _stripe_error(409, b"idempotency_key_in_use")
    if (request.path, request.body) != (first.path, first.body):
        return _stripe_error(400, b"other parameters")
    again = ((b"idempotent-replayed", b"true"),)
    return _Answer(answer.status, answer.headers + again, answer.body)


def _stripe_error(status: int, code: bytes) -> _Answer:
    body = b'{"error": {"type": "idempotency_error", "message": "%b"}}' % code
    return _Answer(status, ((b"content-type", b"application/json"),), body)


async def _read_request(reader: asyncio.StreamReader) -> Request:
    first, headers = _parse_head(await reader.readuntil(b"\r\n\r\n"))
    method, path, _ = first.decode().split(" ")
    named = {name.decode(): value.decode() for name, value in headers}
    return Request(
        method, path, named, await reader.readexactly(int(named.get("content-length", 0)))
    )


def _parse_head(head: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    pairs = (line.partition(b":") for line in lines)
    return first, [(name.lower(), value.strip()) for name, _, value in pairs]


def _wire(answer: _Answer) -> bytes:
    lines = [b"HTTP/1.1 %d Whatever" % answer.status]
    lines += [b"%b: %b" % pair for pair in answer.headers]
    lines += [b"content-length: %d" % len(answer.body), b"", b""]
    return b"\r\n".join(lines) + answer.body


async def _trickle(data: bytes, writer: asyncio.StreamWriter) -> None:
    head, _, body = data.partition(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n")
    while True:  # fast enough for any limit on a single read, and never enough
        writer.write(body[:1])
        body = body[1:] or b" "
        await writer.drain()
        await asyncio.sleep(0.05)
