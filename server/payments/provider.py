"""What a payment provider does for us: begin a payment, look at it, cancel it, pay it back, sign what it sends.

Nothing here is awaited inside a transaction. Whatever a provider says of its own accord (a webhook) is a hint: `look`
tells what is true. Amounts are in minor units, currencies three capital letters (ISO 4217). Every call is bounded:
`CONNECT_SECONDS` to reach the provider, `CALL_SECONDS` in all.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

CONNECT_SECONDS = 2.0
CALL_SECONDS = 8.0


class ProviderError(Exception):
    """A provider did not do what it was asked."""


class ProviderDown(ProviderError):
    """No answer, or none that says anything: whether it was done is not known. Ask again, under the same key."""


class ProviderRefused(ProviderError):
    """The provider will not do that, however often it is asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Forged(Exception):
    """A webhook that the provider has not signed, or not lately."""


class PaymentStage(StrEnum):
    """Where a payment is at its provider. `open` may still become anything, the others stay as they are.

    Except that a payment that was declined may be tried again by its payer: a provider that allows this says `open`.
    """

    OPEN = "open"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    CANCELLED = "cancelled"


class RefundStage(StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PaymentDue:
    """What is to be paid. `payment_id` is the idempotency key of its creation at the provider.

    `reference` is what the payer knows it by (the booking's ref); `return_url` is where they come back to.
    """

    payment_id: uuid.UUID
    amount: int
    currency: str
    reference: str
    description: str
    return_url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Begun:
    """A payment that exists at the provider; `action` is what the page needs to go on.

    `{"type": "redirect", "url": …}`, `{"type": "client_secret", …}`, `{"type": "order", …}`: never a secret of ours.
    """

    provider_ref: str
    action: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProviderState:
    status: PaymentStage
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class RefundState:
    """`provider_refund` is the provider's name for it, for whoever asks there."""

    status: RefundStage
    provider_refund: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """What a signed message is about. `event_id` is the same for every copy of it."""

    event_id: str
    kind: str
    provider_ref: str | None


class Provider(Protocol):
    """One payment method. An implementation keeps no state that a restart would miss."""

    method: str

    async def begin(self, payment: PaymentDue) -> Begun:
        """Create the payment, or find it if it exists: repeated, it answers the same.

        Raises ProviderDown, ProviderRefused.
        """

    async def look(self, provider_ref: str) -> ProviderState:
        """Ask what has become of a payment. Raises ProviderDown, ProviderRefused (it knows no such payment)."""

    async def cancel(self, provider_ref: str) -> ProviderState:
        """See to it that nobody can pay it any more, and say what it is then.

        "Already succeeded" is an answer, not an error. Raises ProviderDown, ProviderRefused.
        """

    async def refund(self, provider_ref: str, refund_id: uuid.UUID, amount: int) -> RefundState:
        """Pay back part of a payment, once for every `refund_id`. Raises ProviderDown, ProviderRefused."""

    def read_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> WebhookEvent:
        """Verify the signature over the raw body, in constant time, with either of up to two secrets.

        `headers` have lower-case names. Raises Forged; also when what is signed is too old, or says nothing.
        """


@runtime_checkable
class SignsCheckout(Protocol):
    """A provider whose checkout gives the payer's page something signed, for the page to hand on to us."""

    def read_checkout(self, order_id: str, payment_id: str, signature: str) -> WebhookEvent:
        """Verify it, and say what it is about: a hint as a webhook is. Raises Forged."""
