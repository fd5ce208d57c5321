"""The operator's side: buses on sale, seats off sale."""

from datetime import datetime
from typing import Annotated

import msgspec

from server import wire
from server.api.buses import BusShape, FareShape, bus_of, bus_shape, fare_shapes
from server.api.holds import Seats, seat_request
from server.api.shapes import (
    Amount,
    Currency,
    Identifier,
    Line,
    parse_id,
    parse_operator,
    require_moment,
    utc,
)
from server.contract import Access, Answer, Call, Idempotency, Operation
from server.versions import IF_MATCH, versioned, versions_expected
from store.authority import sees
from store.blocks import Block
from store.errors import (
    Forbidden,
    InvalidRequest,
    KeyInUse,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    SeatUnavailable,
    Stale,
    WrongState,
)
from store.fares import NewFares, StopFare
from store.ids import format_owned, parse_owned
from store.requests import Reply
from store.timetable import NewBus


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    amount: Amount
    currency: Currency


class FareRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an adult pays from one stop to another: minor units of the bus's currency, or money."""

    from_stop: Identifier
    to_stop: Identifier
    price: Amount | Price


FareList = Annotated[list[FareRequest], msgspec.Meta(max_length=1000)]


class FaresRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All legs that have a fare of their own, and what each segment costs; without `segments` these stay."""

    fares: FareList
    segments: Annotated[list[Amount], msgspec.Meta(min_length=1, max_length=199)] | None = None


class BusRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`total_seats` for a coach with 2+2 seats in a row, or `layout_id`; `route_id` for a bus with stops.

    `price` is the adult fare of the whole route: an amount in minor units of the operator's currency, or money. It is
    spread evenly over the segments; `fares` are for legs that shall not cost the sum of theirs.
    Without a `name` it goes by its departure, as the request has it: "10:05". A `draft` is shown to staff alone until
    it is published.
    """

    departs_at: datetime
    price: Amount | Price
    name: Line | None = None
    total_seats: Annotated[int, msgspec.Meta(ge=1, le=200)] | None = None
    operator: Identifier | None = None
    route_id: Identifier | None = None
    layout_id: Identifier | None = None
    arrives_at: datetime | None = None
    fares: FareList = []
    draft: bool = False


class BlockQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bus: str


class BlockRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bus_id: Identifier
    seats: Seats
    reason: Line
    from_stop: Identifier | None = None
    to_stop: Identifier | None = None


class BlockShape(msgspec.Struct, frozen=True):
    id: str
    bus_id: str
    seats: list[str]
    from_stop: str
    to_stop: str
    reason: str
    created_at: datetime


class BlockList(msgspec.Struct, frozen=True):
    items: list[BlockShape]


class FaresShape(msgspec.Struct, frozen=True):
    """What the legs of a bus cost: its segments in order, then the pairs of stops that have a fare of their own."""

    bus_id: str
    fares: list[FareShape]
    version: int


def block_shape(block: Block) -> BlockShape:
    bus = block.bus
    return BlockShape(
        id=format_owned(bus.bus_id, block.block_id),
        bus_id=str(bus.bus_id),
        seats=[bus.layout.label(seat) for seat in block.seats],
        from_stop=str(bus.stops[block.leg.start].stop_id),
        to_stop=str(bus.stops[block.leg.end].stop_id),
        reason=block.reason,
        created_at=utc(block.created_at),
    )


async def create_bus(call: Call, body: BusRequest) -> Reply:
    """Put a bus on sale, or make a draft of one."""
    require_moment(body.departs_at, "/departs_at")
    if body.arrives_at is not None:
        require_moment(body.arrives_at, "/arrives_at")
    amount, currency = _money(body.price)
    added = await call.services.store.timetable.add_bus(
        call.caller,
        NewBus(
            name=body.name.strip() if body.name else f"{body.departs_at:%H:%M}",
            departs_at=body.departs_at,
            price=amount,
            currency=currency,
            total_seats=body.total_seats,
            operator_id=parse_operator(body.operator),
            route_id=parse_id(body.route_id, "/route_id"),
            layout_id=parse_id(body.layout_id, "/layout_id"),
            arrives_at=body.arrives_at,
            fares=_stop_fares(body.fares),
            is_draft=body.draft,
        ),
        call.digest_key(),
    )
    card = await call.services.store.catalogue.bus(added.bus_id, may_be_draft=True)
    return Reply(201, wire.encode(await bus_shape(card, call)), added.is_replayed)


