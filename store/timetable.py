"""Puts single buses on sale. Whole timetables come through the GTFS import."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg

from store.authority import require_in_business
from store.db import Connection, Database
from store.errors import InvalidRequest, KeyReused, NotFound
from store.fares import StopFare, add_fares, find_pairs
from store.layouts import SeatPlan, two_plus_two
from store.model import BusStop, Caller, Role, SaleStatus
from store.queries import Queries
from store.requests import Key
from store.tenancy import Tenancy

SQL = Queries.beside(__file__)
_SHORTEST_RIDE = timedelta(hours=1)
_HOUSE_OPERATOR = ("Omnibus", "UTC", "EUR")


@dataclass(frozen=True, slots=True)
class NewBus:
    """A bus to be.

    Without a route it goes from a nameless start to a nameless end; without a layout it is a coach of `total_seats`.
    `price` is the adult fare of the whole route in minor units of `currency` (None: the operator's own), spread evenly
    over its segments; `fares` are what legs cost that shall not cost the sum of theirs. A draft is nobody's business
    but the staff's until it is published.
    """

    name: str
    departs_at: datetime
    price: int
    currency: str | None = None
    total_seats: int | None = None
    operator_id: int | None = None
    route_id: int | None = None
    layout_id: int | None = None
    arrives_at: datetime | None = None
    fares: Sequence[StopFare] = ()
    is_draft: bool = False


@dataclass(frozen=True, slots=True)
class AddedBus:
    bus_id: int
    is_replayed: bool = False


@dataclass(frozen=True, slots=True)
class _Operator:
    operator_id: int
    time_zone: str
    currency: str
    is_disabled: bool


class Timetable:
    def __init__(self, db: Database, tenancy: Tenancy) -> None:
        self._db = db
        self._tenancy = tenancy

    async def add_bus(self, caller: Caller, new: NewBus, key: Key | None = None) -> AddedBus:
        """Put a bus on sale, with stops, seats and an audit entry.

        Locks nothing: nobody knows the bus yet. With a key that was used before, it is the bus made then.
        Raises Forbidden, NotFound (route, layout, operator), InvalidRequest, KeyReused.
        """
        operator = await self._operator(caller, new.operator_id)
        await self._tenancy.require_manager(
            caller,
            operator.operator_id,
            what="operator",
            why="only the operator's administrators put buses on sale",
        )
        require_in_business(caller, is_suspended=operator.is_disabled)

        async def work(connection: Connection) -> AddedBus:
            if key is not None and (known := await _find_added(connection, key)) is not None:
                return AddedBus(known, is_replayed=True)
            layout_id = await _layout_for(connection, operator, new)
            stops = await _stops_for(connection, operator, new)
            currency = new.currency or operator.currency
            pairs = find_pairs(stops, new.fares, currency)
            segments = len(stops) - 1
            zone = ZoneInfo(operator.time_zone)
            bus_id: int = await connection.fetchval(
                SQL["add_bus"],
                operator.operator_id,
                new.route_id,
                layout_id,
                new.name,
                stops[0].departs_at,
                stops[-1].arrives_at,
                stops[0].departs_at.astimezone(zone).date(),
                segments,
                currency,
                split_fare(new.price, segments),
                [stop.stop_id for stop in stops],
                [stop.arrives_at for stop in stops],
                [stop.departs_at for stop in stops],
                caller.user_id,
                SaleStatus.DRAFT if new.is_draft else SaleStatus.SCHEDULED,
            )
            await add_fares(connection, bus_id, operator.operator_id, pairs)
            if key is not None:
                await _remember_added(connection, operator, key, bus_id)
            return AddedBus(bus_id)

        try:
            return await self._db.transaction(caller.scope_at(operator.operator_id), work)
        except asyncpg.ForeignKeyViolationError:
            # Keys look past row security. They find a route or layout of another operator, and we say what we say of
            # one that nobody has.
            raise NotFound("route or layout") from None

    async def _operator(self, caller: Caller, operator_id: int | None) -> _Operator:
        if caller.role is not Role.ADMIN:
            operator_id = operator_id or caller.operator_id
        row = await self._db.fetchrow(SQL["find_operator"], operator_id)
        if row is None and operator_id is None:
            await self._db.fetchrow(SQL["add_operator"], *_HOUSE_OPERATOR, None)
            row = await self._db.fetchrow(SQL["find_operator"], None)
        if row is None:
            raise NotFound("operator")
        return _Operator(row["operator_id"], row["time_zone"], row["currency"], row["is_disabled"])


def split_fare(price: int, segments: int) -> list[int]:
    """Spread the fare of a whole route over its segments; the first ones take what does not divide."""
    each, rest = divmod(price, segments)
    return [each + (segment < rest) for segment in range(segments)]


async def add_layout(connection: Connection, operator_id: int, plan: SeatPlan) -> int:
    """Store a seat plan under its name and return its id; the same name is the same layout."""
    found: int | None = await connection.fetchval(
        SQL["find_layout_by_name"], operator_id, plan.name
    )
    if found is not None:
        return found
    added: int | None = await connection.fetchval(
        SQL["add_layout"],
        operator_id,
        plan.name,
        [seat.seat_no for seat in plan.seats],
        [seat.label for seat in plan.seats],
        [seat.deck for seat in plan.seats],
        [seat.row for seat in plan.seats],
        [seat.column for seat in plan.seats],
        [seat.seat_class for seat in plan.seats],
        [",".join(seat.attributes) for seat in plan.seats],
        [seat.price_percent for seat in plan.seats],
    )
    if added is not None:
        return added
    # Someone else made it while we looked.
    return await add_layout(connection, operator_id, plan)


async def _layout_for(connection: Connection, operator: _Operator, new: NewBus) -> int:
    if new.layout_id is None:
        if new.total_seats is None:
            raise InvalidRequest("/total_seats", "required", "say total_seats or layout_id")
        return await add_layout(connection, operator.operator_id, two_plus_two(new.total_seats))
    row = await connection.fetchrow(SQL["find_layout_size"], new.layout_id, operator.operator_id)
    if row is None:
        raise NotFound("layout")
    if new.total_seats not in (None, row["seats"]):
        raise InvalidRequest(
            "/total_seats", "layout_differs", f"the layout has {row['seats']} seats"
        )
    return new.layout_id


async def _stops_for(connection: Connection, operator: _Operator, new: NewBus) -> Sequence[BusStop]:
    if new.route_id is not None:
        return await _stops_of_route(connection, operator, new, new.route_id)
    arrives_at = new.arrives_at or new.departs_at + _SHORTEST_RIDE
    if arrives_at <= new.departs_at:
        raise InvalidRequest("/arrives_at", "not_after_departure", "it arrives before it left")
    ends = await _ends_of_line(connection, operator)
    return [
        _stop(ends["start"], None, new.departs_at, new.departs_at),
        _stop(ends["end"], None, arrives_at, arrives_at),
    ]


async def _stops_of_route(
    connection: Connection, operator: _Operator, new: NewBus, route_id: int
) -> Sequence[BusStop]:
    rows = await connection.fetch(SQL["find_route"], route_id, operator.operator_id)
    if not rows:
        raise NotFound("route")
    if new.arrives_at is not None:
        raise InvalidRequest("/arrives_at", "route_decides", "the route says when it arrives")
    return [
        _stop(
            row["stop_id"],
            row["parent_id"],
            new.departs_at + timedelta(seconds=row["arrival_seconds"]),
            new.departs_at + timedelta(seconds=row["departure_seconds"]),
        )
        for row in rows
    ]


def _stop(
    stop_id: int, station_id: int | None, arrives_at: datetime, departs_at: datetime
) -> BusStop:
    """Return a stop as a new bus calls there: for anyone, on and off. What it is called concerns nobody yet."""
    return BusStop(
        stop_id, "", "", station_id, arrives_at, departs_at, can_board=True, can_alight=True
    )


async def _ends_of_line(connection: Connection, operator: _Operator) -> dict[str, int]:
    rows = await connection.fetch(SQL["find_ends_of_line"], operator.operator_id)
    if len(rows) < 2:
        await connection.execute(SQL["add_ends_of_line"], operator.operator_id, operator.time_zone)
        rows = await connection.fetch(SQL["find_ends_of_line"], operator.operator_id)
    return {row["code"]: row["stop_id"] for row in rows}


async def _find_added(connection: Connection, key: Key) -> int | None:
    """Wait for whoever runs the same request, then return the bus it made, if any."""
    await connection.execute(SQL["wait_for_key"], key.advisory)
    row = await connection.fetchrow(SQL["find_added"], key.key_hash)
    if row is None:
        return None
    if row["key_request"] != key.request_hash:
        raise KeyReused
    return int(row["key_response"])


async def _remember_added(
    connection: Connection, operator: _Operator, key: Key, bus_id: int
) -> None:
    # The answer is rebuilt from the bus; what is stored is which one it was.
    is_ours = await connection.fetchval(
        SQL["remember_added"],
        operator.operator_id,
        key.key_hash,
        key.request_hash,
        str(bus_id).encode(),
    )
    if not is_ours:
        # Out of our scope and thus not seen before: the key has put a bus of another operator on sale.
        raise KeyReused
