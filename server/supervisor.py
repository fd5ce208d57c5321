"""Runs services in stages, watches them, restarts what crashes, and stops everything within 10 s.

One thread, the main one: signals arrive there, and children die with the thread that started them.
"""

import os
import selectors
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from server.embedded.children import (
    POLL_SECONDS,
    Child,
    Service,
    StopLadder,
    describe_exit,
    stop_together,
)
from server.embedded.errors import ServiceFailed, StartError
from server.embedded.labels import Labels


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    delay_seconds: float = 0.25
    """Before the first restart; every further crash in a row doubles it."""
    delay_seconds_max: float = 10.0
    crashes_max: int = 8
    steady_seconds: float = 30.0
    """A run of this length makes the crashes before it forgotten."""


@dataclass(eq=False)
class AddressUnusable(StartError):
    host: str
    port: int
    reason: str

    def __str__(self) -> str:
        return (
            f"cannot listen on {self.host} port {self.port}: {self.reason}. "
            "To use another address, set OMNIBUS_PORT or OMNIBUS_HOST."
        )


class Supervisor:
    """Starts stage after stage, each when all of the one before is ready; stops them in reverse.

    Within a stage, services start and stop side by side. `say` gets one message at a time, for the
    person who watches. `is_labelled` puts each service's name in front of what it writes; without
    it, services write straight to our own output. SIGUSR2 renews the services that are renewable:
    one after the other is stopped and started, each when the one before is ready.
    """

    on_start: Callable[[str, int], None] = staticmethod(lambda _name, _pid: None)
    """Hears of every process that is started: the service's name, and its number."""

    def __init__(
        self,
        stages: Sequence[Sequence[Service]],
        *,
        say: Callable[[str], None],
        on_ready: Callable[[], None] = lambda: None,
        is_labelled: bool = False,
        policy: RestartPolicy | None = None,
        stop_seconds: float = 9.0,
    ) -> None:
        self._say = _undisturbed(say)
        self._on_ready = on_ready
        self._stop_seconds = stop_seconds
        self._selector = selectors.DefaultSelector()
        names = [service.name for stage in stages for service in stage]
        labels = Labels(self._selector, max(map(len, names), default=0)) if is_labelled else None
        voice = _Voice(self._say, self._note_start, labels)
        self._stages = [
            [_Runner(service, policy or RestartPolicy(), voice) for service in stage]
            for stage in stages
        ]
        self._renewable = [each for each in self._runners() if each.service.is_renewable]
        self._to_renew: deque[_Runner] = deque()
        if max(map(self._worst_stop_seconds, range(len(stages))), default=0.0) > stop_seconds:
            raise ValueError(f"the services' stop steps add up to more than {stop_seconds} s")

    def run(self) -> int:
        """Run until a signal asks to stop (0) or something fails for good (1)."""
        assert threading.current_thread() is threading.main_thread()
        code = 1
        with _listen_to_signals(self._selector) as self._wishes:
            try:
                for stage in self._stages:
                    self._bring_up(stage)
                self._on_ready()
                while True:
                    self._turn()
            except _StopWished:
                self._say("stopping")
                code = 0
            except StartError as error:
                self._say(str(error))
            finally:
                is_stopped = self._stop()
        self._selector.close()
        return code if is_stopped else 1

    def _bring_up(self, stage: "list[_Runner]") -> None:
        for runner in stage:
            runner.begin()
        while not all(runner.has_been_ready or runner.may_be_late for runner in stage):
            self._turn()

    def _turn(self) -> None:
        """Wait for something to happen, and see to it."""
        runners = self._runners()
        self._wait(min((runner.patience_seconds() for runner in runners), default=None))
        if self._wishes.take():
            raise _StopWished
        for runner in runners:
            runner.advance()
        if self._wishes.take_renewal():
            self._to_renew = deque(self._renewable)
        # One that crashed meanwhile is waited for as well: never are two of them away at our own wish.
        if self._to_renew and all(runner.is_up for runner in self._renewable):
            self._to_renew.popleft().renew()

    def _note_start(self, name: str, pid: int) -> None:
        self.on_start(name, pid)

    def _runners(self) -> "list[_Runner]":
        return [runner for stage in self._stages for runner in stage]

    def _wait(self, seconds: float | None) -> None:
        for key, _ in self._selector.select(None if seconds == float("inf") else seconds):
            key.data()

    def _pause(self, seconds: float) -> bool:
        self._wait(seconds)
        return self._wishes.take()  # asked again: be quick

    def _stop(self) -> bool:
        deadline = time.monotonic() + self._stop_seconds
        stuck: list[Child] = []
        for index, stage in reversed(list(enumerate(self._stages))):
            spare = deadline - time.monotonic() - self._worst_stop_seconds(index)
            children = [runner.child for runner in stage if runner.child is not None]
            stuck += stop_together(children, slack_seconds=max(0.0, spare), pause=self._pause)
            for runner in stage:
                runner.flush()
        for child in stuck:
            self._say(f"{child.service.name} (process {child.pid}) does not end, not even killed")
        return not stuck

    def _worst_stop_seconds(self, index: int) -> float:
        """What it may take to stop this stage and those before, without what runs only once."""
        total = 0.0
        for number, stage in enumerate(self._stages[: index + 1]):
            alive = [runner for runner in stage if number == index or not runner.service.is_once]
            steps = [runner.service.stop_steps for runner in alive]
            total += max((sum(step.seconds for step in each) for each in steps), default=0.0)
        return total


