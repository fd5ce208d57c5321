"""(m) How long after its commit a change is with those who watch: the whole product, two processes, Valkey.

The clock starts when COMMIT has been answered (tests/bench/live_server.py) and stops when the crowd's process has read
the frame. All on one machine, so that both are one clock.
"""

import asyncio
import random
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime

from tests.bench import load
from tests.bench.effort import Effort
from tests.bench.fleet import SEATS, Fleet, Fleets, book
from tests.bench.machine import API, allow_files
from tests.bench.report import Bound, Round, Section, Subject
from tests.bench.rig import Rig, Served
from tests.bench.watchers import Crowd, crowd

_BUSES = 20
_PER_SECOND = 100
_PROCESSES = 2
LIVE_SERVER = ("-m", "tests.bench.live_server", "serve")


async def commit_to_screen(fleets: Fleets, effort: Effort) -> Section:
    """Let bookings fall due at a steady rate on twenty buses, fresh ones in every round."""
    allow_files(4 * effort.sockets)
    subject = Subject(f"omnibus, {_PROCESSES} processes")
    rig = fleets.rig
    async with fleets.lend() as fleet, _serve(rig, fleet) as served:
        for number in range(effort.rounds):
            subject.rounds.append(await _round(rig, fleet, served, effort, number))
    return Section(
        "m",
        f"commit to client: {effort.sockets:,} watchers, {_PER_SECOND} commits a second over {_BUSES} buses",
        (subject,),
        bounds=(Bound("p50 ms", subject, "≤ 5"), Bound("p99 ms", subject, "≤ 50")),
        notes=(
            "half of the deliveries are of commits in the other process",
            f"the crowd's processes took {subject.median('crowd, of a core %'):.0f} % of a core",
        ),
    )


def _serve(rig: Rig, fleet: Fleet) -> AbstractAsyncContextManager[Served]:
    return rig.omnibus(fleet.url, processes=_PROCESSES, program=LIVE_SERVER)


async def _round(rig: Rig, fleet: Fleet, served: Served, effort: Effort, number: int) -> Round:
    buses = list(fleet.bus_ids[number * _BUSES : (number + 1) * _BUSES])
    seats = [(bus, seat) for bus in buses for seat in range(SEATS)]
    random.Random(number).shuffle(seats)
    tokens = await fleet.sign_in(len(seats))
    seconds = min(effort.seconds, len(seats) / _PER_SECOND - 1)
    async with AsyncExitStack() as stack:
        crowds: list[Crowd] = [
            await stack.enter_async_context(
                crowd(port, effort.sockets // _PROCESSES, buses, is_timing=True)
            )
            for _, port in served.addresses
        ]
        for each in crowds:
            await each.report()
        before = rig.read_cpu(served)
        outcome = await load.open_loop(
            served.addresses,
            (
                book(
                    token,
                    f"live-{number}-{bus}-{seat}",
                    bus,
                    [f"{seat // 4 + 1}{'ABCD'[seat % 4]}"],
                )
                for (bus, seat), token in zip(seats, tokens, strict=True)
            ),
            rate=_PER_SECOND,
            seconds=seconds,
            clients=64,
        )
        outcome.require(201)
        await asyncio.sleep(0.5)
        cpu = rig.read_cpu(served) - before
        reports = [await each.report() for each in crowds]
    delays = [
        arrived - datetime.fromisoformat(told).timestamp()
        for report in reports
        for told, arrived in report.arrivals
    ]
    expected = outcome.sales * effort.sockets // _BUSES
    if len(delays) < 0.9 * expected:
        raise RuntimeError(f"{len(delays)} deliveries of {expected}")
    return {
        "p50 ms": load.percentile(delays, 0.5) * 1e3,
        "p99 ms": load.percentile(delays, 0.99) * 1e3,
        "deliveries a second": len(delays) / outcome.seconds,
        "API, of a core %": 100 * cpu.of(API) / outcome.seconds,
        "crowd, of a core %": sum(report.share for report in reports),
    }
