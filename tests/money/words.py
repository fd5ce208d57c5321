"""What a provider says in tests of the store: its last word on a booking's payment."""

import uuid
from typing import Any

from store.captures import Settled, Word
from store.facade import Store
from store.intents import payment_id_of
from store.model import Booking, PaymentStatus
from tests.support.world import World

SUCCEEDED, DECLINED, CANCELLED = (
    PaymentStatus.SUCCEEDED,
    PaymentStatus.DECLINED,
    PaymentStatus.CANCELLED,
)


def word(
    booking: Booking,
    status: PaymentStatus = SUCCEEDED,
    *,
    amount: int | None = None,
    currency: str | None = None,
) -> Word:
    payment_id = payment_id_of(booking)
    captured = booking.total if amount is None else amount
    of_what = currency or booking.bus.currency
    return Word(payment_id, "demo", f"demo_{payment_id}", status, captured, of_what)


async def say(
    store: Store, booking: Booking, status: PaymentStatus = SUCCEEDED, **money: Any
) -> Settled:
    """Let the provider have its last word."""
    place = booking.bus.bus_id, booking.booking_id
    return await store.captures.settle(place, word(booking, status, **money))


async def find(world: World, booking: Booking) -> Booking:
    return await world.store.lookup.find(booking.bus.bus_id, booking.booking_id)


async def balances(
    world: World, payment_id: uuid.UUID | None = None, currency: str | None = None
) -> dict[str, int]:
    """Return what each account has gained, of one payment or of all, in one currency or in whatever it was."""
    rows = await world.edit(
        "SELECT g.account, sum(g.amount)::bigint AS amount FROM postings AS g"
        " JOIN payments AS p USING (bus_id, payment_id) JOIN buses AS b USING (bus_id)"
        " WHERE ($1::uuid IS NULL OR g.payment_id = $1)"
        " AND ($2::text IS NULL OR coalesce(p.currency, b.currency) = $2) GROUP BY g.account",
        payment_id,
        currency,
    )
    return {row["account"]: row["amount"] for row in rows if row["amount"]}


async def jobs(world: World, booking: Booking) -> list[str]:
    """Return what was queued about a booking, in order."""
    rows = await world.edit(
        "SELECT kind FROM jobs WHERE bus_id = $1 AND booking_id = $2 ORDER BY job_id",
        booking.bus.bus_id,
        booking.booking_id,
    )
    return [row["kind"] for row in rows]
