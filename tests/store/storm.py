"""Buyers, staff and sweepers who do anything at any time to a few seats; seeded, so that a storm can be had again."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from store import Store
from store.blocks import Block
from store.bookings import Purchase
from store.errors import NotFound, OutcomeUnknown, Overloaded, Refusal
from store.holds import SeatRequest
from store.model import GUEST, Booking, Caller, Hold
from tests.support.world import World, purchase_of, value

Act = Callable[[Store], Awaitable[object]]


@dataclass(slots=True)
class Storm:
    """What happened: how often each deed came to each end, and what should never have surfaced."""

    outcomes: Counter[str] = field(default_factory=Counter)
    unexpected: list[BaseException] = field(default_factory=list)


@dataclass(slots=True)
class Actor:
    """One client: it remembers what it was given and uses it until that fails."""

    world: World
    chance: random.Random
    caller: Caller
    manager: Caller
    bus: int
    labels: Sequence[str]
    stops: Sequence[int]
    holds: list[Hold] = field(default_factory=list)
    bookings: list[Booking] = field(default_factory=list)
    late: list[Booking] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    async def act(self, store: Store) -> str:
        deeds = ["hold", "hold", "book", "block", "sweep"]
        if self.holds:
            deeds += ["extend", "replace", "release", "book_hold", "book_hold"]
        if self.bookings:
            deeds += ["pay", "pay", "decline", "cancel", "cancel_one"]
        if self.late:
            deeds += ["pay_late"]
        if self.blocks:
            deeds += ["lift", "lift"]
        if self.holds or self.bookings:
            deeds += ["let_time_pass"]
        deed = self.chance.choice(deeds)
        act: Act = getattr(self, f"_{deed}")
        await act(store)
        return deed

    def _request(self) -> SeatRequest:
        start, end = sorted(self.chance.sample(range(len(self.stops)), 2))
        seats = self.chance.sample(self.labels, self.chance.randint(1, 3))
        return SeatRequest(self.bus, seats, self.stops[start], self.stops[end])

    async def _hold(self, store: Store) -> None:
        request = self._request()
        self.holds.append(await value(lambda ask: store.holds.hold(self.caller, request, ask)))

    async def _extend(self, store: Store) -> None:
        owned = self._owned()
        await value(lambda ask: store.holds.extend(self.caller, owned, ask))

    async def _replace(self, store: Store) -> None:
        owned, seats = self._owned(), self._request().seats
        held: Hold = await value(lambda ask: store.holds.replace(self.caller, owned, seats, ask))
        self.holds = [held if held.hold_id == hold.hold_id else hold for hold in self.holds]

    async def _release(self, store: Store) -> None:
        owned = self._owned()
        await value(lambda ask: store.holds.release(self.caller, owned, ask))

    async def _book_hold(self, store: Store) -> None:
        hold = self.holds.pop(self.chance.randrange(len(self.holds)))
        owned = hold.bus.bus_id, hold.hold_id
        purchase = self._purchase([hold.bus.layout.label(seat) for seat in hold.seats])
        self.bookings.append(
            await value(lambda ask: store.bookings.book_hold(self.caller, owned, purchase, ask))
        )

    async def _book(self, store: Store) -> None:
        request = self._request()
        purchase = self._purchase(request.seats)
        self.bookings.append(
            await value(lambda ask: store.bookings.book(GUEST, request, purchase, ask))
        )

    async def _pay(self, store: Store) -> None:
        booking = self.chance.choice(self.bookings)
        owned, method = (self.bus, booking.booking_id), booking.payment.method
        await value(lambda ask: store.settlement.confirm(owned, ask, method=method))

    async def _decline(self, store: Store) -> None:
        booking = self.chance.choice(self.bookings)
        owned, method = (self.bus, booking.booking_id), booking.payment.method
        await value(lambda ask: store.settlement.decline(owned, ask, method=method))

    async def _cancel(self, store: Store) -> None:
        number = self.chance.choice(self.bookings).booking_id
        await value(lambda ask: store.cancellations.cancel(self.bus, number, None, ask))

    async def _cancel_one(self, store: Store) -> None:
        booking = self.chance.choice(self.bookings)
        seat = booking.bus.layout.label(self.chance.choice(booking.seats))
        await value(
            lambda ask: store.cancellations.cancel(self.bus, booking.booking_id, [seat], ask)
        )

    async def _block(self, store: Store) -> None:
        request = self._request()
        self.blocks.append(
            await value(lambda ask: store.blocks.block(self.manager, request, "storm", ask))
        )

    async def _lift(self, store: Store) -> None:
        owned = self.bus, self.blocks.pop().block_id
        await value(lambda ask: store.blocks.lift(self.manager, owned, ask))

    async def _pay_late(self, store: Store) -> None:
        booking = self.late.pop()
        owned, method = (self.bus, booking.booking_id), booking.payment.method
        await value(lambda ask: store.settlement.confirm(owned, ask, method=method))

    async def _let_time_pass(self, _store: Store) -> None:
        """Let the time of something be over, whatever is being done to it."""
        if self.bookings:
            booking = self.bookings.pop()
            self.late.append(booking)
            await self.world.let_time_pass(booking)
        else:
            await self.world.let_time_pass(self.chance.choice(self.holds))

    async def _sweep(self, store: Store) -> None:
        await store.expiry.sweep()

    def _owned(self) -> tuple[int, uuid.UUID]:
        return self.bus, self.chance.choice(self.holds).hold_id

    def _purchase(self, seats: Sequence[str]) -> Purchase:
        return purchase_of(seats, self.chance.choice(["demo", "cash"]))


async def rage(
    world: World, stores: Sequence[Store], *, actors: int, deeds: int, seed: int
) -> Storm:
    """Let each of the actors do so many deeds on one bus of three segments and six seats."""
    bus = await world.bus(segments=3, seats=6)
    labels, stops = list(await world.states(bus)), await world.stops(bus)
    storm = Storm()

    async def live(number: int) -> None:
        caller = GUEST if number % 3 else world.rider(number)
        chance = random.Random(seed * 1000 + number)
        actor = Actor(world, chance, caller, world.manager(), bus, labels, stops)
        for _ in range(deeds):
            try:
                storm.outcomes[await actor.act(chance.choice(stores))] += 1
            except (Refusal, NotFound, Overloaded, OutcomeUnknown) as end:
                storm.outcomes[type(end).__name__] += 1
            except Exception as surprise:  # noqa: BLE001 - what no client should see is what we look for
                storm.unexpected.append(surprise)

    await asyncio.gather(*(live(number) for number in range(actors)))
    return storm