def listen(host: str, port: int, *, backlog: int = 2048) -> socket.socket:
    """A socket for several processes to share: hand its fileno() to each in `pass_fds`."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=backlog)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]  # Python adds the address again
        raise AddressUnusable(host, port, reason) from error


def answers(host: str, port: int, path: str = "/readyz") -> Callable[[], bool]:
    """A readiness check: whether an HTTP server that listens there answers 200."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # nosec B104 # noqa: S104 - not to bind to

    def check() -> bool:
        connection = HTTPConnection(target, port, timeout=0.5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    return check


class _StopWished(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Voice:
    """Whom a runner tells what."""

    say: Callable[[str], None]
    on_start: Callable[[str, int], None]
    labels: Labels | None


class _Runner:
    """One service through its starts, crashes and restarts."""

    def __init__(self, service: Service, policy: RestartPolicy, voice: _Voice) -> None:
        self.service = service
        self.child: Child | None = None
        self.has_been_ready = False
        self.is_up = False
        self._policy = policy
        self._say = voice.say
        self._on_start = voice.on_start
        self._labels = voice.labels
        self._crashes = 0
        self._retry_at: float | None = None
        self._leaving: StopLadder | None = None
        self._is_given_up = False

    @property
    def may_be_late(self) -> bool:
        return self._is_given_up or (self.service.is_spare and not self.service.is_once)

    def begin(self) -> None:
        """Start it for the first time."""
        with self._sparing():
            self.start()

    def start(self) -> None:
        self.is_up = False
        self._retry_at = None
        if self._labels is None:
            self.child = Child(self.service)
        else:
            with self._labels.pipe(self.service.name) as stdout:
                self.child = Child(self.service, stdout=stdout)
        self._on_start(self.service.name, self.child.pid)

    def renew(self) -> None:
        """Stop it by its steps and, once it has ended, start it anew."""
        assert self.child is not None, "it is up"
        self.is_up = False
        self._leaving = StopLadder(self.child)

    def patience_seconds(self) -> float:
        """How long nothing needs to be done here, unless a signal comes."""
        if self._is_given_up:
            return float("inf")
        if self._retry_at is not None:
            return max(0.0, self._retry_at - time.monotonic())
        if self.child is None or self.is_up or self.service.is_once:
            return float("inf")
        return POLL_SECONDS

    def advance(self) -> None:
        if not self._is_given_up:
            with self._sparing():
                self._advance()

    def _advance(self) -> None:
        if self._leaving is not None:
            self._see_off(self._leaving)
        elif self._retry_at is not None:
            self._retry()
        elif self.child is not None and not (self.service.is_once and self.is_up):
            code = self.child.exit_code()
            if code is None:
                self._look_whether_ready(self.child)
            elif code == 0 and self.service.is_once:
                self.is_up = self.has_been_ready = True
            else:
                self.flush()
                self.child.clear_group()
                self._crash(describe_exit(code), time.monotonic() - self.child.started_at)

    def flush(self) -> None:
        """Write out what a process said last, before anything is said about its end."""
        if self._labels is not None:
            self._labels.flush(self.service.name)

    @contextmanager
    def _sparing(self) -> Iterator[None]:
        """Let a failure for good end everything, unless the others do without this one."""
        try:
            yield
        except StartError as error:
            if not self.service.is_spare:
                raise
            self._say(f"{error}\n{self.service.name} is left out until the next start")
            self._is_given_up = True
            self.is_up = False
            if self.child is not None:
                self.child.kill()

    def _see_off(self, leaving: StopLadder) -> None:
        if not leaving.is_climbing():
            self._leaving = None
            self.flush()
            self._retry_at = time.monotonic()

    def _retry(self) -> None:
        if self._retry_at is not None and time.monotonic() >= self._retry_at:
            try:
                self.start()
            except StartError as error:
                self._crash(f"does not start ({error})", 0.0)

    def _look_whether_ready(self, child: Child) -> None:
        if self.is_up or self.service.is_once:
            return
        if self.service.is_ready():
            if self.has_been_ready:
                self._say(f"{self.service.name} runs again")
            self.is_up = self.has_been_ready = True
        elif time.monotonic() - child.started_at > self.service.ready_seconds:
            if not self.has_been_ready:
                reason = f"was not ready after {self.service.ready_seconds:.0f} s"
                raise ServiceFailed(self.service.name, reason, self.service.said())
            child.kill()  # its end is then seen like any other crash

    def _crash(self, reason: str, lived_seconds: float) -> None:
        name = self.service.name
        self.is_up = False
        if not self.has_been_ready:
            reason += "" if self.service.is_once else " before it was ready"
            raise ServiceFailed(name, reason, self.service.said())
        self._crashes = 1 if lived_seconds >= self._policy.steady_seconds else self._crashes + 1
        if self._crashes > self._policy.crashes_max:
            reason += f": crash {self._crashes} in a row, giving up"
            raise ServiceFailed(name, reason, self.service.said())
        delay = min(
            self._policy.delay_seconds * 2 ** (self._crashes - 1), self._policy.delay_seconds_max
        )
        self._say(f"{name} {reason}; starting it again in {delay:g} s")
        self._retry_at = time.monotonic() + delay


def _undisturbed(say: Callable[[str], None]) -> Callable[[str], None]:
    def tell(message: str) -> None:
        with suppress(OSError):  # nobody reads us any more; that is no reason to stop selling
            say(message)

    return tell


class _Wishes:
    """How often a signal has asked us to stop since we last looked."""

    def __init__(self) -> None:
        self._count = 0
        self._is_renewal_wished = False

    def add(self, _number: int, _frame: object) -> None:
        self._count += 1

    def take(self) -> bool:
        count, self._count = self._count, 0
        return count > 0

    def add_renewal(self, _number: int, _frame: object) -> None:
        self._is_renewal_wished = True

    def take_renewal(self) -> bool:
        wished, self._is_renewal_wished = self._is_renewal_wished, False
        return wished


@contextmanager
def _listen_to_signals(selector: selectors.BaseSelector) -> Iterator[_Wishes]:
    """Turn SIGINT, SIGTERM, SIGHUP and SIGUSR2 into wishes; they and SIGCHLD end a wait in the selector."""
    wishes = _Wishes()
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # started by nohup
        numbers.remove(signal.SIGHUP)
    before = {number: signal.signal(number, wishes.add) for number in numbers}
    before[signal.SIGUSR2] = signal.signal(signal.SIGUSR2, wishes.add_renewal)
    before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    wakeup = signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    selector.register(readable, selectors.EVENT_READ, lambda: os.read(readable, 4096))
    try:
        yield wishes
    finally:
        selector.unregister(readable)
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(readable)
        os.close(writable)
