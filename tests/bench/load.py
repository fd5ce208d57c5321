"""Load that costs little: many connections to the servers, closed or open loop.

The servers are measured, not the client, whose own CPU is reported beside.
"""

import asyncio
import gc
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.bench.connection import Connection, connect, has_retry_after
from tests.bench.rig import Address

Requests = Iterator[bytes]
"""HTTP requests as they go over the wire."""
Follow = Callable[[bytes, bytes], bytes | None]
"""Given a request and its answer: what the same client sends next for the same sale, None when it is over."""

_TICK_SECONDS = 0.001
_PER_TICK = 64  # sent without a look at what has come in meanwhile
_LAST_ANSWER_SECONDS = 30.0


@dataclass(slots=True)
class Outcome:
    """What a run came to; latencies in seconds, those of refusals apart."""

    seconds: float = 0.0
    sales: int = 0
    unsent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    without_retry_after: int = 0

    @property
    def rate(self) -> float:
        """Sales a second; where a sale is one request, good answers a second."""
        return self.sales / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency that `share` of the good answers kept, in seconds."""
        return percentile(self.latencies, share)

    def note(self, answer: bytes, latency: float) -> int:
        status = int(answer[9:12])
        self.statuses[status] += 1
        if status < 400:
            self.latencies.append(latency)
        else:
            self.refusals.append(latency)
            if status == 503 and not has_retry_after(answer):
                self.without_retry_after += 1
        return status

    def require(self, status: int) -> None:
        """Raise unless every answer was this one: a rate of refusals is no rate of sales."""
        if set(self.statuses) != {status}:
            raise RuntimeError(f"expected {status} alone: {dict(self.statuses)}")


def percentile(latencies: Sequence[float], share: float) -> float:
    ordered = sorted(latencies)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def closed_loop(
    addresses: Sequence[Address],
    requests: Requests,
    *,
    clients: int,
    seconds: float,
    follow: Follow | None = None,
) -> Outcome:
    """Keep `clients` requests under way for `seconds`: each client sends its next when it has its answer."""
    outcome = Outcome()
    done = asyncio.get_running_loop().create_future()
    busy = clients
    ends_at = 0.0

    def answered(connection: Connection, answer: bytes, latency: float) -> None:
        nonlocal busy
        status = outcome.note(answer, latency)
        if follow and (request := follow(connection.request, answer)) is not None:
            connection.send(request)
            return
        outcome.sales += status < 400
        if time.perf_counter() < ends_at and (request := next(requests, None)) is not None:
            connection.send(request)
            return
        busy -= 1
        if busy == 0 and not done.done():
            done.set_result(None)

    connections = await connect(addresses, clients, answered)
    with undisturbed():
        started_at = time.perf_counter()
        ends_at = started_at + seconds
        for connection in connections:
            connection.send(next(requests))
        async with asyncio.timeout(seconds + _LAST_ANSWER_SECONDS):
            await done
        outcome.seconds = time.perf_counter() - started_at
    for connection in connections:
        connection.close()
    return outcome


async def open_loop(
    addresses: Sequence[Address],
    requests: Requests,
    *,
    rate: float,
    seconds: float,
    clients: int = 2_000,
    on_answer: Callable[[float, float, bool], None] | None = None,
    refused: deque[bytes] | None = None,
) -> Outcome:
    """Let `rate` requests a second fall due whatever the server does; latency counts from when one was due.

    A request that finds none of `clients` connections free when it is due is never sent, and counted. `on_answer` hears
    when each request was due, by `time.perf_counter`, its latency, and whether it was granted; `refused` gets the
    requests that were answered 503. The rate counts until the last answer.
    """
    loop = _OpenLoop(on_answer, refused)
    connections = await connect(addresses, clients, loop.answered)
    loop.idle.extend(connections)
    with undisturbed():
        started_at = time.perf_counter()
        await loop.send(requests, rate, int(rate * seconds), started_at)
        await loop.finish()
        loop.outcome.seconds = time.perf_counter() - started_at
    for connection in connections:
        connection.close()
    return loop.outcome


@dataclass(slots=True)
class _OpenLoop:
    on_answer: Callable[[float, float, bool], None] | None
    refused: deque[bytes] | None
    outcome: Outcome = field(default_factory=Outcome)
    idle: deque[Connection] = field(default_factory=deque)
    under_way: int = 0
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)

    def answered(self, connection: Connection, answer: bytes, latency: float) -> None:
        status = self.outcome.note(answer, latency)
        self.outcome.sales += status < 400
        if self.refused is not None and status == 503:
            self.refused.append(connection.request)
        if self.on_answer:
            self.on_answer(connection.due_at, latency, status < 400)
        self.idle.append(connection)
        self.under_way -= 1
        if self.under_way == 0:
            self.has_ended.set()

    async def send(self, requests: Requests, rate: float, total: int, started_at: float) -> None:
        """Send what is due, in handfuls, with a look at the answers after each."""
        number = 0
        while number < total:
            due = min(total, int((time.perf_counter() - started_at) * rate) + 1)
            last = min(due, number + _PER_TICK)
            for place in range(number, last):
                if not self.idle:
                    self.outcome.unsent += 1
                    continue
                self.under_way += 1
                self.idle.popleft().send(next(requests), started_at + place / rate)
            number = last
            await asyncio.sleep(0 if number < due else _TICK_SECONDS)

    async def finish(self) -> None:
        """Wait for the last answer."""
        self.has_ended.clear()
        if self.under_way:
            async with asyncio.timeout(_LAST_ANSWER_SECONDS):
                await self.has_ended.wait()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep this process's garbage collector out of what is timed."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