async def change_fares(call: Call, body: FaresRequest) -> BusShape:
    """Set what the legs of a bus cost from now on; what is held or sold keeps its price."""
    bus_id = bus_of(call)
    pairs = _stop_fares(body.fares)
    store, new = call.services.store, NewFares(pairs, body.segments)
    await store.fares.change(call.caller, bus_id, new, versions_expected(call))
    return await bus_shape(await store.catalogue.bus(bus_id, may_be_draft=True), call)


async def read_fares(call: Call) -> Answer:
    """Show what the legs of a bus cost, drafts' too."""
    bus = await call.services.store.buses.read(bus_of(call))
    if not sees(call.caller, bus.operator_id):
        raise NotFound("bus")
    return versioned(FaresShape(str(bus.bus_id), fare_shapes(bus), bus.facts), bus.facts)


async def list_blocks(call: Call, query: BlockQuery) -> BlockList:
    """List what keeps seats of a bus off sale."""
    bus_id = parse_id(query.bus, "/bus")
    assert bus_id is not None, "it was given"
    blocks = await call.services.store.blocks.list(call.caller, bus_id)
    return BlockList([block_shape(block) for block in blocks])


async def create_block(call: Call, body: BlockRequest) -> Reply:
    """Take seats off sale, with a reason."""
    request = seat_request(body.bus_id, body.seats, body.from_stop, body.to_stop)
    return await call.services.store.blocks.block(
        call.caller, request, body.reason.strip(), call.ask(block_shape)
    )


async def lift_block(call: Call) -> None:
    """Put blocked seats back on sale."""
    owned = parse_owned(call.path["block"])
    if owned is None:
        raise NotFound("block")
    await call.services.store.blocks.lift(call.caller, owned, call.ask(block_shape))


def _money(price: int | Price) -> tuple[int, str | None]:
    return (price.amount, price.currency) if isinstance(price, Price) else (price, None)


def _stop_fares(fares: list[FareRequest]) -> list[StopFare]:
    return [
        StopFare(
            _stop_id(fare.from_stop, f"/fares/{index}/from_stop"),
            _stop_id(fare.to_stop, f"/fares/{index}/to_stop"),
            *_money(fare.price),
        )
        for index, fare in enumerate(fares)
    ]


def _stop_id(text: str, pointer: str) -> int:
    stop_id = parse_id(text, pointer)
    assert stop_id is not None, "only what was left out has no id"
    return stop_id


OPERATIONS = (
    Operation(
        "POST",
        "/admin/buses",
        create_bus,
        BusShape,
        status=201,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=(Forbidden, NotFound, InvalidRequest, KeyReused, Overloaded),
    ),
    Operation(
        "PUT",
        "/admin/buses/{bus}/fares",
        change_fares,
        BusShape,
        access=Access.MANAGERS,
        problems=(Forbidden, NotFound, Stale, InvalidRequest, Overloaded, OutcomeUnknown),
        headers=IF_MATCH,
    ),
    Operation(
        "GET",
        "/admin/buses/{bus}/fares",
        read_fares,
        FaresShape,
        access=Access.STAFF,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "GET",
        "/admin/blocks",
        list_blocks,
        BlockList,
        access=Access.STAFF,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "POST",
        "/admin/blocks",
        create_block,
        BlockShape,
        status=201,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=(
            Forbidden,
            NotFound,
            SeatUnavailable,
            InvalidRequest,
            KeyInUse,
            KeyReused,
            Overloaded,
        ),
    ),
    Operation(
        "DELETE",
        "/admin/blocks/{block}",
        lift_block,
        None,
        status=204,
        access=Access.MANAGERS,
        problems=(Forbidden, NotFound, WrongState, Overloaded),
    ),
)
