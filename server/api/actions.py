"""What a buyer does next to pay: told with a booking, and begun at the provider."""

from collections.abc import Mapping
from typing import Any

import msgspec

from server.contract import Call
from server.openapi import PREFIX
from server.payments.provider import ProviderDown, ProviderRefused
from server.problems import HttpProblem
from store.errors import NotFound

RETRY_SECONDS = 5
PAID_HERE = frozenset({"demo", "cash", "voucher"})
"""Methods of which nothing has to be begun: the demo's till, and money in hand or on its way."""
REFUSALS: Mapping[int, str] = {409: "payment_refused", 503: "provider_unavailable"}


class PaymentAction(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the buyer does next to pay.

    `post`: send the outcome to `url` (the demo's till). `begin`: POST to `url`, which answers with one of the others.
    `redirect`: go to `url`. Everything else is the provider's own, and `details` what its script on the page needs.
    `begin_url` is where a demo payment goes on to the provider's own page.
    """

    kind: str
    url: str | None = None
    begin_url: str | None = None
    details: dict[str, Any] | None = None


def open_action(method: str, payment_id: str) -> PaymentAction | None:
    """Return the action of a payment that nobody has begun; costs nothing. None for cash."""
    begin_url = f"{PREFIX}/payments/{payment_id}/begin"
    if method == "cash":
        return None
    if method in PAID_HERE:
        return PaymentAction("post", f"{PREFIX}/payments/{payment_id}/demo", begin_url)
    return PaymentAction("begin", begin_url)


def owned_by(call: Call, payment_id: str) -> tuple[int, int]:
    """Return the booking (bus, number) that a payment's public id is about; raise NotFound."""
    owned = call.services.store.seals.parse_payment(payment_id)
    if owned is None:
        raise NotFound("payment")
    return owned


async def begin(call: Call, payment_id: str) -> PaymentAction:
    """Begin to pay a booking at its provider; however often it is asked, the answer is the same.

    Raises NotFound, HoldExpired, WrongState, and problems where the provider cannot or will not.
    """
    try:
        action = dict(await call.services.cashier.begin(owned_by(call, payment_id)))
    except ProviderDown as error:
        raise _unavailable(error) from error
    except ProviderRefused as error:
        raise HttpProblem(
            409,
            "payment_refused",
            "The payment provider does not take this payment",
            f"{error.reason}; book again with another way to pay",
        ) from error
    kind, url = str(action.pop("type")), action.pop("url", None)
    return PaymentAction(kind, url, details=action or None)


def _unavailable(error: ProviderDown) -> HttpProblem:
    seconds = max(1, round(getattr(error, "retry_after", RETRY_SECONDS)))
    return HttpProblem(
        503,
        "provider_unavailable",
        "The payment provider does not answer",
        "your seats are kept until the booking's time to pay is over; ask again with the same idempotency key",
        retry_after=seconds,
    )
