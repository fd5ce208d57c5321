"""The files of a PostgreSQL cluster, made whole or not at all, and what we write into them."""

import json
import os
import pwd
import re
import secrets
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from server.embedded.children import Launch, run_to_end
from server.embedded.errors import StartError
from server.embedded.privileges import Identity, sync_folder, write_private
from server.embedded.strays import clear_strays

SUPERUSER = "postgres"
SETTINGS_FILE = "omnibus.conf"
# Nothing of the caller's: its PG* variables, locale and library paths are not for the servers.
CLEAN_ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


@dataclass(eq=False)
class VersionMismatch(StartError):
    cluster: Path
    found: str
    program: str

    def __str__(self) -> str:
        return (
            f"{self.cluster} was made by PostgreSQL {self.found}, and this is {self.program}. "
            "Nothing was changed. Dump it with the old version and load it here, "
            "or set OMNIBUS_DATA_DIR to another folder."
        )


@dataclass(frozen=True, slots=True)
class Passwords:
    superuser: str
    owner: str

    @classmethod
    def invent(cls) -> "Passwords":
        return cls(secrets.token_hex(24), secrets.token_hex(24))

    @classmethod
    def load(cls, path: Path) -> "Passwords | None":
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise StartError(
                f"cannot read the passwords in {path}: {error}. "
                "Remove the file, and new ones are made at the next start."
            ) from error

    def save(self, path: Path) -> None:
        write_private(path, json.dumps(asdict(self)) + "\n")


class Cluster:
    """One cluster below a data folder, handled as the user that owns it.

    As root on Linux, `argument` leads to the cluster through an open descriptor: the unprivileged
    user needs no way through the folders above, which may be closed to it and stay so.
    """

    def __init__(
        self, folder: Path, programs: Path, identity: Identity | None, *, name: str = "postgres"
    ) -> None:
        self.path = folder / name
        self.aside = folder / f"{name}.new"
        self._programs = programs
        self._identity = identity
        self._descriptor: int | None = None

    def beside(self, name: str) -> "Cluster":
        """Return another one in the same data folder, of the same user."""
        return Cluster(self.path.parent, self._programs, self._identity, name=name)

    @property
    def exists(self) -> bool:
        return self.path.exists()

    @property
    def argument(self) -> str:
        return str(self.path) if self._descriptor is None else _name(self._descriptor)

    @property
    def pass_fds(self) -> tuple[int, ...]:
        return () if self._descriptor is None else (self._descriptor,)

    def open(self) -> None:
        if self._descriptor is None:
            self._descriptor = _open_for(self._identity, self.path)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def check_version(self) -> str:
        """The program's version, after making sure that it can read the cluster that is there."""
        launch = self.launch("postgres", "--version")
        said = run_to_end(launch, "postgres --version").strip()
        program = re.search(r"\d+(\.\d+)?", said)
        if program is None:
            raise StartError(f"{launch.argv[0]} does not say its version: {said!r}")
        if not self.exists:
            return program[0]
        try:
            found = (self.path / "PG_VERSION").read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            raise StartError(
                f"{self.path} is not a PostgreSQL cluster: it has no readable PG_VERSION. "
                "Nothing was changed. Move it away, or set OMNIBUS_DATA_DIR to another folder."
            ) from None
        if found != program[0].partition(".")[0]:
            raise VersionMismatch(self.path, found, said)
        return program[0]

    def create(self, password: str, *, version: str) -> None:
        """Run initdb aside. Only `install` makes it count: a crash leaves nothing to believe in."""
        self._check_user_has_name()
        home, pass_fds = self.make_aside()
        # The builtin provider does without the system's locales, which differ. It came with 17.
        has_builtin = int(version.partition(".")[0]) >= 17
        locale = (
            ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
            if has_builtin
            else ("--locale-provider=libc", "--locale=C.UTF-8")
        )
        launch = self.launch(
            "initdb",
            f"--pgdata={home}",
            f"--username={SUPERUSER}",
            "--pwfile=/dev/stdin",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--data-checksums",
            "--no-instructions",
            *locale,
            pass_fds=pass_fds,
        )
        try:
            run_to_end(launch, "initdb", text=password + "\n")
        finally:
            for descriptor in pass_fds:
                os.close(descriptor)

    def make_aside(self) -> tuple[str, tuple[int, ...]]:
        """Make an empty folder to fill and `install`; return its name for a program, and what to hand on and close."""
        self.discard_unfinished()
        self.aside.mkdir(mode=0o700)
        if self._identity is not None:
            os.chown(self.aside, self._identity.uid, self._identity.gid)
        descriptor = _open_for(self._identity, self.aside)
        if descriptor is None:
            return str(self.aside), ()
        return _name(descriptor), (descriptor,)

    def install(self) -> None:
        self.aside.rename(self.path)
        sync_folder(self.path.parent)

    def discard(self) -> None:
        if self.exists:
            clear_strays(self.path)
            shutil.rmtree(self.path)

    def discard_unfinished(self) -> None:
        if self.aside.exists():
            clear_strays(self.aside)
            shutil.rmtree(self.aside)

    def reset_password(self, password: str) -> None:
        """Set the superuser's password while stopped: single-user mode asks for none."""
        self.open()
        launch = self.launch(
            "postgres",
            "--single",
            "-D",
            self.argument,
            "-c",
            "exit_on_error=on",
            "postgres",
            pass_fds=self.pass_fds,
        )
        statement = f"ALTER ROLE {SUPERUSER} PASSWORD '{password}'\n"
        run_to_end(launch, "postgres --single", text=statement)

    def write_settings(self, settings: Mapping[str, str]) -> None:
        """Write our settings; they win over initdb's, and ALTER SYSTEM wins over both."""
        lines = [
            "# Written by Omnibus at every start. To change a setting for good, use ALTER SYSTEM.",
            "include 'postgresql.conf'",
            *(f"{name} = '{_quoted(value)}'" for name, value in settings.items()),
        ]
        write_private(self.path / SETTINGS_FILE, "\n".join(lines) + "\n", self._identity)

    def read_lock_file(self) -> str:
        """`postmaster.pid`: the number, the time of the start and, in the end, how far it has come."""
        try:
            return (self.path / "postmaster.pid").read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def log_since(self, time: float) -> str:
        """The server's logs that were written to at that time or later."""
        logs = [log for log in (self.path / "log").glob("*.log") if log.stat().st_mtime >= time]
        return "".join(log.read_text(encoding="utf-8", errors="replace") for log in logs)

    def launch(
        self,
        program: str,
        *arguments: str,
        pass_fds: tuple[int, ...] = (),
        env: Mapping[str, str] | None = None,
    ) -> Launch:
        """Return how to run one of PostgreSQL's programs as the user that owns the cluster."""
        return Launch(
            argv=(str(self._programs / program), *arguments),
            env={**CLEAN_ENV, **(env or {})},
            folder=Path("/"),
            identity=self._identity,
            pass_fds=pass_fds,
        )

    def _check_user_has_name(self) -> None:
        uid = self._identity.uid if self._identity else os.geteuid()
        try:
            pwd.getpwuid(uid)
        except KeyError:
            raise StartError(
                f"user {uid} has no name on this system, and PostgreSQL makes no cluster without: "
                "start Omnibus as a user who is listed in /etc/passwd"
            ) from None


def _open_for(identity: Identity | None, folder: Path) -> int | None:
    if identity is None or sys.platform != "linux":
        return None
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _name(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
