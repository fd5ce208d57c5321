"""The control: the same buyers at servers without locks, on a database without the guarantee, are found out."""

from pathlib import Path

import asyncpg
import pytest

from tests.histories.checker.bus import judge
from tests.histories.checker.history import History
from tests.histories.rig import open_rig, open_servers
from tests.histories.run import Plan, put_on_sale, run
from tests.support.memory import in_memory

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]


async def test_a_system_that_sells_seats_twice_is_caught(tmp_path: Path) -> None:
    history = tmp_path / "history"
    history.mkdir()
    with in_memory(), open_servers() as (postgres, valkey):
        async with open_rig(postgres, valkey, tmp_path, program="tests.api.twin_server") as rig:
            await _drop_guarantee(postgres.url)
            buses = await put_on_sale(postgres.url, 4)
            await run(rig, buses, history, Plan(seed=1, operations=2_000, is_calm=True), _heed)
    found = {violation.reason for violation in judge(History.load(history)).violations}
    assert found & {"double-owner", "wrong-event", "lost"}, found


async def _drop_guarantee(url: str) -> None:
    owner = await asyncpg.connect(url)
    await owner.execute("ALTER TABLE claims DROP CONSTRAINT claims_one_owner_per_seat_and_segment")
    await owner.close()


def _heed(_begun: int) -> None:
    """Nobody waits for this one."""
