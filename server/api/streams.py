"""The event stream of a bus: what `/ws` tells, as server-sent events, for whom no WebSocket can be had."""

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import Final

from starlette.types import Receive, Scope, Send

from realtime.effects import Head
from realtime.lane import SEND_BUFFER_BYTES
from realtime.live import Live
from realtime.protocol import Status
from realtime.stream import EventOutlet, Stream, read_event_id
from server.api.buses import bus_of
from server.contract import Access, Call, Flow, Operation, problem_answer, send_answer
from server.http_protocol import TRANSPORT_EXTENSION
from server.problems import HttpProblem
from store.errors import NotFound, Overloaded, StoreError

MEDIA: Final = "text/event-stream"
RETRY_AFTER_SECONDS: Final = 5
BEGIN_SECONDS: Final = 2.0
"""How long the first event may take before the client is told that it will take longer."""
_HEADERS: Final = (
    (b"content-type", MEDIA.encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


async def stream_bus(call: Call) -> Flow:
    """Follow a bus as server-sent events: a snapshot, then every change, as `/ws` tells them."""
    last = call.headers.get(b"last-event-id", b"").decode("latin-1")
    told = _Telling(call.services.live, bus_of(call), read_event_id(last), call.client)
    return Flow(told.run)


@dataclass(frozen=True, slots=True)
class _Telling:
    """One client's stream, from the door to the end."""

    live: Live
    bus_id: int
    claim: Head | None
    address: str

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._admit()
        except HttpProblem as problem:
            await _refuse(problem, scope, send)
            return
        outlet = EventOutlet()
        stream = self.live.attach_stream(outlet, self.bus_id, self.claim)
        try:
            await self._tell(stream, outlet, scope, receive, send)
        except StoreError as error:
            await _refuse(error, scope, send)
        finally:
            self.live.detach(stream)
            outlet.detach()
            self.live.release(self.address)

    def _admit(self) -> None:
        if self.live.is_draining:
            self.live.counters.refused["draining"] += 1
            raise _full(503, "overloaded", "The server goes away")
        refused = self.live.admit(self.address)
        if refused == "process":
            raise _full(503, "overloaded", "The server has as many clients as it takes")
        if refused is not None:
            raise _full(429, "rate_limited", "Too many streams and sockets from this address")

    async def _tell(
        self, stream: Stream, outlet: EventOutlet, scope: Scope, receive: Receive, send: Send, /
    ) -> None:
        await _begin(outlet)
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS]})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        if not self.live.healthy:
            stream.send(Status(live=False))
        _open(outlet, scope, send)
        # One task is all that a client costs while nothing happens.
        while (await receive())["type"] != "http.disconnect":
            pass


async def _begin(outlet: EventOutlet) -> None:
    """Wait for the first event, so that a bus that is not there gets a status; raise NotFound or Overloaded."""
    try:
        async with asyncio.timeout(BEGIN_SECONDS):
            refusal = await asyncio.shield(outlet.begun)
    except TimeoutError:
        outlet.begin(None)  # the database does not answer: the client is told so, and waits
        return
    if refusal is not None:
        raise NotFound("bus") if refusal == "not_found" else Overloaded(RETRY_AFTER_SECONDS)


def _open(outlet: EventOutlet, scope: Scope, send: Send) -> None:
    transport: asyncio.Transport | None = scope["extensions"].get(TRANSPORT_EXTENSION)
    if transport is None:
        outlet.open(send, lambda: None)
        return
    outlet.open(send, transport.abort)
    raw_socket = transport.get_extra_info("socket")
    if raw_socket is not None:
        with contextlib.suppress(OSError):  # gone already, or of a kind that has no buffer
            raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)


def _full(status: int, code: str, title: str) -> HttpProblem:
    return HttpProblem(
        status, code, title, "come back in a few seconds", retry_after=RETRY_AFTER_SECONDS
    )


async def _refuse(error: StoreError | HttpProblem, scope: Scope, send: Send) -> None:
    await send_answer(send, problem_answer(error, scope["omnibus.request_id"]))


OPERATIONS = (
    Operation(
        "GET",
        "/buses/{bus}/stream",
        stream_bus,
        returns=None,
        access=Access.READERS,
        text=MEDIA,
        problems=(NotFound, Overloaded),
        refusals={429: "rate_limited"},
        headers={
            "Last-Event-ID": "Where the client is (`epoch:rev`); it is told only what is new since"
        },
    ),
)
