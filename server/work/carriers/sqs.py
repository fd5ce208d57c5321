"""Amazon SQS: a FIFO queue, a message group for each booking, long polls."""

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from functools import cache, partial
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from server.broker_url import endpoint_of
from server.work.carriers.carrier import (
    QUIET_SECONDS,
    CarrierLost,
    Delivery,
    failing_as_lost,
    pack,
)
from server.work.carriers.room import Room
from store.carriage import Slip

_AT_A_TIME = 10
_WAIT_SECONDS = 10
_FAILURES = (BotoCoreError, ClientError, OSError, TimeoutError)

_told = partial(failing_as_lost, "SQS", *_FAILURES)


class SqsCarrier:
    def __init__(self, stack: AsyncExitStack, prefetch: int, quiet_seconds: float) -> None:
        self._stack = stack
        self._room = Room(prefetch)
        self._visibility_seconds = math.ceil(quiet_seconds)
        self._client: Any = None
        self._queue = ""

    @classmethod
    async def open(cls, url: str, *, prefetch: int, quiet_seconds: float = QUIET_SECONDS) -> Self:
        carrier = cls(AsyncExitStack(), prefetch, quiet_seconds)
        try:
            with _told():
                await carrier._connect(url, prefetch)
        except BaseException:
            await carrier.close()
            raise
        return carrier

    async def _connect(self, url: str, prefetch: int) -> None:
        self._client = await self._stack.enter_async_context(_client(url, prefetch))
        self._queue = await _find_or_make(self._client, urlsplit(url).path.removeprefix("/"))

    async def publish(self, slips: Sequence[Slip]) -> None:
        for start in range(0, len(slips), _AT_A_TIME):
            entries = [_entry(slip) for slip in slips[start : start + _AT_A_TIME]]
            publish = self._client.send_message_batch(QueueUrl=self._queue, Entries=entries)
            with _told():
                answer = await publish
            if answer.get("Failed"):
                raise CarrierLost(f"SQS: {answer['Failed'][0].get('Code', 'refused')}")

    async def deliveries(self) -> AsyncIterator[Delivery]:
        while True:
            free = await self._room.wait()
            with _told():
                answer = await self._client.receive_message(
                    QueueUrl=self._queue,
                    MaxNumberOfMessages=min(_AT_A_TIME, free),
                    # Who dies while it waits leaves what comes then hidden; not for longer than by dying later.
                    WaitTimeSeconds=min(_WAIT_SECONDS, self._visibility_seconds),
                    VisibilityTimeout=self._visibility_seconds,
                )
            messages = answer.get("Messages", ())
            self._room.take(len(messages))
            for message in messages:
                yield Delivery(message["Body"].encode(), message["ReceiptHandle"])

    async def ack(self, delivery: Delivery) -> None:
        self._room.give()
        # Refused: it has been given to somebody else meanwhile, who will find the job done.
        with _told(), suppress(ClientError):
            await self._client.delete_message(QueueUrl=self._queue, ReceiptHandle=delivery.receipt)

    async def nack(self, delivery: Delivery, *, later_seconds: float = 0.0) -> None:
        self._room.give()
        await self._change_visibility(delivery, int(later_seconds))

    async def bury(self, delivery: Delivery) -> None:
        await self.ack(delivery)

    async def hold_on(self, delivery: Delivery) -> None:
        await self._change_visibility(delivery, self._visibility_seconds)

    async def close(self) -> None:
        with suppress(*_FAILURES):
            await self._stack.aclose()

    async def _change_visibility(self, delivery: Delivery, seconds: int) -> None:
        with _told(), suppress(ClientError):
            await self._client.change_message_visibility(
                QueueUrl=self._queue, ReceiptHandle=delivery.receipt, VisibilityTimeout=seconds
            )


_session = cache(get_session)  # it keeps what it has read about Amazon's services, which is a lot


def _client(url: str, prefetch: int) -> Any:
    parts = urlsplit(url)
    return _session().create_client(
        "sqs",
        region_name=parts.hostname,
        endpoint_url=endpoint_of(url),
        # Left out, they are looked for where Amazon's own tools look.
        aws_access_key_id=unquote(parts.username) if parts.username else None,
        aws_secret_access_key=unquote(parts.password) if parts.password else None,
        config=AioConfig(
            connect_timeout=3,
            read_timeout=_WAIT_SECONDS + 5,
            retries={"total_max_attempts": 2},
            max_pool_connections=prefetch + 2,
        ),
    )


async def _find_or_make(client: Any, name: str) -> str:
    try:
        found: str = (await client.get_queue_url(QueueName=name))["QueueUrl"]
    except client.exceptions.QueueDoesNotExist:
        return await _make(client, name)
    return found


async def _make(client: Any, name: str) -> str:
    """Make the queue. It needs none for dead letters: whatever comes is acked, and the table knows what is dead."""
    attributes = {
        "FifoQueue": "true",
        # Without these two a FIFO queue takes 300 messages a second, whatever their groups.
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }
    made: str = (await client.create_queue(QueueName=name, Attributes=attributes))["QueueUrl"]
    return made


def _entry(slip: Slip) -> dict[str, str]:
    return {
        "Id": slip.job_id.hex,
        "MessageBody": pack(slip).decode(),
        "MessageGroupId": f"{slip.bus_id}-{slip.booking_id}",
        # For five minutes SQS swallows what has the same one: a job that was put off must not be among it.
        "MessageDeduplicationId": f"{slip.job_id}.{slip.lease}",
    }
