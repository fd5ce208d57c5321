"""(A) The load of the first plan, through nginx: 100 bookings a second, fifty connections, watchers beside."""

import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from server.embedded.children import Child, stop_together
from server.embedded.privileges import choose_identity
from server.nginx import NginxServer, for_one_machine
from server.supervisor import answers
from tests.bench import load
from tests.bench.effort import Effort
from tests.bench.fleet import Fleets
from tests.bench.report import Bound, Round, Section, Subject
from tests.bench.rig import HOST, Address, Served
from tests.bench.watchers import crowd

_PROCESSES = 3
_RATE = 100.0
_POOL = 50
_BUSES = 300
"""So few that each has watchers, and seats for all that is sold here."""
_CLIENTS = 200


async def bookings_through_nginx(fleets: Fleets, effort: Effort) -> Section:
    """Let bookings fall due at 100 a second, on buses that are watched, through the nginx that we ship."""
    subject = Subject(f"omnibus, {_PROCESSES} processes behind nginx")
    settings = {"OMNIBUS_DB_POOL_SIZE": str(_POOL), "OMNIBUS_TRUSTED_PROXIES": HOST}
    async with (
        fleets.lend() as lent,
        fleets.rig.omnibus(lent.url, processes=_PROCESSES, settings=settings) as served,
        _nginx(served) as front,
    ):
        fleet = replace(lent, buses=min(lent.buses, _BUSES))
        requests = await fleet.bookings(seed=1)
        async with crowd(front[1], effort.sockets, fleet.bus_ids) as watching:
            await load.closed_loop([front], requests, clients=32, seconds=effort.warm_up_seconds)
            await watching.report()
            for _ in range(effort.rounds):
                outcome = await load.open_loop(
                    [front], requests, rate=_RATE, seconds=effort.seconds * 1.5, clients=_CLIENTS
                )
                outcome.require(201)
                if outcome.unsent:
                    raise RuntimeError(f"{outcome.unsent} bookings found no connection free")
                seen = await watching.report()
                subject.rounds.append({**_figures(outcome), "reads": float(seen.reads)})
                if seen.lost:
                    raise RuntimeError(f"{seen.lost} watchers lost their sockets")
    return Section(
        "A",
        f"{_RATE:.0f} bookings a second through nginx, a pool of {_POOL}, {effort.sockets:,} watchers",
        (subject,),
        bounds=(Bound("p95 ms", subject, "≤ 20"),),
        notes=(
            "every one was answered 201, no watcher lost its socket; latency counts from when a request was due",
        ),
    )


def _figures(outcome: load.Outcome) -> Round:
    p50, p95, p99 = (outcome.percentile(share) * 1e3 for share in (0.5, 0.95, 0.99))
    return {"per second": outcome.rate, "p50 ms": p50, "p95 ms": p95, "p99 ms": p99}


@asynccontextmanager
async def _nginx(served: Served) -> AsyncIterator[Address]:
    """Run nginx before these processes, as `omnibus cluster up` does."""
    with socket.create_server((HOST, 0)) as free:
        port = int(free.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="omnibus-bench-nginx-") as name:
        folder = Path(name)
        upstreams = [f"{host}:{each}" for host, each in served.addresses]
        service = NginxServer(
            folder,
            for_one_machine(folder, host=HOST, port=port, upstreams=upstreams),
            check=answers(HOST, port),
            identity=choose_identity(folder / "nobody"),
        )
        child = Child(service)
        try:
            child.wait_ready()
            yield HOST, port
        finally:
            stop_together([child])
