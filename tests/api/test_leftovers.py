"""The collector runs rarely, so a request must go by itself when it is over."""

import asyncio
import gc
import socket

import uvicorn
from starlette.types import Receive, Scope

from server.app import not_found
from server.contract import Answer
from server.dispatch import Dispatch
from server.front import Front
from server.http_protocol import BoundedHttp, Exchange
from server.intake import read_body
from tests.support.waiting import wait_until

REQUEST = b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n1"


async def test_nothing_of_a_request_waits_for_the_collector() -> None:
    async def echo(_scope: Scope, receive: Receive, _path: dict[str, str]) -> Answer:
        return Answer(200, await read_body(receive, {}))

    front = Front(not_found, Dispatch("", {"/x": echo}, otherwise=echo))
    config = uvicorn.Config(front, http=BoundedHttp, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(server._serve(sockets=[listener]))
        await wait_until(lambda: server.started)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        gc.collect()
        gc.disable()
        try:
            for _ in range(50):
                writer.write(REQUEST)
                assert (await reader.readuntil(b"\r\n\r\n1")).startswith(b"HTTP/1.1 200")
            # The last one is still the connection's.
            await wait_until(lambda: _count_exchanges() <= 1)
        finally:
            gc.enable()
        writer.close()
        await writer.wait_closed()
        server.should_exit = True
        await running


def _count_exchanges() -> int:
    return sum(isinstance(each, Exchange) for each in gc.get_objects())
