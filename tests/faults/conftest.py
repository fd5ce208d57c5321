import logging
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.process import Process
from tests.faults.shop import Shop
from tests.support.servers import ThrowawayValkey

log = logging.getLogger(__name__)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "faults" in item.path.parts:
            item.add_marker(pytest.mark.fault)
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture
def chance() -> random.Random:
    """Randomness whose seed a failure shows; the run's `--randomly-seed` brings it back."""
    seed = random.getrandbits(32)
    log.warning("seed %d", seed)
    return random.Random(seed)


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    """A shop whose data must be sound when the test is over and its servers are gone."""
    opened = await Shop.open(database_url, buses=60, seats=100)
    yield opened
    assert await opened.find_violations() == {}


@pytest.fixture
async def mortal(
    shop: Shop, valkey: ThrowawayValkey, tmp_path: Path, point: str
) -> AsyncIterator[Process]:
    """A server of that shop that dies at a fault point, once it is armed."""
    process = Process(
        tmp_path / "mortal.log",
        database_url=shop.url,
        redis_url=valkey.url,
        hold_seconds="1200",
        pending_seconds="3600",
    )
    process.program = ("tests.faults.mortal_server", point)
    async with process:
        yield process


@pytest.fixture
async def api(shop: Shop, valkey: ThrowawayValkey, tmp_path: Path) -> AsyncIterator[Process]:
    """A server of that shop. What is held or booked stays so for the length of a test."""
    process = Process(
        tmp_path / "api.log",
        database_url=shop.url,
        redis_url=valkey.url,
        hold_seconds="1200",
        pending_seconds="3600",
    )
    async with process:
        yield process
