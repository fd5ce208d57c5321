"""A till for each provider: the provider, the way to it, and what its payers and its bank do behind our back."""

import hashlib
import hmac
import itertools
import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Self

import httpx2
import pytest

from server.payments.outside import Outside
from server.payments.provider import CALL_SECONDS, PaymentDue
from server.payments.razorpay import RazorpayKeys, RazorpayProvider
from server.payments.stripe import StripeKeys, StripeProvider
from tests.support import razorpay_server
from tests.support.provider_way import ProviderWay

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
OLD_SECRET, NEW_SECRET = "whsec_the_old_one_0123456789", "whsec_the_new_one_0123456789"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Signed:
    """A webhook as it arrives."""

    headers: dict[str, str]
    body: bytes


class Till(ABC):
    """`secrets` are the ones that nobody may ever read, `kinds` events whose webhooks are about a payment.

    `refund_line` is how the request begins that moves money back.
    """

    currency: str
    secrets: tuple[str, ...]
    wrong_key: Mapping[str, Any]
    kinds: tuple[str, ...]
    refund_line: str

    def __init__(self, way: ProviderWay, port_behind: int) -> None:
        self.way = way
        self._behind = httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{port_behind}", trust_env=False, timeout=60
        )
        self._made: list[Outside] = []
        self.provider = self.open()

    def open(self, *, call_seconds: float = CALL_SECONDS, **changes: Any) -> Outside:
        """Return another one, with other keys, or with less time."""
        made = self._open(call_seconds, changes)
        self._made.append(made)
        return made

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        for each in self._made:
            each.close()
        await self._behind.aclose()

    def due(self, amount: int = 1990, **changes: Any) -> PaymentDue:
        payment = PaymentDue(
            payment_id=uuid.uuid4(),
            amount=amount,
            currency=self.currency,
            reference=f"K7QX{next(_numbers)}",
            description="Ada Lovelace, 12A",
            return_url="https://tickets.example/bookings/K7QX2M",
            expires_at=NOW + timedelta(seconds=120),
        )
        return replace(payment, **changes)

    async def opened(self, amount: int = 1990) -> str:
        return (await self.provider.begin(self.due(amount))).provider_ref

    async def paid(self, amount: int = 1990) -> str:
        """Return a payment that has succeeded."""
        ref = await self.opened(amount)
        await self.pay(ref)
        await self.provider.look(ref)
        return ref

    @abstractmethod
    def _open(self, call_seconds: float, changes: dict[str, Any]) -> Outside: ...

    @abstractmethod
    async def pay(self, ref: str) -> None:
        """Pay as a payer does who has no trouble; fails when the provider lets nobody pay."""

    @abstractmethod
    async def decline(self, ref: str) -> None:
        """Try to pay with what the bank does not accept."""

    @abstractmethod
    async def captured(self, ref: str) -> int:
        """Return how much has been taken from payers, as the provider's own books say."""

    @abstractmethod
    async def given_back(self, ref: str) -> list[int]:
        """Return what was paid back, by the provider's own books."""

    @abstractmethod
    def message(self, kind: str, ref: str) -> bytes:
        """Return the body of a webhook about a payment."""

    @abstractmethod
    def sign(self, body: bytes, secret: str, at: datetime = NOW) -> Signed: ...

    async def _post(self, path: str, **given: Any) -> Any:
        answer = await self._behind.post(path, **given)
        answer.raise_for_status()
        return answer.json()

    async def _get(self, path: str, **given: Any) -> Any:
        answer = await self._behind.get(path, **given)
        answer.raise_for_status()
        return answer.json()


