"""One client of a bus' event stream (server-sent events): the frames of `seatmap.v1`, told in one direction.

To the hub it is a watcher like any other. What is written to it are the very frames that sockets get; they become
events on the way out, so a slow reader is treated as a slow socket is: a snapshot once it has drained, or the door.
"""

import asyncio
import random
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from realtime import frames
from realtime.connection import Surroundings
from realtime.effects import Head
from realtime.outlet import PlainOutlet, Send
from realtime.protocol import (
    BUS_ID_MAX,
    Bye,
    CloseCode,
    Delta,
    ErrorCode,
    ServerFrame,
    Snapshot,
    Status,
    Subscribed,
    read_server_frame,
)

SIGN_OF_LIFE = frames.frame(b"")
"""Becomes a comment: it keeps proxies from hanging up and tells a dead client from a quiet bus."""

RECONNECT_IN_MS = (0, 2000)
_BYE = '{"type":"bye"'


def read_event_id(text: str) -> Head | None:
    """Return the point that `Last-Event-ID` names; None for anything that is no id of ours."""
    epoch, colon, rev = text.partition(":")
    if not colon:
        return None
    numbers = [_read_number(part) for part in (epoch, rev)]
    return None if None in numbers else Head(*numbers)  # type: ignore[arg-type]  # none is None


def _read_number(text: str) -> int | None:
    if not (text.isascii() and text.isdecimal()) or len(text) > 19:
        return None
    number = int(text)
    return number if number <= BUS_ID_MAX else None


class EventOutlet(PlainOutlet):
    """Holds what there is to tell until `open` says where to; then frames leave as events."""

    def __init__(self) -> None:
        super().__init__(self._tell)
        self.begun: asyncio.Future[ErrorCode | None] = asyncio.get_running_loop().create_future()
        """Done when there is something to tell: None, or why there never will be."""
        self._opened: asyncio.Future[Send] = asyncio.get_running_loop().create_future()
        self._cut: Callable[[], None] = lambda: None

    def open(self, send: Send, cut: Callable[[], None]) -> None:
        """`send` takes ASGI's `http.response.body`; `cut` drops the connection with all that is unsent."""
        self._opened.set_result(send)
        self._cut = cut

    def write(self, data: bytes) -> None:
        self.begin(None)
        super().write(data)

    def begin(self, refusal: ErrorCode | None) -> None:
        if not self.begun.done():
            self.begun.set_result(refusal)

    def abort(self) -> None:
        super().abort()
        self._cut()

    async def _tell(self, message: Any) -> None:
        send = await asyncio.shield(self._opened)
        if message["type"] == "websocket.close":
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            body = event_of(message["text"])
            await send({"type": "http.response.body", "body": body, "more_body": True})


class Stream:
    """Watches one bus. Never waits for its outlet."""

    __slots__ = ("_around", "_beat_seconds", "_hub", "_spoke_at", "buses", "is_closed", "outlet")

    def __init__(self, outlet: EventOutlet, around: Surroundings) -> None:
        self.outlet = outlet
        self.buses: set[int] = set()
        self.is_closed = False
        self._around = around
        self._hub = around.hub
        spread = random.uniform(0.75, 0.9)  # noqa: S311 - spreads load, keeps no secret
        self._beat_seconds = around.settings.heartbeat_seconds * spread
        self._spoke_at = time.monotonic()

    def send(self, message: ServerFrame) -> None:
        self.send_packed(frames.pack(message))

    def send_packed(self, wire: bytes) -> None:
        # Before the first event nothing else is told: the answer may still be that there is no such bus.
        if self.outlet.begun.done():
            self._spoke_at = time.monotonic()
            self.outlet.write(wire)
            self._hub.note_reply(self)

    def refuse(self, request_id: int, code: ErrorCode) -> None:
        """The hub has nothing to tell of this bus."""
        del request_id
        if not self.outlet.begun.done():
            self._around.counters.errors[code] += 1
            self.outlet.begin(code)
        else:
            self.close(CloseCode.REBUILT)  # who asks again is told by a status

    def close(self, code: CloseCode) -> None:
        if not self.is_closed:
            self._around.counters.closed[int(code)] += 1
            if (
                code is not CloseCode.DRAINING
            ):  # which was said already, by whoever empties the house
                self.outlet.write(frames.pack(Bye(int(code), RECONNECT_IN_MS)))
            self.lost()
            self.outlet.close(int(code), code.reason)

    def abort(self) -> None:
        if not self.is_closed:
            self.lost()
            self.outlet.abort()

    def lost(self) -> None:
        """The connection is gone, whoever ended it."""
        if not self.is_closed:
            self.is_closed = True
            self._hub.leave(self)

    def beat(self, now: float) -> float | None:
        """Called when due; returns when it is due again, None once it is over."""
        if self.is_closed:
            return None
        due = max(self._spoke_at, self._hub.spoke_at(self.buses)) + self._beat_seconds
        if now < due:
            return due
        if not self._hub.is_full(self):
            self._around.counters.heartbeats += 1
            self.send_packed(SIGN_OF_LIFE)
        return now + self._beat_seconds


def event_of(text: str) -> bytes:
    """Return a frame as an event; one without a text, and the word that nothing is new, as a comment."""
    if not text:
        return b":\n\n"
    if text.startswith(_BYE):
        # Drawn for each client: they leave together and must not come back together.
        earliest, latest = msgspec.json.decode(text, type=Bye).reconnect_in
        wait_ms = random.randint(earliest, latest)  # noqa: S311 - spreads load, keeps no secret
        return b"retry: %d\n%b" % (wait_ms, _write("bye", text))
    return _event_of(text)


# A change goes to every stream of its bus.
@lru_cache(maxsize=64)
def _event_of(text: str) -> bytes:
    match read_server_frame(text):
        case Subscribed(bus=bus, epoch=epoch, rev=rev, seats=tuple(seats)):
            snapshot = msgspec.json.encode(Snapshot(bus, epoch, rev, seats)).decode()
            return _write("snapshot", snapshot, f"{epoch}:{rev}")
        case Subscribed():
            return b": nothing is new\n\n"
        case Snapshot(epoch=epoch, rev=rev):
            return _write("snapshot", text, f"{epoch}:{rev}")
        case Delta(epoch=epoch, rev=rev):
            return _write("delta", text, f"{epoch}:{rev}")
        case Status():
            return _write("status", text)
        case other:
            raise AssertionError(f"no event is made of {other!r}")


def _write(name: str, data: str, event_id: str | None = None) -> bytes:
    # Our JSON has no line breaks, so it is one line of data.
    id_line = "" if event_id is None else f"id: {event_id}\n"
    return f"event: {name}\n{id_line}data: {data}\n\n".encode()
