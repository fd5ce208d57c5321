"""A random sale over HTTP: everything that buyers can do, by people who forget half of what they began."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack, closing
from typing import Any

from tests.faults.client import Answer, Client
from tests.faults.shop import Shop

_DECENT = {200, 201, 204, 404, 409, 410}
"""What the world may answer to a buyer who comes too late or was faster than another."""
_REMEMBERED = 4
_FORGOTTEN_SHARE = 0.25
_PAUSE_SECONDS = 0.06

Document = dict[str, Any]


class Customer:
    """Remembers a few holds and bookings; what it forgets expires."""

    def __init__(
        self,
        shop: Shop,
        ports: Sequence[int],
        chance: random.Random,
        *,
        pause_seconds: float = _PAUSE_SECONDS,
    ) -> None:
        self._pause_seconds = pause_seconds
        self.outcomes: Counter[str] = Counter()
        self._shop = shop
        self._chance = chance
        self._clients = [Client(port) for port in ports]
        self._holds: list[Document] = []
        self._bookings: list[Document] = []

    async def shop_until(self, is_over: Callable[[], bool]) -> None:
        with ExitStack() as stack:
            for client in self._clients:
                stack.enter_context(closing(client))
            while not is_over():
                deed = self._choose()
                answer = await deed()
                assert answer.status in _DECENT, (deed, answer, answer.body)
                self.outcomes[f"{deed.__name__.strip('_')} {answer.status}"] += 1
                await asyncio.sleep(self._chance.uniform(0, self._pause_seconds))

    def _choose(self) -> Callable[[], Coroutine[Any, Any, Answer]]:
        # The oldest are forgotten: they have expired, or soon will.
        del self._holds[:-_REMEMBERED], self._bookings[:-_REMEMBERED]
        deeds = [self._hold, self._hold, self._book]
        if self._holds:
            deeds += [self._replace, self._replace, self._extend, self._release, self._book_hold]
        if self._bookings:
            deeds += [self._pay, self._pay, self._decline, self._cancel, self._cancel_one]
        return self._chance.choice(deeds)

    async def _hold(self) -> Answer:
        wish = self._shop.wish(self._chance, seats_max=5)
        body = {"seats": wish.seats, "from_stop": wish.from_stop, "to_stop": wish.to_stop}
        return self._keep(await self._send("POST", f"/buses/{wish.bus}/holds", body), self._holds)

    async def _book(self) -> Answer:
        wish = self._shop.wish(self._chance, seats_max=5)
        leg = {"from_stop": wish.from_stop, "to_stop": wish.to_stop}
        return await self._buy(wish.seats, {"bus_id": wish.bus, "seats": wish.seats, **leg})

    async def _book_hold(self) -> Answer:
        hold = self._holds.pop(self._chance.randrange(len(self._holds)))
        return await self._buy(hold["seats"], {"hold_id": hold["id"]})

    async def _replace(self) -> Answer:
        hold = self._chance.choice(self._holds)
        stays = self._chance.sample(hold["seats"], len(hold["seats"]) // 2)
        others = self._shop.wish(self._chance).seats
        body = {"seats": [*{*stays, *others}]}
        answer = await self._send("PUT", f"/holds/{hold['id']}", body)
        if answer.status == 200:
            hold["seats"] = answer.document["seats"]
        return answer

    async def _extend(self) -> Answer:
        return await self._send("POST", f"/holds/{self._chance.choice(self._holds)['id']}/extend")

    async def _release(self) -> Answer:
        hold = self._holds.pop(self._chance.randrange(len(self._holds)))
        return await self._send("DELETE", f"/holds/{hold['id']}")

    async def _pay(self) -> Answer:
        return await self._settle("succeeded")

    async def _decline(self) -> Answer:
        return await self._settle("declined")

    async def _cancel(self) -> Answer:
        booking = self._bookings.pop(self._chance.randrange(len(self._bookings)))
        return await self._give_back(booking, {})

    async def _cancel_one(self) -> Answer:
        booking = self._chance.choice(self._bookings)
        return await self._give_back(booking, {"seats": [self._chance.choice(booking["seats"])]})

    async def _buy(self, seats: Sequence[str], what: Document) -> Answer:
        passengers = [{"seat": seat, "name": f"Passenger {seat}"} for seat in seats]
        body = {"passengers": passengers, "payment_method": "demo", **what}
        key = {"idempotency-key": f"{self._chance.getrandbits(128):032x}"}
        return self._keep(await self._send("POST", "/bookings", body, key), self._bookings)

    async def _settle(self, outcome: str) -> Answer:
        payment = self._chance.choice(self._bookings)["payment"]["id"]
        return await self._send("POST", f"/payments/{payment}/demo", {"outcome": outcome})

    async def _give_back(self, booking: Document, body: Document) -> Answer:
        key = {"x-booking-key": booking["access_key"]}
        return await self._send("POST", f"/bookings/{booking['ref']}/cancel", body, key)

    async def _send(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        return await self._chance.choice(self._clients).send(
            method, f"/api/v1{path}", body, headers
        )

    def _keep(self, answer: Answer, things: list[Document]) -> Answer:
        if answer.status == 201 and self._chance.random() > _FORGOTTEN_SHARE:
            things.append(answer.document)
        return answer
