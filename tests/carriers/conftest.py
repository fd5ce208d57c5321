"""Each broker once for the whole run; what one test leaves in it does no harm to the next, as it must."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from server.work.carriers import find_carrier, lasting
from tests.carriers.yard import Yard
from tests.support.brokers import Broker, RabbitBroker, SqsBroker, StreamBroker
from tests.support.world import World


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[Broker]:
    if (reason := RabbitBroker.missing()) is not None:
        pytest.skip(reason)
    yield from _running(RabbitBroker())


@pytest.fixture(scope="session")
def sqs() -> Iterator[Broker]:
    pytest.importorskip("moto.server", reason="needs moto, which stands in for Amazon SQS")
    yield from _running(SqsBroker())


@pytest.fixture(scope="session")
def streams() -> Iterator[Broker]:
    yield from _running(StreamBroker())


@pytest.fixture(params=["rabbitmq", "sqs", "streams"])
def broker(request: pytest.FixtureRequest) -> Broker:
    found: Broker = request.getfixturevalue(request.param)
    find_carrier(found.url)  # a library that is first loaded in a test holds everybody up
    return found


@pytest.fixture
async def yard(
    world: World, broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Yard]:
    """A world whose jobs go through the broker."""
    monkeypatch.setattr(lasting, "_PAUSE_SECONDS_MAX", 0.5)
    # What stands in for SQS looks only at the beginning of a long poll which groups are busy.
    monkeypatch.setattr("server.work.carriers.sqs._WAIT_SECONDS", 1)
    async with Yard.open(world, broker, tmp_path) as opened:
        yield opened


def _running(broker: Broker) -> Iterator[Broker]:
    try:
        broker.start()
        yield broker
    finally:
        broker.discard()
