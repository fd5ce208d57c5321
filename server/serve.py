"""One API process: opens the services, runs uvicorn, and leaves in good order."""

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import Coroutine, Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from server import http_protocol
from server.app import create_app
from server.config import Settings
from server.device_keys import socket_jobs
from server.gate import Gate
from server.jobs import Job, house_jobs, money_jobs, run_jobs, sweep_jobs, webhook_jobs
from server.mail.post_office import open_postman
from server.services import open_services, open_workshop
from server.waiting.keeper import Keeper
from server.webhooks.destinations import destinations_of
from server.webhooks.sender import Sender
from server.work.handler import Work
from server.work.outbox import Part, open_outbox

_DRAIN_SECONDS = 3
_FAREWELL_SECONDS = 0.5
_LARGEST_MESSAGE = 4096
_GARBAGE_THRESHOLDS = (100_000, 50, 50)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: it would close every socket at once, before anyone was told."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def say_farewell(self) -> None:
        """Stop listening, and for a moment let every answer close its connection.

        Left to itself uvicorn cuts every connection that is idle, and with it the request that is just arriving there.
        """
        if not self.started:
            return
        for listener in self.servers:
            listener.close()
        close = (b"connection", b"close")
        self.config.encoded_headers.append(close)
        self.server_state.default_headers = [*self.server_state.default_headers, close]
        await asyncio.sleep(_FAREWELL_SECONDS)


async def serve(settings: Settings, *, listen_on: socket.socket | None = None) -> None:
    """Serve until SIGINT or SIGTERM, then tell the sockets, finish the requests, close the pools."""
    async with open_services(settings) as services:
        by_load = settings.waiting_rooms == "load"
        keeper = Keeper(services.store, services.usher, opens_by_load=by_load)
        _collect_garbage_rarely()
        server = _Server(_config(settings, create_app(services)))
        jobs = asyncio.create_task(
            run_jobs(
                [
                    *sweep_jobs(services.store),
                    *money_jobs(services.cashier),
                    Job("demo webhooks", 0.5, services.demo_courier.deliver),
                    *socket_jobs(services.live, services.store.devices),
                    Job("waiting rooms", 1.0, keeper.look),
                    Job("security log", 2.0, services.security_log.write),
                ]
            )
        )
        leaving, _ = _on_signals()
        serving = asyncio.create_task(server.serve(sockets=[listen_on] if listen_on else None))
        await asyncio.wait({serving, leaving}, return_when=asyncio.FIRST_COMPLETED)
        await services.live.drain()
        await server.say_farewell()
        server.should_exit = True
        await serving
        leaving.cancel()
        await _cancel(jobs)


async def work(settings: Settings, part: Part = Part.WHOLE) -> None:
    """Run the house's jobs and those of the outbox until SIGINT or SIGTERM.

    Told so once, it claims no more, finishes what runs within two seconds and a half and gives back the rest; told
    twice, it leaves at once, and what it had is free for others when its leases are over.
    """
    async with open_workshop(settings) as (store, cashier):
        postman = open_postman(store, settings)
        sender = Sender(store, destinations_of(settings))
        clock = asyncio.create_task(
            run_jobs(
                [
                    *sweep_jobs(store),
                    *money_jobs(cashier),
                    *house_jobs(store, postman),
                    *webhook_jobs(store, sender),
                ]
            )
        )
        outbox = open_outbox(Work(store, settings, cashier), part)
        working = asyncio.create_task(outbox.run())
        leaving, hurrying = _on_signals()
        await asyncio.wait({clock, working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        outbox.leave()
        await _cancel(clock)
        await sender.close()
        await asyncio.wait({working, hurrying}, return_when=asyncio.FIRST_COMPLETED)
        await _cancel(working)
        await postman.close()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on uvloop where there is one."""
    if sys.platform == "win32":
        asyncio.run(main)
        return
    import uvloop  # noqa: PLC0415 - not on every platform

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def _config(settings: Settings, app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=http_protocol.BoundedHttp.behind(Gate(settings.requests_at_once)),
        ws="realtime.lane:LaneProtocol",
        ws_max_size=_LARGEST_MESSAGE,
        ws_per_message_deflate=False,
        ws_ping_interval=None,  # our heartbeats do it, with jitter and without a timer for every socket
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=http_protocol.SILENCE_SECONDS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        proxy_headers=False,
    )


def _collect_garbage_rarely() -> None:
    """Look for cycles only now and then: nearly all that a request makes goes when its last reference goes.

    With Python's thresholds the collector walks through every bus kept in memory, many times a second, and takes a
    quarter of the CPU of a booking (`make bench`, section a).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)


def _on_signals() -> "tuple[asyncio.Future[None], asyncio.Future[None]]":
    """Return what the first SIGINT or SIGTERM brings about, and what the second does."""
    loop = asyncio.get_running_loop()
    leaving: asyncio.Future[None] = loop.create_future()
    hurrying: asyncio.Future[None] = loop.create_future()

    def leave() -> None:
        if not leaving.done():
            leaving.set_result(None)
        elif not hurrying.done():
            hurrying.set_result(None)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leave)
    return leaving, hurrying


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
