"""Child processes that end when we end: how they are started, watched and stopped.

On Linux the kernel signals a child when the *thread* that started it dies (PR_SET_PDEATHSIG), so
start children from the main thread, or from one that lives as long as the process. Elsewhere they
may outlive a parent that was killed with -9; the next start then finds and stops them.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from server.embedded.errors import ServiceFailed
from server.embedded.privileges import Identity

POLL_SECONDS = 0.02
# What SIGKILL does not end sits in the kernel and waits for a disk; we do not wait with it.
_KILL_SECONDS = 1.0
_OUTPUT_LINES = 20
_PR_SET_PDEATHSIG = 1

# Resolved here, because nothing may be imported or allocated between fork and exec.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class StopStep:
    """Send `signal`, then allow `seconds` for it. SIGKILL follows the last step."""

    signal: signal.Signals
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One start of one process: without `env` with ours, without `output` writing where we do."""

    argv: tuple[str, ...]
    env: Mapping[str, str] | None = None
    folder: Path | None = None
    identity: Identity | None = None
    pass_fds: tuple[int, ...] = ()
    output: Path | None = None
    death_signal: signal.Signals = signal.SIGKILL


class Service(ABC):
    """Something that runs in one process: how to start it, when it is ready, how to stop it."""

    name: str
    ready_seconds: float = 60.0
    stop_steps: tuple[StopStep, ...] = (StopStep(signal.SIGTERM, 4.0),)
    is_once: bool = False
    """Ready when it has ended well, like a migration, instead of when it runs."""
    is_renewable: bool = False
    """May be stopped and started while the others run: several do the same."""
    is_spare: bool = False
    """The others do without: when it fails for good that is said, and nothing else ends."""

    @abstractmethod
    def prepare(self) -> Launch:
        """Called before every start, the restarts too; raises StartError."""

    def is_ready(self) -> bool:
        """Asked again and again after a start, until it says yes; raises StartError."""
        return True

    def said(self) -> str:
        """The tail of what it wrote to its own files, for an error message."""
        return ""

    def finish(self) -> None:  # noqa: B027 - most have nothing to do
        """Called after the process has ended for good."""


@dataclass(slots=True, kw_only=True)
class Program(Service):
    """A service that needs nothing but a command, for instance one of our own processes."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] | None = None
    pass_fds: tuple[int, ...] = ()
    check: Callable[[], bool] = field(default=lambda: True)
    ready_seconds: float = 60.0
    stop_steps: tuple[StopStep, ...] = (StopStep(signal.SIGTERM, 4.0),)
    is_once: bool = False
    is_renewable: bool = False
    is_spare: bool = False

    def prepare(self) -> Launch:
        return Launch(argv=self.argv, env=self.env, pass_fds=self.pass_fds)

    def is_ready(self) -> bool:
        return self.check()


class Child:
    """One process of a service, from its start to its end."""

    def __init__(self, service: Service, *, stdout: int | None = None) -> None:
        self.service = service
        try:
            launch = service.prepare()
            with _open_output(launch.output, stdout) as output:
                self._process = spawn(launch, service.name, stdout=output)
        except OSError as error:
            raise ServiceFailed(service.name, "could not be started", str(error)) from error
        self.started_at = time.monotonic()

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        return self._process.poll()

    def wait(self) -> int:
        return self._process.wait()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill the process and all it started in its own process group."""
        if self.exit_code() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def clear_group(self) -> None:
        """Kill what an ended process has left behind in its group, such as workers that hold its port."""
        assert self.exit_code() is not None, "it runs"
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def wait_ready(self) -> None:
        """For callers without a supervisor. Raises ServiceFailed if it ends or takes too long."""
        deadline = self.started_at + self.service.ready_seconds
        while True:
            code = self.exit_code()
            if code is not None:
                raise ServiceFailed(self.service.name, describe_exit(code), self.service.said())
            if self.service.is_ready():
                return
            if time.monotonic() > deadline:
                raise ServiceFailed(
                    self.service.name,
                    f"was not ready after {self.service.ready_seconds:.0f} s",
                    self.service.said(),
                )
            time.sleep(POLL_SECONDS)


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def stop_together(
    children: Sequence[Child],
    *,
    slack_seconds: float = 0.0,
    pause: Callable[[float], bool] = _sleep,
) -> list[Child]:
    """Stop children side by side, each by its own steps; returns those that could not be ended.

    The first step of each is `slack_seconds` longer. `pause` waits and says whether to hurry: then
    the next signal is due at once.
    """
    ladders = [StopLadder(child, slack_seconds) for child in children]
    while ladders := [ladder for ladder in ladders if ladder.is_climbing()]:
        if pause(POLL_SECONDS):
            for ladder in ladders:
                ladder.hurry()
    for child in children:
        child.service.finish()
    return [child for child in children if child.exit_code() is None]