class StripeTill(Till):
    currency = "EUR"
    kinds = ("payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled")
    keys = StripeKeys("sk_test_51SecretOfOurs0", "pk_test_51Published0", (NEW_SECRET, OLD_SECRET))
    secrets = (keys.secret_key, OLD_SECRET, NEW_SECRET)
    wrong_key: Mapping[str, Any] = MappingProxyType({"secret_key": "rk_test_NotOneOfTheirs"})
    refund_line = "POST /v1/refunds"
    card = "pm_card_visa"
    bad_card = "pm_card_chargeCustomerFail"

    def _open(self, call_seconds: float, changes: dict[str, Any]) -> StripeProvider:
        keys = replace(self.keys, **{"api_base": self.way.url, **changes})
        return StripeProvider(keys, call_seconds=call_seconds)

    async def pay(self, ref: str) -> None:
        await self.confirm(ref, self.card)

    async def decline(self, ref: str) -> None:
        with pytest.raises(httpx2.HTTPStatusError, match="402"):
            await self.confirm(ref, self.bad_card)

    async def captured(self, ref: str) -> int:
        intent = await self._get(f"/v1/payment_intents/{ref}", auth=self._login)
        charges = intent["charges"]["data"]
        return sum(each["amount"] for each in charges if each["paid"] and each["captured"])

    async def given_back(self, ref: str) -> list[int]:
        intent = await self._get(f"/v1/payment_intents/{ref}", auth=self._login)
        charges = intent["charges"]["data"]
        return [each["amount"] for charge in charges for each in charge["refunds"]["data"]]

    async def intents(self, payment_id: uuid.UUID) -> list[str]:
        """Return the intents that were made for a payment."""
        found = await self.all_of("payment_intents")
        return [each["id"] for each in found if each["metadata"].get("payment") == str(payment_id)]

    async def all_of(self, kind: str) -> list[Any]:
        """Return everything of a kind that Stripe has, which it shows by the hundred."""
        items: list[Any] = []
        while True:
            after = {"starting_after": items[-1]["id"]} if items else {}
            page = await self._get(f"/v1/{kind}", auth=self._login, params={"limit": 100, **after})
            items += page["data"]
            if not page["has_more"]:
                return items

    async def send_webhooks_to(self, url: str, secret: str) -> None:
        answer = await self._behind.post(
            "/_config/webhooks/ours", json={"url": url, "secret": secret}
        )
        answer.raise_for_status()

    async def begin_secure_step(self, ref: str) -> None:
        """Pay with a card whose bank asks its holder first."""
        card = {"number": "4000002500003155", "exp_month": "12", "exp_year": "2030", "cvc": "123"}
        made = await self._post(
            "/v1/payment_methods",
            auth=self._login,
            data={"type": "card", **{f"card[{name}]": value for name, value in card.items()}},
        )
        await self.confirm(ref, made["id"])

    async def end_secure_step(self, ref: str, *, is_right: bool = True) -> None:
        """Say yes to the bank, or not."""
        intent = await self._get(f"/v1/payment_intents/{ref}", auth=self._login)
        said = {"client_secret": intent["client_secret"], "success": str(is_right).lower()}
        await self._post(f"/v1/payment_intents/{ref}/_authenticate", auth=self._login, data=said)

    def message(self, kind: str, ref: str) -> bytes:
        about = {"id": ref, "object": "payment_intent", "amount": 1990, "currency": "eur"}
        if not kind.startswith("payment_intent."):
            about = {"id": "ch_3", "object": "charge", "payment_intent": ref}
        event = {
            "id": f"evt_{kind}_{ref}",
            "object": "event",
            "api_version": "2026-06-24.dahlia",
            "created": int(NOW.timestamp()),
            "livemode": False,
            "type": kind,
            "data": {"object": about},
        }
        return json.dumps(event, indent=2).encode()

    def sign(self, body: bytes, secret: str, at: datetime = NOW) -> Signed:
        seconds = int(at.timestamp())
        mac = hmac.new(secret.encode(), b"%d." % seconds + body, hashlib.sha256).hexdigest()
        return Signed({"stripe-signature": f"t={seconds},v0=6ffbb59b2300aae6,v1={mac}"}, body)

    async def confirm(self, ref: str, card: str) -> None:
        """Pay with a card; raises HTTPStatusError when Stripe does not take it."""
        path = f"/v1/payment_intents/{ref}"
        await self._post(path, auth=self._login, data={"payment_method": card})
        await self._post(f"{path}/confirm", auth=self._login)

    @property
    def _login(self) -> tuple[str, str]:
        return self.keys.secret_key, ""


class RazorpayTill(Till):
    currency = "INR"
    kinds = ("payment.captured", "payment.failed", "order.paid")
    keys = RazorpayKeys(
        razorpay_server.KEY_ID, razorpay_server.KEY_SECRET, (NEW_SECRET, OLD_SECRET)
    )
    secrets = (razorpay_server.KEY_SECRET, OLD_SECRET, NEW_SECRET)
    wrong_key: Mapping[str, Any] = MappingProxyType({"key_secret": "not-one-of-theirs"})

    refund_line = "POST /v1/payments/"

    def _open(self, call_seconds: float, changes: dict[str, Any]) -> RazorpayProvider:
        keys = replace(self.keys, **{"api_base": self.way.url, **changes})
        return RazorpayProvider(keys, call_seconds=call_seconds)

    async def pay(self, ref: str) -> None:
        await self.act(ref, "authorized")

    async def decline(self, ref: str) -> None:
        await self.act(ref, "failed")

    async def act(self, ref: str, status: str, **changes: Any) -> Any:
        return await self._post(f"/fake/orders/{ref}/pay", json={"status": status, **changes})

    async def end_refunds(self, status: str) -> None:
        await self._post("/fake/refunds", json={"status": status})

    async def events(self) -> list[Signed]:
        """Return the webhooks that were sent since the last time."""
        sent = await self._post("/fake/events")
        return [Signed(each["headers"], each["body"].encode()) for each in sent]

    async def captured(self, ref: str) -> int:
        return sum(each["amount"] for each in await self._payments(ref) if each["captured"])

    async def given_back(self, ref: str) -> list[int]:
        return [
            refund["amount"]
            for each in await self._payments(ref)
            for refund in (await self._get(f"/v1/payments/{each['id']}/refunds", auth=self._login))[
                "items"
            ]
        ]

    async def orders(self, payment_id: uuid.UUID) -> list[Any]:
        found = await self._get("/v1/orders", auth=self._login, params={"receipt": str(payment_id)})
        items: list[Any] = found["items"]
        return items

    def message(self, kind: str, ref: str) -> bytes:
        payment = {"id": "pay_DovGQXOkPBJjjU", "entity": "payment", "order_id": ref}
        event = {
            "entity": "event",
            "account_id": "acc_BFQ7uQEaa7j2z7",
            "event": kind,
            "contains": ["payment"],
            "payload": {"payment": {"entity": payment}},
            "created_at": int(NOW.timestamp()),
        }
        return json.dumps(event, indent=2).encode()

    def sign(self, body: bytes, secret: str, at: datetime = NOW) -> Signed:
        assert at <= NOW, "is not signed, so let nobody believe it"
        mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return Signed({"x-razorpay-signature": mac, "x-razorpay-event-id": uuid.uuid4().hex}, body)

    async def _payments(self, ref: str) -> list[Any]:
        found: list[Any] = (await self._get(f"/v1/orders/{ref}/payments", auth=self._login))[
            "items"
        ]
        return found

    @property
    def _login(self) -> tuple[str, str]:
        return self.keys.key_id, self.keys.key_secret
