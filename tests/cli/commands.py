"""Runs `omnibus` as a newcomer would: from a shell that has nothing set but what the test says."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.support import forked

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "server")
WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    named = {f"OMNIBUS_{name}": str(value) for name, value in settings.items()}
    return {"PATH": os.defpath, "HOME": "/nonexistent", "COLUMNS": "200", **named}


def omnibus(*arguments: str | Path, stdin: str = "", **settings: object) -> Ran:
    """Run a command to its end; `settings` are given as `DATABASE_URL=...`."""
    return Ran(
        *forked.run(
            [*map(str, arguments)], environment(settings), stdin=stdin, seconds=WAIT_SECONDS
        )
    )


def omnibus_from_the_start(*arguments: str) -> Ran:
    """Do the same in a Python that is started for it, as a shell would."""
    ran = subprocess.run(  # noqa: S603 - our own command
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def typed(answers: Sequence[tuple[str, str]], *arguments: str, **settings: object) -> Ran:
    """Run a command at a terminal whose user answers each prompt; `out` is what the screen shows."""
    screen, theirs = pty.openpty()
    with subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment(settings),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            shown = b""
            for prompt, answer in answers:
                while not shown.endswith(
                    prompt.encode()
                ):  # what is typed ahead of it is thrown away
                    shown += os.read(screen, 65536)
                os.write(screen, f"{answer}\n".encode())
            shown += b"".join(_until_hung_up(screen))
        except BaseException:
            process.kill()
            raise
        finally:
            os.close(screen)
    return Ran(process.returncode, shown.decode(), "")


def _until_hung_up(screen: int) -> Iterator[bytes]:
    with suppress(OSError):  # Linux says so when the last process at the terminal has gone
        while chunk := os.read(screen, 65536):
            yield chunk


class Up:
    """An `omnibus up` that is running."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self._process = process
        self.url = url
        self.lines: list[str] = []

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_ready(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("omnibus ready"):
                return
        raise AssertionError("ended before it was ready:\n" + "\n".join(self.lines))

    def family(self) -> list[psutil.Process]:
        """Return everything that it has started and that still runs."""
        return psutil.Process(self.pid).children(recursive=True)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self._process.send_signal(number)
        rest, _ = self._process.communicate(timeout=WAIT_SECONDS)
        self.lines += rest.splitlines()
        return self._process.returncode


@contextmanager
def running(data_dir: Path, **settings: object) -> Iterator[Up]:
    """Run `omnibus up` on a free port until it is ready; end it, if the test has not done so."""
    port = free_port()
    with subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, "up"],
        cwd=ROOT,
        env=environment({"DATA_DIR": data_dir, "PORT": port, **settings}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        up = Up(process, f"http://127.0.0.1:{port}")
        try:
            up.wait_ready()
            yield up
        finally:
            if process.poll() is None:
                up.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
