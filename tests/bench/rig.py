"""What is measured, for real: PostgreSQL on disk and Valkey as the product runs them, and served processes."""

import asyncio
import itertools
import os
import re
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO

from server.embedded.binaries import find_postgres
from tests.bench.machine import Cpu, read_cpu
from tests.support.databases import Databases
from tests.support.servers import ThrowawayPostgres, ThrowawayValkey

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
SERVER = ("-m", "server", "serve")
_READY_SECONDS = 60
_LAST_WORDS = 4_000
_DATABASE = re.compile(r"/[a-z_0-9]+(?=\?|$)")

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Served:
    """Processes that answer HTTP, each on a port of its own."""

    addresses: tuple[Address, ...]
    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rig:
    """Both servers, under way."""

    postgres: ThrowawayPostgres
    valkey: ThrowawayValkey
    databases: Databases

    @property
    def pgbench(self) -> Path:
        return find_postgres().path / "pgbench"

    def as_superuser(self, database_url: str) -> str:
        """Return the URL that sees and may do everything in a database."""
        name = _DATABASE.search(database_url)
        assert name is not None
        return _DATABASE.sub(name[0], self.postgres.superuser_url)

    def read_cpu(self, served: Served | None = None) -> Cpu:
        pids = served.pids if served else ()
        return read_cpu(pids, self.postgres.pid, self.valkey.pid)

    @asynccontextmanager
    async def omnibus(
        self,
        database_url: str,
        *,
        processes: int = 1,
        program: Sequence[str] = SERVER,
        port: int | None = None,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> AsyncIterator[Served]:
        """Serve a database as `omnibus serve` does: every process on a port of its own, as behind a proxy."""
        environment = {
            "OMNIBUS_DATABASE_URL": database_url,
            "OMNIBUS_REDIS_URL": self.valkey.url,
            "OMNIBUS_RATE_LIMITS": "off",
            "OMNIBUS_WORKERS": str(processes),
            # Nobody pays here: bookings that expire while the next are made would be another benchmark.
            "OMNIBUS_PENDING_SECONDS": "3600",
            **settings,
        }
        async with AsyncExitStack() as stack:
            each = [
                await stack.enter_async_context(
                    serve(lambda _: tuple(program), environment, probe="/readyz", port=port)
                )
                for _ in range(processes)
            ]
            yield Served(
                tuple(itertools.chain.from_iterable(one.addresses for one in each)),
                tuple(itertools.chain.from_iterable(one.pids for one in each)),
            )


@contextmanager
def open_servers() -> Iterator[tuple[ThrowawayPostgres, ThrowawayValkey]]:
    """Start both servers, in folders that go away. Only the main thread may."""
    with ThrowawayPostgres() as postgres, ThrowawayValkey() as valkey:
        yield postgres, valkey


@asynccontextmanager
async def serve(
    arguments: Callable[[int], tuple[str, ...]],
    environment: dict[str, str],
    *,
    probe: str,
    port: int | None = None,
) -> AsyncIterator[Served]:
    """Run a Python program that serves on the port it is given, until the block ends."""
    if port is None:
        with socket.create_server((HOST, 0)) as free:
            port = free.getsockname()[1]
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments(port),
            cwd=ROOT,
            env={**os.environ, "OMNIBUS_PORT": str(port), **environment},  # noqa: TID251 - handed on
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
        )
        try:
            async with asyncio.timeout(_READY_SECONDS):
                while not await _answers(port, probe):
                    if process.returncode is not None:
                        raise RuntimeError(
                            f"{arguments(port)} ended with {process.returncode}: {_tail(log)}"
                        )
                    await asyncio.sleep(0.05)
            yield Served(((HOST, port),), (process.pid,))
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


def _tail(log: IO[bytes]) -> str:
    log.seek(max(0, log.seek(0, os.SEEK_END) - _LAST_WORDS))
    return log.read().decode(errors="replace")
