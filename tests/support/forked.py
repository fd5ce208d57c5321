"""Runs the `omnibus` command in a process of its own without starting Python each time.

A process that has imported the command (`python -m tests.support.forked <folder>`) forks for every request: what runs
is the same program, with files, settings and limits of its own. To start Python and to import a thousand modules takes
a second, and tests run some hundred commands. Who wants to see the start itself starts `python -m server`.
"""

import atexit
import importlib
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[2]
_IMPORTED = ("server.cli", "server.app")
_SOCKET = "socket"
_REQUEST_BYTES_MAX = 64 * 1024


def run(
    arguments: Sequence[str], environment: Mapping[str, str], *, stdin: str, seconds: float
) -> tuple[int, str, str]:
    """Run a command to its end; return its exit code and what it wrote to either output."""
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        socket.socket(socket.AF_UNIX) as asking,
    ):
        given.write(stdin.encode())
        given.seek(0)
        request = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "open_files": resource.getrlimit(resource.RLIMIT_NOFILE),
        }
        asking.settimeout(seconds)
        asking.connect(str(_parent()))
        files = [file.fileno() for file in (given, out, err)]
        socket.send_fds(asking, [json.dumps(request).encode()], files)
        code = asking.recv(16)
        assert code, "whoever runs commands has died"
        out.seek(0)
        err.seek(0)
        return int(code), out.read().decode(), err.read().decode()


@cache
def _parent() -> Path:
    """Start the process that forks, which ends with this one; return where it listens."""
    folder = tempfile.TemporaryDirectory(prefix="omnibus-test-")
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-m", "tests.support.forked", folder.name],
        cwd=ROOT,
        env={"PATH": os.defpath, "HOME": "/nonexistent", "COLUMNS": "200"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline(), "the command cannot be imported"

    def end() -> None:
        process.communicate()
        folder.cleanup()

    atexit.register(end)
    return Path(folder.name) / _SOCKET


def _serve(folder: Path) -> None:
    for name in _IMPORTED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who attends to a request is not waited for
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / _SOCKET))
        listener.listen()
        os.write(sys.stdout.fileno(), b"ready\n")
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in ready:  # closed: whoever asks has ended
                return
            asked, _ = listener.accept()
            with asked:
                if os.fork() == 0:
                    _attend(asked)


def _attend(asked: socket.socket) -> NoReturn:
    """Have a child run the command and tell how it ended; end it when nobody is left to tell."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    text, files, _, _ = socket.recv_fds(asked, _REQUEST_BYTES_MAX, 3)
    child = os.fork()
    if child == 0:
        _become(json.loads(text), files)
    watched = select.poll()
    watched.register(os.pidfd_open(child), select.POLLIN)
    watched.register(asked, 0)  # to hear that the other side has hung up
    if asked.fileno() in dict(watched.poll()):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    asked.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(request: dict[str, Any], files: Sequence[int]) -> NoReturn:
    """Be the command, to the end that Python has in any process."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    resource.setrlimit(resource.RLIMIT_NOFILE, tuple(request["open_files"]))
    os.environ.clear()  # noqa: TID251 - the command's own settings take its place
    os.environ.update(request["environment"])  # noqa: TID251 - the same
    sys.argv = ["omnibus", *request["arguments"]]
    importlib.import_module("server.cli").main()
    sys.exit()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
