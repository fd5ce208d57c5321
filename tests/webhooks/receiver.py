"""A receiver of webhooks: a process of its own that does what the address it is asked at says, good or bad.

It writes every request that it got to a file, a line of JSON each, before it answers. What runs it is told its port:
`python -m tests.webhooks.receiver LOG [CERTIFICATE]`.
"""

import asyncio
import gzip
import json
import ssl
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
_MIB = b"x" * 2**20


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where a receiver listens, and what it has got so far."""

    port: int
    log: Path
    scheme: str = "http"

    def url(self, path: str) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/{path}"

    def got(self, path: str = "") -> list[dict[str, Any]]:
        """Return the requests for one path, in the order they came."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        requests = [json.loads(line) for line in lines]
        return [each for each in requests if not path or each["path"] == f"/{path}"]

    def let_go(self) -> None:
        """Have those answered who asked at `/held`."""
        self.log.with_suffix(".go").touch()


@asynccontextmanager
async def receiving(folder: Path, certificate: Path | None = None) -> AsyncIterator[Receiver]:
    """Run a receiver for a while."""
    log = folder / "received.jsonl"
    more = () if certificate is None else (str(certificate),)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.webhooks.receiver", str(log), *more),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        yield Receiver(port, log, "http" if certificate is None else "https")
    finally:
        process.kill()
        await process.wait()


class _Desk:
    def __init__(self, log: Path) -> None:
        self._log = log
        self._asked: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            try:
                path = unquote(await self._read(reader))
            except ValueError:
                path = "/status/400"
            what, _, rest = path.strip("/").partition("/")
            await _DEEDS[what](self, writer, rest)
            await writer.drain()
        writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> str:
        first_byte = await reader.readexactly(1)
        if first_byte == b"\x16":  # TLS
            raise ValueError
        head = (first_byte + await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = first.split(" ")
        self._asked[path] += 1
        said = {"method": method, "path": path, "headers": headers, "body": body.decode()}
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(said) + "\n")
        return path

    async def ok(self, writer: asyncio.StreamWriter, _: str) -> None:
        _answer(writer, 200, b"thanks")

    async def status(self, writer: asyncio.StreamWriter, rest: str) -> None:
        """`/status/503/60`: an answer, and how long to wait."""
        status, _, wait = rest.partition("/")
        _answer(writer, int(status), b"no", f"retry-after: {wait}" if wait else "x-y: z")

    async def turns(self, writer: asyncio.StreamWriter, rest: str) -> None:
        """`/turns/500,200`: the first request gets the first answer, the last answer is kept."""
        listed = rest.partition("/")[0].split(",")
        asked = self._asked[f"/turns/{rest}"]
        _answer(writer, int(listed[min(asked, len(listed)) - 1]), b"turn")

    async def away(self, writer: asyncio.StreamWriter, rest: str) -> None:
        _answer(writer, int(rest or 302), b"", "location: /ok/elsewhere")

    async def cookie(self, writer: asyncio.StreamWriter, _: str) -> None:
        _answer(writer, 500, b"", "set-cookie: crumb=1")

    async def silent(self, _writer: asyncio.StreamWriter, _: str) -> None:
        await asyncio.sleep(3600)

    async def held(self, writer: asyncio.StreamWriter, _: str) -> None:
        await wait_until(self._log.with_suffix(".go").exists, seconds=60)
        _answer(writer, 200, b"at last")

    async def dribble(self, writer: asyncio.StreamWriter, _: str) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.2)

    async def huge(self, writer: asyncio.StreamWriter, _: str) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _turn in range(1024):
            writer.write(_MIB)
            await writer.drain()

    async def heads(self, writer: asyncio.StreamWriter, _: str) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x-more: " + b"y" * 4096 + b"\r\n")
            await writer.drain()

    async def continues(self, writer: asyncio.StreamWriter, _: str) -> None:
        while True:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()

    async def garbage(self, writer: asyncio.StreamWriter, _: str) -> None:
        writer.write(bytes(range(256)) * 8)

    async def hangup(self, _writer: asyncio.StreamWriter, _: str) -> None:
        """Say nothing and close."""

    async def half(self, writer: asyncio.StreamWriter, _: str) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-")

    async def bomb(self, writer: asyncio.StreamWriter, _: str) -> None:
        packed = gzip.compress(bytes(10_000_000))
        _answer(writer, 200, packed, "content-encoding: gzip")

    async def binary(self, writer: asyncio.StreamWriter, _: str) -> None:
        _answer(writer, 500, bytes(range(256)) * 8)


_Deed = Callable[[_Desk, asyncio.StreamWriter, str], Awaitable[None]]
_DEEDS: dict[str, _Deed] = {
    deed.__name__: deed
    for deed in (
        *(_Desk.ok, _Desk.status, _Desk.turns, _Desk.away, _Desk.cookie, _Desk.silent),
        *(_Desk.held, _Desk.dribble, _Desk.huge, _Desk.heads, _Desk.continues, _Desk.garbage),
        *(_Desk.hangup, _Desk.half, _Desk.bomb, _Desk.binary),
    )
}


def _answer(writer: asyncio.StreamWriter, status: int, body: bytes, more: str = "x-y: z") -> None:
    writer.write(f"HTTP/1.1 {status} So\r\ncontent-length: {len(body)}\r\n{more}\r\n\r\n".encode())
    writer.write(body)


async def main() -> None:
    log, *certificate = map(Path, sys.argv[1:])
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate[0])
    server = await asyncio.start_server(_Desk(log).serve, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - how the test learns of it
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
