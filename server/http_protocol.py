"""uvicorn's HTTP protocol with the bounds it leaves to a proxy, and answers that leave in one write.

No head without end, no request that never arrives, no more at a time than the gate lets in. The private names of
uvicorn that this rests on are those of one minor version.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, ClassVar, Self
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from server import refusals
from server.gate import Gate
from server.glance import Rank, find_bus, find_rank
from server.metrics import note_request

HEAD_BYTES_MAX = 65_536
HEADERS_MAX = 200
ARRIVAL_SECONDS = 10.0
SILENCE_SECONDS = 65
ANSWER_EXTENSION = "omnibus.answer"
"""Where the ASGI scope offers `Exchange.answer`."""
TRANSPORT_EXTENSION = "omnibus.transport"
"""Where it offers the connection itself, for answers without end: a client that stopped reading has to be cut off."""
HEALTH = frozenset({"/livez", "/readyz", "/metrics"})
"""Whoever watches over an overloaded process must not be told that it is dead."""

SendWhole = Callable[[int, bytes, bytes], Awaitable[None]]


class Exchange(RequestResponseCycle):
    """One request and its answer, which may be sent as a whole: one write is one system call and one packet.

    It keeps its place at the gate while there is work to do for it, not while the client takes its time: neither a slow
    body nor an answer that nobody reads keeps others out.
    """

    gate: Gate | None = None
    """Where a place has to be given back."""
    crowd = ""
    """With whom it came in."""
    tasks: set[asyncio.Task[None]]
    _is_body_told = False

    def leave(self) -> None:
        """Give the place at the gate back, if there is one."""
        gate, self.gate = self.gate, None
        if gate is not None:
            crowd, self.crowd = self.crowd, ""
            gate.leave(crowd)

    def end(self, task: asyncio.Task[None]) -> None:
        """Called when its task is over, however that came about."""
        self.tasks.discard(task)
        self.leave()

    async def run_asgi(self, app: Any) -> None:
        self.scope["extensions"] = {
            ANSWER_EXTENSION: self.answer,  # type: ignore[dict-item]  # one of our own
            TRANSPORT_EXTENSION: self.transport,  # type: ignore[dict-item]  # the same
        }
        try:
            await super().run_asgi(app)
        finally:
            # Or the two would keep each other, and all of the request, until the collector comes by.
            del self.scope["extensions"]

    async def answer(self, status: int, lines: bytes, body: bytes) -> None:
        """Send a whole answer; `lines` are its header lines but for those that every answer has."""
        if self.flow.write_paused and not self.disconnected:
            self.leave()
            await self.flow.drain()
        if not self.disconnected:
            self.write(status, lines, body)

    async def send(self, message: Any) -> None:
        if self.flow.write_paused:
            self.leave()
        await super().send(message)

    def write(self, status: int, lines: bytes, body: bytes) -> None:
        """Write a whole answer at once; what comes of the request after it is swallowed."""
        assert not self.response_started
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        common, is_last = _COMMON.pack(self.default_headers)
        if is_last:
            self.keep_alive = False
        elif not self.keep_alive:
            common += b"connection: close\r\n"
        if self.scope["method"] == "HEAD":
            body = b""
        self.transport.write(b"".join((STATUS_LINE[status], common, lines, b"\r\n", body)))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    async def receive(self) -> Any:
        """As uvicorn has it; a body that is there already is handed over without waiting."""
        if self.more_body or self._is_body_told or self.response_complete or self.disconnected:
            gate = self.gate
            self.leave()
            message: Any = await super().receive()
            if gate is not None:
                gate.go_ahead()
                self.gate = gate
            self._is_body_told = not message.get("more_body")
            return message
        self._is_body_told = True
        self.message_event.clear()
        self.flow.resume_reading()
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": False}


class _CommonHeaders:
    """uvicorn's own headers as lines, packed anew when it has others: the date changes every second."""

    def __init__(self) -> None:
        self._packed_from: list[tuple[bytes, bytes]] = []
        self._lines = b""
        self._is_last = False

    def pack(self, headers: list[tuple[bytes, bytes]]) -> tuple[bytes, bool]:
        """Return the lines, and whether they say that the connection ends."""
        if headers is not self._packed_from:
            self._packed_from = headers
            self._lines = b"".join(b"%b: %b\r\n" % header for header in headers)
            self._is_last = (b"connection", b"close") in headers
        return self._lines, self._is_last


