"""(n) What ten thousand who watch cost while nothing happens: memory of each, and CPU with heartbeats on.

A server of its own for each round, the product's with everything in it: what a process keeps of a first crowd would
hide the second. Heartbeats are answered, as clients do.
"""

import asyncio
import os
import signal

import psutil

from tests.bench.effort import Effort
from tests.bench.fleet import Fleet, Fleets
from tests.bench.live_latency import LIVE_SERVER
from tests.bench.machine import API, allow_files
from tests.bench.report import Bound, Round, Section, Subject
from tests.bench.rig import Rig, Served
from tests.bench.watchers import crowd

_BUSES = 100
_FIRST = 200  # who come before memory is weighed, so that what is made once has been made
_SETTLE_SECONDS = 1.0


async def idle_watchers(fleets: Fleets, effort: Effort) -> Section:
    """Weigh a process before and after so many came, garbage collected, and watch it idle for a while."""
    sockets = effort.many_sockets - _FIRST or _FIRST
    allow_files(4 * effort.many_sockets)
    subject = Subject(f"omnibus, {sockets:,} sockets on {_BUSES} buses")
    async with fleets.lend() as fleet:
        for _ in range(effort.rounds):
            async with fleets.rig.omnibus(fleet.url, program=LIVE_SERVER) as served:
                subject.rounds.append(await _round(fleets.rig, fleet, served, effort, sockets))
    return Section(
        "n",
        "an idle watching socket",
        (subject,),
        bounds=(
            Bound("resident memory KiB", subject, "≤ 20"),
            Bound("CPU of 1,000, of a core %", subject, "≤ 0.5"),
        ),
        notes=(f"the crowd's process took {subject.median('crowd, of a core %'):.0f} % of a core",),
    )


async def _round(rig: Rig, fleet: Fleet, served: Served, effort: Effort, sockets: int) -> Round:
    (_, port), (pid,) = served.addresses[0], served.pids
    buses = list(fleet.bus_ids[:_BUSES])
    async with crowd(port, _FIRST, buses):
        before = await _weigh(pid)
        async with crowd(port, sockets, buses) as watching:
            after = await _weigh(pid)
            await watching.report()
            spent = rig.read_cpu(served)
            await asyncio.sleep(2 * effort.seconds)
            spent = rig.read_cpu(served) - spent
            report = await watching.report()
            if report.live != sockets:
                raise RuntimeError(f"{sockets - report.live} sockets of {sockets} are gone")
    seconds = report.seconds
    return {
        "resident memory KiB": (after - before) / sockets / 1024,
        "CPU of 1,000, of a core %": 100 * spent.of(API) / seconds / (sockets + _FIRST) * 1_000,
        "heartbeats a second": report.reads / seconds,
        "crowd, of a core %": report.share,
    }


async def _weigh(pid: int) -> int:
    """Return the resident bytes of a process that has just collected its garbage."""
    for _ in range(2):
        await asyncio.sleep(_SETTLE_SECONDS)
        os.kill(pid, signal.SIGUSR1)
    await asyncio.sleep(_SETTLE_SECONDS)
    return psutil.Process(pid).memory_info().rss
