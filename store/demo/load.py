"""Loads the demo's world into an empty database, and keeps it two weeks ahead of today."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from store.buses import read_pairs
from store.db import Connection
from store.demo.sales import DemoBooking, FreshBus, sell
from store.demo.timetable import departures_of
from store.demo.world import LAST_SEATS, LAYOUTS, OPERATORS, RIDERS_BUSES, DemoOperator
from store.departures import (
    STATEMENT_SECONDS,
    Added,
    Seller,
    add_departures,
    enter_scope,
    lock_timetable,
    prepare,
    refresh_statistics,
)
from store.facade import Store
from store.house_keys import HouseKey
from store.ids import BookingNumbers, RefCodec
from store.numbers import SQL as NUMBERS
from store.queries import Queries
from store.timetable import SQL as TIMETABLE
from store.timetable import add_layout

SQL = Queries.beside(__file__)
_SOURCE = "demo"


@dataclass(frozen=True, slots=True)
class WorldReport:
    """What a run has added; `operator_id` is the demo's first operator, `last_seats` the bus nearly sold out."""

    operator_id: int
    stops: int
    routes: int
    buses: int
    seats: int
    bookings: int
    last_seats: int | None


async def is_for_demo(store: Store) -> bool:
    """Whether the demo may be loaded: nobody sells here yet, or the demo is here already."""
    row = await store.db.fetchrow(SQL["take_census"])
    return row is None or row["demos"] > 0 or row["operators"] == 0


async def load_world(
    store: Store, rider_id: int | None, *, now: datetime | None = None
) -> WorldReport:
    """Add what is missing of the demo's operators, stops, routes and buses for two weeks from today.

    New buses come with bookings, a few of them the rider's; what exists is left alone. One transaction; locks the
    three operators' timetables (advisory locks), so that processes that start together load it once. Today is the
    database's, unless `now` says otherwise.
    """
    refs = RefCodec(bytes.fromhex((await _scatter_key(store)).secret))
    clerk = _Clerk(refs, BookingNumbers(), rider_id)

    async def work(connection: Connection) -> WorldReport:
        await prepare(connection)
        await connection.execute(SQL["stage_sales"])
        for operator in sorted(OPERATORS, key=lambda each: each.name):
            await lock_timetable(connection, operator.name, patiently=True)
        today = now or await connection.fetchval(SQL["clock"])
        done = [await _load_operator(connection, operator, clerk, today) for operator in OPERATORS]
        added = [each.added for each in done]
        return WorldReport(
            operator_id=done[0].operator_id,
            stops=sum(each.stops for each in added),
            routes=sum(each.routes for each in added),
            buses=sum(each.buses for each in added),
            seats=sum(each.seats for each in added),
            bookings=sum(each.bookings for each in done),
            last_seats=await connection.fetchval(
                SQL["find_last_seats"], done[0].operator_id, LAST_SEATS
            ),
        )

    report = await store.db.transaction([], work)
    if report.buses:
        await refresh_statistics(store.db)
    return report


async def _scatter_key(store: Store) -> HouseKey:
    def make() -> HouseKey:
        raise AssertionError("opening the store makes the key")

    return (await store.house_keys.find_or_make("booking_refs", make))[-1]


@dataclass(frozen=True, slots=True)
class _Done:
    operator_id: int
    added: Added
    bookings: int


@dataclass(frozen=True, slots=True)
class _Clerk:
    """Numbers the bookings, and knows who the rider is."""

    refs: RefCodec
    numbers: BookingNumbers
    rider_id: int | None

    async def next_number(self, connection: Connection) -> int:
        while (number := self.numbers.take()) is None:
            self.numbers.refill(await connection.fetchval(NUMBERS["next_numbers"]))
        return number


async def _load_operator(
    connection: Connection, operator: DemoOperator, clerk: _Clerk, now: datetime
) -> _Done:
    operator_id = await _find_or_add(connection, operator)
    await enter_scope(connection, operator_id)
    layouts = [await add_layout(connection, operator_id, make()) for make in LAYOUTS.values()]
    seller = Seller(operator_id, operator.currency, _SOURCE, layouts)
    added = await add_departures(connection, seller, departures_of(operator, now))
    fresh = await _list_fresh(connection, layouts)
    bookings = await _sell_all(connection, operator_id, fresh, clerk, now)
    return _Done(operator_id, added, bookings)


async def _find_or_add(connection: Connection, operator: DemoOperator) -> int:
    key = f"{_SOURCE}:{operator.key}"
    found: int | None = await connection.fetchval(SQL["find_operator"], key)
    if found is None:
        found = await connection.fetchval(
            TIMETABLE["add_operator"], operator.name, operator.zone, operator.currency, key
        )
    assert found is not None
    return found


async def _list_fresh(connection: Connection, layouts: Sequence[int]) -> list[FreshBus]:
    """Return the buses that `add_departures` has just added."""
    plans = {
        layout_id: make().seats for layout_id, make in zip(layouts, LAYOUTS.values(), strict=True)
    }
    return [
        FreshBus(
            bus_id=row["bus_id"],
            key=row["source_key"],
            service_date=row["service_date"],
            departs_at=row["departs_at"],
            fares=row["fares"],
            pairs=read_pairs(row),
            layout=plans[row["layout_id"]],
        )
        for row in await connection.fetch(SQL["list_fresh"], timeout=STATEMENT_SECONDS)
    ]


async def _sell_all(
    connection: Connection,
    operator_id: int,
    buses: Sequence[FreshBus],
    clerk: _Clerk,
    now: datetime,
) -> int:
    """Write the bookings of new buses, as the committed history of which nobody has seen the beginning.

    The buses' first revision is the one that has these sales in it, so no events are due.
    """
    sales: list[tuple[object, ...]] = []
    states: list[tuple[int, int, str]] = []
    for bus in buses:
        bookings, sold = sell(bus, now, is_nearly_full=_is_nearly_full(bus))
        states += [(bus.bus_id, seat, letters) for seat, letters in sold.items()]
        for index, booking in enumerate(bookings):
            number = await clerk.next_number(connection)
            user_id = clerk.rider_id if index == 0 and _is_riders(bus) else None
            sales.append(_as_row(booking, number, clerk.refs.format(number), user_id))
    await connection.execute(SQL["clear_sales"])
    await connection.copy_records_to_table("staged_sales", records=sales)
    await connection.copy_records_to_table("staged_states", records=states)
    for query in ("add_bookings", "add_payments", "add_postings", "add_tickets", "add_claims"):
        await connection.execute(SQL[query], operator_id, timeout=STATEMENT_SECONDS)
    await connection.execute(SQL["mark_seats"], timeout=STATEMENT_SECONDS)
    return len(sales)


def _as_row(booking: DemoBooking, number: int, ref: str, user_id: int | None) -> tuple[object, ...]:
    return (
        booking.bus_id,
        number,
        ref,
        user_id,
        booking.leg.start,
        booking.leg.end,
        booking.seats,
        booking.prices,
        booking.names,
        booking.categories,
        booking.method,
        uuid.uuid4(),
        [uuid.uuid4() for _ in booking.seats],
        booking.created_at,
    )


def _is_nearly_full(bus: FreshBus) -> bool:
    """Whether this is the one bus of any fourteen days that has hardly a seat left."""
    return bus.key == LAST_SEATS and bus.service_date.toordinal() % 14 == 0


def _is_riders(bus: FreshBus) -> bool:
    return bus.key in RIDERS_BUSES and bus.service_date.toordinal() % 7 == 0
