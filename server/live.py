"""`/ws`: decides who may open a socket, then moves messages between it and the live layer."""

import asyncio
import time
from collections.abc import Collection, Iterator
from functools import partial
from typing import Final

from starlette.types import Receive, Scope, Send

from realtime.connection import Connection
from realtime.limits import TokenBucket
from realtime.live import Live
from realtime.outlet import LANE_EXTENSION, Outlet, PlainOutlet
from realtime.protocol import SUBPROTOCOL, CloseCode
from realtime.supervise import cancel

RETRY_AFTER_SECONDS: Final = 5


class LiveEndpoint:
    """An ASGI application for one path, mounted as it is.

    A browser sees nothing of a refused handshake but "closed, 1006", and would try again for ever.
    Where it should know better, the handshake succeeds and a close code says why; a page of a
    foreign origin is owed no such courtesy, nor is anybody while too many are being refused.
    """

    def __init__(
        self, live: Live, *, allowed_origins: Collection[str], is_origin_required: bool = False
    ) -> None:
        self._live = live
        self._allowed_origins = frozenset(allowed_origins)
        self._is_origin_required = is_origin_required
        limits = live.settings.admission
        self._refusals = TokenBucket(
            limits.refusals_per_second, limits.refusals_burst, now=time.monotonic()
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        if (await receive())["type"] != "websocket.connect":
            return
        if not self._is_origin_allowed(scope):
            self._live.counters.refused["origin"] += 1
            await _deny(scope, send, 403)
            return
        if _has_token(scope):
            self._live.counters.refused["token in url"] += 1
            await _deny(scope, send, 400)
            return
        offered: list[str] = scope["subprotocols"]
        if offered and SUBPROTOCOL not in offered:
            self._live.counters.refused["version"] += 1
            await self._refuse(scope, receive, send, CloseCode.UNSUPPORTED_VERSION)
            return
        if self._live.is_draining:
            self._live.counters.refused["draining"] += 1
            await _deny(scope, send, 503)
            return
        address = _address(scope)
        refusal = self._live.admit(address)
        if refusal is not None:
            is_hasty = refusal == "handshakes"
            code = CloseCode.TOO_FAST if is_hasty else CloseCode.TOO_MANY_CONNECTIONS
            await self._refuse(scope, receive, send, code)
            return
        try:
            await send(
                {"type": "websocket.accept", "subprotocol": SUBPROTOCOL if offered else None}
            )
            await self._serve(scope, receive, send)
        finally:
            self._live.release(address)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        lane: Outlet | None = (scope.get("extensions") or {}).get(LANE_EXTENSION)
        is_program = not any(_origins(scope))
        attach = partial(
            self._live.attach, must_authenticate=is_program and self._is_origin_required
        )
        if lane is not None:
            connection = attach(lane)
            try:
                await _read(connection, receive)
            finally:
                self._live.detach(connection)
            return
        outlet = PlainOutlet(send)
        connection = attach(outlet)
        reader = asyncio.create_task(_read(connection, receive))
        aborted = asyncio.create_task(outlet.aborted.wait())
        try:
            await asyncio.wait((reader, aborted), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._live.detach(connection)
            outlet.detach()
            await cancel((reader, aborted))

    def _is_origin_allowed(self, scope: Scope) -> bool:
        """A browser cannot leave its origin out; whoever does is no page that somebody else wrote.

        `null` is what sandboxed frames and local files call themselves, and never on the list.
        """
        return all(origin in self._allowed_origins for origin in _origins(scope))

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, code: CloseCode) -> None:
        """Accept and close at once, so that a browser learns the code."""
        if not self._refusals.take(time.monotonic()):
            await _deny(scope, send, 503)
            return
        # A browser accepts only what it offered; it may have its word for the moment it lasts.
        offered: list[str] = scope["subprotocols"]
        chosen = SUBPROTOCOL if SUBPROTOCOL in offered else next(iter(offered), None)
        await send({"type": "websocket.accept", "subprotocol": chosen})
        await send({"type": "websocket.close", "code": int(code), "reason": code.reason})
        self._live.counters.closed[int(code)] += 1
        while (await receive())["type"] != "websocket.disconnect":
            pass


async def _read(connection: Connection, receive: Receive) -> None:
    # Always back to `receive` at once: while nobody waits here uvicorn reads nothing, not even the
    # pongs and acks that prove the client alive.
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            connection.ended(message.get("code", 1005))
            return
        await connection.receive(message.get("text"))


async def _deny(scope: Scope, send: Send, status: int) -> None:
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-length", b"0")]
    if status == 503:
        headers.append((b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b""})


def _origins(scope: Scope) -> Iterator[str]:
    return (value.decode("latin-1") for name, value in scope["headers"] if name == b"origin")


def _has_token(scope: Scope) -> bool:
    """Addresses end up in logs and histories; a client that puts a secret there must not get used to it."""
    return b"token" in scope["query_string"].lower()


def _address(scope: Scope) -> str | None:
    client = scope.get("client")
    return client[0] if client else None
