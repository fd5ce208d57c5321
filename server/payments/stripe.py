"""Stripe: a PaymentIntent for every payment, made and asked for by Stripe's own SDK.

The version of Stripe's API is the one the SDK was made for, whatever the account's default is.
"""

import logging
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec
import stripe

from server.payments.hmacs import is_signed
from server.payments.provider import (
    CALL_SECONDS,
    Begun,
    Forged,
    PaymentDue,
    PaymentStage,
    ProviderDown,
    ProviderError,
    ProviderRefused,
    ProviderState,
    RefundStage,
    RefundState,
    WebhookEvent,
)
from server.payments.wire import Wire, printable

T = TypeVar("T")

API_BASE = "https://api.stripe.com"
_TOLERANCE_SECONDS = 300
_SIGNATURES_MAX = 8
_INTENT = re.compile(r"pi_\w{1,250}", re.ASCII)
_STAGES = {"succeeded": PaymentStage.SUCCEEDED, "canceled": PaymentStage.CANCELLED}
_REFUND_STAGES = {
    "succeeded": RefundStage.DONE,
    "failed": RefundStage.FAILED,
    "canceled": RefundStage.FAILED,
}
# Stripe's minor units are those of ISO 4217, but for these: what it keeps in hundredths has no cents there (how many of
# Stripe's units are one of ours), and ariary it has without.
_LARGER = {"ISK": 100, "UGX": 100}
_SMALLER = {"MGA": 100}
_TENS_ONLY = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})

# It writes every request, and at DEBUG every answer with its client secret.
logging.getLogger("stripe").setLevel(logging.WARNING)
stripe.enable_telemetry = False


@dataclass(frozen=True, slots=True)
class StripeKeys:
    secret_key: str = field(repr=False)
    publishable_key: str
    webhook_secrets: tuple[str, ...] = field(repr=False)
    api_base: str = API_BASE

    @property
    def is_live(self) -> bool:
        return "_live_" in self.secret_key


class _Object(msgspec.Struct, frozen=True):
    """What an event is about; other kinds of events have other things under these names."""

    id: Any = None
    payment_intent: Any = None


class _Data(msgspec.Struct, frozen=True):
    object: _Object


class _Event(msgspec.Struct, frozen=True):
    id: str
    type: str
    livemode: bool
    data: _Data


