"""RFC 6455 byte by byte, against one server for all: each case ends as it should and leaves nothing behind."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from realtime.live import Live
from server import http_protocol
from server.live import LiveEndpoint
from tests.realtime.clients import ORIGIN, RawClient
from tests.realtime.conformance import (
    CASES,
    CLOSE,
    CONTINUATION,
    HANDSHAKES,
    PING,
    PONG,
    SUBSCRIBE,
    Case,
    frame,
    goodbye,
    handshake,
)
from tests.realtime.history import Ledger
from tests.realtime.living import settings
from tests.realtime.serving import serve
from tests.realtime.waiting import wait_until

_PATIENCE_SECONDS = 10.0
_HEARTBEAT_SECONDS = 0.4
_LINGERS_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Server:
    live: Live
    port: int

    async def is_as_before(self) -> None:
        """Nobody is left, and whoever comes next is served."""
        await wait_until(lambda: not any(self._leftovers().values()))
        async with _connected(self.port) as client:
            await _greet(client)
            client.writer.write(frame(b"well?", PING) + goodbye(1000))
            assert await client.receive() == (PONG, b"well?")
            assert await client.closed() == 1000
        await wait_until(lambda: not any(self._leftovers().values()))

    def _leftovers(self) -> dict[str, int]:
        gauges = self.live.gauges()
        return {name: count for name, count in gauges.items() if name != "buses_held"}


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    """The live layer as it is served, but for heads of requests: they have half a second, not ten."""
    ledger = Ledger()
    ledger.add(1)
    live = Live(ledger, is_only_process=True, settings=settings())
    endpoint = LiveEndpoint(live, allowed_origins=[ORIGIN])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await endpoint(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    await live.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http_protocol, "ARRIVAL_SECONDS", 0.5)
        async with serve(app, http=http_protocol.BoundedHttp) as port:
            yield Server(live, port)
    await live.stop()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_it_ends_as_it_should_and_leaves_nothing_behind(server: Server, case: Case) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS), _connected(server.port) as client:
        await _greet(client)
        client.writer.write(case.wire)
        expected = case.answers or () if case.then else ()
        heard = [_describe(*await client.receive()) for _ in expected]
        client.writer.write(case.then)
        more, code = await _listen(client)
        assert code == case.code
        assert case.answers is None or (*heard, *more) == case.answers
        # The server waits for our goodbye, if it has not had it, then hangs up; it says no more.
        with contextlib.suppress(ConnectionError):
            client.writer.write(goodbye(1000))
        assert await client.rest() == b""
    await server.is_as_before()


@pytest.mark.parametrize("name", HANDSHAKES)
async def test_a_handshake_is_answered_by_its_status(server: Server, name: str) -> None:
    wire, status = HANDSHAKES[name]
    async with asyncio.timeout(_PATIENCE_SECONDS), _opened(server.port) as client:
        client.writer.write(wire)
        answer = await client.reader.readuntil(b"\r\n\r\n")
        assert int(answer.split()[1]) == status, answer
    await server.is_as_before()


async def test_an_unknown_version_of_ours_is_told_by_its_code(server: Server) -> None:
    offer = handshake(b"Sec-WebSocket-Protocol: seatmap.v9")
    async with _connected(server.port, offer) as client:
        assert await client.closed() == 4005
    await server.is_as_before()


async def test_a_handshake_that_never_ends_is_given_up(server: Server) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS), _opened(server.port) as client:
        client.writer.write(handshake()[:-2])
        assert b" 408 " in await client.reader.readuntil(b"\r\n\r\n")
        assert await client.rest() == b""
    await server.is_as_before()


async def test_a_handshake_and_the_first_words_may_come_in_any_slices(server: Server) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS), _opened(server.port) as client:
        await _write_slowly(client, handshake())
        assert b" 101 " in await client.reader.readuntil(b"\r\n\r\n")
        await _greet(client)
        await _write_slowly(client, frame(SUBSCRIBE))
        await _hear(client, "subscribed")
        await _write_slowly(client, goodbye(1000))
        assert await _listen(client) == ([], 1000)
    await server.is_as_before()


@pytest.mark.parametrize("in_one", [True, False])
async def test_words_before_the_handshake_is_answered_harm_nobody(
    server: Server, *, in_one: bool
) -> None:
    """No client may speak so early; what becomes of the words is nobody's promise."""
    async with asyncio.timeout(_PATIENCE_SECONDS), _opened(server.port) as client:
        client.writer.write(handshake())
        for _ in range(200):
            if not in_one:
                await asyncio.sleep(0)
            client.writer.write(frame(b"?", PING))
        await client.rest()
    await server.is_as_before()


