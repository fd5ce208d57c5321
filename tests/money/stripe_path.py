"""Histories over Stripe: its SDK as we use it, over real sockets, and localstripe at their other end.

The way there loses requests' answers, breaks them off and answers with errors by turns. What Stripe tells of payments
is written here, so that it can be late, lost, doubled or forged.
"""

import hashlib
import hmac
import json
import re
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from server.payments.demo import Step
from tests.money.paths import SECRETS, Books, Message, Path
from tests.payments.tills import StripeTill
from tests.support.provider_way import Fault, ProviderWay, Request
from tests.support.stand_ins import LOCALSTRIPE, stand_in

# Of so many requests of a kind one meets each fault; a prime, so that it is not always the same one of an operation.
_TURNS = 13
_FAULTS = {3: Fault.LOSE_ANSWER, 7: Fault.ERROR_500, 11: Fault.CUT}
_NAMES = re.compile(r"/pi_\w+")


@dataclass(slots=True)
class Weather:
    """What becomes of requests on their way; `counts` is what has struck."""

    counts: Counter[str] = field(default_factory=Counter)
    is_fair: bool = False
    _requests: Counter[str] = field(default_factory=Counter)

    def strike(self, request: Request) -> Fault | None:
        what = f"{request.method} {_NAMES.sub('', request.path.partition('?')[0])}"
        self._requests[what] += 1
        fault = None if self.is_fair else _FAULTS.get(self._requests[what] % _TURNS)
        if fault is not None:
            self.counts[f"{what}: {fault.name.lower()}"] += 1
        return fault


class StripePath(Path):
    method = "stripe"
    has_till = False
    kinds = (
        *("payment_intent.created", "payment_intent.succeeded"),
        *("payment_intent.payment_failed", "payment_intent.canceled"),
    )

    def __init__(self, till: StripeTill, weather: Weather) -> None:
        self._till = till
        self.weather = weather
        self.seller = till.open(webhook_secrets=SECRETS)
        self.payer = till.open()
        self._challenged: set[str] = set()

    @property
    def counts(self) -> Counter[str]:
        return self.weather.counts

    def ref_of(self, action: Mapping[str, Any]) -> str:
        return str(action["client_secret"]).partition("_secret_")[0]

    async def step(self, ref: str, step: Step) -> bool:
        try:
            await self._step(ref, step)
        except httpx2.HTTPStatusError as error:
            # That a card is declined is a step, too: there is something to tell.
            return error.response.status_code == 402
        return True

    async def _step(self, ref: str, step: Step) -> None:
        if step == "challenge":
            await self._till.begin_secure_step(ref)
            self._challenged.add(ref)
        elif ref in self._challenged:
            self._challenged.remove(ref)
            await self._till.end_secure_step(ref, is_right=step == "approve")
        else:
            till = self._till
            await till.confirm(ref, till.card if step == "approve" else till.bad_card)

    def message(self, kind: str, ref: str) -> bytes:
        return _event(kind, ref, is_live=False)

    def sign(self, secret: str, body: bytes, at: int) -> dict[str, str]:
        mac = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
        return {"stripe-signature": f"t={at},v1={mac}"}

    def lies(self, body: bytes, at: int) -> Sequence[Message]:
        about = json.loads(body)
        live = _event(about["type"], about["data"]["object"]["id"], is_live=True)
        return tuple(
            Message(told, self.sign(SECRETS[0], told, at), is_forged=True) for told in (live, b"[]")
        )

    def calm(self) -> None:
        self.weather.is_fair = True

    async def books(self) -> Books:
        """Ask Stripe itself: what its charges have brought, and what its refunds have given back."""
        intents = await self._till.all_of("payment_intents")
        captured = [
            (intent["id"], charge["amount"])
            for intent in intents
            for charge in intent["charges"]["data"]
            if charge["paid"] and charge["captured"]
        ]
        refunds = await self._till.all_of("refunds")
        paid_back = [(uuid.UUID(each["metadata"]["refund"]), each["amount"]) for each in refunds]
        return Books(captured, paid_back)


@asynccontextmanager
async def open_stripe() -> AsyncIterator[StripePath]:
    """Run a localstripe of one's own, with nothing in its books, and a way to it."""
    weather = Weather()
    async with (
        stand_in(LOCALSTRIPE) as port,
        ProviderWay(port, remembers_keys=True, strike=weather.strike) as way,
    ):
        till = StripeTill(way, port)
        try:
            yield StripePath(till, weather)
        finally:
            await till.close()


def _event(kind: str, ref: str, *, is_live: bool) -> bytes:
    about = {"id": ref, "object": "payment_intent"}
    event = {
        "id": f"evt_{kind}_{ref}",
        "object": "event",
        "livemode": is_live,
        "type": kind,
        "data": {"object": about},
    }
    return json.dumps(event).encode()
