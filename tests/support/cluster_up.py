"""An `omnibus cluster up` that runs: several API processes behind a real nginx, on loopback."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from server.embedded import find_running
from server.embedded.folder import find_holder
from tests.cli.commands import COMMAND, ROOT, Ran, environment, omnibus
from tests.support.waiting import wait_until

NGINX = shutil.which("nginx") or shutil.which(
    "nginx", path="/usr/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin"
)
needs_nginx = pytest.mark.skipif(NGINX is None, reason="needs nginx: apt-get install nginx-light")
_UP_SECONDS = 90.0


class ClusterUp:
    """`port` is nginx's."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path, port: int) -> None:
        self.process = process
        self.port = port
        self._folder = folder

    def tell(self, command: str, *arguments: str) -> Ran:
        """Run `omnibus cluster COMMAND` beside it."""
        return omnibus("cluster", command, *arguments, DATA_DIR=self._folder)

    def members(self) -> dict[str, dict[str, Any]]:
        """Return what runs, by name."""
        return {each["name"]: each for each in self.tell("status", "--json").json["members"]}

    @property
    def database_url(self) -> str:
        """Return where its own PostgreSQL is."""
        running = find_running(self._folder)
        assert running is not None
        assert running.database_url is not None
        return running.database_url

    @property
    def run_folder(self) -> Path:
        holder = find_holder(self._folder)
        assert holder is not None
        return Path(holder.run_folder)

    def is_whole(self) -> bool:
        assert self.process.poll() is None, self.log()
        return "omnibus ready" in self.log()

    def send(self, name: str, number: signal.Signals) -> None:
        os.kill(self.members()[name]["pid"], number)

    def log(self) -> str:
        return (self._folder.parent / "cluster.log").read_text(encoding="utf-8")

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@asynccontextmanager
async def cluster_up(
    parent: Path, *, processes: int = 3, **settings: object
) -> AsyncIterator[ClusterUp]:
    """Run one with its data folder in `parent` until it is whole; end it, if the test has not done so."""
    port = free_row(processes + 1)
    folder = parent / "data"
    with (
        (parent / "cluster.log").open("wb") as log,
        subprocess.Popen(  # noqa: ASYNC220, S603 - our own command, of which the start is not waited for
            [*COMMAND, "cluster", "up", "--port", str(port), "--processes", str(processes)],
            cwd=ROOT,
            env=environment({"DATA_DIR": folder, **settings}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        cluster = ClusterUp(process, folder, port)
        try:
            await wait_until(cluster.is_whole, seconds=_UP_SECONDS, pause=0.5)
            yield cluster
        finally:
            if process.poll() is None:
                process.terminate()


def free_row(count: int) -> int:
    """Return the first of so many neighbouring ports that nobody has."""
    while True:
        with ExitStack() as stack:
            first = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            try:
                for port in range(first + 1, first + count):
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
            except (OSError, OverflowError):
                continue
            return int(first)
