"""Buses: searched, shown in full, and seat by seat."""

import datetime as dt
from typing import Annotated

import msgspec

from server import wire
from server.api.shapes import (
    Money,
    Named,
    StopShape,
    parse_id,
    parse_operator,
    require_calendar,
    stop_shape,
)
from server.contract import Access, Answer, Call, Operation
from server.cursors import read_cursor, write_cursor
from server.policies import Rate
from store.buses import SeatStates
from store.catalogue import BusCard, Departure, Search
from store.errors import InvalidRequest, NotFound, Overloaded
from store.ids import parse_bus
from store.model import STATUS_NAMES, Bus, Leg
from store.rules import find_leg, leg_fare, seat_price, status_on


class SearchQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    from_: str | None = msgspec.field(name="from", default=None)
    to: str | None = None
    date: dt.date | None = None
    operator: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: str | None = None


class DepartureShape(msgspec.Struct, frozen=True):
    id: str
    name: str
    operator: Named
    route: Named | None
    departs_at: dt.datetime
    arrives_at: dt.datetime
    from_stop: StopShape
    to_stop: StopShape
    price: Money
    seats_total: int
    seats_available: int
    status: str


class DepartureList(msgspec.Struct, frozen=True):
    items: list[DepartureShape]
    next_cursor: str | None


class StopCall(msgspec.Struct, frozen=True):
    """A bus's call at a stop."""

    stop: StopShape
    arrives_at: dt.datetime
    departs_at: dt.datetime
    can_board: bool
    can_alight: bool


class LayoutSeatShape(msgspec.Struct, frozen=True):
    seat: str
    deck: int
    row: int
    column: int
    seat_class: str
    attributes: list[str]


class LayoutShape(msgspec.Struct, frozen=True):
    id: str
    name: str
    decks: int
    seats: list[LayoutSeatShape]


