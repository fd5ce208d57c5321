"""A crowd of watchers in a process of its own, as the sections of the live layer use it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.bench.rig import ROOT

_LIVE_SECONDS = 90.0
_LINE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Report:
    """What the crowd saw since its last report, and what that took."""

    cpu: float
    seconds: float
    live: int
    lost: int
    reads: int
    received_bytes: int
    last_revs: dict[str, int]  # how many watchers saw which revision last
    arrivals: list[tuple[str, float]]

    @property
    def share(self) -> float:
        """Of a core, in percent: far from 100, the crowd was never what the server waited for."""
        return 100 * self.cpu / self.seconds


class Crowd:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    async def is_live(self) -> float:
        """Wait until everybody watches; return when that was, by the monotonic clock of the machine."""
        async with asyncio.timeout(_LIVE_SECONDS):
            moment: float = (await self._read())["live"]
        return moment

    async def report(self) -> Report:
        assert self._process.stdin is not None
        self._process.stdin.write(b"report\n")
        while "cpu" not in (found := await self._read()):
            pass
        return Report(**found)

    async def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the crowd has gone")
        found: dict[str, Any] = json.loads(line)
        return found


@asynccontextmanager
async def crowd(
    port: int, sockets: int, buses: Sequence[int], **more: bool
) -> AsyncIterator[Crowd]:
    """Let another process open all sockets and read what comes, until the block ends."""
    plan = {"port": port, "sockets": sockets, "buses": list(buses), **more}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.crowd", json.dumps(plan)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES,
    )
    try:
        watching = Crowd(process)
        await watching.is_live()
        yield watching
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
