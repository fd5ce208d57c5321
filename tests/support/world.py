"""A small world to sell in: an operator, lines with stops, buses; and the store to sell with."""

import asyncio
import itertools
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar, cast

import asyncpg

from store import Store
from store.blocks import Block
from store.bookings import Purchase, Traveller
from store.bus_status import Moved, Step
from store.buyers import buyer_of_guest
from store.errors import Refusal
from store.events import SeatsChanged
from store.facade import StoreOptions
from store.holds import SeatRequest
from store.layouts import SeatPlan
from store.model import GUEST, Booking, Caller, Contact, Guest, Hold, Role
from store.requests import Ask, Key, Reply
from store.roles import WORKER
from store.timetable import NewBus, add_layout
from tests.support.databases import connect

T = TypeVar("T")


@dataclass(slots=True)
class World:
    """One operator's little empire. `admin` may do everything, `rider(n)` is the n-th signed-in buyer."""

    url: str
    store: Store
    owner: "asyncpg.Connection[asyncpg.Record]"
    operator_id: int
    events: list[SeatsChanged]
    pooled_url: str = ""
    """By which stores reach the database, if not by `url`."""
    admin: Caller = field(default_factory=lambda: Caller(1, Role.ADMIN))
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _others: list[Store] = field(default_factory=list)
    _worker: Store | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def open(cls, url: str, options: StoreOptions | None = None) -> Self:
        events: list[SeatsChanged] = []
        store = await Store.open(url, _cool(options), events.extend)
        owner = await connect(url)
        operator_id = await owner.fetchval(
            "INSERT INTO operators (name, time_zone, currency) VALUES ('Northline', 'Europe/Berlin', 'EUR')"
            " RETURNING operator_id"
        )
        return cls(url, store, owner, operator_id, events)

    async def open_store(self, options: StoreOptions | None = None) -> Store:
        """Open a second store on the same database, as another process would; closed with the world."""
        other = await Store.open(self.pooled_url or self.url, _cool(options), self.events.extend)
        self._others.append(other)
        return other

    async def worker(self) -> Store:
        """Open the store as a worker does; once, and closed with the world."""
        if self._worker is None:
            self._worker = await self.open_store(StoreOptions(pool_size=2, role=WORKER))
        return self._worker

    async def close(self) -> None:
        await self.owner.close()
        for store in (self.store, *self._others):
            await store.close()

    async def edit(self, statement: str, *args: object) -> list[asyncpg.Record]:
        """Change or read the operator's data behind the store's back, in one transaction."""
        async with self._turn, self.owner.transaction():
            await self.owner.execute(
                "SELECT set_config('omnibus.operators', array_agg(operator_id)::text, true) FROM operators"
            )
            return await self.owner.fetch(statement, *args)

    @staticmethod
    def rider(number: int) -> Caller:
        return Caller(1000 + number, Role.RIDER)

    @staticmethod
    def guest(number: int, address: int = 1) -> Caller:
        """Return the n-th browser that has not signed in, at the n-th address."""
        cookie, place = number.to_bytes(15), address.to_bytes(15)
        return Caller(guest=Guest(buyer_of_guest(b"c" + cookie), buyer_of_guest(b"n" + place)))

    def agent(self, number: int = 1) -> Caller:
        return Caller(500 + number, Role.AGENT, self.operator_id)

    def manager(self, number: int = 1) -> Caller:
        return Caller(300 + number, Role.OPERATOR, self.operator_id)

    async def limit(self, **limits: int) -> None:
        """Set some of the operator's limits; the others are as they were."""
        now = await self.store.limits.find(self.admin, self.operator_id)
        await self.store.limits.set(self.admin, self.operator_id, replace(now, **limits))

    async def line(self, stops: int = 2, *, minutes_apart: int = 30) -> int:
        """Add a route with that many stops and return its id."""
        number = next(self._numbers)
        scope = "SELECT set_config('omnibus.operators', $1, true)"
        async with self.owner.transaction():
            await self.owner.execute(scope, f"{{{self.operator_id}}}")
            stop_ids = [
                await self.owner.fetchval(
                    "INSERT INTO stops (source, code, name, time_zone) VALUES ('test', $1, $2, 'Europe/Berlin')"
                    " RETURNING stop_id",
                    f"{number}-{index}",
                    f"Line {number} stop {index}",
                )
                for index in range(stops)
            ]
            route_id = await self.owner.fetchval(
                "INSERT INTO routes (operator_id, name) VALUES ($1, $2) RETURNING route_id",
                self.operator_id,
                f"Line {number}",
            )
            await self.owner.executemany(
                "INSERT INTO route_stops VALUES ($1, $2, $3, $4, $5, $5)",
                [
                    (route_id, index, self.operator_id, stop_id, index * minutes_apart * 60)
                    for index, stop_id in enumerate(stop_ids)
                ],
            )
        return cast("int", route_id)

    async def bus(
        self,
        *,
        segments: int = 1,
        seats: int = 40,
        price: int = 2000,
        departs_in: timedelta = timedelta(days=1),
        plan: SeatPlan | None = None,
        operator_id: int | None = None,
    ) -> int:
        """Put a bus on sale, of another operator if one is named, and return its id."""
        route_id = None if segments == 1 else await self.line(segments + 1)
        layout_id = await self._layout(plan) if plan else None
        added = await self.store.timetable.add_bus(
            self.admin,
            NewBus(
                name="The 10:05",
                departs_at=datetime.now(UTC) + departs_in,
                price=price,
                total_seats=None if plan else seats,
                operator_id=operator_id or self.operator_id,
                route_id=route_id,
                layout_id=layout_id,
            ),
        )
        return added.bus_id

    async def stops(self, bus_id: int) -> list[int]:
        """Return the stop ids of a bus in order."""
        return [stop.stop_id for stop in (await self.store.buses.find(bus_id)).stops]

    async def request(
        self, bus_id: int, seats: Sequence[str], leg: tuple[int, int] | None = None
    ) -> SeatRequest:
        """Ask for seats on a leg given by stop indexes."""
        if leg is None:
            return SeatRequest(bus_id, seats)
        stops = await self.stops(bus_id)
        return SeatRequest(bus_id, seats, stops[leg[0]], stops[leg[1]])

    async def hold(
        self,
        bus_id: int,
        seats: Sequence[str],
        *,
        leg: tuple[int, int] | None = None,
        caller: Caller = GUEST,
        key: Key | None = None,
    ) -> Hold:
        request = await self.request(bus_id, seats, leg)
        return await value(lambda ask: self.store.holds.hold(caller, request, ask), key)

    async def book(
        self,
        bus_id: int,
        seats: Sequence[str],
        *,
        leg: tuple[int, int] | None = None,
        caller: Caller = GUEST,
        method: str = "demo",
        key: Key | None = None,
    ) -> Booking:
        request = await self.request(bus_id, seats, leg)
        purchase = purchase_of(seats, method)
        return await value(
            lambda ask: self.store.bookings.book(caller, request, purchase, ask), key
        )

    async def book_hold(
        self, hold: Hold, *, caller: Caller = GUEST, method: str = "demo"
    ) -> Booking:
        seats = [hold.bus.layout.label(seat) for seat in hold.seats]
        owned = hold.bus.bus_id, hold.hold_id
        return await value(
            lambda ask: self.store.bookings.book_hold(
                caller, owned, purchase_of(seats, method), ask
            )
        )

    async def pay(self, booking: Booking) -> Booking:
        owned = booking.bus.bus_id, booking.booking_id
        return await value(lambda ask: self.store.settlement.confirm(owned, ask, method="demo"))

    async def extend(self, hold: Hold, *, caller: Caller = GUEST, key: Key | None = None) -> Hold:
        owned = hold.bus.bus_id, hold.hold_id
        return await value(lambda ask: self.store.holds.extend(caller, owned, ask), key)

    async def release(self, hold: Hold, *, caller: Caller = GUEST, key: Key | None = None) -> Hold:
        owned = hold.bus.bus_id, hold.hold_id
        return await value(lambda ask: self.store.holds.release(caller, owned, ask), key)

    async def replace(
        self, hold: Hold, seats: Sequence[str], *, caller: Caller = GUEST, key: Key | None = None
    ) -> Hold:
        owned = hold.bus.bus_id, hold.hold_id
        return await value(lambda ask: self.store.holds.replace(caller, owned, seats, ask), key)

    async def decline(self, booking: Booking, *, key: Key | None = None) -> Booking:
        owned = booking.bus.bus_id, booking.booking_id
        return await value(
            lambda ask: self.store.settlement.decline(owned, ask, method=booking.payment.method),
            key,
        )

    async def cancel(
        self, booking: Booking, seats: Sequence[str] | None = None, *, key: Key | None = None
    ) -> Booking:
        bus_id, number = booking.bus.bus_id, booking.booking_id
        return await value(
            lambda ask: self.store.cancellations.cancel(bus_id, number, seats, ask), key
        )

    async def cancel_bus(self, bus_id: int) -> Moved:
        return await value(
            lambda ask: self.store.bus_status.move(self.manager(), bus_id, Step.CANCEL, None, ask)
        )

    async def block(
        self,
        bus_id: int,
        seats: Sequence[str],
        *,
        leg: tuple[int, int] | None = None,
        caller: Caller | None = None,
        key: Key | None = None,
    ) -> Block:
        request = await self.request(bus_id, seats, leg)
        staff = caller or self.manager()
        return await value(
            lambda ask: self.store.blocks.block(staff, request, "broken belt", ask), key
        )

    async def lift(
        self, block: Block, *, caller: Caller | None = None, key: Key | None = None
    ) -> Block:
        owned = block.bus.bus_id, block.block_id
        staff = caller or self.manager()
        return await value(lambda ask: self.store.blocks.lift(staff, owned, ask), key)

    async def let_time_pass(self, thing: Hold | Booking) -> None:
        """Make it a day older than it is, so that its time is over, unless it has ended already."""
        table, column, number, live = (
            ("holds", "hold_id", thing.hold_id, "state = 'ACTIVE'")
            if isinstance(thing, Hold)
            else ("bookings", "booking_id", thing.booking_id, "status = 'PENDING'")
        )
        where = f"WHERE bus_id = $1 AND {column} = $2 AND {live}"
        place = thing.bus.bus_id, number
        # What time it was is worked out here: a cluster's servers do no sums with time zones while they change rows.
        for row in await self.edit(f"SELECT created_at, expires_at FROM {table} {where}", *place):  # noqa: S608 - of constants
            await self.edit(
                f"UPDATE {table} SET created_at = $3, expires_at = $4 {where}",  # noqa: S608 - of constants
                *place,
                row["created_at"] - timedelta(days=1),
                row["expires_at"] - timedelta(days=1),
            )

    async def states(self, bus_id: int) -> dict[str, str]:
        """Return each seat's states by label, as the database has them."""
        (seat_map,) = await self.store.buses.seat_maps([bus_id])
        return dict(seat_map.seats)

    async def _layout(self, plan: SeatPlan) -> int:
        return await self.store.db.transaction(
            [self.operator_id], lambda connection: add_layout(connection, self.operator_id, plan)
        )


