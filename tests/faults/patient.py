"""Buyers who ask again with their idempotency key until they are told what became of it, as apps do."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress

from tests.faults.buyers import Journal, Order
from tests.faults.client import Client, Unanswered
from tests.faults.shop import Shop
from tests.support.waiting import wait_until

_PAUSE_SECONDS = 0.1
_TRIES = 200


class PatientBuyers:
    def __init__(self, shop: Shop, chance: random.Random, port: int) -> None:
        self.shop = shop
        self.journal = Journal()
        self.told: Counter[str] = Counter()
        """First answers and last ones; a first one that is none is what an impatient buyer would have failed by."""
        self._chance = chance
        self._port = port
        self._is_open = False
        self._buyers = 0

    @asynccontextmanager
    async def buying(self, buyers: int) -> AsyncIterator[None]:
        self._is_open, self._buyers = True, buyers
        async with asyncio.TaskGroup() as group:
            for _ in range(buyers):
                group.create_task(self._buy(random.Random(self._chance.random())))
            try:
                yield
            finally:
                self._is_open = False

    async def get(self, count: int) -> None:
        """Wait until so many more have been told what they wanted to know."""
        goal = self.told["last"] + count
        await wait_until(lambda: self.told["last"] >= goal, seconds=60)

    def is_one_left_behind(self) -> bool:
        """Whether somebody has waited since the others were told twice."""
        earlier = self.journal.orders[: -2 * self._buyers]
        return any(order.answer is None for order in earlier)

    async def _buy(self, chance: random.Random) -> None:
        with closing(Client(self._port)) as client:
            while self._is_open:
                order = self._invent(chance)
                self.journal.orders.append(order)
                await self._insist(client, order)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _insist(self, client: Client, order: Order) -> None:
        for number in range(_TRIES):
            with suppress(Unanswered):
                await order.send(client)
            if not order.is_open:
                self.told["last"] += 1
                return
            if number == 0:
                self.told["none at first"] += 1
            await asyncio.sleep(_PAUSE_SECONDS)
        raise AssertionError(f"never told what became of it: {order}")

    def _invent(self, chance: random.Random) -> Order:
        wish = self.shop.wish(chance)
        body = {
            "bus_id": wish.bus,
            "seats": wish.seats,
            "from_stop": wish.from_stop,
            "to_stop": wish.to_stop,
            "passengers": [{"seat": seat, "name": f"Passenger {seat}"} for seat in wish.seats],
            "payment_method": "demo",
        }
        return Order("/bookings", body, f"{chance.getrandbits(128):032x}")
