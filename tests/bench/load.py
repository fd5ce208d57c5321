"""A load client that costs little: raw HTTP/1.1 over asyncio protocols, requests as ready-made bytes.

It knows only what the servers here do: keep-alive, Content-Length. So the server is measured, not the client, whose
own CPU is reported beside.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

Requests = Iterator[bytes]
"""HTTP requests as they go over the wire."""

_LENGTH = b"\r\ncontent-length: "


@dataclass(slots=True)
class Outcome:
    """What a run came to; latencies in seconds."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return sum(self.statuses.values()) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency that `share` of the answers kept, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class _Client(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, tells, and is ready for the next."""

    def __init__(self, answered: Callable[["_Client", int, float], None]) -> None:
        self._answered = answered
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, due_at: float | None = None) -> None:
        """Send a request; its latency counts from `due_at`, when it should have gone out."""
        self._sent_at = due_at or time.perf_counter()
        assert self._transport is not None
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        place = self._buffer.find(_LENGTH, 0, head_end)
        if place >= 0:
            start = place + len(_LENGTH)
            length = int(self._buffer[start : self._buffer.find(b"\r\n", start)])
        else:
            length = 0
        if len(self._buffer) < head_end + 4 + length:
            return
        status = int(self._buffer[9:12])
        self._buffer = b""
        self._answered(self, status, time.perf_counter() - self._sent_at)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def closed_loop(
    address: tuple[str, int], requests: Requests, *, clients: int, seconds: float
) -> Outcome:
    """Keep `clients` requests under way for `seconds`: each client sends its next when it has its answer."""
    outcome = Outcome()
    done = asyncio.get_running_loop().create_future()
    ends_at = time.perf_counter() + seconds
    busy = clients

    def answered(client: _Client, status: int, latency: float) -> None:
        nonlocal busy
        outcome.statuses[status] += 1
        outcome.latencies.append(latency)
        request = next(requests, None) if time.perf_counter() < ends_at else None
        if request is not None:
            client.send(request)
            return
        busy -= 1
        if busy == 0 and not done.done():
            done.set_result(None)

    connected = await _connect(address, clients, answered)
    started_at = time.perf_counter()
    ends_at = started_at + seconds
    for client in connected:
        client.send(next(requests))
    await done
    outcome.seconds = time.perf_counter() - started_at
    for client in connected:
        client.close()
    return outcome


async def open_loop(
    address: tuple[str, int],
    requests: Requests,
    *,
    rate: float,
    seconds: float,
    clients: int = 512,
) -> Outcome:
    """Send `rate` requests a second whatever the server does; a late answer delays nobody but counts in full."""
    outcome = Outcome()
    waiting: asyncio.Queue[_Client] = asyncio.Queue()
    done = asyncio.Event()
    total = int(rate * seconds)

    def answered(client: _Client, status: int, latency: float) -> None:
        outcome.statuses[status] += 1
        outcome.latencies.append(latency)
        waiting.put_nowait(client)
        if len(outcome.latencies) == total:
            done.set()

    idle = await _connect(address, clients, answered)
    for client in idle:
        waiting.put_nowait(client)
    started_at = time.perf_counter()
    for number in range(total):
        due_at = started_at + number / rate
        if (pause := due_at - time.perf_counter()) > 0:
            await asyncio.sleep(pause)
        client = await waiting.get()
        client.send(next(requests), due_at)
    await done.wait()
    outcome.seconds = time.perf_counter() - started_at
    for client in idle:
        client.close()
    return outcome


async def _connect(
    address: tuple[str, int], count: int, answered: Callable[[_Client, int, float], None]
) -> list[_Client]:
    loop = asyncio.get_running_loop()
    clients: list[_Client] = []
    for _ in range(count):
        _, client = await loop.create_connection(lambda: _Client(answered), *address)
        clients.append(client)
    return clients
