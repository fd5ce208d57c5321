"""Razorpay: an order for every payment, made and asked for by Razorpay's own SDK.

Razorpay cannot cancel an order, and a bank may say "paid" days later. So nothing is captured by itself: `look` captures
what the payer has authorised, and `cancel` writes on the order that nothing will be captured any more. What is
authorised after that goes back to the payer by itself (`_LAPSE_MINUTES`). An account whose payments are captured at
once in spite of it ("direct settlement") is found out by the next `look`, and the money is a late payment's.
"""

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
import razorpay

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
Entity = Mapping[str, Any]

API_BASE = "https://api.razorpay.com"
_LAPSE_MINUTES = 24 * 60
_PAGE = 100
_ORDER = re.compile(r"order_\w{1,64}", re.ASCII)
_CANCELLED = "cancelled"
_REFUND_STAGES = {"processed": RefundStage.DONE, "failed": RefundStage.FAILED}


@dataclass(frozen=True, slots=True)
class RazorpayKeys:
    key_id: str
    key_secret: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)
    api_base: str = API_BASE

    @property
    def is_live(self) -> bool:
        return "_live_" in self.key_id


class _Event(msgspec.Struct, frozen=True):
    event: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Response:
    """The two things that the SDK reads of a response."""

    status_code: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class _Session:
    """What the SDK reaches the network by: it calls the method that is named like the request's.

    Refusals are told here, for the SDK forgets the status and takes what it does not know for a failure of the server.
    It would also print to the terminal what fails in the HTTP library that it brings along.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def get(self, url: str, *, params: Mapping[str, Any], **given: Any) -> _Response:
        return self._send("GET", f"{url}?{urlencode(params)}" if params else url, given)

    def post(self, url: str, *, data: str, **given: Any) -> _Response:
        return self._send("POST", url, given, data)

    def patch(self, url: str, *, data: str, **given: Any) -> _Response:
        return self._send("PATCH", url, given, data)

    def _send(
        self, method: str, url: str, given: Mapping[str, Any], body: str | None = None
    ) -> _Response:
        credentials = base64.b64encode(":".join(given["auth"]).encode()).decode()
        headers = {**given["headers"], "Authorization": f"Basic {credentials}"}
        reply = self._wire.send(method, url, headers, body)
        if reply.status >= 400:
            raise ProviderRefused(printable(json.loads(reply.body)["error"]["description"]))
        return _Response(reply.status, reply.body)


class RazorpayProvider:
    method = "razorpay"

    def __init__(self, keys: RazorpayKeys, *, call_seconds: float = CALL_SECONDS) -> None:
        self._keys = keys
        self._wire = Wire(call_seconds=call_seconds)
        self._client = razorpay.Client(
            session=_Session(self._wire),
            auth=(keys.key_id, keys.key_secret),
            base_url=keys.api_base,
        )

    @property
    def is_live(self) -> bool:
        return self._keys.is_live

    async def begin(self, payment: PaymentDue) -> Begun:
        """Create an order whose receipt is the payment's id, and answer with the eldest that has it.

        Orders have no idempotency key: after a lost answer, or when two begin at once, there may be several. Nobody is
        shown but the eldest, and an order that nobody pays is nothing.
        """
        return await self._ask(partial(self._begin, payment))

    async def look(self, provider_ref: str) -> ProviderState:
        """Ask for the order; capture what was authorised, unless it was cancelled before.

        A payer who was declined may try again until it is cancelled: that is `open`.
        """
        return await self._ask(partial(self._look, provider_ref))

    async def cancel(self, provider_ref: str) -> ProviderState:
        """Never capture from now on. Who has authorised by now has paid, and is answered `succeeded`."""
        return await self._ask(partial(self._cancel, provider_ref))

    async def refund(self, provider_ref: str, refund_id: uuid.UUID, amount: int) -> RefundState:
        """Pay back under the refund's id: it is the receipt, which is looked for first, and the idempotency key."""
        return await self._ask(partial(self._refund, provider_ref, refund_id, amount))

    def read_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> WebhookEvent:  # noqa: ARG002 - nothing is dated
        """Verify a webhook. Razorpay signs the body alone: no time, and not its `x-razorpay-event-id` either.

        So the id of the event is made of what is signed; an old message under a new header is the old message.
        """
        given = headers.get("x-razorpay-signature", "")
        if not is_signed(body, [given], self._keys.webhook_secrets):
            raise Forged("not signed with a secret of ours")
        try:
            event = _decode_event(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise Forged("signed, but not an event") from None
        return WebhookEvent(hashlib.sha256(body).hexdigest(), event.event, _order_of(event.payload))

    def read_checkout(self, order_id: str, payment_id: str, signature: str) -> WebhookEvent:
        """Verify what Razorpay's checkout gave the payer's page, with the key's own secret. A hint like a webhook."""
        message = f"{order_id}|{payment_id}".encode(errors="replace")
        if not is_signed(message, [signature], [self._keys.key_secret]) or not _is_order(order_id):
            raise Forged("not signed with our key")
        return WebhookEvent(hashlib.sha256(message).hexdigest(), "checkout", order_id)

    async def check(self) -> None:
        """Ask for something harmless, to learn whether the key is taken. Raises ProviderDown, ProviderRefused."""
        await self._ask(lambda: self._client.order.all({"count": 1})["items"])

    def close(self) -> None:
        self._wire.close()

    async def _ask(self, operation: Callable[[], T]) -> T:
        try:
            return await self._wire.run(operation)
        except ProviderError:
            raise
        except Exception as error:  # noqa: BLE001 - an answer of another shape fails anywhere in the SDK, or in us
            raise ProviderDown(f"an answer without sense ({type(error).__name__})") from None

    def _begin(self, due: PaymentDue) -> Begun:
        receipt = str(due.payment_id)
        refusal = None
        try:
            made = [self._client.order.create(_order_for(due))]
        except ProviderRefused as error:  # perhaps because there is one: receipts are to be unique
            made, refusal = [], error
        found = self._client.order.all({"receipt": receipt, "count": _PAGE})["items"]
        # The newest comes first, and times are whole seconds.
        every = [*reversed(found), *made]
        if not every:
            raise refusal or ProviderDown("an order that was made is not there")
        eldest = min(every, key=lambda order: order["created_at"])
        if (eldest["amount"], eldest["currency"]) != (due.amount, due.currency):
            raise ProviderRefused("there is an order of another amount under this receipt")
        action = {
            "type": "order",
            "order_id": eldest["id"],
            "key_id": self._keys.key_id,
            "amount": due.amount,
            "currency": due.currency,
        }
        return Begun(eldest["id"], action)

    def _look(self, provider_ref: str) -> ProviderState:
        return _state(*self._settle(provider_ref))

    def _settle(self, provider_ref: str) -> tuple[Entity, Sequence[Entity]]:
        order, payments = self._fetch(provider_ref)
        waiting = _authorised(order, payments)
        if waiting is not None and _paid(payments) is None and not _is_cancelled(order):
            return order, self._capture(order, waiting)
        return order, payments

    def _cancel(self, provider_ref: str) -> ProviderState:
        order, payments = self._settle(provider_ref)
        if _paid(payments) is not None or _is_cancelled(order):
            return _state(order, payments)
        notes = {**_notes(order), _CANCELLED: "yes"}
        if not _is_cancelled(self._client.order.edit(provider_ref, {"notes": notes})):
            raise ProviderDown("the order does not say that it is cancelled")
        return _state(*self._fetch(provider_ref))

    def _refund(self, provider_ref: str, refund_id: uuid.UUID, amount: int) -> RefundState:
        paid = _paid(self._payments(provider_ref))
        if paid is None:
            raise ProviderRefused("nothing was paid that could be paid back")
        receipt = str(refund_id)
        for each in self._refunds(paid["id"]):
            if each["receipt"] == receipt:
                return _refund_state(each)
        asked = {
            "amount": amount,
            "speed": "normal",
            "receipt": receipt,
            "notes": {"refund": receipt},
        }
        made = self._client.payment.refund(
            paid["id"], asked, headers={"X-Refund-Idempotency": receipt}
        )
        return _refund_state(made)

    def _fetch(self, provider_ref: str) -> tuple[Entity, Sequence[Entity]]:
        # The order last: what was cancelled a moment ago is not captured.
        payments = self._payments(provider_ref)
        return self._client.order.fetch(provider_ref), payments

    def _payments(self, provider_ref: str) -> Sequence[Entity]:
        if not _is_order(provider_ref):
            raise ProviderRefused("no order of Razorpay's")
        payments: Sequence[Entity] = self._client.order.payments(provider_ref)["items"]
        return payments

    def _capture(self, order: Entity, payment: Entity) -> Sequence[Entity]:
        # A dictionary of our own: the SDK writes the amount into the one that it has as a default.
        try:
            self._client.payment.capture(
                payment["id"], payment["amount"], {"currency": payment["currency"]}
            )
        except ProviderRefused:
            # Somebody else was quicker, or it has lapsed: as long as it still waits, the refusal is about us.
            payments = self._payments(order["id"])
            if _paid(payments) is None and _authorised(order, payments) is not None:
                raise
            return payments
        return self._payments(order["id"])

    def _refunds(self, payment_id: str) -> Sequence[Entity]:
        made: list[Entity] = []
        while True:
            page = self._client.payment.fetch_multiple_refund(
                payment_id, {"count": _PAGE, "skip": len(made)}
            )["items"]
            made += page
            if len(page) < _PAGE:
                return made


_decode_event = msgspec.json.Decoder(_Event).decode


def _order_for(due: PaymentDue) -> dict[str, Any]:
    """Return what to ask for. No description, nor anything else that might name a person."""
    return {
        "amount": due.amount,
        "currency": due.currency,
        "receipt": str(due.payment_id),
        "notes": {"payment": str(due.payment_id), "booking": due.reference},
        "partial_payment": False,
        "payment": {
            "capture": "manual",
            "capture_options": {
                "manual_expiry_period": _LAPSE_MINUTES,
                "refund_speed": "normal",
            },
        },
    }


def _is_order(text: str) -> bool:
    return _ORDER.fullmatch(text) is not None


def _notes(order: Entity) -> dict[str, Any]:
    notes = order["notes"]  # an empty object arrives as an empty list
    return dict(notes) if notes else {}


def _is_cancelled(order: Entity) -> bool:
    return _CANCELLED in _notes(order)


def _paid(payments: Sequence[Entity]) -> Entity | None:
    """Return the payment that was captured; it stays so when some or all of it is paid back."""
    return next((each for each in payments if each["captured"]), None)


def _authorised(order: Entity, payments: Sequence[Entity]) -> Entity | None:
    return next(
        (
            each
            for each in payments
            if each["status"] == "authorized"
            and each["amount"] == order["amount"]
            and each["currency"] == order["currency"]
        ),
        None,
    )


def _state(order: Entity, payments: Sequence[Entity]) -> ProviderState:
    paid = _paid(payments)
    if paid is not None:
        return ProviderState(PaymentStage.SUCCEEDED, paid["amount"], paid["currency"])
    stage = PaymentStage.CANCELLED if _is_cancelled(order) else PaymentStage.OPEN
    return ProviderState(stage, order["amount"], order["currency"])


def _refund_state(refund: Entity) -> RefundState:
    stage = _REFUND_STAGES.get(refund.get("status", ""), RefundStage.PENDING)
    return RefundState(stage, refund["id"])


def _order_of(payload: Mapping[str, Any]) -> str | None:
    """Return the order that an event's things belong to; refunds come with the payment that they are of."""
    for name, key in (("order", "id"), ("payment", "order_id")):
        entity = _entity(payload.get(name))
        found = entity.get(key)
        if isinstance(found, str) and _is_order(found):
            return found
    return None


def _entity(wrapped: Any) -> Mapping[str, Any]:
    entity = wrapped.get("entity") if isinstance(wrapped, dict) else None
    return entity if isinstance(entity, dict) else {}
