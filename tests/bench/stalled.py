"""(r) What clients that read nothing cost the others: a tenth of them is stalled, the rest is told as fast as before.

Server and hub run here, their clients in other processes; the time is from the commit to the client that has read it.
"""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from realtime.live import Live
from realtime.settings import AdmissionSettings, ConnectionSettings, LiveSettings
from server.live import LiveEndpoint
from tests.bench.effort import Effort
from tests.bench.machine import allow_files
from tests.bench.report import Bound, Ratio, Round, Section, Subject
from tests.bench.rig import ROOT
from tests.realtime.history import Ledger
from tests.realtime.serving import serve
from tests.support.waiting import wait_until

_QUIET, _BUSY = 1, 2
_LABELS = " ".join(f"{row}{column}" for row in range(1, 11) for column in "ABCD")
_MANY_LABELS = " ".join(f"{row}{column}" for row in range(1, 251) for column in "ABCD")
_LARGE = {f"{column}{row}": "LBXA" for row in range(1, 251) for column in "ABCD"}
_EVERY_SECONDS = 0.05
_WEIGHED_EVERY = 20  # changes
_HEARTBEAT_SECONDS = 3600.0
"""Nobody answers heartbeats here."""
_STALLED_SHARE = 0.1
_FILLED_SECONDS = 20.0


async def others_of_stalled_clients(effort: Effort) -> Section:
    """Commit twenty times a second, in turn with and without clients whose sockets are full."""
    stalled = int(effort.sockets * _STALLED_SHARE)
    allow_files(4 * effort.sockets)
    ledger = Ledger()
    ledger.add(_QUIET, _LABELS)
    ledger.add(_BUSY, _MANY_LABELS)
    admission = AdmissionSettings(connections_per_client=AdmissionSettings().connections_max)
    settings = LiveSettings(
        connection=ConnectionSettings(heartbeat_seconds=_HEARTBEAT_SECONDS), admission=admission
    )
    live = Live(ledger, is_only_process=True, settings=settings)
    beside, alone = Subject(f"beside {stalled} that read nothing"), Subject("all read")
    await live.start()
    async with (
        serve(LiveEndpoint(live, allowed_origins=[])) as port,
        _watching(port, effort.sockets - stalled, _QUIET) as listeners,
    ):
        await _commit(live, ledger, listeners, 1.0)
        for number in range(2 * effort.rounds):
            if number % 4 in {1, 2}:  # neither is always the first of the two
                async with _watching(port, stalled, _QUIET, _BUSY):
                    await _fill(live, ledger, stalled)
                    beside.rounds.append(await _commit(live, ledger, listeners, effort.seconds))
                await wait_until(lambda: live.gauges()["sockets_full"] == 0)
            else:
                round_ = await _commit(live, ledger, listeners, effort.seconds)
                alone.rounds.append({**round_, "KiB": 0.0})
        await live.stop()
    return Section(
        "r",
        f"from commit to client, {effort.sockets - stalled:,} who read, 20 commits a second",
        (beside, alone),
        (Ratio("p99 ms", beside, alone, "≤ 1.2"), Ratio("p50 ms", beside, alone, "≤ 1.2")),
        (Bound("KiB", beside, "≤ 256"),),
        ("KiB: the most that was held for one client in user space",),
    )


async def _commit(live: Live, ledger: Ledger, listeners: Process, seconds: float) -> Round:
    committed: dict[str, float] = {}
    most = 0
    for number in range(int(seconds / _EVERY_SECONDS)):
        change = ledger.commit(_QUIET, A1="LB"[number % 2])
        committed[str(change.rev)] = time.monotonic()
        live.announce(change)
        if number % _WEIGHED_EVERY == 0:
            most = max(most, *(each.outlet.buffered() for each in live._connections))
        await asyncio.sleep(_EVERY_SECONDS)
    told = await _ask(listeners, committed)
    if not told.pop("told"):
        raise RuntimeError("nobody was told anything")
    return {**told, "KiB": most / 1024}


async def _fill(live: Live, ledger: Ledger, stalled: int) -> None:
    """Tell those who do not read more than the kernel takes for them."""

    def is_full() -> bool:
        live.announce(ledger.commit(_BUSY, **_LARGE))
        return live.gauges()["sockets_full"] >= stalled

    await wait_until(is_full, seconds=_FILLED_SECONDS)


async def _ask(listeners: Process, committed: dict[str, float]) -> dict[str, float]:
    assert listeners.stdin is not None
    assert listeners.stdout is not None
    await asyncio.sleep(0.5)  # the last change is still being read
    listeners.stdin.write(json.dumps(committed).encode() + b"\n")
    told: dict[str, float] = json.loads(await listeners.stdout.readline())
    return told


@asynccontextmanager
async def _watching(port: int, sockets: int, *buses: int) -> AsyncIterator[Process]:
    listeners = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.listeners", str(port), str(sockets)),
        *map(str, buses),
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
    )
    assert listeners.stdout is not None
    try:
        if await listeners.stdout.readline() != b"watching\n":
            raise RuntimeError("the listeners did not come")
        yield listeners
    finally:
        if listeners.returncode is None:
            listeners.terminate()
        await listeners.wait()
