"""A server that reaches PostgreSQL through PgBouncer sells as any other, also when PgBouncer goes away for a moment."""

import random
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.buyers import Buyers, Journal
from tests.faults.process import Process
from tests.faults.shop import Shop
from tests.support.pgbouncer import PgBouncer, needs_pgbouncer, pgbouncer
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

pytestmark = needs_pgbouncer


@pytest.fixture
async def pooler(shop: Shop) -> AsyncIterator[PgBouncer]:
    with tempfile.TemporaryDirectory(prefix="omnibus-pooler-") as folder:
        async with pgbouncer(Path(folder), shop.url) as running:
            yield running


@pytest.fixture
async def api(
    shop: Shop, pooler: PgBouncer, valkey: ThrowawayValkey, tmp_path: Path
) -> AsyncIterator[Process]:
    process = Process(
        tmp_path / "api.log",
        database_url=pooler.url,
        database_direct_url=shop.url,
        redis_url=valkey.url,
        hold_seconds="1200",
        pending_seconds="3600",
    )
    async with process:
        yield process


async def test_a_sale_survives_the_pooler(
    shop: Shop, api: Process, pooler: PgBouncer, chance: random.Random
) -> None:
    journal = Journal()
    buyers = Buyers(shop, journal, chance, [api.port])
    async with buyers.buying(12):
        await buyers.get(100, status=201)
        await pooler.end()
        await buyers.get(5, status=503)
        await pooler.start()
        await buyers.get(50, status=201)
    await wait_until(api.is_ready)
    await journal.settle(api.port)
    assert journal.complaints() == []
    assert await shop.made() == journal.acknowledged()
    assert await shop.find_faults() == {}
