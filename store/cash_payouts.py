"""Refunds of what was paid in cash: somebody at a counter hands them over, once, out of a drawer that is counted."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

import asyncpg

from store.authority import note, scope_of, sees
from store.db import Connection, Database, Record
from store.errors import Forbidden, NoOpenShift, NotFound, WrongState
from store.jobs import JobKind, NewJob, queue_job
from store.model import Booking, Caller
from store.once import answer_once
from store.payouts import Attempt, Payout, PayoutStatus, write_attempt
from store.queries import Queries
from store.requests import Ask, Reply

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Refund:
    """What goes back of a booking, and how; in cash it has been `paid_at` a counter or waits there."""

    bus_id: int
    refund_id: uuid.UUID
    ref: str
    operator_id: int
    amount: int
    currency: str
    seats: tuple[int, ...]
    method: str
    created_at: datetime
    paid_at: datetime | None = None
    shift_id: int | None = None

    @property
    def is_cash(self) -> bool:
        return self.method == "cash"


class CashPayouts:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def list_of(self, caller: Caller, booking: Booking) -> list[Refund]:
        """Return what has gone back, or is to go back, of a booking, to its operator's staff. Raises NotFound."""
        if not sees(caller, booking.bus.operator_id):
            raise NotFound("booking")

        async def read(connection: Connection) -> list[Record]:
            place = booking.bus.bus_id, booking.booking_id
            return await connection.fetch(SQL["list_of_booking"], *place)

        return [_refund(row) for row in await self._db.read(scope_of(caller), read)]

    async def pay(self, caller: Caller, owned: tuple[int, uuid.UUID], ask: Ask[Refund]) -> Reply:
        """Note that the caller hands over a refund (bus, number) out of the drawer of their open shift; log it.

        Queues a job, which tells whoever wants to know that it is paid. Locks the shift, shared, then the booking: of
        two who pay out one refund, the second learns that it is paid.
        Raises NotFound, Forbidden, NoOpenShift, WrongState (paid out, or not in cash), KeyReused.
        """
        operator_id = caller.operator_id
        if operator_id is None or caller.user_id is None:
            raise Forbidden("refunds are paid out by the operator's own people")

        async def work(connection: Connection) -> Reply:
            return await answer_once(
                connection, ask, operator_id, lambda: _pay(connection, caller, owned)
            )

        return await self._db.transaction([operator_id], work)


async def _pay(connection: Connection, caller: Caller, owned: tuple[int, uuid.UUID]) -> Refund:
    shift_id = await connection.fetchval(SQL["share_shift"], caller.operator_id, caller.user_id)
    locked = await connection.fetchrow(SQL["lock_booking"], *owned)
    if locked is None or locked["operator_id"] != caller.operator_id:
        raise NotFound("refund")
    row = await connection.fetchrow(SQL["find_refund"], *owned)
    assert row is not None, "refunds are never removed"
    refund = _refund(row)
    if not refund.is_cash:
        raise WrongState("ELSEWHERE", "it goes back the way it was paid, not in cash")
    if refund.paid_at is not None:
        raise WrongState("PAID", "this refund has been paid out")
    if shift_id is None:
        raise NoOpenShift
    place = (*owned, refund.operator_id, shift_id, caller.user_id)
    try:
        await connection.execute(SQL["add_payout"], *place, refund.amount, row["now"])
    except asyncpg.UniqueViolationError:
        # Nobody comes so far past the lock; if somebody does, the key has the last word.
        raise WrongState("PAID", "this refund has been paid out") from None
    payout = Payout(
        bus_id=refund.bus_id,
        operator_id=refund.operator_id,
        refund_id=refund.refund_id,
        payment_id=row["payment_id"],
        amount=refund.amount,
        currency=refund.currency,
        method=refund.method,
        provider_ref=None,
        is_paid=False,
    )
    handed_over = Attempt(uuid.uuid5(refund.refund_id, "counter"), PayoutStatus.DONE)
    await write_attempt(connection, payout, handed_over, row["now"])
    # The one that was queued with the refund has found nothing to do.
    told = NewJob(locked["booking_id"], JobKind.REFUND, {"refund_id": str(refund.refund_id)})
    await queue_job(connection, refund.bus_id, told)
    await note(
        connection,
        caller,
        refund.operator_id,
        "refund.pay_out",
        f"booking {refund.ref}",
        refund=str(refund.refund_id),
        amount=refund.amount,
        shift=shift_id,
    )
    return replace(refund, paid_at=row["now"], shift_id=shift_id)


def _refund(row: Record) -> Refund:
    return Refund(
        row["bus_id"],
        row["refund_id"],
        row["ref"],
        row["operator_id"],
        row["amount"],
        row["currency"],
        tuple(row["seats"]),
        row["method"],
        row["created_at"],
        row["paid_at"],
        row["shift_id"],
    )
