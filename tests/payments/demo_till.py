"""The till of the demo provider, which keeps its books in our own database: there is no way to it, and no key."""

import importlib
import importlib.util
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from store import Store
from tests.payments.tills import NEW_SECRET, NOW, OLD_SECRET, Signed, Till

# By name: the provider is another's work, and these cases are asked of it wherever it is there.
IS_THERE = importlib.util.find_spec("server.payments.demo") is not None


@dataclass(frozen=True, slots=True)
class Books:
    """Where the pretend provider writes down what happens: ours, as its owner sees them."""

    store: Store
    owner: "asyncpg.Connection[asyncpg.Record]"


class DemoTill(Till):
    currency = "EUR"
    kinds = ("payment.succeeded", "payment.declined")
    secrets = ("a-key-that-it-does-not-need", OLD_SECRET, NEW_SECRET)

    def __init__(self, books: Books) -> None:
        self._books = books
        self._made = []
        self._demo: Any = importlib.import_module("server.payments.demo")
        self._signing: Any = importlib.import_module("server.payments.demo_signing")
        self.provider = self._open(0, {})

    async def close(self) -> None:
        """Nothing is open."""

    async def pay(self, ref: str) -> None:
        await self._step(ref, "approve")

    async def decline(self, ref: str) -> None:
        await self._step(ref, "decline")

    async def captured(self, ref: str) -> int:
        found = await self._books.owner.fetchval(
            "SELECT sum(amount) FROM demo_payments WHERE provider_ref = $1 AND status = 'succeeded'",
            ref,
        )
        return int(found or 0)

    async def given_back(self, ref: str) -> list[int]:
        rows = await self._books.owner.fetch(
            "SELECT amount FROM demo_refunds WHERE provider_ref = $1", ref
        )
        return [row["amount"] for row in rows]

    def message(self, kind: str, ref: str) -> bytes:
        return json.dumps({"id": f"evt_{kind}", "type": kind, "payment": ref}, indent=2).encode()

    def sign(self, body: bytes, secret: str, at: datetime = NOW) -> Signed:
        header = self._signing.sign(secret, body, int(at.timestamp()))
        return Signed({self._signing.HEADER: header}, body)

    def _open(self, call_seconds: float, changes: dict[str, Any]) -> Any:
        assert call_seconds >= 0
        secrets = changes.get("webhook_secrets", (NEW_SECRET, OLD_SECRET))
        return self._demo.DemoProvider(self._books.store.demo_bank, secrets)  # type: ignore[attr-defined, unused-ignore] # it may not be there

    async def _step(self, ref: str, step: str) -> None:
        provider: Any = self.provider
        await provider.take_step(ref, step, self._demo.Telling(is_lost=True))
