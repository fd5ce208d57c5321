"""What a run runs against, all to be hurt: three served processes, PostgreSQL behind a proxy that knows it, Valkey."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from store.db import Database
from store.migrate import migrate
from tests.faults.client import fetch_status
from tests.support import forked
from tests.support.fault_proxy import FaultProxy, fault_proxy
from tests.support.servers import ThrowawayPostgres, ThrowawayValkey
from tests.support.waiting import wait_until

_ROOT = Path(__file__).resolve().parents[2]
_READY_SECONDS = 60.0
_GIVEN_UP_SECONDS = 0.2
_PROCESSES = 3
HOLD_SECONDS, PENDING_SECONDS = 2, 3


class Api:
    """One `serve` process on a port of its own; it ends when we do."""

    def __init__(self, log: Path, settings: dict[str, str], program: str) -> None:
        self.log = log
        self._program = program
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port: int = free.getsockname()[1]
        self._environment = {
            "PATH": os.defpath,
            "OMNIBUS_PORT": str(self.port),
            **{f"OMNIBUS_{name.upper()}": value for name, value in settings.items()},
        }
        self._process: forked.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it is ready; again if it gives up, as it may while PostgreSQL is down."""
        self._process = self._spawn()
        await wait_until(self._is_up, seconds=_READY_SECONDS)

    def _spawn(self) -> forked.Process:
        with self.log.open("ab") as log:
            return forked.Process.start(
                self._program, "serve", environment=self._environment, stdout=log, stderr=log
            )

    async def _is_up(self) -> bool:
        if self._process is None or self._process.returncode is not None:
            await asyncio.sleep(_GIVEN_UP_SECONDS)
            self._process = self._spawn()
        return await self.is_answering()

    async def is_answering(self) -> bool:
        return await fetch_status(self.port, "/readyz") == 200

    async def kill(self) -> None:
        """End it in the middle of whatever it does; it may have ended by itself."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def freeze(self) -> None:
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None, "not started"
        with suppress(ProcessLookupError):  # it may have given up
            self._process.send_signal(number)


@dataclass(slots=True)
class Rig:
    postgres: ThrowawayPostgres
    valkey: ThrowawayValkey
    proxy: FaultProxy
    apis: Sequence[Api]
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def ports(self) -> list[int]:
        return [api.port for api in self.apis]

    async def restart_postgres(self, seconds: float) -> None:
        """Cut its power, and let it come back after a while."""
        self.postgres.kill()
        await asyncio.sleep(seconds)
        await self.postgres.start_soon()

    async def restart_valkey(self, seconds: float) -> None:
        self.valkey.kill()
        await asyncio.sleep(seconds)
        await self.valkey.start_soon()

    async def is_well(self) -> bool:
        """Whether every process says that it is ready."""
        return all([await api.is_answering() for api in self.apis])


@contextmanager
def open_servers() -> Iterator[tuple[ThrowawayPostgres, ThrowawayValkey]]:
    """Start both servers, in folders that go away. Only the main thread may."""
    with ThrowawayPostgres() as postgres, ThrowawayValkey() as valkey:
        yield postgres, valkey


@asynccontextmanager
async def open_rig(
    postgres: ThrowawayPostgres, valkey: ThrowawayValkey, logs: Path, *, program: str = "server"
) -> AsyncIterator[Rig]:
    """Migrate the database and serve it, with holds and unpaid bookings that do not last."""
    await migrate(postgres.url)
    async with fault_proxy(postgres.url) as proxy:
        settings = {
            "database_url": proxy.url,
            "redis_url": valkey.url,
            "rate_limits": "off",
            "db_pool_size": "24",
            "hold_seconds": str(HOLD_SECONDS),
            "pending_seconds": str(PENDING_SECONDS),
        }
        apis = [
            Api(logs / f"api-{number}.log", settings, program)
            for number in range(1, _PROCESSES + 1)
        ]
        try:
            await asyncio.gather(*(api.start() for api in apis))
            yield Rig(postgres, valkey, proxy, apis, await _versions(postgres.url))
        finally:
            for api in apis:
                await api.kill()


async def _versions(url: str) -> dict[str, str]:
    database = await Database.connect(url, size=1)
    try:
        row = await database.fetchrow("SELECT current_setting('server_version') AS version")
    finally:
        await database.close()
    assert row is not None
    return {"Python": sys.version.split()[0], "PostgreSQL": row["version"].split()[0]}
