"""(p) What a process pays for changes of buses that nobody watches there: each in a message of its own, the worst case.

As the product's publisher sends them, what is committed at one moment shares a message, and costs a tenth.
"""

import asyncio
import secrets
import time
from datetime import UTC, datetime

from redis.asyncio import Redis

from realtime import frames
from store.events import SeatsChanged
from tests.bench.effort import Effort
from tests.bench.fleet import Fleets
from tests.bench.live_return import read_live
from tests.bench.machine import API
from tests.bench.report import Bound, Round, Section, Subject
from tests.bench.rig import Rig, Served

_PER_SECOND = 5_000
_TICK_SECONDS = 0.01
_CHANNEL = b"omnibus:seats:{0}"
_FIRST_BUS = 10**9


async def changes_nobody_watches(fleets: Fleets, effort: Effort) -> Section:
    """Publish at a steady rate, one change a message and as many as a tick brings in one, in turn."""
    singly = Subject(f"{_PER_SECOND:,} changes a second, a message each")
    together = Subject("the same, as many in a message as ten milliseconds bring")
    rig, seconds = fleets.rig, effort.seconds / 2
    async with fleets.lend() as fleet, rig.omnibus(fleet.url) as served:
        for _ in range(effort.rounds):
            singly.rounds.append(await _round(rig, served, seconds, each=1))
            in_a_tick = int(_PER_SECOND * _TICK_SECONDS)
            together.rounds.append(await _round(rig, served, seconds, each=in_a_tick))
    return Section(
        "p",
        "a process receives changes of which it watches none",
        (singly, together),
        bounds=(Bound("of a core %", singly, "≤ 15"),),
        notes=("every change that was sent was received, by the process's own count",),
    )


async def _round(rig: Rig, served: Served, seconds: float, *, each: int) -> Round:
    prefix = b"1|%b|" % secrets.token_hex(6).encode()
    lines = [_line(number) for number in range(1_000)]
    received = (await read_live(served))["bus_unwatched"]
    before, started_at = rig.read_cpu(served), time.monotonic()
    sent = 0
    async with Redis.from_url(rig.valkey.url, protocol=2) as client:
        while (now := time.monotonic() - started_at) < seconds:
            due = int(now * _PER_SECOND) // each * each
            pipeline = client.pipeline(transaction=False)
            for first in range(sent, due, each):
                those = [lines[number % len(lines)] for number in range(first, first + each)]
                pipeline.publish(_CHANNEL, prefix + b"\n".join(those))
            if due > sent:
                await pipeline.execute()
            sent = due
            await asyncio.sleep(_TICK_SECONDS)
    spent, took = rig.read_cpu(served) - before, time.monotonic() - started_at
    await asyncio.sleep(0.2)
    received = (await read_live(served))["bus_unwatched"] - received
    if received < sent:
        raise RuntimeError(f"{sent} changes were sent, {received:.0f} received")
    return {"of a core %": 100 * spent.of(API) / took, "changes a second": sent / took}


def _line(number: int) -> bytes:
    event = SeatsChanged(
        bus_id=_FIRST_BUS + number,
        epoch=1,
        prev=41,
        rev=42,
        seats=(("10A", "L"), ("10B", "L")),
        at=datetime.now(UTC),
        kind="held",
    )
    return b"%d|%b" % (event.bus_id, frames.encode_change(event))
