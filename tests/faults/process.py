"""One `serve` process on a port of its own, to be killed, stopped and started again."""

import asyncio
import signal
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.faults.client import fetch_status
from tests.support import forked
from tests.support.waiting import wait_until


class Process:
    """`log` gets what it writes, start after start; `settings` are those of the environment, without their prefix."""

    def __init__(self, log: Path, **settings: str) -> None:
        self.port = _free_port()
        self._log = log
        self._environment = {
            "OMNIBUS_PORT": str(self.port),
            "OMNIBUS_RATE_LIMITS": "off",
            **{f"OMNIBUS_{name.upper()}": value for name, value in settings.items()},
        }
        self._process: forked.Process | None = None
        self.program: tuple[str, ...] = ("server",)
        """The module that is run, and what it takes before the command."""

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        assert self._process is None, "it runs already"
        with self._log.open("ab") as log:
            self._process = forked.Process.start(
                *self.program, "serve", environment=self._environment, stdout=log, stderr=log
            )
        await wait_until(self.is_ready, seconds=60)

    async def is_ready(self) -> bool:
        assert self._process is not None, "it does not run"
        assert self._process.returncode is None, f"it has ended; see {self._log}"
        return await fetch_status(self.port, "/readyz") == 200

    async def is_unready(self) -> bool:
        return await fetch_status(self.port, "/readyz") == 503

    async def kill(self) -> None:
        """End it in the middle of whatever it does."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to leave; return its exit code."""
        return await self._end(signal.SIGTERM)

    async def arm(self) -> None:
        """Let a mortal server (`mortal_server.py`) die at the next fault point of its choice."""
        assert self._process is not None, "it does not run"
        told = self._armings()
        self._process.send_signal(signal.SIGUSR1)
        await wait_until(lambda: self._armings() > told)

    async def has_died(self) -> None:
        """Wait until it has killed itself."""
        assert self._process is not None, "it does not run"
        process, self._process = self._process, None
        async with asyncio.timeout(30):
            assert await process.wait() == -signal.SIGKILL

    def errors(self) -> list[str]:
        """Return what it logged as errors, over all its runs."""
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if '"level": "warning"' not in line]

    def _armings(self) -> int:
        return self._log.read_bytes().count(b"\narmed\n")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            await self.kill()

    async def _end(self, number: signal.Signals) -> int:
        assert self._process is not None, "it does not run"
        process, self._process = self._process, None
        process.send_signal(number)
        return await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
