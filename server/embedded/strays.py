"""Finds and ends PostgreSQL processes that an earlier run left in a cluster's folder.

A process is known by its program's name and its working folder, never by a number in a file alone:
numbers are used again. PostgreSQL works inside its data folder, whatever path it was started with.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from server.embedded.errors import StartError

_POLL_SECONDS = 0.02
_FAST_SECONDS = 10.0
_IMMEDIATE_SECONDS = 6.0  # the postmaster itself kills its children after 5
_KILL_SECONDS = 5.0


def clear_strays(cluster: Path) -> None:
    """Leave no process in `cluster`, and no lock file that would keep the next postmaster out."""
    postmaster = _postmaster_on_file(cluster)
    if postmaster in processes_in(cluster):
        # An orphan: its parent was killed where the kernel does not tell the children.
        end_processes([postmaster], signal.SIGINT, cluster, _FAST_SECONDS)
        end_processes([postmaster], signal.SIGQUIT, cluster, _IMMEDIATE_SECONDS)
    # Without its postmaster a busy backend lives on for a while, holding on to the shared memory.
    end_processes(processes_in(cluster), signal.SIGKILL, cluster, _KILL_SECONDS)
    survivors = processes_in(cluster)
    if survivors:
        raise StartError(
            f"PostgreSQL process {survivors[0]} of an earlier run does not leave {cluster}, "
            "not even when killed. Is its disk still there?"
        )
    if postmaster is not None and _is_alive(postmaster) and sys.platform == "linux":
        # The number is a stranger's by now, and PostgreSQL would take it for a postmaster's.
        # Otherwise the file stays: it names the shared memory that PostgreSQL must find unused.
        # Elsewhere it stays as well, since lsof's silence is no proof that nobody is there.
        (cluster / "postmaster.pid").unlink(missing_ok=True)


def processes_in(cluster: Path) -> list[int]:
    """Every live PostgreSQL process that works in this folder, the postmaster's children too."""
    if not cluster.is_dir():
        return []
    found = _by_procfs(cluster) if sys.platform == "linux" else _by_lsof(cluster)
    return sorted(found)


def end_processes(pids: list[int], number: signal.Signals, cluster: Path, seconds: float) -> None:
    """Signal those of `pids` that work in `cluster`; wait until they are gone or time is up."""
    present = set(pids) & set(processes_in(cluster))
    for pid in present:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    wait_gone(cluster, seconds, present)


def wait_gone(cluster: Path, seconds: float, pids: set[int] | None = None) -> None:
    """Wait until `pids`, or else all, have left `cluster`, or time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        present = set(processes_in(cluster))
        if not (present if pids is None else present & pids):
            return
        time.sleep(_POLL_SECONDS)


def _postmaster_on_file(cluster: Path) -> int | None:
    try:
        first = (cluster / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0]
        return abs(int(first))  # a single-user backend writes its number with a minus
    except (FileNotFoundError, ValueError):
        return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _by_procfs(cluster: Path) -> Iterator[int]:
    home = cluster.stat()
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        # Others' processes may not be looked into, and any may end while we look.
        with suppress(OSError):
            name = Path(entry.path, "comm").read_bytes().strip()
            if name == b"postgres" and os.path.samestat(home, Path(entry.path, "cwd").stat()):
                yield int(entry.name)


def _by_lsof(cluster: Path) -> Iterator[int]:
    command = ["lsof", "-a", "-c", "postgres", "-d", "cwd", "-F", "pn"]
    listing = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - constant
    pid = 0
    for line in listing.stdout.splitlines():
        if line.startswith("p"):
            pid = int(line[1:])
        elif line.startswith("n"):
            with suppress(OSError):
                if cluster.samefile(line[1:]):
                    yield pid
