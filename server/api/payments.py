"""Payments: begun at a provider, heard of from it; and the demo's till, whose outcome the buyer chooses."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from server.api.actions import REFUSALS, PaymentAction, begin, owned_by
from server.api.bookings import BookingShape, ask_booking, booking_shape
from server.contract import Access, Call, Idempotency, Operation
from server.payments.provider import Forged
from server.policies import Rate
from server.problems import HttpProblem
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
from store.inbox import ProviderEvent
from store.requests import Reply


class DemoOutcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    outcome: Literal["succeeded", "declined"]


_Short = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class CheckoutResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What Razorpay's checkout hands to the page: `razorpay_order_id`, `razorpay_payment_id`, `razorpay_signature`."""

    order_id: _Short
    payment_id: _Short
    signature: _Short


async def settle_demo_payment(call: Call, body: DemoOutcome) -> Reply:
    """Say how a demo payment ends. Answers with the booking."""
    settlement = call.services.store.settlement
    settle = settlement.confirm if body.outcome == "succeeded" else settlement.decline
    owned = owned_by(call, call.path["payment"])
    return await settle(owned, ask_booking(call), method="demo")


async def begin_payment(call: Call) -> PaymentAction:
    """Begin to pay at the provider, and say what the page needs; asked again it says the same."""
    return await begin(call, call.path["payment"])


async def hear_checkout(call: Call, body: CheckoutResult) -> BookingShape:
    """Hand on what the provider's checkout has signed for the page: it is asked at once what is true, and answered.

    Nobody has to: its webhook says the same, and so does the clock. It only takes less time.
    """
    services = call.services
    owned = owned_by(call, call.path["payment"])
    try:
        await services.cashier.hear_checkout(owned, body.order_id, body.payment_id, body.signature)
    except Forged as error:
        raise _forged() from error
    return booking_shape(await services.store.lookup.find(*owned), services.store.seals)


async def receive_webhook(call: Call) -> None:
    """Take a payment provider's message: its signature is verified first, then it is stored, then answered.

    What it says is not believed: the provider is asked afterwards what is true.
    """
    services = call.services
    provider = services.cashier.find(call.path["provider"])
    if provider is None:
        raise NotFound("provider")
    headers = {
        name.decode("latin-1"): text.decode("latin-1") for name, text in call.headers.items()
    }
    # allow own-clock: how old a signature may be is measured on whatever clock its reader has
    now = datetime.now(UTC)
    try:
        event = provider.read_webhook(headers, call.body, now)
    except Forged as error:
        raise _forged() from error
    known = ProviderEvent(provider.method, event.event_id, event.kind, event.provider_ref)
    if await services.store.inbox.note(known):
        services.cashier.hint()


def _forged() -> HttpProblem:
    return HttpProblem(
        400,
        "forged",
        "This message is not the provider's",
        "its signature is not, or no longer, good",
    )


OPERATIONS = (
    # First: the path of the demo's till would take it for one of its own.
    Operation(
        "POST",
        "/payments/webhooks/{provider}",
        receive_webhook,
        None,
        status=204,
        rate=Rate.WEBHOOK,
        refusals={400: "forged", 413: "too_large", 415: "unsupported_media_type"},
        problems=(NotFound, OutcomeUnknown, Overloaded),
    ),
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
    Operation(
        "POST",
        "/payments/{payment}/begin",
        begin_payment,
        PaymentAction,
        access=Access.BUYERS,
        rate=Rate.PAYMENT,
        refusals=REFUSALS,
        problems=(NotFound, HoldExpired, WrongState, OutcomeUnknown, Overloaded),
    ),
    Operation(
        "POST",
        "/payments/{payment}/checkout",
        hear_checkout,
        BookingShape,
        access=Access.BUYERS,
        rate=Rate.PAYMENT,
        refusals={400: "forged"},
        problems=(NotFound, OutcomeUnknown, Overloaded),
    ),
)
