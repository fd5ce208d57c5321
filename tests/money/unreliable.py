"""A provider and books that fail as real ones do: before the work, after it, or by taking their process with them."""

import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from server.payments.provider import (
    Begun,
    PaymentDue,
    Provider,
    ProviderDown,
    ProviderState,
    RefundState,
    WebhookEvent,
)
from store import Store
from store.captures import Captures, Settled, Word

T = TypeVar("T")


class Died(Exception):
    """The process ended here: nothing that would have come next has happened."""


# Of so many calls of a kind one goes wrong in each way: by turns, so that none is left out by chance. Whose it is, is
# chance enough.
_TURNS = 12
_RARE_TURNS = 4
"""Of what is seldom asked, so that each way has its turn in a few hundred lives."""
_RARE = frozenset({"cancel", "refund"})
_UNREACHABLE, _LOST, _DIED = 1, 2, 3


@dataclass(slots=True)
class Chance:
    """What goes wrong, and how often it did: `counts`."""

    counts: Counter[str] = field(default_factory=Counter)
    _calls: Counter[str] = field(default_factory=Counter)

    async def spoil(self, name: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask, unless the way there is cut; the answer may be lost, or nobody is left to hear it."""
        turn = self._turn(name)
        if turn == _UNREACHABLE:
            self.counts[f"{name} unreachable"] += 1
            raise ProviderDown("unreachable")
        answer = await ask()
        if turn == _LOST:
            self.counts[f"{name} answer lost"] += 1
            raise ProviderDown("no answer")
        if turn == _DIED:
            self.die(name)
        return answer

    def may_die(self, name: str) -> None:
        """Let the process end here, now and then."""
        if self._turn(name) == _DIED:
            self.die(name)

    def die(self, name: str) -> None:
        self.counts[f"died after {name}"] += 1
        raise Died(name)

    def _turn(self, name: str) -> int:
        self._calls[name] += 1
        return self._calls[name] % (_RARE_TURNS if name in _RARE else _TURNS)


class UnreliableProvider:
    """A provider at the end of a bad line, asked by a process that may die of it."""

    def __init__(self, provider: Provider, chance: Chance) -> None:
        self.method = provider.method
        self._provider = provider
        self._chance = chance

    async def begin(self, payment: PaymentDue) -> Begun:
        return await self._chance.spoil("begin", lambda: self._provider.begin(payment))

    async def look(self, provider_ref: str) -> ProviderState:
        return await self._chance.spoil("look", lambda: self._provider.look(provider_ref))

    async def cancel(self, provider_ref: str) -> ProviderState:
        return await self._chance.spoil("cancel", lambda: self._provider.cancel(provider_ref))

    async def refund(self, provider_ref: str, refund_id: uuid.UUID, amount: int) -> RefundState:
        return await self._chance.spoil(
            "refund", lambda: self._provider.refund(provider_ref, refund_id, amount)
        )

    def read_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> WebhookEvent:
        return self._provider.read_webhook(headers, body, now)


class MortalCaptures(Captures):
    """Applies what a provider says; after the commit its process may die."""

    def __init__(self, captures: Captures, chance: Chance) -> None:
        super().__init__(captures._lane)
        self._chance = chance

    async def settle(self, owned: tuple[int, int], word: Word) -> Settled:
        settled = await super().settle(owned, word)
        self._chance.counts[f"settled: {settled}"] += 1
        self._chance.may_die("settle")
        return settled


def mortal(store: Store, chance: Chance) -> Store:
    """Return the same store, whose process may die after it has applied a provider's word."""
    return replace(store, captures=MortalCaptures(store.captures, chance))
