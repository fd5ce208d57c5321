"""Buyers over HTTP, each logically single-threaded: they hold, change, book, pay, cancel, collide, give up and forget.

Whoever does not know what became of a request asks again with the same key, at any of the servers, unless they forget
it. After that they leave alone what it was about: only its owner replaces or extends a hold, so that what became of a
forgotten request shows in the database.
"""

import random
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any

from tests.faults.client import Client
from tests.histories.exchange import Exchange, Journal, Order, Told
from tests.histories.records import Leg

_REMEMBERED = 3
_LOST_INTEREST = 0.2
_MEDDLES = 0.1
_COMES_BACK = 0.06
_MISUSES_KEY = 0.01
_KEEPS_TICKET = 0.15
_LOOKS = 0.04
_SEATS_MAX = 3


@dataclass(frozen=True, slots=True)
class Bus:
    id: str
    stops: Sequence[str]
    labels: Sequence[str]


@dataclass(slots=True, eq=False)
class Thing:
    """A hold or a booking as somebody knows it."""

    id: str
    bus: str
    leg: Leg
    seats: tuple[str, ...]
    is_paid: bool = False
    is_extended: bool = False
    access_key: str = ""
    payment: str = ""


@dataclass(slots=True)
class Board:
    """Where buyers pick up what others hold and have booked, to act on it at the same time."""

    holds: deque[Thing] = field(default_factory=lambda: deque(maxlen=40))
    bookings: deque[Thing] = field(default_factory=lambda: deque(maxlen=40))