async def test_tiny_frames_in_one_read_do_not_pile_up(server: Server) -> None:
    before = server.live.counters.received
    async with asyncio.timeout(_PATIENCE_SECONDS), _connected(server.port) as client:
        await _greet(client)
        client.writer.write(40_000 * frame())
        with contextlib.suppress(ConnectionError):  # what lay unread turns the close into a reset
            assert (await _listen(client))[1] in {4000, 4102}
    await server.is_as_before()
    assert server.live.counters.received - before < 100


async def test_a_peer_that_stops_sending_is_heard_to_the_end(server: Server) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS), _connected(server.port) as client:
        await _greet(client)
        client.writer.write(frame(SUBSCRIBE))
        await _hear(client, "subscribed")
        client.writer.write_eof()
        assert await client.rest() == b""
    await server.is_as_before()


@pytest.mark.parametrize("end", [b"", frame(SUBSCRIBE)[:1], frame(SUBSCRIBE)[:9]])
async def test_a_reset_is_an_end_wherever_it_strikes(server: Server, end: bytes) -> None:
    async with _connected(server.port) as client:
        await _greet(client)
        client.writer.write(end)
        await asyncio.sleep(0)
        raw_socket = client.writer.get_extra_info("socket")
        raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.writer.transport.abort()
    await server.is_as_before()


@pytest.mark.parametrize("wire", [b"", frame(SUBSCRIBE)[:1], frame(SUBSCRIBE[:9], fin=False)])
async def test_a_peer_that_hardly_goes_on_is_told_to_leave(ledger: Ledger, wire: bytes) -> None:
    """Half a frame is no sign of life, nor is a byte of it now and then."""
    quick = settings(connection={"heartbeat_seconds": _HEARTBEAT_SECONDS})
    live = Live(ledger, is_only_process=True, settings=quick)
    await live.start()
    async with serve(LiveEndpoint(live, allowed_origins=[ORIGIN])) as port:
        async with asyncio.timeout(_PATIENCE_SECONDS), _connected(port) as client:
            client.writer.write(wire)
            rest = {0x81: frame(SUBSCRIBE)[1:], 0x01: frame(b" " * 999, CONTINUATION)}
            drip = asyncio.create_task(_drip(client, rest[wire[0]] if wire else b""))
            assert (await _listen(client))[1] == 4201
            drip.cancel()
        await wait_until(lambda: live.gauges()["connections"] == 0)
    await live.stop()


def test_there_are_enough_of_them() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60


@contextlib.asynccontextmanager
async def _opened(port: int) -> AsyncIterator[RawClient]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.transport.abort()


@contextlib.asynccontextmanager
async def _connected(port: int, offer: bytes | None = None) -> AsyncIterator[RawClient]:
    async with _opened(port) as client:
        client.writer.write(offer or handshake())
        assert b" 101 " in await client.reader.readuntil(b"\r\n\r\n")
        yield client


async def _greet(client: RawClient) -> None:
    await _hear(client, "hello")


async def _hear(client: RawClient, type_: str) -> None:
    opcode, payload = await client.receive()
    assert (opcode, json.loads(payload)["type"]) == (1, type_)


async def _listen(client: RawClient) -> tuple[list[str], int]:
    """Return what is said up to the goodbye, and its code."""
    heard: list[str] = []
    while True:
        opcode, payload = await client.receive()
        if opcode == CLOSE:
            return heard, int.from_bytes(payload[:2]) if payload else 1005
        heard.append(_describe(opcode, payload))


def _describe(opcode: int, payload: bytes) -> str:
    if opcode == PONG:
        return f"pong {payload.decode()}".strip()
    return str(json.loads(payload)["type"])


async def _write_slowly(client: RawClient, wire: bytes) -> None:
    for index in range(len(wire)):
        client.writer.write(wire[index : index + 1])
        await asyncio.sleep(0)  # a packet each, and the server's turn in between


async def _drip(client: RawClient, wire: bytes) -> None:
    for index in range(len(wire)):
        client.writer.write(wire[index : index + 1])
        await asyncio.sleep(_LINGERS_SECONDS / 4)