class StopLadder:
    """One child on its way out; ask `is_climbing` again and again until it says no."""

    def __init__(self, child: Child, slack_seconds: float = 0.0) -> None:
        self._child = child
        self._steps = deque(child.service.stop_steps)
        self._slack_seconds = slack_seconds
        self._next_at = 0.0
        self._is_killed = False

    def is_climbing(self) -> bool:
        """Send the next signal if its time has come; False when the process or the steps end."""
        if self._child.exit_code() is not None:
            return False
        if time.monotonic() < self._next_at:
            return True
        if self._steps:
            step = self._steps.popleft()
            self._child.send(step.signal)
            self._next_at = time.monotonic() + step.seconds + self._slack_seconds
            self._slack_seconds = 0.0
            return True
        if self._is_killed:
            return False
        self._child.kill()
        self._is_killed = True
        self._next_at = time.monotonic() + _KILL_SECONDS
        return True

    def hurry(self) -> None:
        if not self._is_killed:
            self._next_at = 0.0


def spawn(
    launch: Launch, name: str, *, stdin: int | None = None, stdout: int | None = None
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that a Ctrl-C in the terminal reaches only us."""
    identity = launch.identity
    try:
        return subprocess.Popen(  # noqa: S603 - our own command lines, no shell
            launch.argv,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=stdout,
            stderr=None if stdout is None else subprocess.STDOUT,
            env=launch.env,
            cwd=launch.folder,
            pass_fds=launch.pass_fds,
            start_new_session=True,
            user=identity.uid if identity else None,
            group=identity.gid if identity else None,
            extra_groups=[] if identity else None,
            preexec_fn=_die_with_parent(launch.death_signal),  # noqa: PLW1509 - two system calls, no locks
        )
    except (OSError, subprocess.SubprocessError) as error:
        who = f" as {identity.name}" if identity else ""
        raise ServiceFailed(name, f"could not be started{who}", str(error)) from error


def run_to_end(launch: Launch, name: str, *, text: str = "", seconds: float = 120.0) -> str:
    """Run a short command that reads `text`; returns what it wrote, raises when it fails."""
    readable, writable = os.pipe()
    try:
        if launch.identity is not None:  # it may open the pipe by name, as /dev/stdin
            os.fchown(readable, launch.identity.uid, launch.identity.gid)
        os.write(writable, text.encode())
    finally:
        os.close(writable)
    try:
        process = spawn(launch, name, stdin=readable, stdout=subprocess.PIPE)
    finally:
        os.close(readable)
    with process:
        try:
            written, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise ServiceFailed(name, f"took more than {seconds:.0f} s") from error
    output = written.decode(errors="replace")
    if process.returncode != 0:
        raise ServiceFailed(name, describe_exit(process.returncode), last_lines(output))
    return output


def describe_exit(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def last_lines(text: str, count: int = _OUTPUT_LINES) -> str:
    return "\n".join(text.strip().splitlines()[-count:])


@contextmanager
def _open_output(path: Path | None, otherwise: int | None) -> Iterator[int | None]:
    if path is None:
        yield otherwise
        return
    # The folder may be another user's while we are root: no link leads us out of it.
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        yield output
    finally:
        os.close(output)


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """What the child does between fork and exec, after changing its user, which clears the wish."""
    if _libc is None:
        return None
    prctl = _libc.prctl
    parent = os.getpid()
    number = int(death_signal)

    def wish() -> None:
        prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # it died before the wish was heard
            os._exit(1)

    return wish
