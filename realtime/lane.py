"""The raw lane: prebuilt frames go straight to the transport of uvicorn's WebSocket protocol.

Per client that is a third of what `await send(...)` costs, and the only way to abort a socket that
does not drain: uvicorn's own `transport.close()` waits for its buffer for ever. It rests on private
names of uvicorn's sans-IO protocol; a contract test pins them, and where one is missing the
extension is not offered, so that the endpoint falls back to `send`.
"""

import asyncio
import contextlib
import socket
import time
from typing import Any, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import OPEN

from realtime.inbox import Gate, Inbox
from realtime.limits import TokenBucket
from realtime.outlet import HIGH_WATER_BYTES, LANE_EXTENSION
from realtime.protocol import CloseCode

# Room in the kernel for one client. The default grows to megabytes, behind which a stalled client
# stays unnoticed for minutes.
SEND_BUFFER_BYTES = 128 * 1024

LINGER_SECONDS = 3.0  # from the end of the conversation to the abort of whoever does not hang up
READ_SLICE_BYTES = 4096
QUEUED_MESSAGES_MAX = 32  # one read may carry thousands of tiny frames, all parsed at once
FRAGMENTS_MAX = 64
CONTROL_FRAMES_PER_SECOND = 10.0
CONTROL_FRAMES_BURST = 20
PONGS_BUFFERED_BYTES_MAX = 256 * 1024

PRIVATE_NAMES = (
    "close_sent",
    "close_timer",
    "conn",
    "frames",
    "handle_parser_exception",
    "handshake_complete",
    "loop",
    "queue",
    "read_paused",
    "transport",
    "writable",
)


HANDSHAKE_NAMES = ("request", "response")  # read no more once the answer is sent


class Lane:
    """What the endpoint finds in `scope["extensions"]["omnibus.lane"]`; it is an Outlet.

    `offer` is where the time goes: with a thousand clients every object it touches costs a cache
    miss. So it looks at one flag, which the protocol keeps true to its state by calling `sync`.
    """

    __slots__ = ("_conn", "_is_ready", "_protocol", "_send", "_transport", "is_full")

    def __init__(self, protocol: "LaneProtocol") -> None:
        self.is_full = False
        self._is_ready = False  # open and not full
        self._protocol = protocol
        self._conn = protocol.conn
        self._transport = protocol.transport
        self._send = protocol.transport.write

    @property
    def is_open(self) -> bool:
        # A transport takes writes after close() and sends them while it still has a backlog: data
        # after the close frame.
        return self._conn.state is OPEN and not self._transport.is_closing()

    def offer(self, data: bytes) -> bool:
        if self._is_ready:
            self._send(data)
            return True
        return not (self.is_full and self.is_open)

    def write(self, data: bytes) -> None:
        if self.is_open:
            self._send(data)

    def buffered(self) -> int:
        return self._transport.get_write_buffer_size()

    def close(self, code: int, reason: str) -> None:
        if self.is_open:
            self._protocol.start_close(code, reason)
        else:
            self._protocol.bury()  # somebody else began to close it; see that it ends

    def abort(self) -> None:
        self._transport.abort()
        self.sync()

    def sync(self) -> None:
        """After everything that may open, close, fill or drain the socket."""
        self._is_ready = self.is_open and not self.is_full


class LaneProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol with the lane, an end for every socket, and limits on what it reads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queue = cast("Any", Inbox())
        self.writable = cast("Any", Gate())
        self._lane: Lane | None = None
        self._bury_timer: asyncio.TimerHandle | None = None
        self._is_lost = False
        self._control_bucket = TokenBucket(
            CONTROL_FRAMES_PER_SECOND, CONTROL_FRAMES_BURST, now=time.monotonic()
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        if all(hasattr(self, name) for name in PRIVATE_NAMES):
            self._lane = Lane(self)
        raw_socket = transport.get_extra_info("socket")
        if raw_socket is not None:
            with contextlib.suppress(OSError):  # gone already, or of a kind that has no buffer
                raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        if self._bury_timer is not None:
            self._bury_timer.cancel()
        super().connection_lost(exc)
        self._sync()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._sync(is_full=True)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._sync(is_full=False)

    async def send(self, message: ASGISendEvent) -> None:
        try:
            await super().send(message)
            if message["type"] == "websocket.accept":
                self._forget_handshake()
            elif message["type"] == "websocket.http.response.body" and self.close_sent:
                # The handshake is refused and answered; uvicorn would log it as an error of ours.
                self.handshake_complete = True
        finally:
            self._sync()

    def _forget_handshake(self) -> None:
        """Nothing of it is needed any more but the scope, which is the application's."""
        for name in HANDSHAKE_NAMES:
            self.__dict__.pop(name, None)

    async def run_asgi(self) -> None:
        if self._lane is not None:
            extensions = cast("dict[str, object]", self.scope["extensions"])
            extensions[LANE_EXTENSION] = self._lane
        try:
            await super().run_asgi()
        finally:
            self.bury()

    def start_close(self, code: int, reason: str) -> None:
        """What `send` does for `websocket.close`, without waiting for a full socket to drain."""
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()  # the client's close frame is still to come
        self.close_timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        self._sync()

    def bury(self) -> None:
        """The conversation is over; a peer that neither reads nor hangs up gets no more time."""
        self._sync()
        if not self._is_lost and self._bury_timer is None:
            self._bury_timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        # The parser works through all it is given before anybody can object.
        for start in range(0, len(data), READ_SLICE_BYTES):
            if not self.transport.is_closing():
                super().data_received(data[start : start + READ_SLICE_BYTES])
        if self.conn.handshake_exc is not None and not self.handshake_complete:
            self._reject()

    def eof_received(self) -> None:
        self.transport.close()  # as the loop would next; it takes as long as the backlog
        self.bury()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.bury()

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self.bury()

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self.bury()

    def shutdown(self) -> None:
        super().shutdown()
        self.bury()

    def send_receive_event_to_app(self) -> None:
        if not self.close_sent and self.queue.qsize() >= QUEUED_MESSAGES_MAX:
            self._fail(CloseCode.TOO_FAST)
        else:
            super().send_receive_event_to_app()

    def handle_cont(self, event: Frame) -> None:
        # Empty fragments add nothing to the size that the parser limits.
        if len(self.frames) >= FRAGMENTS_MAX:
            self._fail(CloseCode.TOO_BIG)
        else:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        if self.transport.get_write_buffer_size() > PONGS_BUFFERED_BYTES_MAX:
            self.transport.abort()  # it pings and never reads
        elif self._control_bucket.take(time.monotonic()):
            super().handle_ping()
        else:
            self._fail(CloseCode.TOO_FAST)

    def handle_pong(self, event: Frame) -> None:
        if self._control_bucket.take(time.monotonic()):
            super().handle_pong(event)
        else:
            self._fail(CloseCode.TOO_FAST)

    def _reject(self) -> None:
        """The library has refused what is no handshake and has its answer ready; uvicorn would leave it there."""
        if not self.transport.is_closing():
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            self.transport.close()
            self.bury()

    def _fail(self, code: CloseCode) -> None:
        if not self.close_sent and not self.transport.is_closing():
            self.conn.fail(code, code.reason)
            self.handle_parser_exception()

    def _sync(self, *, is_full: bool | None = None) -> None:
        if self._lane is not None:
            if is_full is not None:
                self._lane.is_full = is_full
            self._lane.sync()
