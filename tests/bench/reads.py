"""(c) Seat maps read a second over HTTP, against a Starlette endpoint that answers with nothing."""

import itertools

from tests.bench import load
from tests.bench.effort import Effort
from tests.bench.fleet import Fleets, get
from tests.bench.report import Ratio, Round, Section, Subject
from tests.bench.rig import Rig, Served, serve

BUSES = 500
CLIENTS = 64


async def seat_maps_a_second(fleets: Fleets, effort: Effort) -> Section:
    """Measure whole maps, unchanged ones (304) and the empty endpoint in turn."""
    maps, unchanged = Subject("seat map, 40 seats"), Subject("seat map, unchanged (304)")
    empty = Subject("empty Starlette endpoint")
    nothing = itertools.repeat(get("/"))
    rig, seconds = fleets.rig, effort.seconds / 2
    async with (
        fleets.lend() as fleet,
        rig.omnibus(fleet.url) as served,
        serve(lambda port: ("-m", "tests.bench.empty_server", str(port)), {}, probe="/") as bare,
    ):
        paths = [f"/api/v1/buses/{bus}/seats" for bus in fleet.bus_ids[:BUSES]]
        whole = itertools.cycle([get(path) for path in paths])
        same = itertools.cycle([get(path, if_none_match='"1-0"') for path in paths])
        for _ in range(effort.rounds):
            empty.rounds.append(await measure(rig, bare, nothing, seconds, 200))
            maps.rounds.append(await measure(rig, served, whole, seconds, 200))
            unchanged.rounds.append(await measure(rig, served, same, seconds, 304))
    return Section(
        "c",
        f"seat maps read a second over {BUSES} buses, {CLIENTS} HTTP clients",
        (maps, unchanged, empty),
        (
            Ratio("per second", maps, empty, "≥ 0.6"),
            Ratio("per second", unchanged, empty, "≥ 0.6"),
        ),
    )


async def measure(
    rig: Rig, served: Served, requests: load.Requests, seconds: float, status: int
) -> Round:
    before = rig.read_cpu(served)
    outcome = await load.closed_loop(served.addresses, requests, clients=CLIENTS, seconds=seconds)
    cpu = rig.read_cpu(served) - before
    outcome.require(status)
    return {"per second": outcome.rate, **cpu.each(outcome.sales)}
