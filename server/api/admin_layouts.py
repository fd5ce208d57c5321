"""Layouts: seat plans, made once and never changed; what shall be otherwise is a copy."""

from typing import Annotated

import msgspec

from server.api.buses import LayoutSeatShape
from server.api.shapes import Identifier, Line, Page, parse_operator, path_id
from server.contract import Access, Call, Idempotency, Operation
from server.cursors import read_id_cursor, write_id_cursor
from store.errors import (
    AlreadyExists,
    Forbidden,
    InUse,
    InvalidRequest,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Overloaded,
)
from store.layouts import SeatPlan, two_plus_two
from store.model import LayoutSeat
from store.requests import Reply
from store.seat_plans import LayoutCard

Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,20}$(?!\n)")]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=6, pattern=r"^[A-Z0-9]{1,6}$(?!\n)")]


class LayoutsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operator: str | None = None
    limit: Page = 20
    cursor: str | None = None


class PlanSeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A seat and where it is; a column without seats is an aisle. `price_percent` is of the fare."""

    seat: Label
    row: Annotated[int, msgspec.Meta(ge=1, le=60)]
    column: Annotated[int, msgspec.Meta(ge=1, le=12)]
    deck: Annotated[int, msgspec.Meta(ge=1, le=3)] = 1
    seat_class: Word = "standard"
    attributes: Annotated[list[Word], msgspec.Meta(max_length=6)] = []
    price_percent: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 100


class LayoutRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Either all `seats`, or `total_seats` for a coach with 2+2 seats in a row."""

    name: Line
    seats: Annotated[list[PlanSeat], msgspec.Meta(min_length=1, max_length=200)] | None = None
    total_seats: Annotated[int, msgspec.Meta(ge=1, le=200)] | None = None
    operator: Identifier | None = None


class LayoutCopyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same seats under another name, but for those in `without`."""

    name: Line
    without: Annotated[list[Label], msgspec.Meta(max_length=200)] = []


class PlanSeatShape(LayoutSeatShape, frozen=True):
    price_percent: int


class AdminLayoutShape(msgspec.Struct, frozen=True):
    id: str
    operator: str
    name: str
    seats_total: int
    decks: int
    seats: list[PlanSeatShape]


class LayoutLine(msgspec.Struct, frozen=True):
    id: str
    operator: str
    name: str
    seats_total: int


class LayoutPage(msgspec.Struct, frozen=True):
    items: list[LayoutLine]
    next_cursor: str | None


async def list_layouts(call: Call, query: LayoutsQuery) -> LayoutPage:
    """List layouts."""
    found = await call.services.store.seat_plans.list(
        call.caller,
        parse_operator(query.operator),
        after=read_id_cursor(query.cursor),
        limit=query.limit,
    )
    last = found[-1] if len(found) == query.limit else None
    return LayoutPage(
        [
            LayoutLine(str(each.layout_id), str(each.operator_id), each.name, each.seats_total)
            for each in found
        ],
        write_id_cursor(last.layout_id) if last else None,
    )


async def read_layout(call: Call) -> AdminLayoutShape:
    """Show a layout with its seats."""
    return _shape(await call.services.store.seat_plans.find(call.caller, _layout_of(call)))


async def create_layout(call: Call, body: LayoutRequest) -> Reply:
    """Add a layout."""
    owner = parse_operator(body.operator)
    plan = _plan(body)
    return await call.services.store.seat_plans.add(call.caller, plan, owner, call.ask(_shape))


async def copy_layout(call: Call, body: LayoutCopyRequest) -> Reply:
    """Add a layout like this one, without some of its seats if you like."""
    return await call.services.store.seat_plans.copy(
        call.caller, _layout_of(call), body.name.strip(), body.without, call.ask(_shape)
    )


async def delete_layout(call: Call) -> None:
    """Remove a layout that no bus and no vehicle has."""
    await call.services.store.seat_plans.remove(call.caller, _layout_of(call))


def _layout_of(call: Call) -> int:
    return path_id(call.path["layout"], "layout")


def _plan(body: LayoutRequest) -> SeatPlan:
    name = body.name.strip()
    if (body.seats is None) == (body.total_seats is None):
        raise InvalidRequest("/seats", "one_of", "say either seats or total_seats")
    if body.total_seats is not None:
        return two_plus_two(body.total_seats, name=name)
    assert body.seats is not None, "one of the two"
    return SeatPlan(
        name,
        tuple(
            LayoutSeat(
                seat_no=number,
                label=seat.seat,
                deck=seat.deck,
                row=seat.row,
                column=seat.column,
                seat_class=seat.seat_class,
                attributes=tuple(dict.fromkeys(seat.attributes)),
                price_percent=seat.price_percent,
            )
            for number, seat in enumerate(body.seats, start=1)
        ),
    )


def _shape(card: LayoutCard) -> AdminLayoutShape:
    return AdminLayoutShape(
        id=str(card.layout_id),
        operator=str(card.operator_id),
        name=card.name,
        seats_total=card.seats_total,
        decks=max(seat.deck for seat in card.seats),
        seats=[
            PlanSeatShape(
                seat.label,
                seat.deck,
                seat.row,
                seat.column,
                seat.seat_class,
                list(seat.attributes),
                seat.price_percent,
            )
            for seat in card.seats
        ],
    )


_ADDING = (
    Forbidden,
    NotFound,
    AlreadyExists,
    InvalidRequest,
    KeyReused,
    OutcomeUnknown,
    Overloaded,
)

OPERATIONS = (
    Operation(
        "GET",
        "/admin/layouts",
        list_layouts,
        LayoutPage,
        access=Access.STAFF,
        problems=(NotFound, InvalidRequest, Overloaded),
    ),
    Operation(
        "POST",
        "/admin/layouts",
        create_layout,
        AdminLayoutShape,
        status=201,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=_ADDING,
    ),
    Operation(
        "GET",
        "/admin/layouts/{layout}",
        read_layout,
        AdminLayoutShape,
        access=Access.STAFF,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "POST",
        "/admin/layouts/{layout}/copy",
        copy_layout,
        AdminLayoutShape,
        status=201,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=_ADDING,
    ),
    Operation(
        "DELETE",
        "/admin/layouts/{layout}",
        delete_layout,
        None,
        status=204,
        access=Access.MANAGERS,
        problems=(Forbidden, NotFound, InUse, OutcomeUnknown, Overloaded),
    ),
)
