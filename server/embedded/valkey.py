"""Valkey as a service: a private socket, bounded memory, nothing on disk: it carries hints only."""

import signal
import socket
from contextlib import suppress
from pathlib import Path

from server.embedded.binaries import CACHE_DIR, find_valkey, make_reachable
from server.embedded.children import Launch, Service, StopStep, last_lines
from server.embedded.cluster import CLEAN_ENV
from server.embedded.privileges import Identity

_SOCKET = "valkey.sock"
_MEMORY_MAX = "128mb"


class ValkeyServer(Service):
    name = "valkey"
    ready_seconds = 30.0
    stop_steps = (StopStep(signal.SIGTERM, 1.0),)

    def __init__(
        self,
        folder: Path,
        run_folder: Path,
        *,
        identity: Identity | None,
        cache_dir: Path = CACHE_DIR,
    ) -> None:
        self._program = make_reachable(find_valkey(), identity, cache_dir)
        self._run_folder = run_folder
        self._identity = identity
        self._output = folder / "valkey.out"

    @property
    def redis_url(self) -> str:
        return redis_url(self._run_folder)

    def prepare(self) -> Launch:
        path = self._run_folder / _SOCKET
        path.unlink(missing_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(path),
            "unixsocketperm": "700",
            "dir": str(self._run_folder),
            "save": "",
            "appendonly": "no",
            "maxmemory": _MEMORY_MAX,
            # Every key is a copy or a counter: forgetting an idle one beats refusing a write.
            "maxmemory-policy": "allkeys-lru",
            "loglevel": "warning",
        }
        return Launch(
            argv=(
                str(self._program),
                *(word for name, value in options.items() for word in (f"--{name}", value)),
            ),
            env=CLEAN_ENV,
            folder=self._run_folder,
            identity=self._identity,
            output=self._output,
        )

    def is_ready(self) -> bool:
        return _ask(self._run_folder, b"PING\r\n").startswith(b"+PONG")

    def said(self) -> str:
        with suppress(OSError):
            return last_lines(self._output.read_text(encoding="utf-8", errors="replace"))
        return ""


def redis_url(run_folder: Path) -> str:
    return f"unix://{run_folder / _SOCKET}"


def running_redis_url(run_folder: Path) -> str | None:
    """The URL of the server that another process runs there, if it runs one."""
    return redis_url(run_folder) if (run_folder / _SOCKET).exists() else None


def stop_orphan(run_folder: Path) -> None:
    """End a server that outlived its parent, where the kernel does not tell the children."""
    _ask(run_folder, b"SHUTDOWN NOSAVE\r\n")


def _ask(run_folder: Path, command: bytes) -> bytes:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        connection.connect(str(run_folder / _SOCKET))
        connection.sendall(command)
        return connection.recv(64)
    return b""