_COMMON = _CommonHeaders()


class BoundedHttp(HttpToolsProtocol):
    """Refuses a head above 64 KiB and a request that has not arrived as a whole 10 s after it began.

    The length is looked at after every read, so that a head may go over it by one read; small requests, which arrive
    in one piece, cost two comparisons. A connection has one timer for its silence: it is looked after when it rings,
    not set and cancelled by every request.
    """

    gate: ClassVar[Gate] = Gate()
    _turn: Exchange
    _opened: Exchange | None = None
    _is_arriving = False
    _is_in_head = False
    _is_large = False
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None
    _silence: asyncio.TimerHandle | None = None
    _idle_since = 0.0

    @classmethod
    def behind(cls, gate: Gate) -> type[Self]:
        """Return the protocol for a process with this gate."""
        return type(cls.__name__, (cls,), {"gate": gate})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._silence = self.loop.call_later(self.timeout_keep_alive, self._end_silence)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._is_large = len(data) > HEAD_BYTES_MAX
        super().data_received(data)
        if (exchange := self._opened) is not None:
            self._opened = None
            self._take_turn(exchange)
        if self._is_arriving:
            self._wait_for_rest(len(data))
        elif self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def handle_websocket_upgrade(self) -> None:
        self._is_arriving = False
        self._stop_waiting()
        if self.gate.is_shut_for(Rank.JOIN):
            note_request("GET", "refused", refusals.STATUS, 0.0)
            lines, body = refusals.fill_in()
            self.transport.write(
                b"".join((STATUS_LINE[refusals.STATUS], lines, b"connection: close\r\n\r\n", body))
            )
            self.transport.close()
            return
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        self._is_arriving = self._is_in_head = True
        self._head_bytes = -1  # what came in the same read may belong to those before
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """What uvicorn does, with an Exchange; a target that needs no parser is split."""
        self._is_in_head = False
        if len(self.headers) > HEADERS_MAX or self._is_large or self._head_bytes >= 0:
            self._measure_head()
        parser, scope = self.parser, self.scope
        scope["method"] = parser.get_method().decode("ascii")
        version = parser.get_http_version()
        scope["http_version"] = version
        if parser.should_upgrade() and self._should_upgrade():
            return
        if self.url.startswith(b"/") and b"#" not in self.url:
            raw_path, _, query = self.url.partition(b"?")
        else:
            parsed = httptools.parse_url(self.url)
            raw_path, query = parsed.path or b"/", parsed.query or b""
            self._take_host(parsed)
        path = raw_path.decode("ascii")
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        scope["query_string"] = query
        self._open(keep_alive=version != "1.0" and parser.should_keep_alive())

    def _measure_head(self) -> None:
        """Refuse a head that is whole and yet too much; one that came in one read is bounded by that."""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > HEAD_BYTES_MAX or len(self.headers) > HEADERS_MAX:
            raise httptools.HttpParserError("a head above its bounds")

    def _take_host(self, target: Any) -> None:
        """Let the host of an address that is given whole count instead of the header's (RFC 9112, 3.2.2)."""
        if target.userinfo is not None:
            raise httptools.HttpParserInvalidURLError("an address with a user in it")
        if target.host is not None:
            host = target.host if target.port is None else b"%b:%d" % (target.host, target.port)
            kept = [header for header in self.headers if header[0] != b"host"]
            self.headers[:] = [(b"host", host), *kept]

    def on_message_complete(self) -> None:
        self._is_arriving = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """What uvicorn does, but for a timer of its own."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._idle_since = self.loop.time()
        self.flow.resume_reading()
        if self.pipeline:
            # Not from here: as many as came in one packet may be refused, one inside the other.
            exchange, _ = self.pipeline.pop()
            assert isinstance(exchange, Exchange)
            self.loop.call_soon(self._take_turn, exchange)

    @property
    def is_gone(self) -> bool:
        return self.transport.is_closing()

    def find_rank(self) -> Rank:
        """Say how soon what has its turn should be served."""
        scope = self._turn.scope
        return find_rank(scope["method"], scope["path"], self._turn.body)

    def find_crowd(self) -> str:
        """Name the bus that what has its turn wants to sell, if the address or what has come of the body says so."""
        exchange = self._turn
        return find_bus(exchange.scope["path"], exchange.body)

    def enter(self, crowd: str) -> None:
        """Start what has its turn: the gate let it in."""
        self._turn.gate = self.gate
        self._turn.crowd = crowd
        self._start(self._turn)

    def turn_away(self, waited_seconds: float) -> None:
        """Refuse what has its turn, without a task unless the client is slow to read."""
        exchange = self._turn
        note_request(exchange.scope["method"], "refused", refusals.STATUS, waited_seconds)
        if self.flow.write_paused:
            self._start(exchange, _refuse_in_time)
            return
        if exchange.waiting_for_100_continue:
            # Whether its body comes all the same, nobody knows: what follows could not be told from it.
            exchange.keep_alive = False
        exchange.write(refusals.STATUS, *refusals.fill_in())
        exchange.on_response = _nothing  # or it and the connection would keep each other

    def _open(self, *, keep_alive: bool) -> None:
        last: RequestResponseCycle | None = self.cycle  # None before the first request
        self.cycle = exchange = Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )
        if last is None or last.response_complete:
            # Its turn comes when this read is over: by then its body is there, too, if it is small.
            self._opened = exchange
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))

    def _take_turn(self, exchange: Exchange) -> None:
        """Go to the gate with the oldest request that has no answer yet."""
        if self.transport.is_closing():
            return
        self._turn = exchange
        if exchange.scope["path"] in HEALTH:
            self._start(exchange)
        else:
            self.gate.admit(self)

    def _start(self, exchange: Exchange, app: Any = None) -> None:
        """What uvicorn does, with one callback for all that follows the end."""
        task = self.loop.create_task(exchange.run_asgi(app or self.app))
        exchange.tasks = self.tasks
        self.tasks.add(task)
        task.add_done_callback(exchange.end)

    def _wait_for_rest(self, size: int) -> None:
        if self._is_in_head:
            self._head_bytes = self._head_bytes + size if self._head_bytes >= 0 else 0
            if self._head_bytes > HEAD_BYTES_MAX:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if self._deadline is None:
            late = HTTPStatus.REQUEST_TIMEOUT
            self._deadline = self.loop.call_later(ARRIVAL_SECONDS, self._refuse, late)

    def wait_on(self) -> None:
        """Wait for the rest of a request as long as for a new one: whoever takes a file in sees that it is coming."""
        if self._deadline is not None:
            self._deadline.cancel()
            late = HTTPStatus.REQUEST_TIMEOUT
            self._deadline = self.loop.call_later(ARRIVAL_SECONDS, self._refuse, late)

    def _refuse(self, status: HTTPStatus) -> None:
        """Close the connection, with a word where no other answer is under way."""
        if self.transport.is_closing():
            return
        if self._is_in_head and not self._is_answering():
            self.transport.write(
                f"HTTP/1.1 {status} {status.phrase}\r\n"
                "content-length: 0\r\nconnection: close\r\n\r\n".encode()
            )
        self.transport.close()

    def _is_answering(self) -> bool:
        last: RequestResponseCycle | None = self.cycle
        return last is not None and not last.response_complete

    def _end_silence(self) -> None:
        """Close a connection that has been idle long enough; else look again when it may have been."""
        seconds: float = self.timeout_keep_alive
        if not self._is_arriving and not self._is_answering():
            seconds -= self.loop.time() - self._idle_since
            if seconds <= 0:
                self.transport.close()
                return
        self._silence = self.loop.call_later(seconds, self._end_silence)

    def _stop_waiting(self) -> None:
        for timer in (self._deadline, self._silence):
            if timer is not None:
                timer.cancel()
        self._deadline = self._silence = None


async def _refuse_in_time(scope: Any, _receive: Any, _send: Any) -> None:
    """Refuse a client that does not read, once it does: what it has not read is kept in memory."""
    answer: SendWhole = scope["extensions"][ANSWER_EXTENSION]
    await answer(refusals.STATUS, *refusals.fill_in())


def _nothing() -> None:
    pass
