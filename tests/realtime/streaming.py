"""The event stream of a live layer behind the HTTP protocol that serves it, and a client of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import httpx2
import uvicorn

from realtime.live import Live
from server.api import streams
from server.app import not_found
from server.contract import Endpoint
from server.dispatch import Dispatch
from server.front import Front
from server.gate import Gate
from server.http_protocol import BoundedHttp
from server.services import Services
from tests.realtime.clients import Frame
from tests.realtime.history import Ledger, State
from tests.realtime.living import Served, settings
from tests.realtime.serving import run
from tests.realtime.waiting import wait_until
from tests.support import promised


def app(live: Live) -> Front:
    """The one operation of the API that is about the live layer alone."""
    store = SimpleNamespace(reader=SimpleNamespace(standbys=()))
    services = cast("Services", SimpleNamespace(live=live, pacing=None, store=store))
    (operation,) = streams.OPERATIONS
    endpoint = Endpoint([operation], services)
    return Front(
        not_found, Dispatch("/api/v1", {operation.path: endpoint.answer}, otherwise=endpoint.answer)
    )


@asynccontextmanager
async def streaming(
    ledger: Ledger, *, requests_at_once: int = 512, **options: Any
) -> AsyncIterator[Served]:
    options.setdefault("with_settings", settings())
    options.setdefault("is_only_process", True)
    live = Live(ledger, settings=options.pop("with_settings"), **options)
    await live.start()
    config = uvicorn.Config(
        app(live),
        http=BoundedHttp.behind(Gate(requests_at_once)),
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=2,
    )
    try:
        async with run(config) as port:
            yield Served(live, ledger, port)
            await live.drain()
    finally:
        await live.stop()


@dataclass
class Event:
    name: str = "message"
    id: str | None = None
    data: Frame = field(default_factory=dict)


class Listener:
    """Keeps what an event stream says, and follows the client rule."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.events: list[Event] = []
        self.comments: list[str] = []
        self.retry_ms: int | None = None
        self.at: tuple[int, int] | None = None
        self.state: State = {}
        self.is_over = False
        self.is_reading = asyncio.Event()
        self.is_reading.set()

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]

    async def reaches_head(self, bus_id: int) -> None:
        await wait_until(lambda: self.at == self.ledger.heads[bus_id])
        assert self.state == self.ledger.state(bus_id)

    async def read(self, response: httpx2.Response) -> None:
        event = Event()
        async for line in response.aiter_lines():
            await self.is_reading.wait()
            name, _, value = line.partition(": ")
            match name:
                case "" if not line:
                    if event.data:
                        self._take(event)
                    event = Event()
                case "" | ":":
                    self.comments.append(value)
                case "event":
                    event.name = value
                case "id":
                    event.id = value
                case "data":
                    promised.followed(value)
                    event.data = json.loads(value)
                case "retry":
                    self.retry_ms = int(value)
                case _:
                    raise AssertionError(f"not a line of an event stream: {line!r}")
        self.is_over = True

    def _take(self, event: Event) -> None:
        frame = event.data
        assert event.name == frame["type"]
        self.events.append(event)
        if "rev" not in frame:
            return
        head = (frame["epoch"], frame["rev"])
        assert event.id == f"{head[0]}:{head[1]}"
        if event.name == "snapshot":
            self.state = dict(frame["seats"])
        else:
            assert self.at is not None
            assert self.at[0] == head[0], "a delta leads to another epoch"
            assert frame["prev"] <= self.at[1], "a gap"
            self.state |= dict(frame["seats"])
        self.at = head
        assert self.state == self.ledger.states[int(frame["bus"])][head], f"not committed: {frame}"


@asynccontextmanager
async def listen(
    served: Served, bus: str = "1", *, last: str | None = None, state: State | None = None
) -> AsyncIterator[Listener]:
    """A client that is being told; `last` and `state` are what it kept from before."""
    listener = Listener(served.ledger)
    if last is not None and state is not None:
        epoch, _, rev = last.partition(":")
        listener.at, listener.state = (int(epoch), int(rev)), dict(state)
    headers = {} if last is None else {"last-event-id": last}
    async with (
        httpx2.AsyncClient(trust_env=False, verify=False, timeout=10) as client,
        client.stream("GET", url(served, bus), headers=headers) as response,
    ):
        assert response.status_code == 200
        reading = asyncio.create_task(listener.read(response))
        try:
            yield listener
        finally:
            if reading.done():
                reading.result()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def url(served: Served, bus: str = "1") -> str:
    return f"http://127.0.0.1:{served.port}/api/v1/buses/{bus}/stream"
