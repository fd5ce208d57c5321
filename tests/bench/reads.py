"""(c) Seat maps read a second over HTTP, against a Starlette endpoint that answers with nothing."""

import itertools

from tests.bench import fleet, load
from tests.bench.machine import read_cpu
from tests.bench.report import Ratio, Round, Section, Subject
from tests.bench.rig import Rig, Served, serve

BUSES = 500
CLIENTS = 64


async def seat_maps_a_second(rig: Rig, *, rounds: int, seconds: float) -> Section:
    """Measure whole maps, unchanged ones (304) and the empty endpoint in turn."""
    maps, unchanged = Subject("seat map, 40 seats"), Subject("seat map, unchanged (304)")
    empty = Subject("empty Starlette endpoint")
    nothing = itertools.repeat(fleet.get("/"))
    async with (
        rig.databases.fresh() as ours,
        fleet.open_fleet(ours, BUSES) as buses,
        rig.omnibus(ours) as served,
        serve(lambda port: ("-m", "tests.bench.empty_server", str(port)), {}, probe="/") as bare,
    ):
        paths = [f"/api/v1/buses/{bus}/seats" for bus in buses.bus_ids]
        whole = itertools.cycle([fleet.get(path) for path in paths])
        same = itertools.cycle([fleet.get(path, if_none_match='"1-0"') for path in paths])
        for _ in range(rounds):
            empty.rounds.append(await _measure(rig, bare, nothing, seconds, 200))
            maps.rounds.append(await _measure(rig, served, whole, seconds, 200))
            unchanged.rounds.append(await _measure(rig, served, same, seconds, 304))
    return Section(
        "c",
        f"seat maps read a second over {BUSES} buses, {CLIENTS} HTTP clients",
        (maps, unchanged, empty),
        (
            Ratio("per second", maps, empty, "as near 1 as can be"),
            Ratio("per second", unchanged, empty, "as near 1 as can be"),
        ),
    )


async def _measure(
    rig: Rig, served: Served, requests: load.Requests, seconds: float, status: int
) -> Round:
    before = read_cpu(served.pid, rig.postgres.pid)
    outcome = await load.closed_loop(served.address, requests, clients=CLIENTS, seconds=seconds)
    cpu = read_cpu(served.pid, rig.postgres.pid) - before
    if set(outcome.statuses) != {status}:
        raise RuntimeError(f"expected {status} alone: {dict(outcome.statuses)}")
    count = outcome.statuses[status]
    return {
        "per second": outcome.rate,
        "server µs": cpu.server / count * 1e6,
        "postgres µs": cpu.postgres / count * 1e6,
        "client µs": cpu.client / count * 1e6,
    }
