"""The stand-ins of the providers, each a process of its own for the whole run; and a till for each provider."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.payments.demo_till import IS_THERE, Books, DemoTill
from tests.payments.tills import RazorpayTill, StripeTill, Till
from tests.support.provider_way import ProviderWay
from tests.support.stand_ins import LOCALSTRIPE, RAZORPAY, has_localstripe, stand_in
from tests.support.world import World


@pytest.fixture(scope="session")
async def stripe_port() -> AsyncIterator[int]:
    """Where localstripe listens."""
    if not has_localstripe():
        pytest.skip("localstripe is not installed: pip install -r requirements/test.txt")
    async with stand_in(LOCALSTRIPE) as port:
        yield port


@pytest.fixture(scope="session")
async def razorpay_port() -> AsyncIterator[int]:
    async with stand_in(RAZORPAY) as port:
        yield port


@pytest.fixture
async def stripe_till(stripe_port: int) -> AsyncIterator[StripeTill]:
    async with ProviderWay(stripe_port, remembers_keys=True) as way:
        till = StripeTill(way, stripe_port)
        yield till
        await till.close()


@pytest.fixture
async def razorpay_till(razorpay_port: int) -> AsyncIterator[RazorpayTill]:
    async with ProviderWay(razorpay_port) as way:
        till = RazorpayTill(way, razorpay_port)
        yield till
        await till.close()


@pytest.fixture(params=["stripe", "razorpay"])
def till(request: pytest.FixtureRequest) -> Till:
    """Each of the providers that are reached by the network."""
    found: Till = request.getfixturevalue(f"{request.param}_till")
    return found


@pytest.fixture
async def demo_till(world: World, owner: "asyncpg.Connection[asyncpg.Record]") -> DemoTill:
    return DemoTill(Books(world.store, owner))


@pytest.fixture(params=["stripe", "razorpay", *(["demo"] if IS_THERE else [])])
def any_till(request: pytest.FixtureRequest) -> Till:
    """Each of the providers there are: what is asked of one is asked of all."""
    found: Till = request.getfixturevalue(f"{request.param}_till")
    return found
