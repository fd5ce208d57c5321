"""Ways on which money comes in a history: a provider as our processes reach it, its payers, its letters, its books."""

import json
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from server.payments.demo import DemoProvider, Step, Telling
from server.payments.demo_signing import HEADER, sign
from server.payments.provider import Provider
from tests.support.world import World

SECRETS = ("the secret of this season", "the secret of the last one")


@dataclass(frozen=True, slots=True)
class Message:
    body: bytes
    headers: dict[str, str]
    is_forged: bool


@dataclass(frozen=True, slots=True)
class Books:
    """What a provider itself says it has taken, by its own name of each payment, and what it has paid back."""

    captured: Sequence[tuple[str, int]]
    paid_back: Sequence[tuple[uuid.UUID, int]]


class Path(ABC):
    """`seller` is what an API process deals with, `payer` what a worker does; both may be the same."""

    method: str
    has_till: bool
    """Whether a buyer may say to us how the payment ends."""
    kinds: Sequence[str]
    """What it tells of a payment."""
    seller: Provider
    payer: Provider

    @property
    def counts(self) -> Counter[str]:
        """What went wrong on the way to it."""
        return Counter()

    @abstractmethod
    def ref_of(self, action: Mapping[str, Any]) -> str:
        """Return what the provider calls a payment, of what its page is told."""

    @abstractmethod
    async def step(self, ref: str, step: Step) -> bool:
        """Let the payer go on at the provider, behind our back; return whether that was still possible."""

    @abstractmethod
    def message(self, kind: str, ref: str) -> bytes:
        """Return what it tells of a payment; the same however often."""

    @abstractmethod
    def sign(self, secret: str, body: bytes, at: int) -> dict[str, str]: ...

    @abstractmethod
    def lies(self, body: bytes, at: int) -> Sequence[Message]:
        """Return what is signed and must be refused all the same."""

    def calm(self) -> None:  # noqa: B027 - where nothing can be cut, nothing is to be done
        """Let all be well with the way to it from now on."""

    @abstractmethod
    async def books(self) -> Books: ...


class DemoPath(Path):
    """The demo provider, which keeps its books in our database: there is no way to it that could be cut."""

    method = "demo"
    has_till = True
    kinds = ("payment.created", "payment.processing", "payment.succeeded", "payment.declined")

    def __init__(self, world: World, seller: DemoProvider, payer: DemoProvider) -> None:
        self._world = world
        self.seller = self._demo = seller
        self.payer = payer

    @classmethod
    async def open(cls, world: World) -> Self:
        worker = await world.worker()
        seller = DemoProvider(world.store.demo_bank, SECRETS)
        return cls(world, seller, DemoProvider(worker.demo_bank))

    def ref_of(self, action: Mapping[str, Any]) -> str:
        return str(action["url"]).rpartition("/")[2]

    async def step(self, ref: str, step: Step) -> bool:
        return await self._demo.take_step(ref, step, Telling(is_lost=True))

    def message(self, kind: str, ref: str) -> bytes:
        return json.dumps({"id": f"evt_{kind}_{ref}", "type": kind, "payment": ref}).encode()

    def sign(self, secret: str, body: bytes, at: int) -> dict[str, str]:
        return {HEADER: sign(secret, body, at)}

    def lies(self, body: bytes, at: int) -> Sequence[Message]:
        del body
        nothing = b'{"id": "evt_1", "type": "payment.succeeded"}'
        return (Message(nothing, self.sign(SECRETS[0], nothing, at), is_forged=True),)

    async def books(self) -> Books:
        captured = await self._world.edit(
            "SELECT provider_ref, amount FROM demo_payments WHERE status = 'succeeded'"
        )
        paid_back = await self._world.edit("SELECT refund_id, amount FROM demo_refunds")
        return Books([(ref, n) for ref, n in captured], [(refund, n) for refund, n in paid_back])
