"""One receiver for all tests of webhooks: each asks at paths of its own."""

from collections.abc import AsyncIterator

import pytest

from store.facade import StoreOptions
from store.roles import WORKER
from tests.support.world import World
from tests.webhooks.house import House
from tests.webhooks.receiver import Receiver, receiving


@pytest.fixture(scope="session")
async def receiver(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Receiver]:
    async with receiving(tmp_path_factory.mktemp("receiver")) as running:
        yield running


@pytest.fixture
async def house(world: World) -> House:
    return House(world, await world.open_store(StoreOptions(pool_size=8, role=WORKER)))
