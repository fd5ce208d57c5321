"""Runs `omnibus`, and tests' own forms of it, in processes of their own without starting Python each time.

A process that has imported all of it (`python -m tests.support.forked <folder>`) forks for every request: what runs is
the same program, with files, settings, limits and chance of its own, and signals and exit codes are its own, too. To
start Python and to import a thousand modules takes a second, and tests start some hundreds of commands and servers.
Who wants to see the start itself starts `python -m server`.
"""

import asyncio
import atexit
import gc
import importlib
import itertools
import json
import os
import random
import resource
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, Self

File = IO[bytes] | int
ROOT = Path(__file__).parents[2]
COMMAND = "server"
"""The module that is the `omnibus` command."""
MADE_AT_IMPORT = {"server.refusals": "_RANDOM", "store.jobs": "_turns"}
"""What each process makes up for itself when it starts, which `_renew_chance` therefore makes up anew."""
_IMPORTED = ("server.cli", "server.app", "server.serve", "server.logs", "realtime.lane", "uvloop")
_SOCKET = "socket"
_REQUEST_BYTES_MAX, _ANSWER_BYTES_MAX = 64 * 1024, 16


def run(
    arguments: Sequence[str], environment: Mapping[str, str], *, stdin: str, seconds: float
) -> tuple[int, str, str]:
    """Run a command to its end; return its exit code and what it wrote to either output."""
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given.write(stdin.encode())
        given.seek(0)
        with _ask((COMMAND, *arguments), environment, (given, out, err)) as asking:
            asking.settimeout(seconds)
            _hear(asking)  # its number
            code = _hear(asking)
        out.seek(0)
        err.seek(0)
        return code, out.read().decode(), err.read().decode()


class Process:
    """A process that runs beside the test, to be handled like one of asyncio's; it ends when we do."""

    def __init__(self, asking: socket.socket) -> None:
        self.pid = _hear(asking)
        self.returncode: int | None = None
        self._asking = asking
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(asking, self._end)

    @classmethod
    def start(
        cls,
        *program: str,
        environment: Mapping[str, str],
        stdin: File | None = None,
        stdout: File | None = None,
        stderr: File | None = None,
    ) -> Self:
        """Do as `python -m <program>` would. Without a file there is nothing to read, and nothing is written."""
        with Path(os.devnull).open("r+b", buffering=0) as nothing:
            files = [nothing if file is None else file for file in (stdin, stdout, stderr)]
            return cls(_ask(program, environment, files))

    def send_signal(self, number: int) -> None:
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)  # nobody else has this number until we have heard of its end

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for its end; return its exit code, or the signal that ended it as a negative number."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._asking)
        try:
            with self._asking:
                self.returncode = _hear(self._asking)
        except (AssertionError, OSError):
            # Whoever forked it has died, and nobody else would end it.
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.returncode = -signal.SIGKILL
            raise
        finally:
            self._ended.set()


def _ask(
    program: Sequence[str], environment: Mapping[str, str], files: Sequence[File]
) -> socket.socket:
    """Have a program started with those files as its standard ones; return who tells its number and how it ended."""
    request = {
        "program": list(program),
        "environment": dict(environment),
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE),
    }
    asking = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        asking.connect(str(_parent()))
        descriptors = [file if isinstance(file, int) else file.fileno() for file in files]
        socket.send_fds(asking, [json.dumps(request).encode()], descriptors)
    except BaseException:
        asking.close()
        raise
    return asking


def _hear(asking: socket.socket) -> int:
    told = asking.recv(_ANSWER_BYTES_MAX)
    assert told, "whoever runs commands has died"
    return int(told)


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


class _Parent:
    """Forks whoever is asked for, tells how it ended, and ends it when nobody is left to be told."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._watched = select.poll()
        self._children: dict[int, int] = {}
        """The numbers of processes, by the descriptors that watch them."""
        self._asked: dict[int, tuple[socket.socket, int]] = {}
        """Connections, by their descriptors, each with the descriptor that watches its process."""
        for descriptor in (listener.fileno(), sys.stdin.fileno()):
            self._watched.register(descriptor, select.POLLIN)

    def serve(self) -> tuple[dict[str, Any], list[int]] | None:
        """Return None once whoever asks has ended; in a child, what it is to be and its files."""
        ours = os.getpid()
        try:
            return self._serve()
        finally:
            if os.getpid() == ours:
                for asked in list(self._asked):
                    self._forget(asked)

    def _serve(self) -> tuple[dict[str, Any], list[int]] | None:
        while True:
            descriptor, _ = self._watched.poll()[0]  # of the others some may be of no use any more
            if descriptor == sys.stdin.fileno():
                return None
            if descriptor in self._children:
                self._tell(descriptor)
            elif descriptor in self._asked:
                self._forget(descriptor)
            elif (request := self._fork()) is not None:
                return request

    def _fork(self) -> tuple[dict[str, Any], list[int]] | None:
        asked, _ = self._listener.accept()
        text, files, _, _ = socket.recv_fds(asked, _REQUEST_BYTES_MAX, 3)
        child = os.fork()
        if child == 0:
            for connection in (self._listener, asked, *(each for each, _ in self._asked.values())):
                connection.close()
            for watching in self._children:
                os.close(watching)
            return json.loads(text), files
        for file in files:
            os.close(file)
        watching = os.pidfd_open(child)
        self._children[watching] = child
        self._asked[asked.fileno()] = asked, watching
        self._watched.register(watching, select.POLLIN)
        self._watched.register(asked, 0)  # to hear that the other side has hung up
        _say(asked, child)
        return None

    def _tell(self, watching: int) -> None:
        """Tell how a process ended; it keeps its number until that was heard."""
        self._watched.unregister(watching)
        ended = os.waitid(os.P_PIDFD, watching, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        for asked, watched in self._asked.values():
            if watched == watching:
                _say(asked, code)

    def _forget(self, descriptor: int) -> None:
        """Let a process go of which nobody is to hear any more, and end it first if it runs."""
        self._watched.unregister(descriptor)
        asked, watching = self._asked.pop(descriptor)
        child = self._children.pop(watching)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with suppress(KeyError):
            self._watched.unregister(watching)
        os.close(watching)
        asked.close()


def _say(asked: socket.socket, number: int) -> None:
    with suppress(OSError):  # the other side has hung up, which is seen next
        asked.send(str(number).encode())


def _become(request: dict[str, Any], files: Sequence[int]) -> None:
    """Be the program, to the end that Python has in any process."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    resource.setrlimit(resource.RLIMIT_NOFILE, tuple(request["open_files"]))
    os.environ.clear()  # noqa: TID251 - the program's own settings take its place
    os.environ.update(request["environment"])  # noqa: TID251 - the same
    time.tzset()
    _renew_chance()
    module, *arguments = request["program"]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _renew_chance() -> None:
    """Make up anew what is made up at the start; Python itself does so for `random`."""
    importlib.import_module("server.refusals")._RANDOM.seed()
    vars(importlib.import_module("store.jobs"))["_turns"] = itertools.count(random.getrandbits(31))


def _main(folder: Path) -> None:
    # Who types Ctrl-C means the tests; they end us.
    interrupted = signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in _IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # no child looks through what all of them share
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(folder / _SOCKET))
        listener.listen()
        os.write(sys.stdout.fileno(), b"ready\n")
        request = _Parent(listener).serve()
    if request is not None:
        signal.signal(signal.SIGINT, interrupted)
        _become(*request)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
