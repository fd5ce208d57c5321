"""Throwaway PostgreSQL and Valkey for tests: the product's own classes, in a folder that goes away.

Start them from the main thread: they end with the thread that started them.
"""

import os
import shutil
import signal
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from server.embedded.children import Child, Service, stop_together
from server.embedded.folder import clear_run_folder, make_run_folder
from server.embedded.postgres import PostgresServer
from server.embedded.privileges import choose_identity
from server.embedded.strays import clear_strays, processes_in
from server.embedded.valkey import ValkeyServer
from tests.support.waiting import wait_until

DEBIAN_BINDIR = Path("/usr/lib/postgresql/15/bin")
"""A second, older PostgreSQL, where Debian has installed it."""


class ThrowawayServer(ABC):
    """`start` and `stop` may alternate; the data stays until `discard`, which `with` calls."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="omnibus-test-"))
        self._run_folder = self.folder.with_name(self.folder.name.replace("-test", ""))
        self._child: Child | None = None

    @property
    @abstractmethod
    def service(self) -> Service: ...

    @property
    @abstractmethod
    def url(self) -> str: ...

    @property
    def pid(self) -> int:
        assert self._child is not None, "not started"
        return self._child.pid

    def start(self) -> None:
        """Start it, as a new process on the same data would."""
        assert self._child is None or self._child.exit_code() is not None, "already started"
        child = Child(self.service)
        self._child = child
        try:
            child.wait_ready()
        except BaseException:
            self.stop()
            raise

    async def start_soon(self) -> None:
        """Do as `start` does, while everybody else of this process goes on."""
        assert self._child is None or self._child.exit_code() is not None, "already started"
        self._child = Child(self.service)
        await wait_until(self.service.is_ready, seconds=self.service.ready_seconds)

    def stop(self) -> None:
        """End it cleanly, also when it is frozen."""
        if self._child is None:
            return
        self.thaw()
        child, self._child = self._child, None
        stuck = stop_together([child])
        assert not stuck

    def kill(self) -> None:
        """End it as a power cut would: nothing is written, no process of it is left."""
        assert self._child is not None, "not started"
        child, self._child = self._child, None
        child.kill()
        child.wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop the clock for all its processes: connections stay open and nothing answers."""
        self._send_to_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send_to_all(signal.SIGCONT)

    def discard(self) -> None:
        self.stop()
        clear_run_folder(self._run_folder)
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    def _pids(self) -> list[int]:
        return [] if self._child is None else [self._child.pid]

    def _send_to_all(self, number: signal.Signals) -> None:
        for pid in self._pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)


class ThrowawayPostgres(ThrowawayServer):
    """`settings` win over the product's; `bindir` holds the programs of another version."""

    def __init__(
        self, *, bindir: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        make_run_folder(self._run_folder, choose_identity(self.folder / "postgres"))
        self._bindir = bindir
        self._settings = settings
        self._server = self._open()
        self._has_run = False
        self._was_killed = False

    @property
    def service(self) -> PostgresServer:
        return self._server

    @property
    def url(self) -> str:
        return self._server.database_url

    @property
    def superuser_url(self) -> str:
        return self._server.superuser_url

    def start(self) -> None:
        if self._has_run:
            self._server = self._open()
        super().start()
        self._has_run = True
        self._was_killed = False

    async def start_soon(self) -> None:
        self._server = self._open()
        await super().start_soon()
        self._was_killed = False

    def kill(self) -> None:
        super().kill()
        clear_strays(self._server.cluster.path)
        self._was_killed = True

    def discard(self) -> None:
        if self._was_killed:  # its shared memory is left, and only the next start of it cleans up
            self.stop()
            self.start()
        super().discard()

    def _open(self) -> PostgresServer:
        return PostgresServer(
            self.folder, self._run_folder, programs=self._bindir, settings=self._settings
        )

    def _pids(self) -> list[int]:
        return processes_in(self._server.cluster.path)


class ThrowawayValkey(ThrowawayServer):
    def __init__(self) -> None:
        super().__init__()
        identity = choose_identity(self.folder / "postgres")
        make_run_folder(self._run_folder, identity)
        self._server = ValkeyServer(self.folder, self._run_folder, identity=identity)

    @property
    def service(self) -> ValkeyServer:
        return self._server

    @property
    def url(self) -> str:
        return self._server.redis_url
