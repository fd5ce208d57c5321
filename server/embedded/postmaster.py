"""A PostgreSQL server on a cluster, as a service: how it is started, when it is ready, what it leaves behind."""

import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from server.embedded.children import Launch, Service, last_lines
from server.embedded.cluster import CLEAN_ENV, SETTINGS_FILE, Cluster
from server.embedded.errors import StartError
from server.embedded.privileges import Identity
from server.embedded.strays import clear_strays, wait_gone

DATABASE = "omnibus"
_LOG_SECONDS = 1.0


class Postmaster(Service):
    """Listens at one socket in the run folder; `port` is only a part of the socket's name."""

    port: int
    # Recovery after a crash may take its time; a server that fails ends by itself, at once.
    ready_seconds = 300.0

    def __init__(
        self, cluster: Cluster, run_folder: Path, programs: Path, identity: Identity | None
    ) -> None:
        self.cluster = cluster
        self.identity = identity
        self.programs = programs
        self.run_folder = run_folder
        self._output = cluster.path.with_name(f"{cluster.path.name}.out")
        self._stale_lock_file = ""

    def launch(self, settings: Mapping[str, str]) -> Launch:
        """Return how to start it on its cluster, which must be there, after clearing what an earlier one left."""
        self.cluster.write_settings(settings)
        # The folder is ours alone, so what lies there is of a server that is gone.
        path = socket_path(self.run_folder, self.port)
        for each in (path, path.with_name(path.name + ".lock")):
            each.unlink(missing_ok=True)
        self._stale_lock_file = self.cluster.read_lock_file()
        self.cluster.open()
        home = self.cluster.argument
        return Launch(
            argv=(
                str(self.programs / "postgres"),
                *("-D", home, "-c", f"config_file={home}/{SETTINGS_FILE}"),
            ),
            env=CLEAN_ENV,
            folder=Path("/"),
            identity=self.identity,
            pass_fds=self.cluster.pass_fds,
            output=self._output,
            # Immediate shutdown: the one that cannot hang when nobody is left to press harder.
            # It is as safe as pulling the plug, and the next start replays the log.
            death_signal=signal.SIGQUIT,
        )

    def is_ready(self) -> bool:
        # PostgreSQL's own word for it. Knocking at the socket instead would fill its log with refusals
        # while it recovers from a crash.
        lock_file = self.cluster.read_lock_file()
        return lock_file != self._stale_lock_file and "\nready" in lock_file

    def said(self) -> str:
        wait_gone(self.cluster.path, _LOG_SECONDS)  # the log collector outlives its postmaster
        with suppress(OSError):
            started = self._output.read_text(encoding="utf-8", errors="replace")
            return last_lines(started + self.cluster.log_since(self._output.stat().st_mtime))
        return ""

    def finish(self) -> None:
        with suppress(StartError, OSError):  # the next start meets it again, and can say so
            clear_strays(self.cluster.path)
        self.cluster.close()


def socket_path(run_folder: Path, port: int) -> Path:
    return run_folder / f".s.PGSQL.{port}"


def url_of(user: str, password: str, run_folder: Path, *, more: str = "") -> str:
    """Return the URL of a server whose socket is in this folder."""
    host = quote(str(run_folder), safe="/")
    return f"postgresql://{user}:{password}@/{DATABASE}?host={host}{more}"