class _Transport(stripe.HTTPClient):  # type: ignore[misc] # the SDK is not followed: it is as large as all else together
    """What the SDK reaches the network by."""

    name = "omnibus"

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def request(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        reply = self._wire.send(method, url, headers, post_data)
        return reply.body, reply.status, reply.headers

    def close(self) -> None:
        self._wire.close()


class StripeProvider:
    method = "stripe"

    def __init__(self, keys: StripeKeys, *, call_seconds: float = CALL_SECONDS) -> None:
        self._keys = keys
        self._wire = Wire(call_seconds=call_seconds)
        # No retries in there: who asks again is the breaker's business, and under the same key nothing is done twice.
        self._client = stripe.StripeClient(
            keys.secret_key,
            http_client=_Transport(self._wire),
            base_addresses={"api": keys.api_base},
            max_network_retries=0,
        ).v1

    @property
    def is_live(self) -> bool:
        return self._keys.is_live

    async def begin(self, payment: PaymentDue) -> Begun:
        """Create the intent under the payment's id; Stripe answers a repetition as it did the first time.

        Without a list of ways to pay the account's own are offered. A description is not sent, nor anything else that
        might name a person.
        """
        asked = {
            "amount": to_stripe(payment.amount, payment.currency),
            "currency": payment.currency.lower(),
            "metadata": {"payment": str(payment.payment_id), "booking": payment.reference},
        }
        key = {"idempotency_key": f"payment-{payment.payment_id}"}
        create = partial(self._client.payment_intents.create, params=asked, options=key)
        return await self._ask(lambda: self._begun(create()))

    async def look(self, provider_ref: str) -> ProviderState:
        """Ask for the intent. Whoever was declined may try another card until it is cancelled: that is `open`."""
        return await self._ask(partial(self._look, provider_ref))

    async def cancel(self, provider_ref: str) -> ProviderState:
        """Cancel the intent. What Stripe will not cancel has succeeded, was cancelled before, or is being processed."""
        return await self._ask(partial(self._cancel, provider_ref))

    async def refund(self, provider_ref: str, refund_id: uuid.UUID, amount: int) -> RefundState:
        """Pay back under the refund's id.

        Stripe forgets idempotency keys after a day, a refund may be tried for longer: so its own list of what was paid
        back is asked first, and the key guards against two who ask at once.
        """
        return await self._ask(partial(self._refund, provider_ref, refund_id, amount))

    def read_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> WebhookEvent:
        at, signatures = _parse_signature(headers.get("stripe-signature", ""))
        if not is_signed(b"%d.%b" % (at, body), signatures, self._keys.webhook_secrets):
            raise Forged("not signed with a secret of ours")
        if abs(now.timestamp() - at) > _TOLERANCE_SECONDS:
            raise Forged("signed too long ago, or in the future")
        try:
            event = _decode_event(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise Forged("signed, but not an event") from None
        if event.livemode != self._keys.is_live:
            raise Forged("of test mode while the key is live, or the reverse")
        about = event.data.object
        found = about.id if event.type.startswith("payment_intent.") else about.payment_intent
        return WebhookEvent(
            event.id, event.type, found if isinstance(found, str) and _is_intent(found) else None
        )

    async def check(self) -> None:
        """Ask for something harmless, to learn whether the key is taken. Raises ProviderDown, ProviderRefused."""
        await self._ask(lambda: self._client.payment_intents.list(params={"limit": 1}).data)

    def close(self) -> None:
        self._wire.close()

    async def _ask(self, operation: Callable[[], T]) -> T:
        try:
            return await self._wire.run(operation)
        except ProviderError:
            raise
        except stripe.StripeError as error:
            raise _our_error(error) from None
        except Exception as error:  # noqa: BLE001 - an answer of another shape fails anywhere in the SDK, or in us
            raise ProviderDown(f"an answer without sense ({type(error).__name__})") from None

    def _begun(self, intent: Any) -> Begun:
        action = {
            "type": "client_secret",
            "client_secret": intent.client_secret,
            "publishable_key": self._keys.publishable_key,
        }
        return Begun(intent.id, action)

    def _look(self, provider_ref: str) -> ProviderState:
        return _state(self._retrieve(provider_ref))

    def _retrieve(self, provider_ref: str) -> Any:
        if not _is_intent(provider_ref):
            raise ProviderRefused("no payment of Stripe's")
        return self._client.payment_intents.retrieve(provider_ref)

    def _cancel(self, provider_ref: str) -> ProviderState:
        if not _is_intent(provider_ref):
            raise ProviderRefused("no payment of Stripe's")
        try:
            return _state(self._client.payment_intents.cancel(provider_ref))
        except stripe.InvalidRequestError:
            return self._look(provider_ref)

    def _refund(self, provider_ref: str, refund_id: uuid.UUID, amount: int) -> RefundState:
        intent = self._retrieve(provider_ref)
        if intent.status != "succeeded":
            raise ProviderRefused("nothing was paid that could be paid back")
        currency = intent.currency.upper()
        asked = to_stripe(amount, currency)
        made = list(
            self._client.refunds.list(
                params={"payment_intent": provider_ref, "limit": 100}
            ).auto_paging_iter()
        )
        for each in made:
            if _metadata(each, "refund") == str(refund_id):
                return _refund_state(each)
        given_back = sum(
            each.amount for each in made if _REFUND_STAGES.get(each.status) != RefundStage.FAILED
        )
        if asked > _paid(intent) - given_back:
            raise ProviderRefused("more than is left of what was paid")
        params = {
            "payment_intent": provider_ref,
            "amount": asked,
            "metadata": {"refund": str(refund_id)},
        }
        key = {"idempotency_key": f"refund-{refund_id}"}
        return _refund_state(self._client.refunds.create(params=params, options=key))


def to_stripe(amount: int, currency: str) -> int:
    """Return an amount in Stripe's units. Raises ProviderRefused when it has no such amount."""
    if currency in _SMALLER:
        units, rest = divmod(amount, _SMALLER[currency])
    else:
        units = amount * _LARGER.get(currency, 1)
        rest = units % 10 if currency in _TENS_ONLY else 0
    if rest:
        raise ProviderRefused(f"Stripe has no {amount} {currency}: the last digits must be 0")
    return units


def from_stripe(units: int, currency: str) -> int:
    """Return an amount in units of ISO 4217."""
    return units * _SMALLER.get(currency, 1) // _LARGER.get(currency, 1)


_decode_event = msgspec.json.Decoder(_Event).decode


def _parse_signature(header: str) -> tuple[int, list[str]]:
    """Return the time and the signatures of `t=1690000000,v1=...,v1=...`. Raises Forged."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v1"]
    is_time = len(times) == 1 and times[0].isascii() and times[0].isdigit() and len(times[0]) <= 12
    if not is_time or not 1 <= len(signatures) <= _SIGNATURES_MAX:
        raise Forged("no signature")
    return int(times[0]), signatures


def _is_intent(text: str) -> bool:
    return _INTENT.fullmatch(text) is not None


def _state(intent: Any) -> ProviderState:
    stage = _STAGES.get(intent.status, PaymentStage.OPEN)
    currency = intent.currency.upper()
    units = _paid(intent) if stage is PaymentStage.SUCCEEDED else intent.amount
    return ProviderState(stage, from_stripe(units, currency), currency)


def _paid(intent: Any) -> int:
    received = getattr(intent, "amount_received", None)
    units: int = intent.amount if received is None else received
    return units


def _refund_state(refund: Any) -> RefundState:
    # `pending` and `requires_action`: it may still become either.
    stage = _REFUND_STAGES.get(refund.status, RefundStage.PENDING)
    failure = getattr(refund, "failure_reason", None)
    return RefundState(stage, refund.id, printable(failure) if failure else None)


def _metadata(thing: Any, name: str) -> str | None:
    return getattr(thing.metadata, name, None)


def _our_error(error: Any) -> ProviderError:
    """Return what an error of the SDK means. The statuses that may change by themselves never get this far."""
    if isinstance(error, stripe.APIError | stripe.APIConnectionError | stripe.RateLimitError):
        return ProviderDown(f"answered {error.http_status} ({type(error).__name__})")
    told = printable(f"{error.code}: {error.user_message}" if error.code else error.user_message)
    return ProviderRefused(told)
