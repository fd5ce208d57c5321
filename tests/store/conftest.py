"""Every test of the store that has a world ends with the invariants and with the house rule of events."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from store.facade import StoreOptions
from store.invariants import find_violations
from tests.support.history import check_history
from tests.support.world import World

# Nothing here is timed, examples neither.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
async def world(database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    # Hundreds of worlds are opened here, and a connection costs more than most of the tests.
    opened = await World.open(database_url, StoreOptions(pool_size=6))
    yield opened
    violations = await find_violations(opened.store.db)
    is_fault = request.node.get_closest_marker("fault") is not None
    await check_history(opened, is_announced=not is_fault)
    await opened.close()
    assert violations == {}
