"""A process that serves, as an operator would start it; and what it wrote while it ran."""

import contextlib
import os
import re
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Self

from tests.faults.client import Client, fetch_status
from tests.support import forked
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
_FAILURE = re.compile(
    r'^http_server_request_duration_seconds_count(\{.*status="(?:5\d\d|0)".*)$', re.MULTILINE
)
_TOLD = re.compile(rb"^counted as failed: .*$", re.MULTILINE)
REAL = ("server", "serve")


class Served:
    """One process on a port of its own. `module` and its arguments are what Python runs."""

    def __init__(
        self,
        database_url: str,
        redis_url: str,
        *,
        module: tuple[str, ...] = REAL,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._module = module
        self._settings = {
            "OMNIBUS_DATABASE_URL": database_url,
            "OMNIBUS_REDIS_URL": redis_url,
            "OMNIBUS_PORT": str(self.port),
            "OMNIBUS_RATE_LIMITS": "off",
            **(settings or {}),
        }
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._reported: set[str] = set()
        self._process: forked.Process | None = None

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    async def __aenter__(self) -> Self:
        self._process = forked.Process.start(
            *self._module, environment=self._settings, stdout=self._log, stderr=self._log
        )
        try:
            await wait_until(self._is_ready, seconds=60)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._log.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        with self._log:
            self._process.send_signal(signal.SIGTERM)
            assert await self._process.wait() == 0, self.log()

    def log(self) -> str:
        """Return everything it has written so far."""
        return self._written_since(0).decode()

    async def failures(self) -> list[str]:
        """Return what it has answered with a 5xx, or not at all, and has not reported here before."""
        with contextlib.closing(Client(self.port)) as client:
            text = (await client.send("GET", "/metrics")).body.decode()
        found = set(_FAILURE.findall(text)) - self._reported
        self._reported |= found
        return sorted(found)

    def _written_since(self, at: int) -> bytes:
        # The process writes where the file stands, so nobody here may move it.
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size - at, at)

    async def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, self.log()
        return await fetch_status(self.port, "/readyz") == 200


class Telling(Served):
    """One that writes of every failure as it counts it.

    Who has served a thousand tests counts so many routes and outcomes that showing all of them takes longer than most
    of the tests.
    """

    def __init__(self, database_url: str, redis_url: str) -> None:
        super().__init__(database_url, redis_url, module=("tests.api.telling_server", "serve"))
        self._read_to = 0

    async def failures(self) -> list[str]:
        """Return what it has answered with a 5xx, or not at all, since this was asked before."""
        # What was answered before this has been counted.
        assert await fetch_status(self.port, "/livez") == 200, self.log()
        written = self._written_since(self._read_to)
        whole, newline, _ = written.rpartition(b"\n")
        self._read_to += len(whole) + len(newline)
        return sorted(line.decode() for line in _TOLD.findall(whole))


@contextlib.asynccontextmanager
async def serving(*processes: Served) -> AsyncIterator[tuple[Served, ...]]:
    """Run several at once and stop them all."""
    async with contextlib.AsyncExitStack() as stack:
        for process in processes:
            await stack.enter_async_context(process)
        yield processes


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