class FareShape(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an adult pays on a standard seat from one stop to another.

    A leg costs what the entry without `segment` for its two stops says, else the sum of its segments.
    """

    from_stop: str
    to_stop: str
    price: Money
    segment: int | None = None


class RulesShape(msgspec.Struct, frozen=True):
    """What a buyer may keep from others: seats of this bus, holds on all buses of the operator, and for how long.

    `seats_per_address` is for all buyers of an address who have not signed in, together. A seat that a buyer let go is
    others' for `cooldown_seconds`.
    """

    seats_per_buyer: int
    seats_per_address: int
    holds_per_buyer: int
    cooldown_seconds: int
    hold_seconds: int
    hold_seconds_max: int
    extension_seconds: int
    pending_seconds: int
    sales_close_seconds: int
    refund: str


class BusShape(msgspec.Struct, frozen=True):
    id: str
    name: str
    operator: Named
    route: Named | None
    status: str
    departs_at: dt.datetime
    arrives_at: dt.datetime
    price: Money
    seats_total: int
    seats_available: int
    stops: list[StopCall]
    layout: LayoutShape
    fares: list[FareShape]
    rules: RulesShape


class LegQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    from_stop: str | None = None
    to_stop: str | None = None


class SeatShape(msgspec.Struct, frozen=True):
    seat: str
    status: str
    states: str
    price: Money
    seat_class: str
    attributes: list[str]
    deck: int
    row: int
    column: int


class SeatMapShape(msgspec.Struct, frozen=True):
    bus_id: str
    epoch: int
    rev: int
    segments: int
    from_stop: str
    to_stop: str
    status: str
    seats: list[SeatShape]


async def search_buses(call: Call, query: SearchQuery) -> DepartureList:
    """Search departures for a leg and a day (local to the boarding stop); without a day, from now on."""
    after = read_cursor(query.cursor, tuple[dt.datetime, int])
    if query.date is not None:
        require_calendar(query.date, "/date")
    search = Search(
        from_stop=parse_id(query.from_, "/from"),
        to_stop=parse_id(query.to, "/to"),
        on=query.date,
        operator_id=parse_operator(query.operator),
        after=after,
        limit=query.limit,
    )
    found = await call.services.store.catalogue.search(search)
    last = found[-1] if len(found) == query.limit else None
    return DepartureList(
        [_departure_shape(departure) for departure in found],
        write_cursor(last.departs_at, last.bus_id) if last else None,
    )


async def read_bus(call: Call) -> BusShape:
    """Show a bus: its stops and times, layout, fares and rules."""
    card = await call.services.store.catalogue.bus(bus_of(call))
    return bus_shape(card, call)


async def read_seats(call: Call, query: LegQuery) -> Answer:
    """Show every seat for a leg, with the revision it belongs to; cheap to ask again with If-None-Match."""
    found = await call.services.store.buses.seat_states(bus_of(call))
    leg = find_leg(
        found.bus, parse_id(query.from_stop, "/from_stop"), parse_id(query.to_stop, "/to_stop")
    )
    etag = f'"{found.epoch}-{found.rev}"'.encode()
    headers = ((b"etag", etag), (b"cache-control", b"no-cache"))
    if is_known(call, etag):
        return Answer(304, headers=headers)
    body = wire.encode(_seat_map(found, leg))
    return Answer(200, body, ((b"content-type", b"application/json"), *headers))


def bus_of(call: Call) -> int:
    bus_id = parse_bus(call.path["bus"])
    if bus_id is None:
        raise NotFound("bus")
    return bus_id


def is_known(call: Call, etag: bytes) -> bool:
    """Return whether the client says that it has this edition already."""
    given = call.headers.get(b"if-none-match")
    if given is None:
        return False
    tags = [tag.strip() for tag in given.split(b",")]
    return b"*" in tags or etag in tags or b"W/" + etag in tags


def _departure_shape(found: Departure) -> DepartureShape:
    return DepartureShape(
        id=str(found.bus_id),
        name=found.name,
        operator=Named(str(found.operator_id), found.operator),
        route=_route(found.route_id, found.route),
        departs_at=found.departs_at,
        arrives_at=found.arrives_at,
        from_stop=stop_shape(found.from_stop),
        to_stop=stop_shape(found.to_stop),
        price=Money(found.price, found.currency),
        seats_total=found.seats_total,
        seats_available=found.seats_available,
        status=found.status,
    )


def _route(route_id: int | None, name: str | None) -> Named | None:
    return Named(str(route_id), name) if route_id is not None and name is not None else None


def bus_shape(card: BusCard, call: Call) -> BusShape:
    bus = card.bus
    settings, limits = call.services.settings, card.limits
    return BusShape(
        id=str(bus.bus_id),
        name=card.name,
        operator=Named(str(card.operator_id), card.operator),
        route=_route(card.route_id, card.route),
        status=card.status,
        departs_at=card.departs_at,
        arrives_at=card.arrives_at,
        price=Money(leg_fare(bus.fares, bus.pair_fares, bus.whole_route), bus.currency),
        seats_total=card.seats_total,
        seats_available=card.seats_available,
        stops=[
            StopCall(
                stop_shape(place), stop.arrives_at, stop.departs_at, stop.can_board, stop.can_alight
            )
            for place, stop in zip(card.stops, bus.stops, strict=True)
        ],
        layout=_layout_shape(bus),
        fares=fare_shapes(bus),
        rules=RulesShape(
            seats_per_buyer=limits.seats_per_buyer,
            seats_per_address=limits.seats_of_address,
            holds_per_buyer=limits.holds_per_buyer,
            cooldown_seconds=limits.cooldown_seconds,
            hold_seconds=min(settings.hold_seconds, limits.hold_seconds_max),
            hold_seconds_max=limits.hold_seconds_max,
            extension_seconds=limits.extension_seconds,
            pending_seconds=settings.pending_seconds,
            sales_close_seconds=int(bus.sales_close.total_seconds()),
            refund="what was paid, until departure from the passenger's own stop",
        ),
    )


def fare_shapes(bus: Bus) -> list[FareShape]:
    """Segments in order, then the pairs of stops that have a fare of their own."""
    ids = [str(stop.stop_id) for stop in bus.stops]
    segments = [
        FareShape(ids[i], ids[i + 1], Money(fare, bus.currency), i)
        for i, fare in enumerate(bus.fares)
    ]
    pairs = sorted(bus.pair_fares.items())
    return segments + [
        FareShape(ids[start], ids[end], Money(fare, bus.currency)) for (start, end), fare in pairs
    ]


def _layout_shape(bus: Bus) -> LayoutShape:
    layout = bus.layout
    return LayoutShape(
        id=str(layout.layout_id),
        name=layout.name,
        decks=max(seat.deck for seat in layout.seats),
        seats=[
            LayoutSeatShape(
                seat.label, seat.deck, seat.row, seat.column, seat.seat_class, list(seat.attributes)
            )
            for seat in layout.seats
        ],
    )


def _seat_map(found: SeatStates, leg: Leg) -> SeatMapShape:
    bus = found.bus
    fare = leg_fare(bus.fares, bus.pair_fares, leg)
    return SeatMapShape(
        bus_id=str(bus.bus_id),
        epoch=found.epoch,
        rev=found.rev,
        segments=len(bus.fares),
        from_stop=str(bus.stops[leg.start].stop_id),
        to_stop=str(bus.stops[leg.end].stop_id),
        status=found.status,
        seats=[
            SeatShape(
                seat=seat.label,
                status=STATUS_NAMES[status_on(found.states[seat.seat_no], leg)],
                states=found.states[seat.seat_no],
                price=Money(seat_price(fare, seat.price_percent), bus.currency),
                seat_class=seat.seat_class,
                attributes=list(seat.attributes),
                deck=seat.deck,
                row=seat.row,
                column=seat.column,
            )
            for seat in bus.layout.seats
        ],
    )


_READ = (NotFound, Overloaded)
_ASKED = (*_READ, InvalidRequest)

OPERATIONS = (
    Operation(
        "GET",
        "/buses/{bus}/seats",
        read_seats,
        SeatMapShape,
        access=Access.READERS,
        problems=_ASKED,
        has_etag=True,
    ),
    # Whoever looks at a bus may want a seat: a browser has its cookie before it holds anything.
    Operation(
        "GET",
        "/buses/{bus}",
        read_bus,
        BusShape,
        access=Access.READERS,
        problems=_READ,
        tells_guests_apart=True,
    ),
    Operation(
        "GET",
        "/buses",
        search_buses,
        DepartureList,
        access=Access.READERS,
        problems=_ASKED,
        rate=Rate.SEARCH,
    ),
)
