"""`omnibus worker`, as an operator would run it: what it finds out, everybody is told."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from tests.api.served import ROOT, Served
from tests.support.servers import ThrowawayValkey
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
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", "worker"),
            cwd=ROOT,
            env={
                "OMNIBUS_DATABASE_URL": database_url,
                "OMNIBUS_REDIS_URL": redis_url,
                **(settings or {}),
            },
            stderr=written,
        )
    try:
        yield
    finally:
        worker.terminate()
        assert await worker.wait() == 0


async def metrics(served: Served) -> str:
    async with httpx2.AsyncClient(trust_env=False, verify=False) as client:
        return (await client.get(f"{served.url}/metrics")).text
