"""One serving process for all tests of the API; each ends with the invariants and without a single 5xx."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.api.served import Telling
from tests.api.shop import Shop
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey


@pytest.fixture(scope="session")
async def served_shop(
    databases: Databases, valkey: ThrowawayValkey
) -> AsyncIterator[tuple[Telling, Shop]]:
    async with databases.fresh() as url, await Shop.open(url) as shop:
        async with Telling(url, valkey.url) as served:
            shop.url = served.url
            yield served, shop
        assert await shop.violations() == {}


@pytest.fixture
async def shop(served_shop: tuple[Telling, Shop]) -> AsyncIterator[Shop]:
    """The shop that is open for all tests: put a bus of your own on sale.

    The invariants are asked of that bus at once, and of all buses when the last test is over.
    """
    served, shop = served_shop
    yield shop
    await shop.forget_clients()
    assert await served.failures() == [], served.log()[-3000:]
    assert await shop.new_violations() == {}


@pytest.fixture
def guest(shop: Shop) -> httpx2.AsyncClient:
    return shop.client()


@pytest.fixture
def rider(shop: Shop) -> httpx2.AsyncClient:
    return shop.client("rider")


@pytest.fixture
def other_rider(shop: Shop) -> httpx2.AsyncClient:
    return shop.client("other_rider")


@pytest.fixture
def agent(shop: Shop) -> httpx2.AsyncClient:
    """Sells at the counter of the operator that runs the buses."""
    return shop.client("agent")


@pytest.fixture
def manager(shop: Shop) -> httpx2.AsyncClient:
    """Administers the operator that runs the buses."""
    return shop.client("manager")


@pytest.fixture
def rival(shop: Shop) -> httpx2.AsyncClient:
    """Administers another operator."""
    return shop.client("rival")


@pytest.fixture
def admin(shop: Shop) -> httpx2.AsyncClient:
    return shop.client("admin")