def purchase_of(seats: Sequence[str], method: str = "demo") -> Purchase:
    return Purchase(
        [Traveller(seat, f"Passenger {seat}") for seat in seats],
        Contact("ann@example.org"),
        method,
        is_paid=method == "cash",
    )


def key(name: str, request: str = "the same") -> Key:
    """Return the idempotency key of that name, with the digest of what is asked for."""
    return Key(uuid.uuid5(uuid.NAMESPACE_OID, name), uuid.uuid5(uuid.NAMESPACE_OID, request))


async def answer(run: Callable[[Ask[Any]], Awaitable[Reply]], key: Key | None = None) -> Reply:
    """Run an operation and return its answer as a client would get it: 200, or 409 for a refusal."""

    def encode(result: object) -> Reply:
        return Reply(409 if isinstance(result, Refusal) else 200, repr(result).encode())

    return await run(Ask(encode, key))


async def value(run: Callable[[Ask[T]], Awaitable[Reply]], key: Key | None = None) -> T:
    """Run an operation for the first time and return what it decided, or raise the refusal."""
    return cast("T", await decide(run, key))


async def decide(run: Callable[[Ask[Any]], Awaitable[Reply]], key: Key | None = None) -> Any:
    """Do as `value` does where the type is not known."""
    decided: list[Any] = []

    def encode(result: object) -> Reply:
        decided.append(result)
        return Reply(409 if isinstance(result, Refusal) else 200, repr(result).encode())

    reply = await run(Ask(encode, key))
    assert not reply.is_replayed
    if isinstance(decided[-1], Refusal):
        raise decided[-1]
    return decided[-1]


def _cool(options: StoreOptions | None) -> StoreOptions:
    """Let a pool begin with one connection: to open and to close what is never used was a third of a short test."""
    options = options or StoreOptions()
    return replace(options, warm=1) if options.warm is None else options
