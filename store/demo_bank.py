"""The pretend provider's books: payments, refunds, and the webhooks that it still has to send.

A world of its own: it knows no booking, and nothing of ours is written in its transactions.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from store.db import Connection, Database, Record
from store.queries import Queries

SQL = Queries.beside(__file__)
_LEASE = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class DemoDue:
    """A payment as it is asked for."""

    amount: int
    currency: str
    reference: str
    description: str
    return_url: str


@dataclass(frozen=True, slots=True)
class DemoPayment:
    """`status`: open, challenged (the payer is to prove who they are), succeeded, declined, cancelled."""

    provider_ref: str
    amount: int
    currency: str
    reference: str
    description: str
    return_url: str
    status: str


@dataclass(frozen=True, slots=True)
class DemoWebhook:
    """One call that is due; `attempts` counts this one."""

    webhook_id: int
    event_id: str
    kind: str
    provider_ref: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Announcement:
    """A webhook to be sent in so many seconds."""

    event_id: str
    kind: str
    seconds: float


class DemoBank:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def begin(self, payment_id: uuid.UUID, provider_ref: str, due: DemoDue) -> DemoPayment:
        """Open a payment, or return the one that was opened under this number. Raises Overloaded."""

        async def work(connection: Connection) -> Record | None:
            await connection.execute(
                SQL["begin"],
                *(provider_ref, payment_id, due.amount, due.currency),
                *(due.reference, due.description, due.return_url),
            )
            return await connection.fetchrow(SQL["find_begun"], payment_id)

        row = await self._db.transaction([], work)
        assert row is not None
        return DemoPayment(**dict(row))

    async def look(self, provider_ref: str) -> DemoPayment | None:
        """Return a payment. Locks nothing; raises Overloaded."""

        async def read(connection: Connection) -> Record | None:
            return await connection.fetchrow(SQL["look"], provider_ref)

        row = await self._db.read([], read)
        return None if row is None else DemoPayment(**dict(row))

    async def move(
        self,
        provider_ref: str,
        step: tuple[Sequence[str], str],
        announcements: Sequence[Announcement] = (),
    ) -> bool:
        """Move a payment from one of some states to another, and queue what is told of it; False when it is in none.

        Locks the payment. Raises Overloaded.
        """
        sources, target = step
        columns = [
            [each.event_id for each in announcements],
            [each.kind for each in announcements],
            [each.seconds for each in announcements],
        ]

        async def work(connection: Connection) -> bool:
            moved = await connection.fetchval(SQL["move"], provider_ref, list(sources), target)
            if moved is not None and announcements:
                await connection.execute(SQL["add_webhooks"], provider_ref, *columns)
            return moved is not None

        return await self._db.transaction([], work)

    async def take_webhooks(self, limit: int) -> list[DemoWebhook]:
        """Take webhooks to be sent now, for 15 seconds. Locks them (SKIP LOCKED). Raises Overloaded."""

        async def work(connection: Connection) -> list[Record]:
            return await connection.fetch(SQL["take_webhooks"], limit, _LEASE)

        rows = await self._db.transaction([], work)
        return [DemoWebhook(**dict(row)) for row in sorted(rows, key=lambda row: row["webhook_id"])]

    async def drop_webhook(self, webhook: DemoWebhook) -> None:
        async def work(connection: Connection) -> None:
            await connection.execute(SQL["drop_webhook"], webhook.webhook_id)

        await self._db.transaction([], work)

    async def refund(self, refund_id: uuid.UUID, provider_ref: str, amount: int) -> bool:
        """Pay back, once for every refund; False when that would be more than was captured.

        Locks the payment. Raises Overloaded.
        """

        async def work(connection: Connection) -> bool:
            await connection.execute(SQL["lock_payment"], provider_ref)
            await connection.execute(SQL["refund"], refund_id, provider_ref, amount)
            paid = await connection.fetchval(SQL["find_refund"], refund_id)
            return bool(paid == amount)

        return await self._db.transaction([], work)
