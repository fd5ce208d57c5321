"""Money that goes back: what is to be paid, each try to pay it, and the ledger's word that it has left."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from store.db import Connection, Database, Record
from store.money import kept_by
from store.queries import Queries

SQL = Queries.beside(__file__)
_REASON_LENGTH = 300


class PayoutStatus(StrEnum):
    PENDING = "PENDING"
    DONE = "DONE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Payout:
    """A refund that was decided. `provider_ref` is what its payment is called at the provider, if it came from one."""

    bus_id: int
    operator_id: int
    refund_id: uuid.UUID
    payment_id: uuid.UUID
    amount: int
    currency: str
    method: str
    provider_ref: str | None
    is_paid: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one try. Its number is made from what it was tried for, so that it is written once."""

    attempt_id: uuid.UUID
    status: PayoutStatus
    provider_refund: str | None = None
    reason: str | None = None


class Payouts:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, bus_id: int, refund_id: uuid.UUID) -> Payout | None:
        """Return what is to be paid back. Locks nothing; raises Overloaded."""

        async def read(connection: Connection) -> Record | None:
            return await connection.fetchrow(SQL["find_refund"], bus_id, refund_id)

        row = await self._db.read(None, read)
        return None if row is None else Payout(bus_id, **dict(row))

    async def record(self, payout: Payout, attempt: Attempt) -> bool:
        """Write what came of a try, and move the money if it is done; return whether it was news.

        One refund is done once, whoever tries: the second one writes nothing. Locks nothing but its own rows. Raises
        Overloaded, and OutcomeUnknown: recording it again finds out.
        """

        async def work(connection: Connection) -> bool:
            now = await connection.fetchval(SQL["clock"], payout.bus_id)
            return await write_attempt(connection, payout, attempt, now)

        return await self._db.transaction([payout.operator_id], work)


async def write_attempt(
    connection: Connection, payout: Payout, attempt: Attempt, now: datetime
) -> bool:
    """Do what `record` does, in the transaction of whoever hands the money over."""
    is_new = await connection.fetchval(
        SQL["add_attempt"],
        *(payout.bus_id, payout.operator_id, attempt.attempt_id, payout.refund_id),
        *(payout.method, attempt.status, attempt.provider_refund),
        *(attempt.reason and attempt.reason[:_REASON_LENGTH], now),
    )
    if is_new and attempt.status is PayoutStatus.DONE:
        await connection.execute(
            SQL["post_payout"],
            *(payout.bus_id, payout.operator_id, attempt.attempt_id, payout.payment_id),
            *(kept_by(payout.method), payout.amount, now),
        )
    return is_new is not None
