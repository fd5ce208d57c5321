"""Refunds as staff sees them: of a booking, of a bus that was cancelled, and cash that is handed over."""

from datetime import datetime
from typing import Annotated

import msgspec

from server.api.buses import bus_of
from server.api.shapes import Money, utc
from server.contract import Access, Call, Idempotency, Operation
from store.bus_cancellation import RefundProgress
from store.cash_payouts import Refund
from store.errors import (
    Forbidden,
    KeyReused,
    NoOpenShift,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    WrongState,
)
from store.ids import format_owned, is_ref, parse_owned
from store.requests import Reply


class RefundShape(msgspec.Struct, frozen=True):
    """`waits_at_counter` is cash that nobody has handed over yet; `paid_out_at` and `shift` say when that was."""

    id: str
    ref: str
    bus_id: str
    amount: Money
    method: str
    created_at: datetime
    waits_at_counter: bool
    paid_out_at: datetime | None
    shift: str | None


class RefundList(msgspec.Struct, frozen=True):
    items: list[RefundShape]


class RefundQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    booking: Annotated[str, msgspec.Meta(min_length=6, max_length=8)]


class BusRefundsShape(msgspec.Struct, frozen=True):
    """Bookings that were paid when the bus was cancelled: all, those paid back, those still to be; and how much."""

    bus_id: str
    status: str
    cancelled_at: datetime | None
    booked: int
    refunded: int
    to_go: int
    amount: Money


async def list_refunds(call: Call, query: RefundQuery) -> RefundList:
    """List what has gone back, or is to go back, of a booking."""
    ref = query.booking.upper()
    if not is_ref(ref):
        raise NotFound("booking")
    store = call.services.store
    booking = await store.lookup.find_for(call.caller, ref, None)
    found = await store.cash_payouts.list_of(call.caller, booking)
    return RefundList([_shape(refund) for refund in found])


async def pay_out_refund(call: Call) -> Reply:
    """Hand over a refund of what was paid in cash, out of the drawer of one's own open shift; once."""
    owned = parse_owned(call.path["refund"])
    if owned is None:
        raise NotFound("refund")
    return await call.services.store.cash_payouts.pay(call.caller, owned, call.ask(_shape))


async def read_bus_refunds(call: Call) -> BusRefundsShape:
    """Show how far the refunds of a cancelled bus have come."""
    return _progress(await call.services.store.bus_refunds.find(call.caller, bus_of(call)))


def _shape(refund: Refund) -> RefundShape:
    return RefundShape(
        id=format_owned(refund.bus_id, refund.refund_id),
        ref=refund.ref,
        bus_id=str(refund.bus_id),
        amount=Money(refund.amount, refund.currency),
        method=refund.method,
        created_at=utc(refund.created_at),
        waits_at_counter=refund.is_cash and refund.paid_at is None,
        paid_out_at=None if refund.paid_at is None else utc(refund.paid_at),
        shift=None if refund.shift_id is None else str(refund.shift_id),
    )


def _progress(progress: RefundProgress) -> BusRefundsShape:
    return BusRefundsShape(
        bus_id=str(progress.bus_id),
        status=progress.status,
        cancelled_at=None if progress.cancelled_at is None else utc(progress.cancelled_at),
        booked=progress.booked,
        refunded=progress.refunded,
        to_go=progress.to_go,
        amount=Money(progress.amount, progress.currency),
    )


OPERATIONS = (
    Operation(
        "GET",
        "/admin/refunds",
        list_refunds,
        RefundList,
        access=Access.STAFF,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "POST",
        "/admin/refunds/{refund}/pay-out",
        pay_out_refund,
        RefundShape,
        access=Access.CLERKS,
        idempotency=Idempotency.ACCEPTED,
        problems=(
            *(Forbidden, NotFound, NoOpenShift, WrongState),
            *(KeyReused, OutcomeUnknown, Overloaded),
        ),
    ),
    Operation(
        "GET",
        "/admin/buses/{bus}/refunds",
        read_bus_refunds,
        BusRefundsShape,
        access=Access.STAFF,
        problems=(NotFound, Overloaded),
    ),
)
