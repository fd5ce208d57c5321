"""Buyers who hold and book as fast as they are answered, and a journal of what they asked and were told."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.faults.client import Answer, Client, Refused, Unanswered
from tests.faults.shop import Made, Shop
from tests.support.waiting import wait_until

_PAUSE_SECONDS = 0.05
"""After a 503: long enough not to keep a struggling server busy with refusals."""


@dataclass(slots=True, eq=False)
class Order:
    """A request with its idempotency key; without an answer nobody knows what became of it."""

    path: str
    body: dict[str, Any]
    key: str
    answer: Answer | None = None
    is_sent: bool = False

    @property
    def is_made(self) -> bool:
        return self.answer is not None and self.answer.status == 201

    @property
    def is_open(self) -> bool:
        """Whether it is worth asking again."""
        return self.answer is None or self.answer.status == 503

    @property
    def is_refused_unchanged(self) -> bool:
        """Whether the buyer was told that nothing has happened."""
        return self.answer is not None and not self.is_made and self.code != "outcome_unknown"

    @property
    def made(self) -> Made:
        assert self.answer is not None
        document = self.answer.document
        name = document["ref"] if "ref" in document else document["id"]
        return {name: (document["bus_id"], tuple(sorted(document["seats"])))}

    def complaint(self) -> str | None:
        """Return what is wrong with the answer; a taken seat is not, nor is a 503 that says when to come back."""
        answer = self.answer
        if answer is None or answer.status == 201:
            return None
        is_problem = answer.headers["content-type"] == "application/problem+json"
        match answer.status, self.code:
            case 409, "seat_unavailable" if is_problem:
                return None
            case 503, "overloaded" | "outcome_unknown" if is_problem:
                return None if int(answer.headers.get("retry-after", 0)) > 0 else "no Retry-After"
        return f"{answer.status} {answer.body!r}"

    @property
    def code(self) -> str:
        assert self.answer is not None
        return str(self.answer.document["code"])

    async def send(self, client: Client) -> Answer:
        """Send it, for the first time or again; raise Unanswered."""
        headers = {"idempotency-key": self.key}
        try:
            self.is_sent = True
            self.answer = await client.send("POST", f"/api/v1{self.path}", self.body, headers)
        except Refused:
            self.is_sent = False
            raise
        return self.answer


@dataclass(slots=True)
class Journal:
    orders: list[Order] = field(default_factory=list)

    def acknowledged(self) -> Made:
        made: Made = {}
        for order in self.orders:
            if order.is_made:
                assert not made.keys() & order.made.keys(), "two buyers were given the same"
                made |= order.made
        return made

    def open(self) -> list[Order]:
        return [order for order in self.orders if order.is_open]

    def complaints(self) -> list[str]:
        return [complaint for order in self.orders if (complaint := order.complaint())]

    def statuses(self) -> Counter[str]:
        return Counter(
            "none" if order.answer is None else str(order.answer.status) for order in self.orders
        )

    async def settle(self, port: int) -> Made:
        """Send again what is open, under its own keys, until all is decided; return what had been done unknown to us.

        Who was told that nothing had happened must find that nothing had.
        """
        replayed: Made = {}
        with closing(Client(port)) as client:
            for order in self.open():
                was_refused = order.is_refused_unchanged
                answer = await order.send(client)
                assert answer.status in {201, 409}, answer
                if answer.is_replayed and order.is_made:
                    assert not was_refused, "done, though it was said that nothing was"
                    replayed |= order.made
        return replayed


class Buyers:
    def __init__(
        self, shop: Shop, journal: Journal, chance: random.Random, ports: Sequence[int]
    ) -> None:
        self.shop = shop
        self.journal = journal
        self.counts: Counter[int] = Counter()
        """Answers by status, since the last time the shop opened."""
        self._chance = chance
        self._ports = ports
        self._is_open = False

    @asynccontextmanager
    async def buying(self, buyers: int = 24, *, pause_seconds: float = 0.0) -> AsyncIterator[None]:
        """Have so many buyers at it, each with a pause after an answer; in the end each waits for its last one."""
        self._is_open = True
        self.counts.clear()
        async with asyncio.TaskGroup() as group:
            for number in range(buyers):
                port = self._ports[number % len(self._ports)]
                chance = random.Random(self._chance.random())
                group.create_task(self._buy(port, chance, pause_seconds))
            try:
                yield
            finally:
                self._is_open = False

    async def get(self, count: int, status: int | None = None) -> None:
        """Wait until so many more answers (of that status) have come."""
        goal = self._count(status) + count
        await wait_until(lambda: self._count(status) >= goal, seconds=60)

    def _count(self, status: int | None) -> int:
        return self.counts.total() if status is None else self.counts[status]

    async def _buy(self, port: int, chance: random.Random, pause_seconds: float) -> None:
        held: list[Order] = []
        with closing(Client(port)) as client, suppress(Unanswered):
            while self._is_open:
                order = self._invent(chance, held)
                self.journal.orders.append(order)
                answer = await order.send(client)
                self.counts[answer.status] += 1
                if order.is_made and order.path != "/bookings":
                    held.append(order)
                await asyncio.sleep(_PAUSE_SECONDS if answer.status == 503 else pause_seconds)

    def _invent(self, chance: random.Random, held: list[Order]) -> Order:
        key = f"{chance.getrandbits(128):032x}"
        deed = chance.choice(["hold", "book", "book_hold"])
        if deed == "book_hold" and held:
            hold = held.pop()
            assert hold.answer is not None
            document = hold.answer.document
            return Order("/bookings", _purchase(document["seats"], hold_id=document["id"]), key)
        wish = self.shop.wish(chance)
        leg = {"from_stop": wish.from_stop, "to_stop": wish.to_stop}
        if deed == "book":
            body = _purchase(wish.seats, bus_id=wish.bus, seats=wish.seats, **leg)
            return Order("/bookings", body, key)
        return Order(f"/buses/{wish.bus}/holds", {"seats": wish.seats, **leg}, key)


def _purchase(seats: Sequence[str], /, **what: Any) -> dict[str, Any]:
    passengers = [{"seat": seat, "name": f"Passenger {seat}"} for seat in seats]
    return {"passengers": passengers, "payment_method": "demo", **what}
