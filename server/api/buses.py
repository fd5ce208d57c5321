"""Buses: searched, shown in full, and seat by seat."""

import datetime as dt
import re

import msgspec

from realtime.effects import Head
from server import wire
from server.api.shapes import (
    Money,
    Named,
    StopShape,
    parse_id,
    stop_shape,
)
from server.caching import JSON, REVALIDATED
from server.contract import Access, Answer, Call, Operation
from server.quotes import in_words, terms_of_riders
from server.seat_maps import SeatsKept
from store.catalogue import BusCard
from store.errors import InvalidRequest, NotFound, Overloaded
from store.ids import parse_bus
from store.model import STATUS_NAMES, Bus, Leg
from store.rules import find_leg, leg_fare, seat_price, status_on

# An entity tag of ours; longer numbers than these are nobody's.
_REVISION = re.compile(rb'"(\d{1,9})-(\d{1,18})"')


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


class RefundTerm(msgspec.Struct, frozen=True):
    """So much of the fare comes back, less a fee, with so many minutes ahead or more."""

    before_minutes: int
    percent: int
    fee: Money


class RulesShape(msgspec.Struct, frozen=True):
    """What a buyer may keep from others: seats of this bus, holds on all buses of the operator, and for how long.

    `seats_per_address` is for all buyers of an address who have not signed in, together. A seat that a buyer let go is
    others' for `cooldown_seconds`. `refund` puts `refund_terms` in words: what riders get back who buy here now.
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
    refund_terms: list[RefundTerm]


class BusShape(msgspec.Struct, frozen=True):
    """`payment_methods` are those that are set up here; `cash` is for the operator's agents and devices."""

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
    payment_methods: list[str]


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


async def read_bus(call: Call) -> BusShape:
    """Show a bus: its stops and times, layout, fares and rules."""
    card = await call.services.store.catalogue.bus(bus_of(call))
    return await bus_shape(card, call)


async def read_seats(call: Call, query: LegQuery) -> Answer:
    """Show every seat for a leg, with the revision it belongs to; cheap to ask again with If-None-Match."""
    seat_maps, given = call.services.seat_maps, call.headers.get(b"if-none-match")
    # Who has seen more than this process has heard of yet is not sent back in time.
    least = None if given is None else _seen(given)
    kept = await seat_maps.find(bus_of(call), least=least)
    leg = find_leg(
        kept.bus, parse_id(query.from_stop, "/from_stop"), parse_id(query.to_stop, "/to_stop")
    )
    headers = ((b"etag", kept.etag), REVALIDATED)
    if is_known(call, kept.etag):
        return Answer(304, headers=headers)
    body = kept.bodies.get(leg)
    if body is None:
        body = wire.encode(_seat_map(kept, leg))
        seat_maps.keep_body(kept, leg, body)
    return Answer(200, body, (JSON, *headers))


def _seen(given: bytes) -> Head | None:
    found = _REVISION.fullmatch(given.strip())
    return Head(int(found[1]), int(found[2])) if found else None


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


def route_shape(route_id: int | None, name: str | None) -> Named | None:
    return Named(str(route_id), name) if route_id is not None and name is not None else None


async def bus_shape(card: BusCard, call: Call) -> BusShape:
    """Show a bus, with what is paid back of it: rules that are published are kept in memory."""
    bus, terms = card.bus, call.services.store.refund_terms
    rules = None if bus.rules_id is None else await terms.find(bus.rules_id)
    settings, limits = call.services.settings, card.limits
    return BusShape(
        id=str(bus.bus_id),
        name=card.name,
        operator=Named(str(card.operator_id), card.operator),
        route=route_shape(card.route_id, card.route),
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
            refund=in_words(rules),
            refund_terms=[
                RefundTerm(term.before_minutes, term.percent, Money(term.fee, bus.currency))
                for term in terms_of_riders(rules)
            ],
        ),
        payment_methods=list(settings.payment_methods),
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


def _seat_map(found: SeatsKept, leg: Leg) -> SeatMapShape:
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
                status=STATUS_NAMES[status_on(found.states[seat.label], leg)],
                states=found.states[seat.label],
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
)
