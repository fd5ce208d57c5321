"""Throwaway brokers for tests: RabbitMQ as Debian installs it, a stand-in for Amazon SQS, and our own Valkey.

Start them from the main thread: they end with the thread that started them.
"""

import os
import shutil
import signal
import socket
import sys
import tempfile
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

from server.embedded.children import Child, Launch, Service, StopStep, last_lines, stop_together
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""What the wrapper in the search path starts, which insists on a user of its own."""
EPMD = shutil.which("epmd")
_ANYWHERE = "127.0.0.1"


class Broker(ABC):
    """Keeps nothing from one start to the next: each is as if it had been wiped."""

    url: str

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    async def start_soon(self) -> None:
        """Do as `start` does, while everybody else of this process goes on."""

    @abstractmethod
    def stop(self) -> None: ...

    @abstractmethod
    def discard(self) -> None: ...


class StreamBroker(Broker):
    def __init__(self) -> None:
        self._server = ThrowawayValkey()
        self.url = self._server.url

    def start(self) -> None:
        self._server.start()

    async def start_soon(self) -> None:
        await self._server.start_soon()

    def stop(self) -> None:
        self._server.stop()

    def discard(self) -> None:
        self._server.discard()


class _ForeignBroker(Broker):
    """A program that is not ours, in a folder that goes away."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="omnibus-test-"))
        self.port = free_port()
        self._child: Child | None = None

    @abstractmethod
    def service(self) -> "_Listener":
        """Prepare a start."""

    def start(self) -> None:
        self._child = _started(self.service())

    async def start_soon(self) -> None:
        service = self.service()
        self._child = Child(service)
        await wait_until(service.is_ready, seconds=service.ready_seconds)

    def stop(self) -> None:
        """End it as a power cut would; it is to keep nothing anyway."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def discard(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)


class SqsBroker(_ForeignBroker):
    """A server that speaks like SQS, in memory, as a process of its own."""

    def __init__(self) -> None:
        super().__init__()
        endpoint = f"http://{_ANYWHERE}:{self.port}"
        self.url = f"sqs://test:test@eu-central-1/omnibus-jobs.fifo?endpoint={endpoint}"

    def service(self) -> "_Listener":
        argv = (sys.executable, "-m", "moto.server", "-H", _ANYWHERE, "-p", str(self.port))
        return _Listener("moto", argv, {}, self.folder, self.port)


class RabbitBroker(_ForeignBroker):
    """A node of its own name and ports, with an epmd of its own, which it would else leave running."""

    def __init__(self) -> None:
        super().__init__()
        self._epmd_port, self._node_port = free_port(), free_port()
        self.url = f"amqp://guest:guest@{_ANYWHERE}:{self.port}/"
        self._epmd: Child | None = None

    @staticmethod
    def missing() -> str | None:
        """Return why there is none, if there is none."""
        if EPMD is None or not RABBITMQ.exists():
            return "needs RabbitMQ as Debian installs it: apt-get install rabbitmq-server"
        return None

    def service(self) -> "_Listener":
        assert EPMD is not None, "ask `missing` first"
        if self._epmd is None:
            argv = (EPMD, "-port", str(self._epmd_port), "-address", _ANYWHERE)
            self._epmd = _started(_Listener("epmd", argv, {}, self.folder, self._epmd_port))
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        return _Listener("rabbitmq", (str(RABBITMQ),), self._configure(), self.folder, self.port)

    def discard(self) -> None:
        self.stop()
        if self._epmd is not None:
            assert stop_together([self._epmd]) == []
        shutil.rmtree(self.folder)

    def _configure(self) -> dict[str, str]:
        """Write the node's configuration; return the environment that makes it the node's."""
        folder = self.folder
        (folder / "data").mkdir()
        (folder / "environment").write_text("")
        (folder / "plugins").write_text("[].\n")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = {_ANYWHERE}:{self.port}\n"
            "log.console = true\nlog.console.level = warning\nlog.file = false\n"
            "disk_free_limit.absolute = 50MB\n"
        )
        return {
            "HOME": str(folder),  # the secret by which nodes know each other is made there
            "RABBITMQ_NODENAME": f"omnibus-{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._node_port),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "environment"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "data"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "data"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none"
            ),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": _ANYWHERE,
        }


class _Listener(Service):
    """A program that is ready when it listens."""

    ready_seconds = 110.0
    stop_steps = (StopStep(signal.SIGTERM, 5.0),)

    def __init__(
        self, name: str, argv: tuple[str, ...], env: dict[str, str], folder: Path, port: int
    ) -> None:
        self.name = name
        self._argv = argv
        self._env = env
        self._folder = folder
        self._port = port
        self._output = folder / f"{name}.out"

    def prepare(self) -> Launch:
        return Launch(
            argv=self._argv,
            env={"PATH": os.environ.get("PATH", os.defpath), **self._env},  # noqa: TID251 - a foreign program's
            folder=self._folder,
            output=self._output,
        )

    def is_ready(self) -> bool:
        with suppress(OSError), socket.create_connection((_ANYWHERE, self._port), timeout=1.0):
            return True
        return False

    def said(self) -> str:
        with suppress(OSError):
            return last_lines(self._output.read_text(encoding="utf-8", errors="replace"))
        return ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_ANYWHERE, 0))
        port: int = probe.getsockname()[1]
        return port


def _started(service: Service) -> Child:
    child = Child(service)
    try:
        child.wait_ready()
    except BaseException:
        stop_together([child])
        raise
    return child
