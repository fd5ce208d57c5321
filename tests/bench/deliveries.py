"""(b) CPU of one seat change on its way to one watcher, a thousand watching: against the least and the usual way.

Server and hub run here, their clients in another process, so that this process's CPU seconds are the servers'.
"""

import asyncio
import gc
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

from starlette.types import Receive, Scope, Send

from realtime import frames
from realtime.live import Live
from realtime.settings import AdmissionSettings, LiveSettings
from server.live import LiveEndpoint
from tests.bench.effort import Effort
from tests.bench.machine import allow_files
from tests.bench.report import Ratio, Round, Section, Subject
from tests.bench.rig import ROOT
from tests.realtime.history import Ledger
from tests.realtime.serving import RAW, STOCK, serve

_BURSTS = 60  # of each kind in a round
_SETTLE_SECONDS = 0.03
_BUS = 1
_LABELS = " ".join(f"{row}{column}" for row in range(1, 11) for column in "ABCD")

Burst = Callable[[], Awaitable[None]]


async def cpu_a_delivery(effort: Effort) -> Section:
    """Measure bursts of all kinds in shuffled order; what the same rest without a burst costs is taken off."""
    sockets = effort.sockets
    allow_files(4 * sockets)
    omnibus, bare, usual = (
        Subject("omnibus: commit to sockets"),
        Subject("bare transport.write"),
        Subject("`await send` to each client"),
    )
    ledger = Ledger()
    ledger.add(_BUS, _LABELS)
    async with _watched(ledger, sockets) as (live, transports), _sending(sockets) as senders:
        wire, text = _delta(ledger, live)
        await asyncio.sleep(1)
        gc.collect()
        gc.freeze()

        async def rest() -> None:
            pass

        async def announce() -> None:
            live.announce(ledger.commit(_BUS, A1="LB"[ledger.heads[_BUS][1] % 2]))

        async def write() -> None:
            for transport in transports:
                transport.write(wire)

        async def send_each() -> None:
            for send in senders:
                await send({"type": "websocket.send", "text": text})

        for number in range(effort.rounds):
            spent = await _measure([rest, announce, write, send_each], seed=number)
            for subject, burst in ((omnibus, announce), (bare, write), (usual, send_each)):
                subject.rounds.append(_each(spent[burst] - spent[rest], sockets))
    return Section(
        "b",
        f"CPU of one delivery, {sockets:,} sockets, {len(wire)} bytes a frame",
        (omnibus, bare, usual),
        (
            Ratio("µs each", omnibus, bare, "as near 1 as can be"),
            Ratio("µs each", omnibus, usual, "well below 1"),
        ),
    )


def _each(seconds: float, sockets: int) -> Round:
    return {"µs each": seconds / (_BURSTS * sockets) * 1e6}


async def _measure(bursts: list[Burst], *, seed: int) -> dict[Burst, float]:
    """Return this process's CPU seconds by kind of burst, rest included."""
    spent = dict.fromkeys(bursts, 0.0)
    order = bursts * _BURSTS
    random.Random(seed).shuffle(order)
    for burst in order:
        started_at = time.process_time()
        await burst()
        await asyncio.sleep(_SETTLE_SECONDS)  # the loop writes when it comes round
        spent[burst] += time.process_time() - started_at
    return spent


@asynccontextmanager
async def _watched(
    ledger: Ledger, sockets: int
) -> AsyncIterator[tuple[Live, list[asyncio.Transport]]]:
    """Serve the product's own endpoint to a thousand watchers of one bus."""
    admission = AdmissionSettings(connections_max=2 * sockets, connections_per_client=2 * sockets)
    live = Live(ledger, is_only_process=True, settings=LiveSettings(admission=admission))
    transports: list[asyncio.Transport] = []
    endpoint = LiveEndpoint(live, allowed_origins=[])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        lane = cast("Any", scope["extensions"])["omnibus.lane"]
        transports.append(lane._transport)
        await endpoint(scope, receive, send)

    await live.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(live.stop)
        port = await stack.enter_async_context(serve(app, RAW))
        await stack.enter_async_context(_crowd(port, sockets))
        yield live, transports


@asynccontextmanager
async def _sending(sockets: int) -> AsyncIterator[list[Send]]:
    """Serve what one would write first: accept, keep `send`, call it for every client."""
    senders: list[Send] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "seatmap.v1"})
        senders.append(send)
        while (await receive())["type"] != "websocket.disconnect":
            pass

    async with serve(app, STOCK) as port, _crowd(port, sockets):
        yield senders


@asynccontextmanager
async def _crowd(port: int, sockets: int) -> AsyncIterator[None]:
    """Let another process open all sockets and read what comes, until the block ends."""
    crowd = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.crowd", str(port), str(sockets), str(_BUS)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert crowd.stdout is not None
    try:
        if await crowd.stdout.readline() != b"watching\n":
            raise RuntimeError("the crowd did not come")
        yield
    finally:
        if crowd.returncode is None:
            crowd.terminate()
        await crowd.wait()


def _delta(ledger: Ledger, live: Live) -> tuple[bytes, str]:
    """Return a change as the bytes and as the text that watchers get."""
    change = ledger.commit(_BUS, A1="L")
    live.announce(change)
    payload = frames.encode_change(change)
    return frames.frame(payload), payload.decode()
