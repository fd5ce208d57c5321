"""What stands between some visitors and the web: a proxy that lets no WebSocket through, and perhaps no stream."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

_HEAD_END = b"\r\n\r\n"
_REFUSAL = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class StrictProxy:
    """Serves one request a connection, so that it sees the head of each."""

    def __init__(self, port_behind: int, *forbidden: bytes) -> None:
        self.refused = 0
        self.streams = 0
        self.url = ""
        self.links: set[asyncio.Task[None]] = set()
        self._port_behind = port_behind
        self._forbidden = forbidden

    async def serve(self, visitor: asyncio.StreamReader, to_visitor: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.links.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve(visitor, to_visitor)
        finally:
            self.links.discard(task)
            await _hang_up(to_visitor)

    async def _serve(self, visitor: asyncio.StreamReader, to_visitor: asyncio.StreamWriter) -> None:
        head = await visitor.readuntil(_HEAD_END)
        if any(word in head.lower() for word in self._forbidden):
            self.refused += 1
            to_visitor.write(_REFUSAL)
            await to_visitor.drain()
            return
        line, _, rest = head.partition(b"\r\n")
        self.streams += b"/stream " in line
        kept = [name for name in rest.split(b"\r\n") if not name.lower().startswith(b"connection:")]
        server, to_server = await asyncio.open_connection("127.0.0.1", self._port_behind)
        to_server.write(b"\r\n".join([line, b"connection: close", *kept]))
        # Whoever hangs up first, the other side hears of it.
        ways = [
            asyncio.create_task(_pump(visitor, to_server)),
            asyncio.create_task(_pump(server, to_visitor)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await _hang_up(to_server)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@contextlib.asynccontextmanager
async def strict_proxy(port_behind: int, *forbidden: bytes) -> AsyncIterator[StrictProxy]:
    """Pass on everything but requests whose head has one of these words, in lower case."""
    proxy = StrictProxy(port_behind, *forbidden)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        links = list(proxy.links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)
        await server.wait_closed()
