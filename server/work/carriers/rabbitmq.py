"""RabbitMQ: a quorum queue, publisher confirms, a dead-letter exchange."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aio_pika.connection import make_url
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError

from server.work.carriers.carrier import (
    REDELIVERIES_MAX,
    WAITING_MAX,
    CarrierLost,
    Delivery,
    failing_as_lost,
    pack,
)
from store.carriage import Slip

QUEUE = "omnibus.jobs"
DEAD = "omnibus.jobs.dead"
_DEAD_KEPT_MS = 7 * 86_400_000
_DEAD_MAX = 10_000
_TIMEOUT_SECONDS = 5.0
_CONFIRM_SECONDS = 10.0
_LOOK_SECONDS = 30.0
_FAILURES = (AMQPError, ChannelInvalidStateError, DeliveryError, OSError, TimeoutError)

_told = partial(failing_as_lost, "RabbitMQ", *_FAILURES)


class RabbitCarrier:
    def __init__(self, connection: AbstractConnection, channel: AbstractChannel) -> None:
        self._connection = connection
        self._channel = channel
        self._arrived: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        prefetch: int,
        quiet_seconds: float = 0.0,  # noqa: ARG003 - it goes by the connection
    ) -> Self:
        with _told():
            # Its own reconnection would hide that deliveries under way are void; whoever uses us starts over instead.
            connection = aio_pika.Connection(make_url(_with_heartbeat(url)))
            try:
                await connection.connect(timeout=_TIMEOUT_SECONDS)
                channel = await connection.channel(on_return_raises=True)
                await channel.set_qos(prefetch_count=prefetch)
                await _declare(channel)
            except BaseException:
                # Also one that never came about: it would be closed when it is forgotten, whatever runs by then.
                await connection.close()
                raise
        return cls(connection, channel)

    async def publish(self, slips: Sequence[Slip]) -> None:
        exchange = self._channel.default_exchange
        assert exchange is not None, "open has returned"
        with _told():
            # Side by side: the broker confirms many with one flush to disk.
            answers = await asyncio.gather(
                *(
                    exchange.publish(_message(slip), QUEUE, timeout=_CONFIRM_SECONDS)
                    for slip in slips
                ),
                return_exceptions=True,
            )
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer

    async def deliveries(self) -> AsyncIterator[Delivery]:
        with _told():
            queue = await self._channel.get_queue(QUEUE, ensure=False)
            self._channel.close_callbacks.add(self._end)
            self._connection.close_callbacks.add(self._end)
            await queue.consume(self._arrived.put, timeout=_TIMEOUT_SECONDS)
        while True:
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    message = await self._arrived.get()
            except TimeoutError:
                # Somebody may have deleted the queue, and with it our place at it.
                with _told():
                    await self._channel.get_queue(QUEUE, ensure=True)
                continue
            if message is None:
                raise CarrierLost("RabbitMQ has closed the connection")
            yield Delivery(message.body, message)

    async def ack(self, delivery: Delivery) -> None:
        with _told():
            await delivery.receipt.ack()

    async def nack(self, delivery: Delivery, *, later_seconds: float = 0.0) -> None:  # noqa: ARG002 - it cannot wait
        with _told():
            await delivery.receipt.nack(requeue=True)

    async def bury(self, delivery: Delivery) -> None:
        with _told():
            await delivery.receipt.reject(requeue=False)

    async def hold_on(self, delivery: Delivery) -> None:
        """Do nothing: a delivery is ours as long as the connection is."""

    async def close(self) -> None:
        with suppress(*_FAILURES):
            await self._connection.close()

    def _end(self, *_: Any) -> None:
        self._arrived.put_nowait(None)


async def _declare(channel: AbstractChannel) -> None:
    declare = partial(channel.declare_queue, durable=True, timeout=_TIMEOUT_SECONDS)
    dead = await channel.declare_exchange(DEAD, "fanout", durable=True, timeout=_TIMEOUT_SECONDS)
    kept: dict[str, Any] = {
        "x-queue-type": "quorum",
        "x-max-length": _DEAD_MAX,
        "x-message-ttl": _DEAD_KEPT_MS,
    }
    await (await declare(DEAD, arguments=kept)).bind(dead, timeout=_TIMEOUT_SECONDS)
    live: dict[str, Any] = {
        "x-queue-type": "quorum",
        "x-delivery-limit": REDELIVERIES_MAX,
        "x-dead-letter-exchange": DEAD,
        "x-max-length": WAITING_MAX,
        # A full queue says so to the relay, and the job waits in the table; the other way loses the oldest.
        "x-overflow": "reject-publish",
    }
    await declare(QUEUE, arguments=live)


def _message(slip: Slip) -> aio_pika.Message:
    return aio_pika.Message(
        pack(slip),
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=str(slip.job_id),
    )


def _with_heartbeat(url: str) -> str:
    """Ask for a heartbeat soon enough to notice a broker that vanished without a word."""
    return url if "heartbeat=" in url else f"{url}{'&' if '?' in url else '?'}heartbeat=15"
