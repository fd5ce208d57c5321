"""Clients as the contract describes them: one that follows the client rule, one made of bytes."""

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from realtime.client import Known, receive
from realtime.protocol import read_server_frame
from tests.realtime.history import Ledger, State
from tests.realtime.waiting import wait_until
from tests.support import promised

Frame = dict[str, Any]
ORIGIN = "http://omnibus.test"


class Watcher:
    """Keeps every frame it got, and the state of every bus by the client rule."""

    def __init__(self, socket_: ClientConnection, ledger: Ledger | None = None) -> None:
        self.socket = socket_
        self.ledger = ledger
        self.frames: list[Frame] = []
        self.at: dict[str, tuple[int, int]] = {}
        self.states: dict[str, State] = {}
        self.is_acking = True
        self.is_reading = asyncio.Event()
        self.is_reading.set()
        self.close_code: int | None = None
        self.task = asyncio.create_task(self._read())

    async def say(self, type_: str, **members: object) -> None:
        frame = json.dumps({"type": type_, **members})
        promised.said(frame)
        await self.socket.send(frame)

    async def get(self, type_: str, *, count: int = 1, **members: object) -> Frame:
        """The count-th frame of that type with these members, once it is there."""

        def found() -> list[Frame]:
            wanted = {"type": type_, **members}.items()
            return [frame for frame in self.frames if wanted <= _hashable(frame).items()]

        await self._until(lambda: len(found()) >= count)
        return found()[count - 1]

    async def closed(self) -> int:
        await self._until(lambda: self.close_code is not None)
        assert self.close_code is not None
        return self.close_code

    async def reaches_head(self, bus_id: int) -> None:
        assert self.ledger is not None
        ledger = self.ledger
        await self._until(lambda: self.at.get(str(bus_id)) == ledger.heads[bus_id])

    def has(self, bus_id: int, at: tuple[int, int], state: State) -> None:
        """What it kept from an earlier connection."""
        self.at[str(bus_id)], self.states[str(bus_id)] = at, dict(state)

    async def _until(self, condition: Callable[[], object]) -> None:
        def is_true() -> object:
            if self.task.done():
                self.task.result()  # a violated rule is the test's failure
            return condition()

        await wait_until(is_true)

    async def _read(self) -> None:
        try:
            while True:
                await self.is_reading.wait()
                text = str(await self.socket.recv())
                promised.heard(text)
                frame = json.loads(text)
                self.frames.append(frame)
                await self._follow(frame)
        except ConnectionClosed as closed:
            self.close_code = closed.rcvd.code if closed.rcvd else 1006

    async def _follow(self, frame: Frame) -> None:
        match frame["type"]:
            case "heartbeat" if self.is_acking:
                await self.say("ack", revs=frame["revs"])
            case "subscribed" | "snapshot" | "delta":
                self._take(frame)

    def _take(self, frame: Frame) -> None:
        bus = frame["bus"]
        before = Known(*self.at[bus], self.states[bus]) if bus in self.at else None
        known, is_missing = receive(before, read_server_frame(json.dumps(frame)))
        assert not is_missing, f"a gap, or another epoch: {frame}"
        assert known is not None
        if "seats" not in frame:
            assert self.at[bus] == (frame["epoch"], frame["rev"])
        elif known is not before:
            self.states[bus] = dict(known.seats)
            self._arrive(frame)

    def _arrive(self, frame: Frame) -> None:
        bus, head = frame["bus"], (frame["epoch"], frame["rev"])
        assert self.at.get(bus, (0, 0)) <= head or self.at[bus][0] != head[0], "sent back"
        self.at[bus] = head
        if self.ledger is not None:
            assert self.states[bus] == self.ledger.states[int(bus)][head], f"not committed: {frame}"


@asynccontextmanager
async def watch(
    port: int, ledger: Ledger | None = None, *, path: str = "/ws", **options: Any
) -> AsyncIterator[Watcher]:
    options = {"origin": ORIGIN, "subprotocols": ["seatmap.v1"], **options}
    async with connect(
        f"ws://127.0.0.1:{port}{path}", proxy=None, compression=None, ping_interval=None, **options
    ) as socket_:
        watcher = Watcher(socket_, ledger)
        try:
            yield watcher
            if watcher.task.done():
                watcher.task.result()
        finally:
            watcher.task.cancel()
            await asyncio.gather(watcher.task, return_exceptions=True)


class RawClient:
    """Speaks frames byte by byte, also those that no library would send."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(
        self,
        payload: bytes,
        *,
        opcode: int = 1,
        fin: bool = True,
        rsv: int = 0,
        masked: bool = True,
    ) -> None:
        head = bytes([fin << 7 | rsv << 4 | opcode])
        size = len(payload)
        bit = 0x80 if masked else 0
        if size < 126:
            head += bytes([bit | size])
        else:
            head += bytes([bit | 126]) + struct.pack("!H", size)
        mask = os.urandom(4) if masked else b""
        body = bytes(b ^ mask[i % 4] for i, b in enumerate(payload)) if masked else payload
        self.writer.write(head + mask + body)

    async def receive(self) -> tuple[int, bytes]:
        """One frame: opcode and payload."""
        first, second = await self.reader.readexactly(2)
        assert not second & 0x80, "a server must not mask"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 0x0F, await self.reader.readexactly(size)

    async def closed(self) -> int:
        """Reads on to the close frame."""
        while True:
            opcode, payload = await self.receive()
            if opcode == 8:
                return int.from_bytes(payload[:2], "big")

    async def rest(self) -> bytes:
        """Whatever is still coming before the end or a reset."""
        rest = b""
        with contextlib.suppress(ConnectionError):
            while data := await self.reader.read(2**16):
                rest += data
        return rest


@asynccontextmanager
async def raw(port: int, *, receive_bytes: int | None = None) -> AsyncIterator[RawClient]:
    handshake = (
        b"GET /ws HTTP/1.1\r\nHost: omnibus.test\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: seatmap.v1\r\n\r\n"
    )
    async with _ask(port, handshake, receive_bytes) as client:
        assert b" 101 " in await client.reader.readuntil(b"\r\n\r\n")
        yield client


@asynccontextmanager
async def slow_reader(port: int, path: str) -> AsyncIterator[RawClient]:
    """One that asks over plain HTTP and then reads nothing."""
    question = f"GET {path} HTTP/1.1\r\nHost: omnibus.test\r\n\r\n".encode()
    async with _ask(port, question, 4096) as client:
        yield client


@asynccontextmanager
async def _ask(port: int, question: bytes, receive_bytes: int | None) -> AsyncIterator[RawClient]:
    connection = socket.socket()
    if receive_bytes is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.setblocking(False)  # noqa: FBT003 - the standard library's signature
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    # The stream's own buffer is small too, or it would read for a client that does not.
    reader, writer = await asyncio.open_connection(sock=connection, limit=receive_bytes or 2**16)
    writer.write(question)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.transport.abort()


def _hashable(frame: Frame) -> dict[str, Any]:
    return {name: value for name, value in frame.items() if not isinstance(value, list | dict)}
