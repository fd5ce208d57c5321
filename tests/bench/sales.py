"""(a) Bookings a second over HTTP against pgbench running the plain locked transaction; (d) latency at a fixed rate."""

import asyncio
import re
from pathlib import Path

import asyncpg

from tests.bench import fleet, load
from tests.bench.machine import read_cpu
from tests.bench.report import Ratio, Round, Section, Subject
from tests.bench.rig import Rig, Served

BUSES = 20_000
CLIENTS = 64
_HERE = Path(__file__).parent
_PGBENCH_CLIENTS = 16
_WARM_UP_SECONDS = 2.0
_STEADY_RATE = 100


async def bookings_a_second(rig: Rig, *, rounds: int, seconds: float) -> Section:
    """Measure both in turn, round by round."""
    omnibus, pgbench = Subject(f"omnibus, {CLIENTS} HTTP clients"), Subject("pgbench, 16 clients")
    booked = 0
    async with (
        rig.databases.fresh() as ours,
        rig.databases.fresh(is_migrated=False) as plain,
        fleet.open_fleet(ours, BUSES) as buses,
        rig.omnibus(ours) as served,
    ):
        await _seed_plain(plain)
        requests = buses.requests(seed=1)
        warm = await load.closed_loop(
            served.address, requests, clients=CLIENTS, seconds=_WARM_UP_SECONDS
        )
        booked += warm.statuses[201]
        for _ in range(rounds):
            pgbench.rounds.append(await _run_pgbench(rig, plain, seconds))
            outcome, measured = await _run_omnibus(rig, served, requests, seconds)
            booked += outcome.statuses[201]
            omnibus.rounds.append(measured)
        stored = await buses.count_booked()
    if stored != booked:
        raise RuntimeError(f"{booked} bookings were acknowledged, {stored} are stored")
    return Section(
        "a",
        f"bookings a second, two seats each, {BUSES:,} buses of {fleet.SEATS} seats",
        (omnibus, pgbench),
        (Ratio("per second", omnibus, pgbench, "≥ 0.3"),),
        (f"every one of the {booked:,} acknowledged bookings is in the database",),
    )


async def steady_bookings(rig: Rig, *, rounds: int, seconds: float) -> Section:
    """Let bookings arrive at a fixed rate, whatever the server does, and look at the latencies."""
    omnibus = Subject(f"omnibus, {_STEADY_RATE} bookings/s for {seconds:.0f} s")
    enough = int(rounds * seconds * _STEADY_RATE / 20) + 500
    async with (
        rig.databases.fresh() as ours,
        fleet.open_fleet(ours, enough) as buses,
        rig.omnibus(ours) as served,
    ):
        requests = buses.requests(seed=2)
        await load.closed_loop(served.address, requests, clients=CLIENTS, seconds=_WARM_UP_SECONDS)
        for _ in range(rounds):
            outcome = await load.open_loop(
                served.address, requests, rate=_STEADY_RATE, seconds=seconds
            )
            _require_sold(outcome)
            omnibus.rounds.append(
                {
                    "per second": outcome.rate,
                    "p50 ms": outcome.percentile(0.50) * 1e3,
                    "p95 ms": outcome.percentile(0.95) * 1e3,
                    "p99 ms": outcome.percentile(0.99) * 1e3,
                    "max ms": outcome.percentile(1.0) * 1e3,
                }
            )
    return Section(
        "d",
        "latency of bookings that arrive at a fixed rate (wanted: p95 well under 200 ms)",
        (omnibus,),
        notes=("every one was answered 201; latency counts from when a request was due",),
    )


async def _run_omnibus(
    rig: Rig, served: Served, requests: load.Requests, seconds: float
) -> tuple[load.Outcome, Round]:
    before = read_cpu(served.pid, rig.postgres.pid)
    outcome = await load.closed_loop(served.address, requests, clients=CLIENTS, seconds=seconds)
    cpu = read_cpu(served.pid, rig.postgres.pid) - before
    _require_sold(outcome)
    sold = outcome.statuses[201]
    return outcome, {
        "per second": outcome.rate,
        "server µs": cpu.server / sold * 1e6,
        "postgres µs": cpu.postgres / sold * 1e6,
        "client µs": cpu.client / sold * 1e6,
    }


async def _run_pgbench(rig: Rig, database_url: str, seconds: float) -> Round:
    before = read_cpu(None, rig.postgres.pid)
    process = await asyncio.create_subprocess_exec(
        rig.pgbench,
        *("-n", "-M", "prepared", "-c", str(_PGBENCH_CLIENTS), "-j", "2"),
        *("-T", str(max(1, round(seconds))), "-f", _HERE / "pgbench_sale.sql", database_url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    cpu = read_cpu(None, rig.postgres.pid) - before
    text = said.decode()
    rate, done = (
        re.search(pattern, text) for pattern in (r"tps = ([\d.]+)", r"actually processed: (\d+)")
    )
    if rate is None or done is None:
        raise RuntimeError(f"pgbench said: {text}")
    sold = int(done[1])
    return {
        "per second": float(rate[1]),
        "server µs": 0.0,
        "postgres µs": cpu.postgres / sold * 1e6,
        "client µs": cpu.client / sold * 1e6,
    }


async def _seed_plain(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute((_HERE / "pgbench_seed.sql").read_text())
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


def _require_sold(outcome: load.Outcome) -> None:
    if set(outcome.statuses) != {201}:
        raise RuntimeError(f"not everything was sold: {dict(outcome.statuses)}")
