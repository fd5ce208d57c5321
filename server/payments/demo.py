"""The demo provider: a pretend one with books, a pay page and webhooks of its own. No money moves.

It is as trying as real ones are, when its payer asks for that: webhooks come late, doubled, in the wrong order, or not
at all. Its books it keeps well, so that tests can hold ours against them.
"""

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from server.payments.demo_signing import HEADER, verify
from server.payments.provider import (
    Begun,
    Forged,
    PaymentDue,
    PaymentStage,
    ProviderDown,
    ProviderRefused,
    ProviderState,
    RefundStage,
    RefundState,
    WebhookEvent,
)
from store.demo_bank import Announcement, DemoBank, DemoDue, DemoPayment
from store.errors import OutcomeUnknown, Overloaded

METHOD = "demo"
PAGE = "/pay/demo"
_WAITING = ("open", "challenged")
_ENDED = {"succeeded": "payment.succeeded", "declined": "payment.declined"}
_STAGES = {
    "open": PaymentStage.OPEN,
    "challenged": PaymentStage.OPEN,
    "succeeded": PaymentStage.SUCCEEDED,
    "declined": PaymentStage.DECLINED,
    "cancelled": PaymentStage.CANCELLED,
}
Step = Literal["approve", "decline", "challenge"]
_STEPS = {"approve": "succeeded", "decline": "declined", "challenge": "challenged"}
_Short = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[!-~]+$(?!\n)")]


class DemoEvent(msgspec.Struct, frozen=True):
    """What a webhook says. Only a hint: whoever gets it comes and looks."""

    id: _Short
    type: Annotated[str, msgspec.Meta(pattern=r"^[a-z_.]{1,100}$(?!\n)")]
    payment: _Short


@dataclass(frozen=True, slots=True)
class Telling:
    """How its payer wants us to be told: in so many seconds, so often, the wrong way round, or not at all."""

    delay_seconds: float = 0.0
    copies: int = 1
    is_reordered: bool = False
    is_lost: bool = False


_read = msgspec.json.Decoder(DemoEvent).decode


class DemoProvider:
    method = METHOD

    def __init__(self, bank: DemoBank, webhook_secrets: Sequence[str] = ()) -> None:
        self._bank = bank
        self._secrets = webhook_secrets

    async def begin(self, payment: PaymentDue) -> Begun:
        """Open a payment; its payer goes to its page."""
        due = DemoDue(
            amount=payment.amount,
            currency=payment.currency,
            reference=payment.reference,
            description=payment.description,
            return_url=payment.return_url,
        )
        provider_ref = f"demo_{secrets.token_urlsafe(16)}"
        try:
            opened = await self._bank.begin(payment.payment_id, provider_ref, due)
        except (Overloaded, OutcomeUnknown) as error:
            raise ProviderDown from error
        url = f"{PAGE}/{opened.provider_ref}"
        return Begun(opened.provider_ref, {"type": "redirect", "url": url})

    async def look(self, provider_ref: str) -> ProviderState:
        payment = await self.find(provider_ref)
        if payment is None:
            raise ProviderRefused("no such payment")
        return ProviderState(_STAGES[payment.status], payment.amount, payment.currency)

    async def find(self, provider_ref: str) -> DemoPayment | None:
        """Return a payment as its page shows it. Raises ProviderDown."""
        try:
            return await self._bank.look(provider_ref)
        except Overloaded as error:
            raise ProviderDown from error

    async def take_step(self, provider_ref: str, step: Step, telling: Telling) -> bool:
        """Let the payer go on; False when the payment is past that. Raises ProviderDown."""
        target = _STEPS[step]
        sources = ("open",) if step == "challenge" else _WAITING
        try:
            return await self._bank.move(
                provider_ref, (sources, target), _announce(provider_ref, target, telling)
            )
        except (Overloaded, OutcomeUnknown) as error:
            raise ProviderDown from error

    async def cancel(self, provider_ref: str) -> ProviderState:
        try:
            await self._bank.move(provider_ref, (_WAITING, "cancelled"))
        except (Overloaded, OutcomeUnknown) as error:
            raise ProviderDown from error
        return await self.look(provider_ref)

    async def refund(self, provider_ref: str, refund_id: uuid.UUID, amount: int) -> RefundState:
        try:
            is_paid = await self._bank.refund(refund_id, provider_ref, amount)
        except (Overloaded, OutcomeUnknown) as error:
            raise ProviderDown from error
        if not is_paid:
            return RefundState(RefundStage.FAILED, reason="more than was captured")
        return RefundState(RefundStage.DONE, f"demo_refund_{refund_id}")

    def read_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> WebhookEvent:
        verify(self._secrets, headers.get(HEADER), body, now)
        try:
            event = _read(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Forged("signed, but not an event") from error
        return WebhookEvent(event.id, event.type, event.payment)


def _announce(provider_ref: str, status: str, telling: Telling) -> list[Announcement]:
    """Return the webhooks of a payment that has come to its end; of a step on the way there are none."""
    if status not in _ENDED or telling.is_lost:
        return []
    kinds = ["payment.created", "payment.processing", _ENDED[status]]
    if telling.is_reordered:
        kinds.reverse()
    else:
        kinds = kinds[-1:]
    # The same event has the same number in every copy.
    return [
        Announcement(f"evt_{kind}_{provider_ref}", kind, telling.delay_seconds + 0.3 * place)
        for place in range(telling.copies)
        for kind in kinds
    ]
