"""Payments: the demo provider, whose outcome the buyer chooses."""

from typing import Literal

import msgspec

from server.api.bookings import BookingShape, ask_booking
from server.contract import Access, Call, Idempotency, Operation
from server.policies import Rate
from store.errors import (
    HoldExpired,
    KeyInUse,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    SalesClosed,
    WrongState,
)
from store.requests import Reply


class DemoOutcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    outcome: Literal["succeeded", "declined"]


async def settle_demo_payment(call: Call, body: DemoOutcome) -> Reply:
    """Say how a demo payment ends. Answers with the booking."""
    owned = call.services.store.seals.parse_payment(call.path["payment"])
    if owned is None:
        raise NotFound("payment")
    settlement = call.services.store.settlement
    settle = settlement.confirm if body.outcome == "succeeded" else settlement.decline
    return await settle(owned, ask_booking(call), method="demo")


OPERATIONS = (
    Operation(
        "POST",
        "/payments/{payment}/demo",
        settle_demo_payment,
        BookingShape,
        access=Access.BUYERS,
        idempotency=Idempotency.ACCEPTED,
        rate=Rate.PAYMENT,
        problems=(
            NotFound,
            HoldExpired,
            SalesClosed,
            WrongState,
            KeyInUse,
            KeyReused,
            OutcomeUnknown,
            Overloaded,
        ),
    ),
)
