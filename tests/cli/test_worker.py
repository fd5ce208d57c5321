"""`omnibus worker`, as an operator would run it: what it finds out, everybody is told."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tests.api.served import ROOT, Served
from tests.cli.commands import omnibus
from tests.support import forked
from tests.support.servers import ThrowawayValkey
from tests.support.signals import catches
from tests.support.waiting import wait_until
from tests.support.world import World


async def test_a_broken_invariant_is_in_the_log_of_the_worker_and_in_the_metrics_of_the_api(
    database_url: str, valkey: ThrowawayValkey, tmp_path: Path
) -> None:
    world = await World.open(database_url)
    bus = await world.bus()
    await world.book(bus, ["1A"], method="cash")
    await world.edit("UPDATE seats SET states = 'X' WHERE bus_id = $1 AND seat_no > 38", bus)
    log = tmp_path / "worker.log"
    async with Served(database_url, valkey.url) as served:
        assert "\nomnibus_invariants_checked_timestamp_seconds 0.0\n" in await metrics(served)
        async with working(database_url, valkey.url, log):
            await wait_until(lambda: "INVARIANT BROKEN" in log.read_text(), seconds=60)
        text = await metrics(served)
    await world.close()
    assert '\nomnibus_invariant_violations{invariant="claims_match_states"} 2.0\n' in text
    assert '\nomnibus_invariant_violations{invariant="paid_is_confirmed"} 0.0\n' in text
    assert "\nomnibus_invariants_checked_timestamp_seconds 0.0\n" not in text
    line = next(line for line in log.read_text().splitlines() if "INVARIANT BROKEN" in line)
    assert '"level": "critical"' in line
    assert f"claims_match_states, 2 rows: bus_id {bus}, seat_no 39" in line


@asynccontextmanager
async def working(
    database_url: str, redis_url: str, log: Path, settings: Mapping[str, str] | None = None
) -> AsyncIterator[None]:
    with log.open("wb") as written:
        worker = forked.Process.start(
            *(forked.COMMAND, "worker"),
            environment={
                "OMNIBUS_DATABASE_URL": database_url,
                "OMNIBUS_REDIS_URL": redis_url,
                **(settings or {}),
            },
            stderr=written,
        )
    try:
        yield
    finally:
        await wait_until(lambda: catches(worker.pid, signal.SIGTERM))
        worker.terminate()
        assert await worker.wait() == 0


@pytest.mark.parametrize("command", ["serve", "worker"])
async def test_a_process_that_is_told_to_leave_before_it_has_begun_leaves_well(
    command: str,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", command),
            cwd=ROOT,
            env={"OMNIBUS_DATABASE_URL": f"postgresql://nobody@127.0.0.1:{port}/nowhere"},
            stderr=asyncio.subprocess.PIPE,
        )
        await wait_until(lambda: catches(process.pid, signal.SIGTERM))
        process.terminate()
        _, said = await process.communicate()
    assert (process.returncode, said) == (0, b"")


async def metrics(served: Served) -> str:
    async with httpx2.AsyncClient(trust_env=False, verify=False) as client:
        return (await client.get(f"{served.url}/metrics")).text


def test_half_of_a_broker_s_work_needs_a_broker_and_is_not_both_halves() -> None:
    url = "postgresql://omnibus@127.0.0.1/nowhere"
    ran = omnibus("worker", "--relay-only", DATABASE_URL=url)
    assert (ran.code, "set OMNIBUS_BROKER_URL" in ran.err) == (1, True)
    both = ("--relay-only", "--consume-only")
    ran = omnibus("worker", *both, DATABASE_URL=url, BROKER_URL="redis://127.0.0.1")
    assert (ran.code, "give neither for both" in ran.err) == (1, True)
