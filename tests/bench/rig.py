"""What is measured, for real: PostgreSQL on disk and Valkey as the product runs them, and served processes."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from server.embedded.binaries import find_postgres
from tests.support.databases import Databases
from tests.support.servers import ThrowawayPostgres, ThrowawayValkey

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
_READY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Rig:
    """Both servers, under way."""

    postgres: ThrowawayPostgres
    valkey: ThrowawayValkey
    databases: Databases

    @property
    def pgbench(self) -> Path:
        return find_postgres().path / "pgbench"

    @asynccontextmanager
    async def omnibus(self, database_url: str) -> AsyncIterator["Served"]:
        """Serve a database with one API process, as `omnibus serve` does."""
        environment = {
            "OMNIBUS_DATABASE_URL": database_url,
            "OMNIBUS_REDIS_URL": self.valkey.url,
            "OMNIBUS_RATE_LIMITS": "off",
        }
        async with serve(
            lambda _: ("-m", "server", "serve"), environment, probe="/readyz"
        ) as served:
            yield served


@dataclass(frozen=True, slots=True)
class Served:
    """A process that answers HTTP on a port of its own."""

    port: int
    pid: int

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port


@contextmanager
def open_servers() -> Iterator[tuple[ThrowawayPostgres, ThrowawayValkey]]:
    """Start both servers, in folders that go away. Only the main thread may."""
    with ThrowawayPostgres() as postgres, ThrowawayValkey() as valkey:
        yield postgres, valkey


@asynccontextmanager
async def serve(
    arguments: Callable[[int], tuple[str, ...]], environment: dict[str, str], *, probe: str
) -> AsyncIterator[Served]:
    """Run a Python program that serves on the port it is given, until the block ends."""
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments(port),
        cwd=ROOT,
        env={**os.environ, "OMNIBUS_PORT": str(port), **environment},  # noqa: TID251 - handed on
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_READY_SECONDS):
            while not await _answers(port, probe):
                if process.returncode is not None:
                    raise RuntimeError(f"{arguments(port)} ended with {process.returncode}")
                await asyncio.sleep(0.05)
        yield Served(port, process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _answers(port: int, path: str) -> bool:
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode())
            return b" 200 " in await reader.readline()
        finally:
            writer.close()
    return False
