from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.db import Database
from store.invariants import find_violations
from tests.gtfs.feeds import cairns


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """The test's database as an import opens it; ends with the invariants."""
    opened = await Database.connect(database_url, size=2)
    yield opened
    violations = await find_violations(opened)
    await opened.close()
    assert violations == {}


@pytest.fixture
def cairns_feed() -> Path:
    path = cairns()
    if not path.exists():
        pytest.skip(f"the feed of Cairns is not at {path}")
    return path
