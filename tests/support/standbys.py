"""Streaming standbys of a throwaway PostgreSQL: real ones, copied by `pg_basebackup` from the same wheel.

A standby can hold back what it has received (`pause`), die like any server (`kill`), and take over (`promote`).
"""

import os
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg

from server.embedded.children import Launch, run_to_end
from server.embedded.cluster import CLEAN_ENV
from server.embedded.postgres import PostgresServer
from tests.support.memory import in_memory
from tests.support.servers import ThrowawayPostgres
from tests.support.waiting import wait_until

_PASSWORDS = "passwords.json"


class _StandbyServer(PostgresServer):
    """Starts on a copy of another one's data, where logins and databases are those of the other."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._is_provisioned = True

    def copy(self, conninfo: str) -> None:
        folder = self.cluster.path
        folder.mkdir(mode=0o700)
        if self.identity is not None:
            os.chown(folder, self.identity.uid, self.identity.gid)
        self.cluster.open()
        home = self.cluster.argument
        run_to_end(
            Launch(
                argv=(
                    str(self.programs / "pg_basebackup"),
                    *(f"--pgdata={home}", f"--dbname={conninfo}"),
                    *("--wal-method=stream", "--checkpoint=fast", "--no-sync"),
                ),
                env=CLEAN_ENV,
                folder=Path("/"),
                identity=self.identity,
                pass_fds=self.cluster.pass_fds,
            ),
            "pg_basebackup",
        )
        (folder / "standby.signal").touch()


class ThrowawayStandby(ThrowawayPostgres):
    """Follows `primary`, which knows it as `name`. Make it while that one runs."""

    def __init__(
        self, primary: ThrowawayPostgres, name: str, settings: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._primary = primary
        conninfo = _conninfo(primary.superuser_url, name)
        # Polls for what it has not got more often than every five seconds, and notices a dead primary by itself.
        own = {"primary_conninfo": conninfo, "wal_retrieve_retry_interval": "100ms"}
        self._settings_of_standby = {**own, **(settings or {})}
        super().__init__(bindir=primary._bindir, settings=self._settings_of_standby)
        assert isinstance(self._server, _StandbyServer)
        self._server.copy(conninfo)

    def copy_anew(self, primary: ThrowawayPostgres) -> None:
        """Stop, forget everything, and begin again as a standby of another primary; start it after that."""
        self.stop()
        shutil.rmtree(self.folder / "postgres")
        self._primary = primary
        conninfo = _conninfo(primary.superuser_url, self.name)
        self._settings_of_standby["primary_conninfo"] = conninfo
        self._server = self._open()
        assert isinstance(self._server, _StandbyServer)
        self._server.copy(conninfo)

    def _open(self) -> PostgresServer:
        passwords = self.folder / _PASSWORDS
        if not passwords.exists():
            shutil.copy(self._primary.folder / _PASSWORDS, passwords)
        return _StandbyServer(
            self.folder,
            self._run_folder,
            programs=self._bindir,
            settings=self._settings_of_standby,
        )

    async def pause(self) -> None:
        """Go on receiving, and show nothing of it."""
        await self.run("SELECT pg_wal_replay_pause()")
        await wait_until(self._is_paused)

    async def resume(self) -> None:
        await self.run("SELECT pg_wal_replay_resume()")

    async def receive_no_more(self) -> None:
        """Follow nobody from now on, and show what there is."""
        await self.run("ALTER SYSTEM SET primary_conninfo = ''")
        await self.run("SELECT pg_reload_conf()")

        async def is_alone() -> bool:
            return bool(await self.run("SELECT count(*) FROM pg_stat_wal_receiver") == 0)

        await wait_until(is_alone)

    async def promote(self) -> None:
        """Take over, once everything that was received is replayed."""
        await self.run("SELECT pg_promote()")

    async def run(self, statement: str) -> Any:
        return await run_as_superuser(self, statement)

    async def is_followed(self) -> bool:
        """Whether its primary waits for it at every commit."""
        synchronous = "SELECT application_name FROM pg_stat_replication WHERE sync_state = 'sync'"
        return bool(await run_as_superuser(self._primary, synchronous) == self.name)

    async def _is_paused(self) -> bool:
        return bool(await self.run("SELECT pg_get_wal_replay_pause_state() = 'paused'"))


async def run_as_superuser(server: ThrowawayPostgres, statement: str) -> Any:
    """Run one statement on the server that `server` is, in a session of its own."""
    connection = await asyncpg.connect(server.superuser_url, database="postgres")
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def wait_for(primary: ThrowawayPostgres, standby: ThrowawayStandby) -> None:
    """Have every commit wait until this standby has it, too; `forget_changes` before it is started without it."""
    await run_as_superuser(
        primary, f"ALTER SYSTEM SET synchronous_standby_names = '{standby.name}'"
    )
    await run_as_superuser(primary, "SELECT pg_reload_conf()")
    await wait_until(standby.is_followed)


def forget_changes(server: ThrowawayPostgres) -> None:
    """Undo what ALTER SYSTEM has set on a server that does not run."""
    (server.folder / "postgres" / "postgresql.auto.conf").write_text("")


async def fence_off(server: ThrowawayPostgres) -> None:
    """Let a server take no new writes, and wait for those under way."""
    await run_as_superuser(server, "ALTER SYSTEM SET default_transaction_read_only = on")
    await run_as_superuser(server, "SELECT pg_reload_conf()")

    async def is_still() -> bool:
        writers = "SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
        return bool(await run_as_superuser(server, writers) == 0)

    await wait_until(is_still)


async def wait_caught_up(primary: ThrowawayPostgres, *standbys: ThrowawayStandby) -> None:
    """Wait until the standbys show everything that the primary has committed by now."""
    position = await run_as_superuser(primary, "SELECT pg_current_wal_flush_lsn()::text")
    for standby in standbys:

        async def has_it(standby: ThrowawayStandby = standby) -> bool:
            shows = f"SELECT pg_last_wal_replay_lsn() >= '{position}'::pg_lsn"
            return bool(await standby.run(shows))

        await wait_until(has_it)


def several(*servers: ThrowawayPostgres, database: str = "omnibus") -> str:
    """Return one URL that names all of them, as a deployment's does that is to survive its primary."""
    first = urlsplit(servers[0].url)
    hosts = ",".join(socket_folder(server) for server in servers)
    return f"postgresql://{first.username}:{first.password}@/{database}?host={hosts}"


def socket_folder(server: ThrowawayPostgres) -> str:
    return parse_qs(urlsplit(server.url).query)["host"][0]


@contextmanager
def trio(bindir: Path | None) -> Iterator[tuple[ThrowawayPostgres, list[ThrowawayStandby]]]:
    """Run a primary and two standbys, `one` and `two`."""
    with ExitStack() as stack, in_memory():
        primary = stack.enter_context(ThrowawayPostgres(bindir=bindir))
        standbys = [stack.enter_context(ThrowawayStandby(primary, name)) for name in ("one", "two")]
        yield primary, standbys


@asynccontextmanager
async def paused(*standbys: ThrowawayStandby) -> AsyncIterator[None]:
    """Have standbys stand still for a while."""
    for standby in standbys:
        await standby.pause()
    try:
        yield
    finally:
        for standby in standbys:
            await standby.resume()


def _conninfo(url: str, name: str) -> str:
    parts = urlsplit(url)
    folder = parse_qs(parts.query)["host"][0]
    login = f"user={parts.username} password={parts.password}"
    return f"host={folder} {login} application_name={name}"