class Buyer:
    def __init__(
        self,
        number: int,
        buses: Sequence[Bus],
        ports: Sequence[int],
        journal: Journal,
        board: Board,
        seed: str,
    ) -> None:
        self._chance = random.Random(seed)
        self._buses = buses
        self._clients = [Client(port) for port in ports]
        stops: Mapping[str, Sequence[str]] = {bus.id: bus.stops for bus in buses}
        self._exchange = Exchange(number, self._clients, journal, stops, self._chance)
        self._journal = journal
        self._board = board
        self._holds: list[Thing] = []
        self._bookings: list[Thing] = []

    async def shop(self) -> None:
        """Go on until as many operations as wanted have been begun, by all together."""
        with ExitStack() as stack:
            for client in self._clients:
                stack.enter_context(closing(client))
            while not self._journal.is_full:
                await self._do_something()

    async def _do_something(self) -> None:
        chance = self._chance.random()
        if chance < _LOOKS:
            await self._exchange.look(self._chance.choice(self._buses).id)
        elif chance < _LOOKS + _MEDDLES and (self._board.holds or self._board.bookings):
            await self._meddle()
        elif len(self._bookings) > _REMEMBERED:
            await self._let_go_booking(self._bookings.pop(0))
        elif len(self._holds) > _REMEMBERED:
            await self._let_go_hold(self._holds.pop(0))
        else:
            await self._go_on()

    async def _go_on(self) -> None:
        deeds: list[Any] = [self._hold, self._hold, self._book]
        if self._holds:
            deeds += [self._replace, self._replace, self._extend, self._release]
            deeds += [self._book_hold, self._book_hold]
        if self._bookings:
            deeds += [self._pay, self._pay, self._pay, self._decline, self._cancel, self._cancel]
        await self._chance.choice(deeds)()

    # New things.

    def _wish(self) -> tuple[Bus, Leg, tuple[str, ...]]:
        bus = self._chance.choice(self._buses)
        start, end = sorted(self._chance.sample(range(len(bus.stops)), 2))
        seats = self._chance.sample(bus.labels, self._chance.randint(1, _SEATS_MAX))
        return bus, (start, end), tuple(sorted(seats))

    async def _hold(self) -> None:
        bus, leg, seats = self._wish()
        body = {"seats": seats, **_stops(bus, leg)}
        path = f"/buses/{bus.id}/holds"
        told = await self._ask(Order("hold", "POST", path, bus.id, body, seats, leg))
        if told and told.is_done and self._chance.random() > _LOST_INTEREST:
            hold = Thing(told.id, bus.id, leg, seats)
            self._holds.append(hold)
            self._board.holds.append(hold)

    async def _book(self) -> None:
        bus, leg, seats = self._wish()
        body = {**_purchase(seats), "bus_id": bus.id, "seats": seats, **_stops(bus, leg)}
        self._keep(await self._ask(Order("book", "POST", "/bookings", bus.id, body, seats, leg)))

    async def _book_hold(self, hold: Thing | None = None) -> None:
        hold = hold or self._take(self._holds)
        body = {**_purchase(hold.seats), "hold_id": hold.id}
        order = Order("book", "POST", "/bookings", hold.bus, body, hold.seats, hold.leg, of=hold.id)
        self._keep(await self._ask(order))

    def _keep(self, told: Told | None) -> None:
        if told and told.is_done and self._chance.random() > _LOST_INTEREST:
            document = told.document
            booking = Thing(
                told.id,
                document["bus_id"],
                told.answer.leg or (0, 0),
                told.answer.seats,
                access_key=document["access_key"],
                payment=document["payment"]["id"],
            )
            self._bookings.append(booking)
            self._board.bookings.append(booking)

    # Holds.

    async def _replace(self) -> None:
        hold = self._take(self._holds)
        bus = next(bus for bus in self._buses if bus.id == hold.bus)
        stays = self._chance.sample(hold.seats, self._chance.randint(0, len(hold.seats)))
        others = self._chance.sample(bus.labels, self._chance.randint(0 if stays else 1, 2))
        seats = tuple(sorted({*stays, *others}))
        told = await self._ask(
            Order(
                "replace",
                "PUT",
                f"/holds/{hold.id}",
                hold.bus,
                {"seats": seats},
                seats,
                hold.leg,
                of=hold.id,
            )
        )
        if told and (told.is_done or told.code == "seat_unavailable"):
            hold.seats = seats if told.is_done else hold.seats
            self._holds.append(hold)

    async def _extend(self) -> None:
        hold = self._take(self._holds)
        told = await self._ask(
            Order("extend", "POST", f"/holds/{hold.id}/extend", hold.bus, None, of=hold.id)
        )
        if told and (told.is_done or told.code == "already_extended"):
            hold.is_extended = True
            self._holds.append(hold)

    async def _release(self, hold: Thing | None = None) -> None:
        hold = hold or self._take(self._holds)
        order = Order(
            "release", "DELETE", f"/holds/{hold.id}", hold.bus, None, of=hold.id, is_keyed=False
        )
        await self._exchange.carry_out(order)

    async def _let_go_hold(self, hold: Thing) -> None:
        """Forget a hold, and let it expire; one that was extended would outlast the run."""
        if hold.is_extended:
            await self._release(hold)

    # Bookings.

    async def _pay(self, booking: Thing | None = None) -> None:
        booking = booking or self._chance.choice(self._bookings)
        told = await self._settle(booking, "pay", "succeeded")
        booking.is_paid |= bool(told and told.is_done)

    async def _decline(self, booking: Thing | None = None) -> None:
        await self._settle(booking or self._chance.choice(self._bookings), "decline", "declined")

    async def _settle(self, booking: Thing, op: str, outcome: str) -> Told | None:
        path = f"/payments/{booking.payment}/demo"
        order = Order(op, "POST", path, booking.bus, {"outcome": outcome}, of=booking.id)
        return await self._ask(order)

    async def _cancel(self, booking: Thing | None = None, *, is_whole: bool = False) -> None:
        booking = booking or self._chance.choice(self._bookings)
        seats: tuple[str, ...] = ()
        if not is_whole and self._chance.random() < 0.6:
            seats = tuple(sorted(self._chance.sample(booking.seats, 1)))
        body = {"seats": seats} if seats else {}
        path = f"/bookings/{booking.id}/cancel"
        headers = {"x-booking-key": booking.access_key}
        await self._ask(
            Order("cancel", "POST", path, booking.bus, body, seats, of=booking.id, headers=headers)
        )

    async def _let_go_booking(self, booking: Thing) -> None:
        """Keep a few tickets; give the rest back, so that there is something to sell."""
        if booking.is_paid and self._chance.random() > _KEEPS_TICKET:
            await self._cancel(booking, is_whole=True)

    async def _meddle(self) -> None:
        """Do something about what others know, too: whoever has a hold's id, or a booking's key, may."""
        if self._board.holds and self._chance.random() < 0.4:
            hold = self._chance.choice(self._board.holds)
            await self._chance.choice([self._release, self._book_hold])(hold)
        elif self._board.bookings:
            booking = self._chance.choice(self._board.bookings)
            await self._chance.choice([self._pay, self._pay, self._decline, self._cancel])(booking)

    async def _ask(self, order: Order) -> Told | None:
        told = await self._exchange.carry_out(order)
        if told is not None and told.is_stored:
            chance = self._chance.random()
            if chance < _COMES_BACK:
                await self._exchange.send_again(order)
            elif chance < _COMES_BACK + _MISUSES_KEY:
                await self._exchange.misuse_key(order)
        return told

    def _take(self, things: list[Thing]) -> Thing:
        return things.pop(self._chance.randrange(len(things)))


def _stops(bus: Bus, leg: Leg) -> dict[str, str]:
    return {"from_stop": bus.stops[leg[0]], "to_stop": bus.stops[leg[1]]}


def _purchase(seats: Sequence[str]) -> dict[str, Any]:
    passengers = [{"seat": seat, "name": f"Passenger {seat}"} for seat in seats]
    return {"passengers": passengers, "payment_method": "demo"}
