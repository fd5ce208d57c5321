from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.realtime.history import Ledger
from tests.realtime.valkey import Valkey


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    for bus_id in (1, 2, 3):
        ledger.add(bus_id)
    return ledger


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    server = Valkey(tmp_path)
    await server.start()
    yield server
    await server.stop()
