"""Buses as their operator sees and edits them."""

import datetime as dt
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from server.api.buses import bus_of
from server.api.shapes import (
    Identifier,
    Line,
    Money,
    Named,
    Page,
    parse_id,
    parse_operator,
    path_id,
    require_calendar,
    require_moment,
    utc,
)
from server.contract import Access, Answer, Call, Operation
from server.cursors import read_cursor, write_cursor
from server.versions import IF_MATCH, versioned, versions_expected
from store.bus_edits import BusEdit, CallEdit
from store.bus_list import BusDetail, BusLine, BusQuery
from store.errors import (
    Forbidden,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    Stale,
    WrongState,
)
from store.model import SaleStatus


class BusesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`date` is one of the operator's clock; without it, buses that have not arrived yet."""

    operator: str | None = None
    date: dt.date | None = None
    status: SaleStatus | None = None
    route: str | None = None
    limit: Page = 20
    cursor: str | None = None


class AdminBusLine(msgspec.Struct, frozen=True):
    id: str
    name: str
    operator: Named
    route: Named | None
    status: SaleStatus
    departs_at: dt.datetime
    arrives_at: dt.datetime
    seats_total: int
    seats_available: int
    version: int


class AdminBusPage(msgspec.Struct, frozen=True):
    items: list[AdminBusLine]
    next_cursor: str | None


class VehicleName(msgspec.Struct, frozen=True):
    id: str
    registration: str
    name: str


class AdminCall(msgspec.Struct, frozen=True):
    """A call at a stop; `place` is its number on the way, from 0."""

    place: int
    stop: Named
    arrives_at: dt.datetime
    departs_at: dt.datetime
    bay: str | None
    delay_seconds: int | None


class SalesShape(msgspec.Struct, frozen=True):
    """Seats by their worst segment; bookings that are paid, and that still may be."""

    seats_available: int
    seats_locked: int
    seats_booked: int
    seats_blocked: int
    bookings_paid: int
    bookings_unpaid: int


class AdminBusShape(AdminBusLine, frozen=True):
    sales_close_seconds: int
    price: Money
    layout: Named
    vehicle: VehicleName | None
    stops: list[AdminCall]
    sales: SalesShape


class BusChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What shall be otherwise. Another departure moves all stops by as much; null takes the vehicle off."""

    name: Line | UnsetType = UNSET
    departs_at: dt.datetime | UnsetType = UNSET
    arrives_at: dt.datetime | UnsetType = UNSET
    sales_close_seconds: Annotated[int, msgspec.Meta(ge=0, le=31_622_400)] | UnsetType = UNSET
    vehicle_id: Identifier | UnsetType | None = UNSET


class CallRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From which bay and how late; what is left out is unknown. `place` for a bus that calls there twice."""

    bay: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./-]{0,9}$(?!\n)")] | None = (
        None
    )
    delay_seconds: Annotated[int, msgspec.Meta(ge=-3600, le=21_600)] | None = None
    place: Annotated[int, msgspec.Meta(ge=0, le=199)] | None = None


async def list_buses(call: Call, query: BusesQuery) -> AdminBusPage:
    """List buses, drafts too."""
    if query.date is not None:
        require_calendar(query.date, "/date")
    found = await call.services.store.bus_list.list(
        call.caller,
        BusQuery(
            operator_id=parse_operator(query.operator),
            on=query.date,
            status=query.status,
            route_id=parse_id(query.route, "/route"),
            after=read_cursor(query.cursor, tuple[dt.datetime, int]),
            limit=query.limit,
        ),
    )
    last = found[-1] if len(found) == query.limit else None
    return AdminBusPage(
        [_line(bus) for bus in found],
        write_cursor(last.departs_at, last.bus_id) if last else None,
    )


async def read_admin_bus(call: Call) -> Answer:
    """Show a bus with what is sold of it, be it a draft."""
    return await _answer(call, bus_of(call))


