"""Vehicles: what buses go by."""

from typing import Annotated

import msgspec

from server.api.shapes import Identifier, Line, Named, Page, parse_id, parse_operator, path_id
from server.contract import Access, Answer, Call, Idempotency, Operation
from server.cursors import read_id_cursor, write_id_cursor
from server.versions import IF_MATCH, versioned, versions_expected
from store.errors import (
    AlreadyExists,
    Forbidden,
    InvalidRequest,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    Stale,
)
from store.requests import Reply
from store.vehicles import NewVehicle, Vehicle, VehicleEdit

# Plates are written in many scripts; none is longer than this, and none is two that differ in case.
_UNSEEN = r"\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069"
Registration = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=20,
        pattern=rf"^[^\s{_UNSEEN}]([^{_UNSEEN}]*[^\s{_UNSEEN}])?$(?!\n)",
    ),
]


class VehiclesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operator: str | None = None
    limit: Page = 20
    cursor: str | None = None


class VehicleRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    registration: Registration
    layout_id: Identifier
    name: Line | None = None
    operator: Identifier | None = None


class VehicleChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What shall be otherwise. A vehicle that is `retired` is given to no more buses."""

    registration: Registration | None = None
    name: Line | None = None
    retired: bool | None = None


class VehicleShape(msgspec.Struct, frozen=True):
    id: str
    operator: str
    registration: str
    name: str
    layout: Named
    retired: bool
    version: int


class VehiclePage(msgspec.Struct, frozen=True):
    items: list[VehicleShape]
    next_cursor: str | None


async def list_vehicles(call: Call, query: VehiclesQuery) -> VehiclePage:
    """List vehicles, retired ones too."""
    found = await call.services.store.vehicles.list(
        call.caller,
        parse_operator(query.operator),
        after=read_id_cursor(query.cursor),
        limit=query.limit,
    )
    last = found[-1] if len(found) == query.limit else None
    return VehiclePage(
        [_shape(vehicle) for vehicle in found], write_id_cursor(last.vehicle_id) if last else None
    )


async def read_vehicle(call: Call) -> Answer:
    """Show one vehicle."""
    vehicle = await call.services.store.vehicles.find(call.caller, _vehicle_of(call))
    return versioned(_shape(vehicle), vehicle.version)


async def create_vehicle(call: Call, body: VehicleRequest) -> Reply:
    """Add a vehicle; without a name it goes by its registration."""
    layout_id = parse_id(body.layout_id, "/layout_id")
    assert layout_id is not None, "only what was left out has no id"
    registration = body.registration.upper()
    new = NewVehicle(
        registration,
        body.name.strip() if body.name else registration,
        layout_id,
        parse_operator(body.operator),
    )
    return await call.services.store.vehicles.add(call.caller, new, call.ask(_shape))


async def change_vehicle(call: Call, body: VehicleChange) -> Answer:
    """Give a vehicle another name or registration, or retire it."""
    edit = VehicleEdit(
        body.registration and body.registration.upper(),
        body.name and body.name.strip(),
        body.retired,
    )
    vehicle = await call.services.store.vehicles.change(
        call.caller, _vehicle_of(call), edit, versions_expected(call)
    )
    return versioned(_shape(vehicle), vehicle.version)


def _vehicle_of(call: Call) -> int:
    return path_id(call.path["vehicle"], "vehicle")


def _shape(vehicle: Vehicle) -> VehicleShape:
    return VehicleShape(
        id=str(vehicle.vehicle_id),
        operator=str(vehicle.operator_id),
        registration=vehicle.registration,
        name=vehicle.name,
        layout=Named(str(vehicle.layout_id), vehicle.layout),
        retired=vehicle.is_retired,
        version=vehicle.version,
    )


OPERATIONS = (
    Operation(
        "GET",
        "/admin/vehicles",
        list_vehicles,
        VehiclePage,
        access=Access.STAFF,
        problems=(NotFound, InvalidRequest, Overloaded),
    ),
    Operation(
        "POST",
        "/admin/vehicles",
        create_vehicle,
        VehicleShape,
        status=201,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=(
            Forbidden,
            NotFound,
            AlreadyExists,
            InvalidRequest,
            KeyReused,
            OutcomeUnknown,
            Overloaded,
        ),
    ),
    Operation(
        "GET",
        "/admin/vehicles/{vehicle}",
        read_vehicle,
        VehicleShape,
        access=Access.STAFF,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "PATCH",
        "/admin/vehicles/{vehicle}",
        change_vehicle,
        VehicleShape,
        access=Access.MANAGERS,
        problems=(Forbidden, NotFound, AlreadyExists, Stale, OutcomeUnknown, Overloaded),
        headers=IF_MATCH,
    ),
)
