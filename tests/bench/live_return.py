"""(o) Thousands lose the server and come back: how long until all of them are live, and what it costs the database.

The process is killed, not asked to leave, and started anew at once on the same port, with nothing in its memory.
Clients come back as pages do, after a random wait that doubles with every attempt that fails.
"""

import asyncio
import re
import signal
import time

import psutil

from tests.bench.effort import Effort
from tests.bench.fleet import Fleet, Fleets
from tests.bench.machine import API, BACKENDS, allow_files
from tests.bench.report import Bound, Round, Section, Subject
from tests.bench.rig import HOST, Rig, Served
from tests.bench.watchers import crowd

_BUSES = 100
_LIVE = re.compile(rb"^omnibus_live_(\w+?)(?:_total)? ([\d.e+]+)$", re.MULTILINE)


async def everybody_comes_back(fleets: Fleets, effort: Effort) -> Section:
    """Kill the server under its crowd, round by round."""
    sockets = effort.returning_sockets
    allow_files(4 * sockets)
    subject = Subject(f"omnibus, {sockets:,} clients, {_BUSES} buses")
    async with fleets.lend() as fleet:
        for _ in range(effort.rounds):
            subject.rounds.append(await _round(fleets.rig, fleet, sockets))
    return Section(
        "o",
        "the server is lost and comes back",
        (subject,),
        bounds=(
            Bound("all live after s", subject, "≤ 10"),
            Bound("buses read for each watched", subject, "≤ 1"),
        ),
        notes=(
            "counted from the kill, the start of the new process included; queries read up to 64 buses each",
            f"the crowd's process took {subject.median('crowd, of a core %'):.0f} % of a core",
        ),
    )


async def _round(rig: Rig, fleet: Fleet, sockets: int) -> Round:
    buses = list(fleet.bus_ids[:_BUSES])
    async with rig.omnibus(fleet.url) as first:
        _, port = first.addresses[0]
        async with crowd(port, sockets, buses, returns=True) as watching:
            await watching.report()
            killed_at = time.monotonic()
            psutil.Process(first.pids[0]).send_signal(signal.SIGKILL)
            async with rig.omnibus(fleet.url, port=port) as second:
                served_at = time.monotonic()
                spent = rig.read_cpu(second)
                live_at = await watching.is_live()
                spent = rig.read_cpu(second) - spent
                report = await watching.report()
                live = await read_live(second)
    if report.live != sockets or report.lost != sockets:
        raise RuntimeError(f"{report.lost} were lost, {report.live} came back")
    return {
        "all live after s": live_at - killed_at,
        "since it serves s": live_at - served_at,
        "buses read for each watched": live["loads"] / _BUSES,
        "API CPU s": spent.of(API),
        "PostgreSQL CPU s": spent.of(BACKENDS),
        "crowd, of a core %": report.share,
    }


async def read_live(served: Served) -> dict[str, float]:
    """Return what a process says of its live layer."""
    _, port = served.addresses[0]
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        return {name.decode(): float(value) for name, value in _LIVE.findall(await reader.read())}
    finally:
        writer.close()