async def change_bus(call: Call, body: BusChange) -> Answer:
    """Edit a bus; what is sold stays sold."""
    bus_id = bus_of(call)
    for pointer, moment in (("/departs_at", body.departs_at), ("/arrives_at", body.arrives_at)):
        if moment is not UNSET:
            require_moment(moment, pointer)
    vehicle = body.vehicle_id
    edit = BusEdit(
        name=UNSET if body.name is UNSET else body.name.strip(),
        departs_at=body.departs_at,
        arrives_at=body.arrives_at,
        sales_close_seconds=body.sales_close_seconds,
        vehicle_id=UNSET if vehicle is UNSET else parse_id(vehicle, "/vehicle_id"),
    )
    edits = call.services.store.bus_edits
    await edits.change(call.caller, bus_id, edit, versions_expected(call))
    return await _answer(call, bus_id)


async def set_call(call: Call, body: CallRequest) -> Answer:
    """Say from which bay a bus leaves a stop and how late: boards show it at once."""
    bus_id = bus_of(call)
    edit = CallEdit(path_id(call.path["stop"], "stop"), body.bay, body.delay_seconds, body.place)
    edits = call.services.store.bus_edits
    await edits.set_call(call.caller, bus_id, edit, versions_expected(call))
    return await _answer(call, bus_id)


async def _answer(call: Call, bus_id: int) -> Answer:
    bus = await call.services.store.bus_list.find(call.caller, bus_id)
    return versioned(_detail(bus), bus.line.version)


def _line(bus: BusLine) -> AdminBusLine:
    is_routed = bus.route_id is not None and bus.route is not None
    return AdminBusLine(
        id=str(bus.bus_id),
        name=bus.name,
        operator=Named(str(bus.operator_id), bus.operator),
        route=Named(str(bus.route_id), str(bus.route)) if is_routed else None,
        status=bus.status,
        departs_at=utc(bus.departs_at),
        arrives_at=utc(bus.arrives_at),
        seats_total=bus.seats_total,
        seats_available=bus.seats_available,
        version=bus.version,
    )


def _detail(bus: BusDetail) -> AdminBusShape:
    has_vehicle = bus.vehicle_id is not None
    sales = bus.sales
    return AdminBusShape(
        **msgspec.structs.asdict(_line(bus.line)),
        sales_close_seconds=bus.sales_close_seconds,
        price=Money(bus.fare, bus.currency),
        layout=Named(str(bus.layout_id), bus.layout),
        vehicle=VehicleName(str(bus.vehicle_id), str(bus.registration), str(bus.vehicle))
        if has_vehicle
        else None,
        stops=[
            AdminCall(
                place,
                Named(str(each.stop_id), each.name),
                utc(each.arrives_at),
                utc(each.departs_at),
                each.bay,
                each.delay_seconds,
            )
            for place, each in enumerate(bus.calls)
        ],
        sales=SalesShape(
            sales.available, sales.locked, sales.booked, sales.blocked, sales.paid, sales.unpaid
        ),
    )


_CHANGING = (
    Forbidden,
    NotFound,
    Stale,
    InvalidRequest,
    WrongState,
    OutcomeUnknown,
    Overloaded,
)

OPERATIONS = (
    Operation(
        "GET",
        "/admin/buses",
        list_buses,
        AdminBusPage,
        access=Access.STAFF,
        problems=(NotFound, InvalidRequest, Overloaded),
    ),
    Operation(
        "GET",
        "/admin/buses/{bus}",
        read_admin_bus,
        AdminBusShape,
        access=Access.STAFF,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "PATCH",
        "/admin/buses/{bus}",
        change_bus,
        AdminBusShape,
        access=Access.MANAGERS,
        problems=_CHANGING,
        headers=IF_MATCH,
    ),
    Operation(
        "PUT",
        "/admin/buses/{bus}/stops/{stop}",
        set_call,
        AdminBusShape,
        access=Access.MANAGERS,
        problems=_CHANGING,
        headers=IF_MATCH,
    ),
)
