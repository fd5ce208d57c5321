"""Posts one message over one connection and reads no more of the answer than it needs.

Made of asyncio and h11, which uvicorn brings along: what matters here lies below what HTTP clients offer. It connects
to an address that was judged and to nothing else; it follows no redirect, keeps no cookie, unpacks nothing, asks no
proxy; and what comes back is bounded in time and in bytes, whatever it claims to be.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import h11

from server.webhooks.destinations import Destination

CONNECT_SECONDS = 5.0
ANSWER_BYTES_MAX = 65_536
"""Of everything that is read, heads included."""
SHOWN_BYTES = 1024
_HEAD_BYTES_MAX = 16_384
_LOOK_SECONDS = 2.0
_READ_BYTES = 8192


class Unreachable(Exception):
    """No connection came about, or it broke before there was an answer; the message is one sentence."""


class Garbled(Exception):
    """What came back is not HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said: `body` is the beginning of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def post(
    destination: Destination,
    addresses: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    context: ssl.SSLContext,
    deadline: float,
) -> Answer:
    """Send a message to the first of these addresses that takes a connection.

    `deadline` is by the loop's clock: what has been decided by then counts, though more of it may be to come. Raises
    Unreachable, Garbled, TimeoutError.
    """
    async with _connect(destination, addresses, context, deadline) as (reader, writer):
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES_MAX)
        request = h11.Request(
            method="POST",
            target=destination.target,
            headers=[
                ("host", destination.authority),
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
                ("accept-encoding", "identity"),
                ("connection", "close"),
                *headers.items(),
            ],
        )
        for event in (request, h11.Data(body), h11.EndOfMessage()):
            writer.write(connection.send(event) or b"")
        exchange = _Exchange(connection, reader)
        try:
            async with asyncio.timeout_at(deadline):
                # Whoever refuses early may close before it has read all of it; its answer is there all the same.
                with suppress(ConnectionError):
                    await writer.drain()
                head = await exchange.read_head()
        except TimeoutError:
            raise
        except (OSError, EOFError) as error:
            raise Unreachable("the connection broke before there was an answer") from error
        except h11.RemoteProtocolError as error:
            raise Garbled("the answer is not HTTP") from error
        some = await exchange.read_some(deadline)
        read = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        return Answer(head.status_code, read, some)


class _Exchange:
    """The answer's side of a connection."""

    def __init__(self, connection: h11.Connection, reader: asyncio.StreamReader) -> None:
        self._connection = connection
        self._reader = reader
        self._left = ANSWER_BYTES_MAX

    async def read_head(self) -> h11.Response:
        event = await self._next()
        while isinstance(event, h11.InformationalResponse):
            event = await self._next()
        if not isinstance(event, h11.Response):
            raise EOFError  # noqa: TRY004 - no fault of a type: the connection has ended
        return event

    async def read_some(self, deadline: float) -> bytes:
        """Return the beginning of the body. What was decided is known by now, so nothing here is worth an error."""
        body = b""
        until = min(deadline, asyncio.get_running_loop().time() + _LOOK_SECONDS)
        with suppress(OSError, EOFError, h11.RemoteProtocolError):
            async with asyncio.timeout_at(until):
                while len(body) < SHOWN_BYTES:
                    event = await self._next()
                    if not isinstance(event, h11.Data):
                        break
                    body += bytes(event.data)
        return body[:SHOWN_BYTES]

    async def _next(self) -> object:
        while (event := self._connection.next_event()) is h11.NEED_DATA:
            if self._left <= 0:
                raise h11.RemoteProtocolError("the answer is too long")
            some = await self._reader.read(min(self._left, _READ_BYTES))
            if not some and self._left == ANSWER_BYTES_MAX:
                raise EOFError
            self._left -= len(some)
            self._connection.receive_data(some)
        return event


@asynccontextmanager
async def _connect(
    destination: Destination, addresses: Sequence[str], context: ssl.SSLContext, deadline: float
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await _open(destination, addresses, context, deadline)
    try:
        yield reader, writer
    finally:
        # Not closed politely: a farewell that the other side does not answer would be one more thing to wait for.
        writer.transport.abort()


async def _open(
    destination: Destination, addresses: Sequence[str], context: ssl.SSLContext, deadline: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    failure: Exception | None = None
    for address in addresses:
        until = min(deadline, asyncio.get_running_loop().time() + CONNECT_SECONDS)
        try:
            async with asyncio.timeout_at(until):
                return await asyncio.open_connection(
                    address,
                    destination.port,
                    ssl=context if destination.is_tls else None,
                    server_hostname=destination.host if destination.is_tls else None,
                )
        except OSError as error:  # ssl.SSLError and TimeoutError among them
            failure = error
    raise Unreachable(_why(failure)) from failure


def _why(error: Exception | None) -> str:
    """Say in one sentence why there is no connection, without an address in it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "there is no TLS with it"
    if isinstance(error, TimeoutError):
        return f"it took no connection within {CONNECT_SECONDS:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "it refuses connections"
    return "no connection came about"
