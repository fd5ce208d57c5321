"""A rig in a process of its own, as a test sees it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from server.embedded.folder import clear_run_folder

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 30.0


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


class Parent:
    def __init__(self, **plan: Any) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "tests.embedded.rig", json.dumps(plan)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            cwd=ROOT,
            bufsize=0,  # what readline takes ahead, communicate would miss
        )
        self._report: dict[str, Any] = {}
        self._lines: list[str] = []

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def messages(self) -> str:
        size = os.fstat(self._stderr.fileno()).st_size
        return os.pread(self._stderr.fileno(), size, 0).decode()

    @property
    def output(self) -> str:
        """What came on stdout beside the report, so far or, after `wait`, in all."""
        return "".join(self._lines)

    def wait_ready(self) -> Self:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(b"{"):
                self._report = json.loads(line)
                return self
            self._lines.append(line.decode())
        raise AssertionError(f"not ready, but ended: {self.messages}")

    @property
    def run_folder(self) -> Path:
        return Path(self["redis_url"].removeprefix("unix://")).parent

    def __getitem__(self, name: str) -> Any:
        return self._report[name]

    def living(self) -> list[psutil.Process]:
        """Those of the processes below it, when it was ready, that live (a zombie does not)."""
        found = []
        for pid, created in self._report["processes"]:
            try:
                process = psutil.Process(pid)
                if process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    def named(self, name: str) -> psutil.Process:
        """The child of this name."""
        return next(
            each for each in self.living() if each.name() == name and each.ppid() == self.pid
        )

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        assert self._process.stdout is not None
        output, _ = self._process.communicate(timeout=WAIT_SECONDS)
        self._lines.append(output.decode())
        return self._process.returncode

    def stop(self) -> int:
        self.send(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self.send(signal.SIGTERM)
            try:
                self._process.wait(WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        with self._process:  # closes its pipe
            self._stderr.close()
        if self._report:  # it may have been killed, and its test may have failed
            for process in self.living():
                process.kill()
        if "redis_url" in self._report:
            clear_run_folder(self.run_folder)
