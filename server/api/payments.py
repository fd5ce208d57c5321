"""Payments: the demo provider, whose outcome the buyer chooses."""

from typing import Literal

import msgspec

from server.api.bookings import BookingShape, booking_shape
from server.contract import Call, Idempotency, Operation
from store.engine import Reply
from store.errors import (
    HoldExpired,
    KeyInUse,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    WrongState,
)
from store.ids import parse_owned


class DemoOutcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    outcome: Literal["succeeded", "declined"]


async def settle_demo_payment(call: Call, body: DemoOutcome) -> Reply:
    """Say how a demo payment ends. Answers with the booking."""
    owned = parse_owned(call.path["payment"])
    if owned is None:
        raise NotFound("payment")
    settlement = call.services.store.settlement
    settle = settlement.confirm if body.outcome == "succeeded" else settlement.decline
    return await settle(owned, call.ask(booking_shape), method="demo")


OPERATIONS = (
    Operation(
        "POST",
        "/payments/{payment}/demo",
        settle_demo_payment,
        BookingShape,
        idempotency=Idempotency.ACCEPTED,
        problems=(
            NotFound,
            HoldExpired,
            WrongState,
            KeyInUse,
            KeyReused,
            OutcomeUnknown,
            Overloaded,
        ),
    ),
)
