"""Where frames leave: what the hub needs of a socket, and how to have it from any ASGI server."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from realtime.frames import unframe

HIGH_WATER_BYTES = 64 * 1024  # a socket with more than this before it is full

LANE_EXTENSION = "omnibus.lane"  # where the ASGI scope offers an Outlet of its own

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Outlet(Protocol):
    """A socket that takes whole frames, never blocks, and says how much it has not sent yet."""

    @property
    def is_open(self) -> bool: ...

    @property
    def is_full(self) -> bool:
        """Went above the high water mark and has not drained since."""

    def offer(self, data: bytes) -> bool:
        """Whole frames, unless the socket is full: then False. A closing one takes all, unsent."""

    def write(self, data: bytes) -> None:
        """The same, full or not."""

    def buffered(self) -> int:
        """Bytes this process still holds for the client."""

    def close(self, code: int, reason: str) -> None:
        """Start the closing handshake; abort if it does not end soon."""

    def abort(self) -> None:
        """Drop the connection and whatever is buffered, now."""


class PlainOutlet:
    """The same over ASGI's `send`, for servers without the raw lane.

    `send` may block for as long as the client does not read, so one task at a time feeds it. What
    waits here stands in for the transport's buffer and obeys the same marks.
    """

    def __init__(self, send: Send, *, linger_seconds: float = 3.0) -> None:
        self._send = send
        self._linger_seconds = linger_seconds
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._closing: tuple[int, str] | None = None
        self._feeder: asyncio.Task[None] | None = None
        self._is_gone = False
        self.aborted = asyncio.Event()  # ASGI cannot abort: the endpoint returns when it sees this

    @property
    def is_open(self) -> bool:
        return self._closing is None and not self._is_gone

    @property
    def is_full(self) -> bool:
        return self._waiting_bytes > HIGH_WATER_BYTES

    def offer(self, data: bytes) -> bool:
        if self._waiting_bytes > HIGH_WATER_BYTES:
            return False
        self.write(data)
        return True

    def write(self, data: bytes) -> None:
        if self.is_open:
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            self._feed()

    def buffered(self) -> int:
        return self._waiting_bytes

    def close(self, code: int, reason: str) -> None:
        if self.is_open:
            self._closing = (code, reason)
            self._feed()
            asyncio.get_running_loop().call_later(self._linger_seconds, self.abort)

    def abort(self) -> None:
        self.detach()
        self.aborted.set()

    def detach(self) -> None:
        """The client is gone: nothing more can be sent."""
        self._is_gone = True
        self._waiting.clear()
        self._waiting_bytes = 0
        if self._feeder is not None:
            self._feeder.cancel()

    def _feed(self) -> None:
        if self._feeder is None:
            self._feeder = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._waiting:
                data = self._waiting[0]
                for payload in unframe(data):
                    await self._send({"type": "websocket.send", "text": payload.decode()})
                self._waiting.popleft()
                self._waiting_bytes -= len(data)
            if self._closing is not None:
                code, reason = self._closing
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
                self._is_gone = True
        except Exception:  # noqa: BLE001 - every server has its own way to say that the peer left
            self._is_gone = True
        finally:
            self._feeder = None
