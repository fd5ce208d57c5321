"""A client of one bus for programs: follows the client rule, comes back by itself, and says how fresh it is.

`receive` is the rule, pure; `follow` is the rest: heartbeats, silence, goodbyes, pauses with full jitter.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from realtime.protocol import (
    SUBPROTOCOL,
    Ack,
    Auth,
    BadMessage,
    Bye,
    ClientFrame,
    Delta,
    Error,
    Heartbeat,
    Hello,
    ServerFrame,
    Snapshot,
    Status,
    Subscribe,
    Subscribed,
    read_server_frame,
)

HEARTBEAT_SECONDS = 20.0  # until the server says its own
_GRACE_SECONDS = 10.0
_OPEN_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 20.0
_CROWDED_SECONDS = 5.0
_HEALTHY_SECONDS = 30.0
_LOST = 1006
_BROKEN = "the connection broke"

Freshness = Literal["live", "late", "lost"]
"""Changes come at once; they may be late, as the server says; or there is no connection."""


@dataclass(frozen=True, slots=True)
class Known:
    """A committed state of a bus: a letter for every segment of each seat."""

    epoch: int
    rev: int
    seats: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class News:
    """What a client knows now. `reason` is why it is not live."""

    known: Known | None
    freshness: Freshness
    reason: str = ""


class Stopped(Exception):
    """The server will not tell us, and asking again would not help."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def receive(known: Known | None, frame: ServerFrame) -> tuple[Known | None, bool]:
    """Take a frame in; True means that something is missing: subscribe again from where we are."""
    match frame:
        case Subscribed(epoch=epoch, rev=rev, seats=tuple(seats)):
            return Known(epoch, rev, dict(seats)), False
        case Snapshot(epoch=epoch, rev=rev, seats=seats):
            return Known(epoch, rev, dict(seats)), False
        case Delta():
            return _follow(known, frame)
        case Heartbeat(revs=revs) if known is not None:
            return known, any(rev > known.rev for rev in revs.values())
        case _:
            return known, False


def _follow(known: Known | None, delta: Delta) -> tuple[Known | None, bool]:
    if known is None or delta.epoch != known.epoch:
        return known, True
    if delta.rev <= known.rev:
        return known, False
    if delta.prev > known.rev:
        return known, True
    return Known(known.epoch, delta.rev, {**known.seats, **dict(delta.seats)}), False


def pause_before(attempt: int, chance: float) -> float:
    """Return seconds to wait: full jitter, so that those who lost one server do not come back together."""
    ceiling = _FIRST_PAUSE_SECONDS * 2.0 ** min(attempt, 16)
    return chance * min(_LONGEST_PAUSE_SECONDS, ceiling)


async def follow(
    url: str, bus: str, *, token: str | None = None, known: Known | None = None
) -> AsyncGenerator[News, None]:
    """Yield what is known of a bus whenever it changes, for ever; over as many connections as it takes.

    `url` is that of `/ws`; `known` is where to go on from. Raises Stopped when there is no such bus or the server
    refuses us for good, and nothing while it is merely away. Close it (`aclosing`) to hang up.
    """
    attempt = 0
    while True:
        session = _Session(bus, known)
        began_at = time.monotonic()
        try:
            async with _connect(url) as socket:
                await session.greet(socket, token)
                async with aclosing(session.listen(socket)) as heard:
                    async for news in heard:
                        yield news
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else _LOST
            session.end = (code, closed.rcvd.reason if closed.rcvd else "")
        except (TimeoutError, OSError, InvalidHandshake) as error:
            session.end = (_LOST, str(error) or type(error).__name__)
        known = session.known
        code, reason = session.end
        if 4000 <= code < 4100:
            raise Stopped(str(code), reason)
        attempt = 0 if time.monotonic() - began_at > _HEALTHY_SECONDS else attempt + 1
        yield News(known, "lost", reason or _BROKEN)
        await asyncio.sleep(session.pause(attempt))


def _connect(url: str) -> connect:
    try:
        return connect(
            url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            ping_interval=None,  # heartbeats tell more
            open_timeout=_OPEN_SECONDS,
            close_timeout=1.0,
        )
    except InvalidURI as error:
        raise Stopped("address", str(error)) from error


class _Session:
    """One connection, from the first subscribe to the end. `end` is how it ended: a close code, and why."""

    def __init__(self, bus: str, known: Known | None) -> None:
        self.known = known
        self.end: tuple[int, str] = (_LOST, "")
        self._bus = bus
        self._request = 0
        self._silence_seconds = HEARTBEAT_SECONDS + _GRACE_SECONDS
        self._freshness: Freshness = "live"
        self._reconnect_in_ms: tuple[int, int] | None = None

    async def greet(self, socket: ClientConnection, token: str | None) -> None:
        if token is not None:
            await _say(socket, Auth(0, token))
        await self._ask(socket)

    async def listen(self, socket: ClientConnection) -> AsyncGenerator[News, None]:
        """Yield until the connection ends, by ConnectionClosed or, after too long a silence, TimeoutError."""
        has_answer = False
        while True:
            try:
                async with asyncio.timeout(self._silence_seconds):
                    frame = read_server_frame(str(await socket.recv()))
            except BadMessage:
                continue  # a frame of a server that is newer than we are
            before = self.known, self._freshness, has_answer
            has_answer = await self._heed(socket, frame) or has_answer
            if has_answer and before != (self.known, self._freshness, has_answer):
                yield News(
                    self.known,
                    self._freshness,
                    "" if self._freshness == "live" else "the server says so",
                )

    def pause(self, attempt: int) -> float:
        """Return seconds to wait before the next connection; the server may have named them."""
        chance = random.random()  # noqa: S311 - spreads load, keeps no secret
        if self._reconnect_in_ms is not None:
            earliest, latest = self._reconnect_in_ms
            return (earliest + chance * (latest - earliest)) / 1000
        crowded = _CROWDED_SECONDS if 4100 <= self.end[0] < 4200 else 0.0
        return crowded + pause_before(attempt, chance)

    async def _heed(self, socket: ClientConnection, frame: ServerFrame) -> bool:
        """Do what a frame asks for; return whether it answers our last question."""
        self.known, is_behind = receive(self.known, frame)
        match frame:
            case Hello(heartbeat=seconds):
                self._silence_seconds = seconds + _GRACE_SECONDS
            case Heartbeat():
                revs = {} if self.known is None else {self._bus: self.known.rev}
                await _say(socket, Ack(revs))
            case Status(live=is_live):
                self._freshness = "live" if is_live else "late"
            case Bye(reconnect_in=reconnect_in):
                self._reconnect_in_ms = reconnect_in
            case Error(code="overloaded"):
                await asyncio.sleep(pause_before(1, 1.0))
                is_behind = True
            case Error(code=code, detail=detail):
                raise Stopped(code, detail)
            case _:
                pass
        if is_behind:
            await self._ask(socket)
        return isinstance(frame, Subscribed) and frame.id == self._request

    async def _ask(self, socket: ClientConnection) -> None:
        self._request += 1
        known = self.known
        await _say(
            socket,
            Subscribe(
                self._request,
                bus=self._bus,
                epoch=None if known is None else known.epoch,
                rev=None if known is None else known.rev,
            ),
        )


async def _say(socket: ClientConnection, frame: ClientFrame) -> None:
    await socket.send(msgspec.json.encode(frame).decode())
