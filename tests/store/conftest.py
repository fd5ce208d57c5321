"""Every test of the store that has a world ends with the house rule of events."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from tests.support.history import check_history
from tests.support.world import World

# Nothing here is timed, examples neither.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
async def world(world: World, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    yield world
    is_fault = request.node.get_closest_marker("fault") is not None
    await check_history(world, is_announced=not is_fault)
