"""Movements of money as rows of a batch: what was taken, and what is to go back.

The ledger's account of each is derived by the statement that writes it (`add_payments` and `add_refunds` in
`store/batch.sql`), as a posting group of two lines that sum to zero:

- captured (group = the payment): `sales` → `provider_clearing` or `cash_drawer`;
- to go back (group = the refund): `refunds_due` → `sales`;
- paid back (group = the attempt, `store/payouts.py`): `provider_clearing` or `cash_drawer` → `refunds_due`.

So what is left on `sales` of a payment is what a confirmed booking has cost, and what is on `refunds_due` is promised.
Lines are in the currency of their payment: that of the bus, but for money that came in another one, which goes back.
"""

import uuid
from dataclasses import dataclass

from store.jobs import JobKind, note_job
from store.ledger import Changes, literal
from store.model import Booking, PaymentStatus

CAPTURED = frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.RETURNED})
"""The statuses of payments that have brought money."""


@dataclass(frozen=True, slots=True)
class Refund:
    """What goes back of a payment, and for which seats."""

    refund_id: uuid.UUID
    payment_id: uuid.UUID
    amount: int
    seats: tuple[int, ...]


def kept_by(method: str) -> str:
    """Return the account on which the money of a payment lies."""
    return "cash_drawer" if method == "cash" else "provider_clearing"


def note_payment(changes: Changes, booking: Booking, currency: str | None = None) -> None:
    """Note what came of an attempt to pay; `currency` is that of money which came in another one than the bus's."""
    bus, payment = booking.bus, booking.payment
    assert payment.payment_id is not None
    row = (
        bus.bus_id,
        bus.operator_id,
        payment.payment_id,
        booking.booking_id,
        payment.method,
        payment.status,
        payment.amount,
        changes.at,
        payment.device_id,
        payment.provider_ref,
    )
    if currency is None:
        changes.write("add_payments", (*row, payment.taken_by))
    else:
        changes.write("add_foreign_payments", (*row, currency))


def note_refund(changes: Changes, booking: Booking, refund: Refund) -> None:
    """Note that money is to go back, and the job that pays it."""
    bus = booking.bus
    changes.write(
        "add_refunds",
        (
            bus.bus_id,
            bus.operator_id,
            refund.refund_id,
            refund.payment_id,
            refund.amount,
            literal(refund.seats),
            changes.at,
        ),
    )
    note_job(changes, booking, JobKind.REFUND, {"refund_id": str(refund.refund_id)})
