"""What tests of webhooks have in common: an operator with endpoints, a worker's senders, the jobs in between."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from server.config import Settings
from server.payments.cashier import Cashier
from server.webhooks.destinations import Destinations
from server.webhooks.sender import Pace, Sender
from server.work.attempt import attempt
from server.work.handler import Work
from store import Store
from store.bus_status import Step
from store.jobs import Ending
from store.webhook_log import Told, Tried, WantedDeliveries
from store.webhooks import Added, EventType, NewEndpoint
from tests.support.world import World, value

HASTY = Pace(deadline_seconds=1.0, look_seconds=0.05)
ALL = frozenset(EventType) - {EventType.TEST}
INSIDE = Destinations(inside={"127.0.0.1"})


@dataclass(frozen=True, slots=True)
class House:
    """An operator's world with a worker in it."""

    world: World
    worker: Store

    async def add(
        self,
        url: str,
        event_types: Collection[EventType] = ALL,
        *,
        operator_id: int | None = None,
    ) -> Added:
        new = NewEndpoint(operator_id or self.world.operator_id, url, event_types)
        return await self.world.store.webhooks.add(self.world.admin, new)

    def sender(self, pace: Pace = HASTY, **more: Any) -> Sender:
        return Sender(self.worker, more.pop("destinations", INSIDE), pace=pace, **more)

    async def sell(self, bus: int, *seats: str) -> str:
        """Sell seats for cash and return the booking's ref."""
        booking = await self.world.book(bus, seats, method="cash", caller=self.world.agent())
        return booking.ref

    async def tell(self) -> int:
        """Let a worker write what happened for whoever wants to know; return how many jobs there were."""
        work = Work(self.worker, Settings(), Cashier(self.worker, [], ""))
        jobs = await self.worker.jobs.claim(1000, timedelta(seconds=60))
        ended = [(job, await attempt(job, work), job.claimed_at) for job in jobs]
        assert all(outcome.ending is Ending.DONE for _, outcome, _ in ended), ended
        await self.worker.jobs.finish(ended)
        return len(jobs)

    async def cancel_bus(self, bus: int) -> None:
        await value(
            lambda ask: self.world.store.bus_status.move(
                self.world.admin, bus, Step.CANCEL, None, ask
            )
        )

    async def happen(self, count: int = 1) -> list[str]:
        """Let so many bookings be paid for and be told of."""
        bus = await self.world.bus(seats=40)
        assert count <= 40
        labels = [f"{row}{column}" for row in range(1, 11) for column in "ABCD"]
        refs = [await self.sell(bus, label) for label in labels[:count]]
        while await self.tell():
            pass
        return refs

    async def deliveries(self, endpoint: int) -> list[Told]:
        """Return what an endpoint was told, in order."""
        found = await self.world.store.webhook_log.list(
            None, endpoint, WantedDeliveries(), before=None, limit=10_000
        )
        return found[::-1]

    async def only(self, endpoint: int) -> Told:
        (told,) = await self.deliveries(endpoint)
        return told

    async def tries(self, told: Told) -> list[Tried]:
        _, tries = await self.world.store.webhook_log.find(None, told.endpoint_id, told.delivery_id)
        return tries

    async def make_due(self) -> None:
        """Let the time come for everything that waits."""
        await self.world.edit(
            "UPDATE webhook_deliveries SET due_at = clock_timestamp() - interval '1 second' WHERE state = 'WAITING'"
        )

    async def pause(self, told: Told) -> timedelta:
        """Return how long it is until a delivery is due."""
        (row,) = await self.world.edit(
            "SELECT due_at - clock_timestamp() AS pause FROM webhook_deliveries WHERE delivery_id = $1",
            told.delivery_id,
        )
        pause: timedelta = row["pause"]
        return pause

    async def endpoint(self, endpoint: int) -> Any:
        return await self.world.store.webhooks.find(None, endpoint)


def token() -> str:
    """Return a path that no other test asks for."""
    return uuid.uuid4().hex[:8]
