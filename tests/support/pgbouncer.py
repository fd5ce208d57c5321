"""A PgBouncer in transaction mode before the tests' PostgreSQL: fewer sessions than who asks for one."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from server.embedded.privileges import choose_identity
from tests.cli.commands import free_port
from tests.support.waiting import wait_until

PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
needs_pgbouncer = pytest.mark.skipif(
    PGBOUNCER is None, reason="needs PgBouncer: apt-get install pgbouncer"
)
SESSIONS = 4


class PgBouncer:
    def __init__(self, folder: Path, direct_url: str) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        parts = urlsplit(direct_url)
        (host,) = parse_qs(parts.query)["host"]
        database = parts.path.lstrip("/")
        self.url = f"postgresql://omnibus@127.0.0.1:{self.port}/{database}?pooler=transaction"
        (folder / "pgbouncer.ini").write_text(
            "[databases]\n"
            f"{database} = host={host} port=5432 user={parts.username} password={parts.password}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\nmax_client_conn = 500\n"
            f"default_pool_size = {SESSIONS}\nserver_round_robin = 1\n"
            f"logfile = {folder}/pgbouncer.log\npidfile = {folder}/pgbouncer.pid\n"
        )

    async def start(self) -> None:
        identity = choose_identity(self._folder / "nobody")
        if identity is not None:  # it does not run as root, and PostgreSQL's folder is its user's
            for path in (self._folder, *self._folder.iterdir()):
                os.chown(path, identity.uid, identity.gid)
        self._process = await asyncio.create_subprocess_exec(
            *(str(PGBOUNCER), "-q", str(self._folder / "pgbouncer.ini")),
            user=None if identity is None else identity.uid,
            group=None if identity is None else identity.gid,
            extra_groups=None if identity is None else [],
        )
        await wait_until(self._answers)

    async def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            await self._process.wait()

    async def _answers(self) -> bool:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.close()
            return True
        return False


@asynccontextmanager
async def pgbouncer(folder: Path, direct_url: str) -> AsyncIterator[PgBouncer]:
    """Run one in a folder that its user may reach; `url` is the database through it."""
    running = PgBouncer(folder, direct_url)
    try:
        await running.start()
        yield running
    finally:
        await running.end()
