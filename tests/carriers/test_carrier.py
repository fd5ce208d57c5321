"""What every carrier promises, asked of each by itself."""

import asyncio
import gc
import itertools
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aio_pika
import pytest

from realtime.bus import job_stream
from realtime.supervise import cancel
from server.cli.checks import Verdict, look_at_broker
from server.work.carriers import Carrier, CarrierLost, Delivery, find_carrier
from server.work.carriers.carrier import pack, unpack
from store.carriage import Slip
from tests.support.brokers import Broker, RabbitBroker, free_port
from tests.support.waiting import wait_until

_names = itertools.count(1)
Open = Callable[..., Awaitable[Carrier]]


@pytest.fixture
async def open_carrier(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Open]:
    """Open carriers to a queue that nobody else knows."""
    name = f"alone-{next(_names)}"
    monkeypatch.setattr(job_stream, "KEY", name.encode())
    monkeypatch.setattr("server.work.carriers.rabbitmq.QUEUE", name)
    url = broker.url.replace("omnibus-jobs", name)
    opened: list[Carrier] = []

    async def open_one(prefetch: int = 16, quiet_seconds: float = 15.0) -> Carrier:
        kind = find_carrier(url)
        opened.append(await kind.open(url, prefetch=prefetch, quiet_seconds=quiet_seconds))
        return opened[-1]

    yield open_one
    for carrier in opened:
        await carrier.close()


@dataclass(slots=True)
class Reader:
    carrier: Carrier
    read: list[Delivery] = field(default_factory=list)

    async def run(self) -> None:
        async for delivery in self.carrier.deliveries():
            self.read.append(delivery)

    @classmethod
    @asynccontextmanager
    async def of(cls, carrier: Carrier) -> AsyncIterator["Reader"]:
        reader = cls(carrier)
        running = asyncio.create_task(reader.run())
        try:
            yield reader
        finally:
            await cancel([running])

    async def has(self, count: int) -> None:
        await wait_until(lambda: len(self.read) >= count, seconds=30)
        assert len(self.read) == count

    def slips(self) -> list[Slip]:
        return [unpack(delivery.body) for delivery in self.read]


def slips(count: int) -> list[Slip]:
    return [Slip(1, number, uuid.uuid4(), 0, uuid.uuid4()) for number in range(count)]


async def test_what_is_published_is_delivered(open_carrier: Open) -> None:
    sent = slips(25)
    await (await open_carrier()).publish(sent)
    async with Reader.of(await open_carrier(prefetch=30)) as reader:
        await reader.has(25)
        assert {pack(slip) for slip in reader.slips()} == {pack(slip) for slip in sent}


async def test_no_more_is_out_than_was_asked_for(open_carrier: Open) -> None:
    carrier = await open_carrier(prefetch=2)
    await carrier.publish(slips(4))
    async with Reader.of(carrier) as reader:
        await reader.has(2)
        await carrier.ack(reader.read[0])
        await reader.has(3)


async def test_what_is_given_back_comes_again_and_what_is_acked_does_not(
    open_carrier: Open,
) -> None:
    carrier = await open_carrier()
    await carrier.publish(slips(2))
    async with Reader.of(carrier) as reader:
        await reader.has(2)
        first, second = reader.read
        await carrier.ack(first)
        await carrier.nack(second)
        await reader.has(3)
        assert reader.read[2].body == second.body


async def test_what_was_out_with_somebody_who_died_comes_to_somebody_else(
    open_carrier: Open,
) -> None:
    dying, heir = await open_carrier(quiet_seconds=1.0), await open_carrier(quiet_seconds=1.0)
    await dying.publish(slips(1))
    async with Reader.of(dying) as reader:
        await reader.has(1)
    await dying.close()
    async with Reader.of(heir) as reader:
        await reader.has(1)


async def test_the_doctor_finds_a_broker_that_is_there(broker: Broker) -> None:
    check = await look_at_broker(broker.url)
    assert check.verdict is Verdict.OK
    assert "guest" not in check.detail


@pytest.mark.parametrize("scheme", ["amqp", "sqs", "redis"])
async def test_a_broker_that_is_away_is_lost_and_the_doctor_says_so(scheme: str) -> None:
    place = f"127.0.0.1:{free_port()}"
    url = (
        f"sqs://a:hush@eu-central-1/jobs.fifo?endpoint=http://{place}"
        if scheme == "sqs"
        else f"{scheme}://a:hush@{place}/"
    )
    with pytest.raises(CarrierLost):
        await find_carrier(url).open(url, prefetch=1)
    check = await look_at_broker(url)
    assert check.verdict is Verdict.FAIL
    assert "hush" not in f"{check.detail}{check.advice}"


async def test_a_connection_to_rabbitmq_that_never_came_about_is_closed() -> None:
    def left_open() -> set[int]:
        every = [each for each in gc.get_objects() if isinstance(each, aio_pika.Connection)]
        return {id(each) for each in every if not each.is_closed}

    before = left_open()
    gc.disable()  # what is forgotten stays to be seen
    try:
        url = f"amqp://127.0.0.1:{free_port()}/"
        with pytest.raises(CarrierLost):
            await find_carrier(url).open(url, prefetch=1)
        assert left_open() <= before
    finally:
        gc.enable()


async def test_a_full_queue_of_rabbitmq_refuses_and_what_cannot_be_read_is_put_aside(
    rabbitmq: RabbitBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("QUEUE", "small"), ("DEAD", "small.dead"), ("WAITING_MAX", 2)):
        monkeypatch.setattr(f"server.work.carriers.rabbitmq.{name}", value)
    kind = find_carrier(rabbitmq.url)
    full = await kind.open(rabbitmq.url, prefetch=1)
    with pytest.raises(CarrierLost):
        await publish_one_by_one(full, 10)  # it refuses a little late
    await full.close()
    carrier = await kind.open(rabbitmq.url, prefetch=1)
    async with Reader.of(carrier) as reader:
        await reader.has(1)
        await carrier.bury(reader.read[0])
    await carrier.close()
    monkeypatch.setattr("server.work.carriers.rabbitmq._declare", nothing)
    monkeypatch.setattr("server.work.carriers.rabbitmq.QUEUE", "small.dead")
    aside = await kind.open(rabbitmq.url, prefetch=1)
    async with Reader.of(aside) as reader:
        await reader.has(1)
    await aside.close()


async def publish_one_by_one(carrier: Carrier, count: int) -> None:
    for slip in slips(count):
        await carrier.publish([slip])


async def nothing(_: object) -> None:
    """Declare nothing."""
