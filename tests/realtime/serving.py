"""A real uvicorn on a loopback port, in the test's own event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from realtime.lane import LaneProtocol
from tests.realtime.waiting import wait_until

RAW: type[asyncio.Protocol] = LaneProtocol
STOCK: type[asyncio.Protocol] = WebSocketsSansIOProtocol


@asynccontextmanager
async def serve(
    app: Any,
    protocol: type[asyncio.Protocol] = RAW,
    *,
    http: Any = "auto",
    is_compressing: bool = False,
) -> AsyncIterator[int]:
    config = uvicorn.Config(
        app,
        ws=protocol,
        http=http,
        ws_per_message_deflate=is_compressing,
        ws_max_size=4096,
        ws_ping_interval=None,
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=2,
    )
    async with run(config) as port:
        yield port


@asynccontextmanager
async def run(config: uvicorn.Config) -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        server = uvicorn.Server(config)
        # `serve` would take the signal handlers, which are pytest's.
        running = asyncio.create_task(server._serve(sockets=[listener]))
        await wait_until(lambda: server.started)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await running
