"""(b) CPU of one seat change on its way to one watcher: against the least and the usual way, and for ten times as many.

Server and hub run here, their clients in another process, so that this process's CPU seconds are the servers'.
"""

import asyncio
import gc
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from realtime import frames
from realtime.live import Live
from realtime.settings import AdmissionSettings, HubSettings, LiveSettings
from server.live import LiveEndpoint
from tests.bench.effort import Effort
from tests.bench.machine import allow_files
from tests.bench.report import Ratio, Section, Subject
from tests.bench.watchers import Crowd, crowd
from tests.realtime.history import Ledger
from tests.realtime.serving import RAW, STOCK, serve

_DELIVERIES = 40_000  # of each kind in a round
_BURSTS_MAX = 40
_SETTLE_SECONDS = 0.03  # for a thousand
BUS = 1
LABELS = " ".join(f"{row}{column}" for row in range(1, 11) for column in "ABCD")

SendText = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """One way to tell so many watchers of a change."""

    subject: Subject
    sockets: int
    tell: Callable[[], Awaitable[None]]

    @property
    def bursts(self) -> int:
        return max(1, min(_BURSTS_MAX, _DELIVERIES // self.sockets))

    @property
    def settle_seconds(self) -> float:
        return _SETTLE_SECONDS * max(1.0, self.sockets / 1_000)


async def cpu_a_delivery(effort: Effort) -> Section:
    """Measure bursts of all kinds in shuffled order; what the same rest without a burst costs is taken off."""
    few, many = effort.sockets, effort.many_sockets
    allow_files(4 * few + 2 * many)
    ledger, far = Ledger(), Ledger()
    ledger.add(BUS, LABELS)
    far.add(BUS, LABELS)
    async with (
        watched(ledger, few) as (live, transports, near_crowd),
        watched(far, many) as (far_live, far_transports, far_crowd),
        _sending(few, is_compressed=False) as senders,
        _sending(few, is_compressed=True) as compressing,
    ):
        wire, text = _delta(ledger, live)

        kinds = [
            _Kind(Subject(f"omnibus, {few:,} sockets"), few, _announcing(live, ledger)),
            _Kind(Subject("bare transport.write"), few, _writing(transports, wire)),
            _Kind(Subject("Starlette send_text"), few, _sending_each(senders, text)),
            _Kind(
                Subject("Starlette send_text, compressed as uvicorn does unless told"),
                few,
                _sending_each(compressing, text),
            ),
            _Kind(Subject(f"omnibus, {many:,} sockets"), many, _announcing(far_live, far)),
            _Kind(
                Subject(f"bare transport.write, {many:,} sockets"),
                many,
                _writing(far_transports, wire),
            ),
        ]
        await asyncio.sleep(1)
        gc.collect()
        gc.freeze()
        for each in (near_crowd, far_crowd):
            await each.report()
        for number in range(effort.rounds):
            await _measure(kinds, seed=number)
        reports = [await each.report() for each in (near_crowd, far_crowd)]
        gc.unfreeze()
    return _section(kinds, len(wire), sum(each.share for each in reports))


def _section(kinds: Sequence[_Kind], size: int, share: float) -> Section:
    omnibus, bare, usual, compressed, many, bare_many = (kind.subject for kind in kinds)
    return Section(
        "b",
        f"CPU of one delivery of {size} bytes, commit to socket",
        (omnibus, bare, usual, compressed, many, bare_many),
        (
            Ratio("µs each", omnibus, bare, "≤ 1.25"),
            Ratio("µs each", omnibus, usual, "≤ 0.45"),
            Ratio("µs each", omnibus, compressed, "≤ 0.45"),
            Ratio("µs each", many, omnibus, "≤ 1.15"),
            Ratio("µs each", bare_many, bare, "the kernel's part of it"),
            Ratio("µs each", many, bare_many, "≤ 1.25"),
        ),
        notes=(f"the crowds' processes took {share:.0f} % of a core while this was measured",),
    )


async def _measure(kinds: Sequence[_Kind], *, seed: int) -> None:
    """Add a round to each: this process's CPU, without what so long a rest takes by itself."""
    spent = dict.fromkeys(kinds, 0.0)
    rested = {kind.settle_seconds: 0.0 for kind in kinds}
    bursts = {kind.settle_seconds: kind.bursts for kind in kinds}
    order: list[_Kind | float] = [kind for kind in kinds for _ in range(kind.bursts)]
    order += [rest for rest, times in bursts.items() for _ in range(times)]
    random.Random(seed).shuffle(order)
    for each in order:
        started_at = time.process_time()
        if isinstance(each, float):
            await asyncio.sleep(each)
            rested[each] += time.process_time() - started_at
        else:
            await each.tell()
            await asyncio.sleep(each.settle_seconds)  # the loop writes when it comes round
            spent[each] += time.process_time() - started_at
    for kind in kinds:
        seconds = (spent[kind] - rested[kind.settle_seconds]) / kind.bursts
        kind.subject.rounds.append({"µs each": seconds / kind.sockets * 1e6})


def _announcing(live: Live, ledger: Ledger) -> Callable[[], Awaitable[None]]:
    async def announce() -> None:
        live.announce(ledger.commit(BUS, A1="LB"[ledger.heads[BUS][1] % 2]))

    return announce


def _writing(transports: Sequence[asyncio.Transport], wire: bytes) -> Callable[[], Awaitable[None]]:
    async def write() -> None:
        for transport in transports:
            transport.write(wire)

    return write


def _sending_each(senders: Sequence[SendText], text: str) -> Callable[[], Awaitable[None]]:
    async def send_each() -> None:
        for send_text in senders:
            await send_text(text)

    return send_each


@asynccontextmanager
async def watched(
    ledger: Ledger, sockets: int, *, hub: HubSettings | None = None, is_timing: bool = False
) -> AsyncIterator[tuple[Live, list[asyncio.Transport], Crowd]]:
    """Serve the product's own endpoint to so many watchers of one bus."""
    admission = AdmissionSettings(connections_max=2 * sockets, connections_per_client=2 * sockets)
    settings = LiveSettings(admission=admission, hub=hub or HubSettings())
    live = Live(ledger, is_only_process=True, settings=settings)
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
        watching = await stack.enter_async_context(crowd(port, sockets, [BUS], is_timing=is_timing))
        yield live, transports, watching


@asynccontextmanager
async def _sending(sockets: int, *, is_compressed: bool) -> AsyncIterator[list[SendText]]:
    """Serve what one would write first: accept, keep the socket, call `send_text` for every client."""
    senders: list[SendText] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        await websocket.accept("seatmap.v1")
        senders.append(websocket.send_text)
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass

    async with (
        serve(app, STOCK, is_compressing=is_compressed) as port,
        crowd(port, sockets, [BUS], is_silent=True, is_compressed=is_compressed),
    ):
        yield senders


def _delta(ledger: Ledger, live: Live) -> tuple[bytes, str]:
    """Return a change as the bytes and as the text that watchers get."""
    change = ledger.commit(BUS, A1="L")
    live.announce(change)
    payload = frames.encode_change(change)
    return frames.frame(payload), payload.decode()
