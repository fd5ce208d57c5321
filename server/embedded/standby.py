"""A standby of our own PostgreSQL, on the same machine: it answers reads, and the primary does without it.

It is copied from the running primary, aside, and counts once the copy is whole. A slot of the primary keeps the log
that it has yet to get, so that after a stop it goes on where it was. One that cannot is copied anew.
"""

import os
import re
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from server.embedded.children import Launch, Service, StopStep, last_lines, run_to_end
from server.embedded.cluster import SUPERUSER, Cluster
from server.embedded.errors import StartError
from server.embedded.postgres import (
    FORGET_STANDBY,
    SLOT,
    PostgresServer,
    own_settings,
    owner_url,
)
from server.embedded.postmaster import Postmaster
from server.embedded.privileges import write_private
from server.embedded.strays import clear_strays

_NAME = "standby"
_SIGNAL = "standby.signal"
_CHANGED = "postgresql.auto.conf"
_WHOLE = "backup_manifest"  # the last that pg_basebackup writes

# Ahead of its primary is a standby whose primary was put back to an older copy of itself.
_FOLLOWS = """
SELECT system_identifier = {identifier} AND timeline_id = {timeline}
  AND pg_current_wal_lsn() >= '{reached}'::pg_lsn
  AND EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{slot}' AND wal_status <> 'lost')
  FROM pg_control_system(), pg_control_checkpoint();
"""


class StandbyCopy(Service):
    """Copies the primary, which must run, unless there is a copy that can go on following it."""

    name = "standby-copy"
    is_once = True
    is_spare = True

    def __init__(self, primary: PostgresServer, cluster: Cluster) -> None:
        self._primary = primary
        self._cluster = cluster
        self._output = cluster.path.with_name(f"{_NAME}-copy.out")
        self._descriptors: tuple[int, ...] = ()

    def prepare(self) -> Launch:
        clear_strays(self._cluster.path)
        self._cluster.discard_unfinished()
        if self._can_follow():
            launch = self._cluster.launch("pg_basebackup", "--version")
        else:
            self._cluster.discard()
            self._primary.ask(FORGET_STANDBY)
            home, self._descriptors = self._cluster.make_aside()
            launch = self._cluster.launch(
                "pg_basebackup",
                f"--pgdata={home}",
                *(f"--host={self._primary.run_folder}", f"--port={self._primary.port}"),
                *(f"--username={SUPERUSER}", "--no-password", "--checkpoint=fast"),
                *("--wal-method=stream", "--create-slot", f"--slot={SLOT}"),
                pass_fds=self._descriptors,
                env={"PGPASSWORD": self._primary.password},
            )
        return replace(launch, output=self._output)

    def said(self) -> str:
        with suppress(OSError):
            return last_lines(self._output.read_text(encoding="utf-8", errors="replace"))
        return ""

    def finish(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = ()

    def _can_follow(self) -> bool:
        """Whether what lies there is a copy of this primary that finds in its log where to go on."""
        path = self._cluster.path
        try:
            versions = {
                (each / "PG_VERSION").read_text() for each in (path, self._primary.cluster.path)
            }
            if len(versions) > 1 or not (path / _SIGNAL).exists():
                return False
            self._cluster.open()
            launch = self._cluster.launch(
                "pg_controldata", self._cluster.argument, pass_fds=self._cluster.pass_fds
            )
            told = run_to_end(launch, "pg_controldata")
            question = _FOLLOWS.format(
                identifier=_told(told, "Database system identifier", r"\d+"),
                timeline=_told(told, "Latest checkpoint's TimeLineID", r"\d+"),
                reached=_told(told, "Minimum recovery ending location", r"[0-9A-F]+/[0-9A-F]+"),
                slot=SLOT,
            )
        except (OSError, ValueError, StartError):  # spoiled, or none at all
            return False
        finally:
            self._cluster.close()
        return self._primary.ask(question) == "t"


class StandbyServer(Postmaster):
    """To be started once `copy` has ended; make it before its primary is started."""

    name = _NAME
    port = 5433
    is_spare = True
    # Smart at first: those who read from it leave by themselves, and none of them is told of a broken connection.
    stop_steps = (
        StopStep(signal.SIGTERM, 3.0),
        StopStep(signal.SIGINT, 0.5),
        StopStep(signal.SIGQUIT, 0.5),
    )

    def __init__(self, primary: PostgresServer) -> None:
        super().__init__(
            primary.cluster.beside(_NAME), primary.run_folder, primary.programs, primary.identity
        )
        self.copy = StandbyCopy(primary, self.cluster)
        self._primary = primary
        primary.has_standby = True

    @property
    def url(self) -> str:
        return f"{self._primary.database_url}&port={self.port}"

    def prepare(self) -> Launch:
        if (self.cluster.aside / _WHOLE).exists():
            write_private(self.cluster.aside / _SIGNAL, "", self.identity)
            self.cluster.install()
        if not self.cluster.exists:
            raise StartError(f"there is no copy of the primary in {self.cluster.path}")
        clear_strays(self.cluster.path)
        # What ALTER SYSTEM has set there is needed here: with less max_connections, say, it would not follow.
        changed = _read_file(self._primary.cluster.path / _CHANGED)
        write_private(self.cluster.path / _CHANGED, changed, self.identity)
        return self.launch({**own_settings(self.run_folder), **self._settings()})

    def _settings(self) -> dict[str, str]:
        host = str(self._primary.run_folder).replace("\\", "\\\\").replace("'", "\\'")
        login = f"user={SUPERUSER} password={self._primary.password}"
        return {
            "cluster_name": "omnibus standby",
            "port": str(self.port),
            "shared_buffers": "64MB",
            "primary_conninfo": f"host='{host}' port={self._primary.port} {login}",
            "primary_slot_name": SLOT,
            "hot_standby_feedback": "on",
            "wal_retrieve_retry_interval": "1s",
        }


def running_replica_url(folder: Path, run_folder: Path) -> str | None:
    """The URL of the standby that another process runs on this data folder, if it runs one."""
    url = owner_url(folder, run_folder, port=StandbyServer.port)
    return url and f"{url}&port={StandbyServer.port}"


def _told(text: str, name: str, value: str) -> str:
    found = re.search(rf"^{re.escape(name)}: +({value})$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"pg_controldata does not tell the {name}")
    return found[1]


def _read_file(path: Path) -> str:
    # The folder may be another user's while we are root: no link leads us out of it.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with open(handle, encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, not a path
        return file.read()
