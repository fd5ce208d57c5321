"""The data folder, private and held by one process at a time, and its short-lived socket folder."""

import fcntl
import json
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from server.embedded.errors import StartError
from server.embedded.privileges import Identity

_RUN_PREFIX = "omnibus-"
_RUN_MODE, _OWN_MODE = 0o700, 0o711
# The smallest room for a socket's path (macOS: 104 bytes), less the longest name we put there.
_RUN_PATH_MAX = 103 - len("/.s.PGSQL.5432.lock")
_LOCK_WAIT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a data folder, as written in its lock file."""

    pid: int
    started_at: str
    command: str
    url: str
    run_folder: str

    def __str__(self) -> str:
        serving = f", serving {self.url}" if self.url else ""
        return f"process {self.pid} ({self.command}{serving}) since {self.started_at}"


@dataclass(eq=False)
class FolderInUse(StartError):
    path: Path
    holder: Holder | None

    def __str__(self) -> str:
        return (
            f"{self.path} is in use by {self.holder or 'another process'}. "
            "Stop that one first, or set OMNIBUS_DATA_DIR to another folder."
        )


@dataclass(eq=False)
class FolderUnusable(StartError):
    path: Path
    reason: str

    def __str__(self) -> str:
        return (
            f"cannot keep data in {self.path}: {self.reason}. "
            "To use another folder, set OMNIBUS_DATA_DIR."
        )


@dataclass(frozen=True, slots=True)
class DataFolder:
    path: Path
    previous_run_folder: Path | None
    """Of a holder that did not clean up: killed, or the machine went down."""
    run_folder: Path
    """Named, not yet made; see make_run_folder."""


@contextmanager
def hold_folder(
    path: Path, *, command: str, url: str = "", runtime_dir: Path | None = None
) -> Iterator[DataFolder]:
    """Make the folder if need be and hold it. However we end, the kernel lets go of it."""
    path = path.absolute()
    _make_private(path)
    try:
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise FolderUnusable(path, _reason(error)) from error
    try:
        _lock_or_say_who(path, lock)
        previous = _parse_holder(os.pread(lock, 65536, 0))
        run_folder = _name_run_folder(runtime_dir)
        holder = Holder(
            pid=os.getpid(),
            started_at=datetime.now(UTC).isoformat(sep=" ", timespec="seconds"),
            command=command,
            url=url,
            run_folder=str(run_folder),
        )
        _write_holder(path, lock, holder)
        yield DataFolder(path, Path(previous.run_folder) if previous else None, run_folder)
        os.ftruncate(lock, 0)
    finally:
        os.close(lock)


def find_holder(path: Path) -> Holder | None:
    """Who holds the folder right now, if anyone does."""
    try:
        lock = os.open(path / "lock", os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FolderUnusable(path, _reason(error)) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _parse_holder(os.pread(lock, 65536, 0))
    else:
        return None
    finally:
        os.close(lock)


def make_run_folder(path: Path, identity: Identity | None) -> None:
    try:
        path.mkdir(mode=_RUN_MODE)
        if identity is not None:
            os.chown(path, identity.uid, identity.gid)
    except OSError as error:
        raise FolderUnusable(path, _reason(error)) from error


def own_folder_of(run_folder: Path) -> Path:
    """Return where what only we write lies: whoever owns the run folder may put links in place of what is in it."""
    return run_folder.with_name(f"{run_folder.name}-own")


def make_own_folder(run_folder: Path) -> Path:
    """Make it: others may read by name what is in it, and change nothing. Raises FolderUnusable."""
    path = own_folder_of(run_folder)
    try:
        path.mkdir(mode=_OWN_MODE)
    except OSError as error:
        raise FolderUnusable(path, _reason(error)) from error
    return path


def clear_run_folder(path: Path) -> None:
    """Remove a folder that make_run_folder or make_own_folder made, and nothing that merely has its name.

    Others may write where it lies, so after a crash the name may have become theirs.
    """
    if not path.name.startswith(_RUN_PREFIX):
        return
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        status = os.fstat(handle)
        mode = stat.S_IMODE(status.st_mode)
        is_private = mode == _RUN_MODE and os.geteuid() in (0, status.st_uid)
        if not is_private and (mode, status.st_uid) != (_OWN_MODE, os.geteuid()):
            return
        for name in os.listdir(handle):  # noqa: PTH208 - the folder we checked, whatever its name
            if stat.S_ISDIR(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode):
                shutil.rmtree(name, dir_fd=handle)
            else:
                os.unlink(name, dir_fd=handle)
        path.rmdir()
    except OSError:
        return  # something of nobody's lies in it: litter, and no reason to fail
    finally:
        os.close(handle)


def _make_private(path: Path) -> None:
    """Create the folder and its missing parents for us alone; one that exists must be safe."""
    try:
        for folder in reversed([path, *path.parents]):
            if not folder.exists():
                folder.mkdir(mode=0o700)
        if not path.is_dir():
            raise FolderUnusable(path, "it is not a folder")
        status = path.stat()
        if status.st_uid == os.geteuid() and not any(path.iterdir()):
            path.chmod(0o700)  # still empty, so made for us
            return
    except OSError as error:
        raise FolderUnusable(path, _reason(error)) from error
    if os.geteuid() not in (0, status.st_uid):
        raise FolderUnusable(path, "it belongs to another user")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise FolderUnusable(path, f"others may write there (mend it with: chmod 700 {path})")


def _name_run_folder(runtime_dir: Path | None) -> Path:
    """A fresh, short name. Not in the user's runtime folder, which goes away when they log out."""
    places = [Path("/run")] if os.geteuid() == 0 else []
    with suppress(OSError):  # it writes a file to find out, and the disk may be full
        places.append(Path(tempfile.gettempdir()))
    places.append(Path("/tmp"))  # nosec B108 # noqa: S108 - a random name, made with mode 0700
    if runtime_dir is not None:
        places = [runtime_dir]
    for place in places:
        folder = place.absolute() / (_RUN_PREFIX + secrets.token_hex(4))
        if os.access(place, os.W_OK | os.X_OK) and len(os.fsencode(folder)) <= _RUN_PATH_MAX:
            return folder
    tried = ", ".join(str(place) for place in places)
    raise StartError(f"no folder for sockets: none of {tried} is writable and has a short path")


def _lock_or_say_who(path: Path, lock: int) -> None:
    """Try for a moment: the last holder may be on its way out, or find_holder may be looking."""
    deadline = time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise FolderInUse(path, _parse_holder(os.pread(lock, 65536, 0))) from None
        else:
            return
        time.sleep(0.02)


def _write_holder(path: Path, lock: int, holder: Holder) -> None:
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, json.dumps(asdict(holder)).encode(), 0)
    except OSError as error:
        raise FolderUnusable(path, _reason(error)) from error


def _parse_holder(text: bytes) -> Holder | None:
    try:
        return Holder(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
